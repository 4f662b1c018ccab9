"""`colcon build` and `colcon test` of the sources, on whatever ROS 2 this Python belongs to."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow

ROOT = Path(__file__).resolve().parents[2]
SOURCES = (
    *("CMakeLists.txt", "package.xml", "pyproject.toml", "cmake", "msg", "srv", "action", "rt_gait_ros", "test"),
    *("benchmark", "config", "launch", "model_repository"),
)
# Wheels: the environment is the ament prefix. A distribution: what is sourced stays.
ENVIRONMENT = {
    **{name: value for name, value in os.environ.items() if name != "PYTHONPATH" or "/opt/ros" in value},
    "PATH": os.pathsep.join([str(Path(sys.prefix, "bin")), os.environ["PATH"]]),
    "AMENT_PREFIX_PATH": os.environ.get("AMENT_PREFIX_PATH") or sys.prefix,
}


def colcon(workspace: Path, verb: str, *arguments: str) -> None:
    command = ["colcon", "--log-base", "log", verb, *arguments]
    done = subprocess.run(command, cwd=workspace, env=ENVIRONMENT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{' '.join(command)}\n{done.stdout[-4000:]}\n{done.stderr[-4000:]}"


def sourced(install: Path, command: str) -> str:
    script = f". {install}/setup.sh && {command}"
    elsewhere = install.parent  # the clone's own sources are not to be found from there
    done = subprocess.run(
        ["sh", "-c", script], cwd=elsewhere, env=ENVIRONMENT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


@pytest.fixture(scope="module")
def workspace(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A workspace with this package, built."""
    for tool in ("colcon", "cmake", "c++"):
        if shutil.which(tool, path=ENVIRONMENT["PATH"]) is None:
            pytest.skip(f"{tool} is not installed")
    folder = tmp_path_factory.mktemp("workspace")
    package = folder / "src" / "rt_gait_ros"
    package.mkdir(parents=True)
    for name in SOURCES:
        source = ROOT / name
        ignored = shutil.ignore_patterns("__pycache__")
        shutil.copytree(source, package / name, ignore=ignored) if source.is_dir() else shutil.copy2(source, package)
    colcon(folder, "build")
    return folder


# The second layout takes over the compiled objects of the first, but not ament's copy of the Python files.
@pytest.mark.parametrize(("base", "options"), [("install", []), ("linked", ["--symlink-install"])])
def test_build_installs_messages_nodes_and_resources(workspace: Path, base: str, options: list[str]) -> None:
    if options:
        shutil.rmtree(workspace / "build" / "rt_gait_ros" / "ament_cmake_python")
        colcon(workspace, "build", "--install-base", base, *options)
    prefix = workspace / base / "rt_gait_ros"
    ask = "from rt_gait_ros import msg, resources; print(msg.__file__, resources.share_directory(), msg.PersonTrack())"
    messages, share, _ = sourced(workspace / base, f'python3 -c "{ask}"').split(maxsplit=2)
    assert Path(messages).is_relative_to(prefix)
    assert Path(share) == prefix / "share" / "rt_gait_ros"
    assert Path(share, "model_repository").is_dir()
    assert Path(share, "launch", "gait.launch.py").is_file()
    executables = {path.name for path in (prefix / "lib" / "rt_gait_ros").iterdir() if os.access(path, os.X_OK)}
    assert executables >= {"camera_node", "pose_node", "tracker_node", "gait_node", "overlay_node", "rt-gait"}


def test_installed_command_is_on_the_path_and_runs(workspace: Path) -> None:
    command = sourced(workspace / "install", "command -v rt-gait")
    assert Path(command).is_relative_to(workspace)
    assert sourced(workspace / "install", "rt-gait --version").startswith("rt-gait ")


def test_colcon_test_runs_the_tests(workspace: Path) -> None:
    colcon(workspace, "test", "--return-code-on-test-failure", "--ctest-args", "-R", "test_interfaces|test_resources")
    results = list((workspace / "build" / "rt_gait_ros" / "test_results").rglob("*.xml"))
    assert {path.name for path in results} == {"test_interfaces.xunit.xml", "test_resources.xunit.xml"}
