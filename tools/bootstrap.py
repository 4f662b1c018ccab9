"""What `./rt-gait COMMAND` does before the command: make the environment, install this clone in it, keep it up to date.

Standard library only. Every step may be repeated, and one that was interrupted is: the stamp that says an environment
is complete is removed before the first change and written after the last.
"""

import ast
import contextlib
import fcntl
import hashlib
import importlib.util
import json
import os
import re
import shutil
import stat
import subprocess
import sys
import sysconfig
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NoReturn

ROOT = Path(__file__).resolve().parents[1]
METRICS = "benchmark/metrics.txt"  # packages that must come without what they ask for; why is said there
BUILD_FILES = (
    "CMakeLists.txt",
    METRICS,
    "cmake",
    "constraints.txt",
    "package.xml",
    "pyproject.toml",
    "setup.py",
    "tools",
)
INSTALLED = ("action", "benchmark", "config", "launch", "model_repository", "msg", "rt_gait_ros", "srv")
EXTRAS = {"bench": "bench", "export": "train", "prune": "train", "test": "test", "train": "train"}
COMMANDS_WITH_SERVER = ("bench", "demo", "deploy", "evaluate", "replay", "run", "test")
EXIT_MISSING_PACKAGE = 3
EXIT_NO_NETWORK = 4
NO_NETWORK = re.compile(
    r"NewConnectionError|NameResolutionError|ConnectTimeoutError|Temporary failure in name|ProxyError|versions: none"
)
LARGE_DOWNLOAD = re.compile(r"Downloading (\S+) \((\d{2,}(?:\.\d)? MB|[\d.]+ GB)\)")  # 10 MB and more


# What an environment holds: location, fingerprints of the sources and of what decides the dependencies, extras, server.
Stamp = dict[str, Any]


def say(line: str) -> None:
    """One line of progress; standard output belongs to the command."""
    print(f"rt-gait: {line}", file=sys.stderr, flush=True)


def stop(line: str, code: int = 1) -> NoReturn:
    """Say why this goes no further, and leave."""
    say(line)
    sys.exit(code)


def fingerprint(names: tuple[str, ...]) -> str:
    """Changes when one of the files or folders `names` of the clone does."""
    files = []
    for name in names:
        files.append(ROOT / name)
        for folder, subfolders, inside in os.walk(ROOT / name):
            subfolders[:] = sorted(set(subfolders) - {"__pycache__"})
            files += [Path(folder, file) for file in sorted(inside)]
    digest = hashlib.sha256(f"{sys.version} {sysconfig.get_platform()}".encode())
    for file in files:
        with contextlib.suppress(FileNotFoundError):  # optional, or an editor's file that is gone since the listing
            state = file.stat()
            if stat.S_ISREG(state.st_mode):
                digest.update(f"{file.relative_to(ROOT)} {state.st_size} {state.st_mtime_ns}\n".encode())
    return digest.hexdigest()


def clean_environ(environment: Path) -> dict[str, str]:
    """This process's variables without those of another Python or ROS environment (a sourced /opt/ros, say)."""
    environ = dict(os.environ)
    foreign = tuple(filter(None, environ.pop("AMENT_PREFIX_PATH", "").split(os.pathsep)))
    for name in ("PYTHONPATH", "PYTHONHOME", "COLCON_PREFIX_PATH", "_ROS_WHEELS_BOOTSTRAP_COMPLETE"):
        environ.pop(name, None)
    libraries = [part for part in environ.pop("LD_LIBRARY_PATH", "").split(os.pathsep) if part]
    kept = [part for part in libraries if not part.startswith((*foreign, "/opt/ros/"))]
    if kept:
        environ["LD_LIBRARY_PATH"] = os.pathsep.join(kept)
    environ["PATH"] = os.pathsep.join([str(environment / "bin"), environ.get("PATH", os.defpath)])
    environ.update(VIRTUAL_ENV=str(environment), RT_GAIT_CLONE=str(ROOT))
    environ.update(PIP_DISABLE_PIP_VERSION_CHECK="1", PIP_ROOT_USER_ACTION="ignore", PIP_USER="0", PIP_NO_INPUT="1")
    return environ


def require_system_packages() -> None:
    """Stop, naming the Debian packages, when something is missing that pip cannot bring."""
    missing = [
        package for tool, package in (("cmake", "cmake"), ("c++", "g++"), ("make", "make")) if not shutil.which(tool)
    ]
    if not (importlib.util.find_spec("venv") and importlib.util.find_spec("ensurepip")):
        missing.append("python3-venv")
    if not Path(sysconfig.get_path("include"), "Python.h").is_file():
        missing.append("python3-dev")
    if missing:
        packages = " ".join(missing)
        prefix = "" if os.geteuid() == 0 else "sudo "
        stop(f"missing system packages: {packages}. Run: {prefix}apt-get install {packages}", EXIT_MISSING_PACKAGE)


