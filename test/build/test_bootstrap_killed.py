"""`./rt-gait` killed at many moments of its set-up: the next call repairs what was left, and no program goes on.

The clone is a small one without messages: its set-up makes a real environment and a real wheel, from what is on this
machine. Nothing here depends on how fast that is.
"""

import csv
import io
import os
import shutil
import signal
import subprocess
import time
import zipfile
from base64 import urlsafe_b64encode
from collections.abc import Callable
from hashlib import sha256
from importlib.metadata import distribution
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
MOMENTS = 12
LONGEST = 15.0  # seconds before a kill; a machine where a set-up takes longer is killed in its first part alone
PATIENCE = 600.0  # seconds: the machine may be busy

PYPROJECT = """
[build-system]
build-backend = "setuptools.build_meta"
requires = [
    "setuptools>=70.1",
]

[project]
name = "rt-gait-ros"
version = "0.1.0"

[project.scripts]
rt-gait = "rt_gait_ros:main"

[tool.setuptools]
packages = ["rt_gait_ros"]
"""
CODE = """
def main():
    from rt_gait_ros import last
    print("works", last.NUMBER)
"""


def wheel_of(name: str, folder: Path) -> None:
    """Write an installed pure Python package as the wheel that it came from."""
    found = distribution(name)
    path = folder / f"{name}-{found.version}-py3-none-any.whl"
    record = io.StringIO()
    rows = csv.writer(record)
    info = next(file.parts[0] for file in found.files or [] if file.name == "METADATA")
    with zipfile.ZipFile(path, "w") as wheel:
        for file in found.files or []:
            source = Path(str(file.locate()))
            if ".." in file.parts or source.suffix == ".pyc" or not source.is_file():
                continue
            if file.name in ("RECORD", "INSTALLER", "REQUESTED", "direct_url.json") and file.parts[0] == info:
                continue
            content = source.read_bytes()
            wheel.writestr(str(file), content)
            digest = urlsafe_b64encode(sha256(content).digest()).rstrip(b"=").decode()
            rows.writerow([str(file), f"sha256={digest}", len(content)])
        rows.writerow([f"{info}/RECORD", "", ""])
        wheel.writestr(f"{info}/RECORD", record.getvalue())