class Environment:
    """The virtual environment in `folder`, and the stamp in it that says what it holds."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.python = folder / "bin" / "python"
        self.stamp_file = folder / "rt-gait.json"
        self.log = folder / "rt-gait-setup.log"
        self.environ = clean_environ(folder)

    def stamp(self) -> Stamp:
        """What the last complete set-up left: {} when there was none, or it was interrupted."""
        try:
            return dict(json.loads(self.stamp_file.read_text()))
        except (OSError, ValueError):
            return {}

    def write_stamp(self, stamp: Stamp) -> None:
        """Replace the stamp, whole or not at all."""
        temporary = self.stamp_file.with_suffix(".new")
        temporary.write_text(json.dumps(stamp, indent=1) + "\n")
        temporary.replace(self.stamp_file)

    @contextlib.contextmanager
    def locked(self) -> Iterator[int]:
        """Hold the set-up lock, with every program started meanwhile: one may outlive this process if it is killed."""
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            lock = os.open(self.folder / "rt-gait.lock", os.O_RDWR | os.O_CREAT, 0o666)
        except OSError as error:
            stop(f"cannot write the environment {self.folder}: {error.strerror}. Set RT_GAIT_ENV to a folder of yours")
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            say("another ./rt-gait is setting this environment up; waiting for it")
            fcntl.flock(lock, fcntl.LOCK_EX)
        try:
            yield lock
        finally:
            os.close(lock)

    def call(self, command: list[str], lock: int) -> None:
        """Run a set-up command, its output in the log, large downloads said; stop with the reason when it fails."""
        tail: list[str] = []
        with self.log.open("a") as log, subprocess.Popen(
            command, cwd=ROOT, env=self.environ, text=True, errors="replace", pass_fds=(lock,),
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        ) as process:  # fmt: skip
            assert process.stdout is not None
            try:
                for line in process.stdout:
                    log.write(line)
                    tail = [*tail[-40:], line.rstrip()]
                    if download := LARGE_DOWNLOAD.search(line):
                        say(f"  downloading {download[1]} ({download[2]})")
            except BaseException:
                process.terminate()
                raise
        if process.returncode != 0:
            self._explain(command, tail)

    def _explain(self, command: list[str], tail: list[str]) -> NoReturn:
        text = "\n".join(tail)
        if NO_NETWORK.search(text):
            stop(
                "pip cannot reach its package index. Check the network or the proxy and run the same command again: "
                "what is done is kept",
                EXIT_NO_NETWORK,
            )
        if "No space left on device" in text:
            stop(f"no space left on the disk of {self.folder} or of the temporary folder (TMPDIR)")
        print(text, file=sys.stderr)
        stop(f"`{' '.join(command[:4])} …` failed; the whole output is in {self.log}")

    def set_up(self, wanted: Stamp, lock: int) -> None:
        """Bring the environment to the state `wanted`, and say so in the stamp."""
        require_system_packages()
        had = self.stamp()
        self.stamp_file.unlink(missing_ok=True)
        self.log.write_text("")
        moved = had.get("location", wanted["location"]) != wanted["location"]
        if moved or not had or not self.python.exists():
            say(f"making the environment {self.folder}")
            self.call([sys.executable, "-m", "venv", *(["--clear"] if moved else []), str(self.folder)], lock)
        pip = [str(self.python), "-m", "pip", "install", "-c", "constraints.txt", "--progress-bar", "off"]
        if not moved and all(had.get(key) == wanted[key] for key in ("demands", "extras")):
            say("installing the changed sources")
            self.call([*pip, "--no-build-isolation", "--no-deps", "."], lock)
        else:
            say("installing the ROS 2 wheels and build tools (the first time, all takes two to four minutes)")
            self.call([*pip, *build_requirements()], lock)
            say("building the messages and installing the package")
            extras = f"[{','.join(wanted['extras'])}]" if wanted["extras"] else ""
            self.call([*pip, "--no-build-isolation", f".{extras}"], lock)
            if {"bench", "test"} & set(wanted["extras"]):
                self.call([*pip, "--no-deps", "-r", METRICS], lock)
        self.write_stamp(wanted)


def build_requirements() -> list[str]:
    """`[build-system] requires` of pyproject.toml (Python 3.10 reads no TOML, but this list is a Python list too)."""
    found = re.search(r"^requires = (\[.*?^\])", (ROOT / "pyproject.toml").read_text(), re.MULTILINE | re.DOTALL)
    assert found, "pyproject.toml has no [build-system] requires"
    return list(ast.literal_eval(found[1]))


def wanted_stamp(environment: Environment, stamp: Stamp, command: str) -> Stamp:
    """What the stamp must say before `command` can run; extras that are there stay."""
    extras = {*stamp.get("extras", []), *([EXTRAS[command]] if command in EXTRAS else [])}
    return {
        "location": str(environment.folder),
        "demands": fingerprint(BUILD_FILES),
        "sources": fingerprint(INSTALLED),
        "extras": sorted(extras),
        "server": stamp.get("server", False),
    }


def prepare(environment: Environment, command: str) -> None:
    """Do what `command` needs done, and no more."""
    with_server = command in COMMANDS_WITH_SERVER
    stamp = environment.stamp()
    if stamp == wanted_stamp(environment, stamp, command) and (stamp["server"] or not with_server):
        return
    with environment.locked() as lock:
        stamp = environment.stamp()
        wanted = wanted_stamp(environment, stamp, command)
        if stamp != wanted:
            environment.set_up(wanted, lock)
        if with_server and not wanted["server"]:
            say("installing the Triton server")
            install = [str(environment.python), str(environment.folder / "bin" / "rt-gait"), "triton", "install"]
            done = subprocess.run(install, env=environment.environ, stdout=sys.stderr, pass_fds=(lock,), check=False)
            if done.returncode == 0:  # else it has said why, and a server elsewhere may do: the command decides
                environment.write_stamp({**wanted, "server": True})
        say("ready")


def main(arguments: list[str]) -> NoReturn:
    """Prepare the environment for the command, then become it."""
    environment = Environment(Path(os.path.abspath(os.environ.get("RT_GAIT_ENV") or ROOT / ".venv")))
    try:
        prepare(environment, next((word for word in arguments if not word.startswith("-")), ""))
    except KeyboardInterrupt:
        stop("interrupted; the next call goes on from here", 130)
    command = [str(environment.python), str(environment.folder / "bin" / "rt-gait"), *arguments]
    os.execve(command[0], command, environment.environ)


if __name__ == "__main__":
    main(sys.argv[1:])