@pytest.fixture(scope="module")
def clone(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One for all tests: making an environment is what takes its time. Its sources say how often they were changed."""
    folder = tmp_path_factory.mktemp("killed") / "clone"
    for name in ("tools", "rt_gait_ros", "wheels"):
        (folder / name).mkdir(parents=True)
    shutil.copy2(ROOT / "tools" / "bootstrap.py", folder / "tools")
    shutil.copy2(ROOT / "rt-gait", folder)
    (folder / "pyproject.toml").write_text(PYPROJECT)
    (folder / "constraints.txt").touch()
    (folder / "rt_gait_ros" / "__init__.py").write_text(CODE)
    (folder / "rt_gait_ros" / "last.py").write_text("NUMBER = 0\n")
    wheel_of("setuptools", folder / "wheels")
    return folder


def start(clone: Path) -> subprocess.Popen[str]:
    environ = {name: value for name, value in os.environ.items() if name not in ("RT_GAIT_ENV", "PIP_CONFIG_FILE")}
    environ |= {"PIP_NO_INDEX": "1", "PIP_FIND_LINKS": str(clone / "wheels"), "HOME": str(clone)}
    return subprocess.Popen(
        [clone / "rt-gait", "doctor"], env=environ, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )


def finish(clone: Path) -> str:
    """Run the command to its end; what it says."""
    out, said = (command := start(clone)).communicate(timeout=PATIENCE)
    log = clone / ".venv" / "rt-gait-setup.log"
    assert command.returncode == 0, said + (log.read_text() if log.exists() else "")
    return out


def family(pid: int) -> list[int]:
    """The process and all that it started, so far as they still hang together."""
    parents: dict[int, int] = {}
    for entry in Path("/proc").glob("[0-9]*/stat"):
        try:
            parents[int(entry.parent.name)] = int(entry.read_text(errors="replace").rpartition(")")[2].split()[1])
        except OSError:
            continue
    found = [pid]
    for one in found:
        found += [child for child, parent in parents.items() if parent == one]
    return found


def kill_all(pid: int) -> None:
    for one in family(pid):
        try:
            os.kill(one, signal.SIGKILL)
        except ProcessLookupError:
            continue


def is_running(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text(errors="replace").rpartition(")")[2].split()[0] not in "ZX"
    except OSError:
        return False


def change(clone: Path, number: int) -> None:
    (clone / "rt_gait_ros" / "last.py").write_text(f"NUMBER = {number}\n")


def wait_until(condition: Callable[[], bool]) -> None:
    end = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.05)


def left_behind(clone: Path) -> list[str]:
    """Command lines of programs that the set-up started and that still run."""
    found = []
    for entry in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            words = entry.read_bytes().split(b"\0")
        except OSError:
            continue
        if words[0].startswith(os.fsencode(clone)) or any(word == os.fsencode(clone / ".venv") for word in words):
            found.append(b" ".join(words).decode(errors="replace"))
    return found


@pytest.mark.slow
def test_killed_at_many_moments_the_next_call_repairs(clone: Path) -> None:
    finish(clone)
    (clone / ".venv" / "rt-gait.json").unlink()
    began = time.monotonic()
    finish(clone)
    whole = min(time.monotonic() - began, LONGEST)
    ways = (signal.SIGTERM, kill_all, signal.SIGHUP, lambda pid: os.kill(pid, signal.SIGKILL))
    for moment in range(MOMENTS):
        change(clone, moment + 1)
        # What goes on without its set-up holds the lock, and ends by itself: when the set-up was killed alone, or its
        # family while it grew.
        wait_until(lambda: not left_behind(clone))
        if moment == 5:
            shutil.rmtree(clone / ".venv")
        command, way = start(clone), ways[moment % len(ways)]
        time.sleep(whole * (moment + 0.5) / MOMENTS)
        if callable(way):
            way(command.pid)
            command.communicate(timeout=PATIENCE)
            continue
        command.send_signal(way)
        said = command.communicate(timeout=PATIENCE)[1]
        assert command.returncode in (0, 128 + way, -way), said  # before and after the set-up nobody answers the signal
        assert "Traceback" not in said
        assert left_behind(clone) == []
    assert finish(clone) == f"works {MOMENTS}\n"
    subprocess.run([clone / ".venv" / "bin" / "python", "-m", "pip", "check"], check=True, timeout=PATIENCE)
    assert left_behind(clone) == []
    assert not (clone / ".venv" / "tmp").exists()


def test_half_made_wheel_is_no_obstacle(clone: Path) -> None:
    """What made a clone useless until somebody deleted it by hand."""
    finish(clone)
    info = next((clone / "build").glob("bdist.*")) / "wheel" / "rt_gait_ros-0.0.9.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text("half")
    change(clone, 77)
    assert finish(clone) == "works 77\n"


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_signal_ends_the_programs_that_were_started(clone: Path, number: int) -> None:
    """The build starts a program of its own, which waits: it ends with the set-up, and the next call goes on."""
    setup = clone / "setup.py"
    setup.write_text("import subprocess; open('begun', 'w'); subprocess.run(['sleep', '4321'], cwd='/')")
    command = start(clone)
    wait_until(lambda: (clone / "begun").exists() or command.poll() is not None)
    started = family(command.pid)
    assert len(started) > 2
    command.send_signal(number)
    said = command.communicate(timeout=PATIENCE)[1]
    assert command.returncode == 128 + number
    assert said.endswith("rt-gait: interrupted; the next call goes on from here\n")
    assert [pid for pid in started if is_running(pid)] == []
    setup.unlink()
    (clone / "begun").unlink()
    assert finish(clone).startswith("works ")
