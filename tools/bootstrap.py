"""What `./rt-gait COMMAND` does before the command: make the environment, install this clone in it, keep it up to date.

Standard library only. Every step may be repeated, and one that was interrupted is: the stamp of an environment says
from the first change to the last that it is not complete, and what a killed set-up left half done in the clone or the
environment is removed before the next. SIGINT, SIGTERM and SIGHUP end all programs that were started.
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
import signal
import stat
import subprocess
import sys
import sysconfig
from collections.abc import Iterator
from pathlib import Path
from types import FrameType
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
BASE_EXTRAS = ("ros",)  # of every environment: most commands start nodes
EXTRAS = {"bench": "bench", "docs": "docs", "export": "train", "prune": "train", "test": "test", "train": "train"}
COMMANDS_WITH_SERVER = ("bench", "demo", "evaluate", "run", "test")
LOCK = "rt-gait.lock"
HELP = {"-h", "--help"}
ENDING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
END_PATIENCE = 5.0  # seconds for a program to tidy up after SIGINT, as pip does
# What setuptools and setup.py make in the clone on the way to a wheel. A half-made one would join the next wheel, or
# end the build: a second *.dist-info in build/bdist.*/wheel does. build/interfaces-* appear whole, and stay.
BUILT = ("build/bdist.*", "build/lib*", "build/temp.*", "build/cmake-*", "build/relays", "*.egg-info")
EXIT_MISSING_PACKAGE = 3
EXIT_NO_NETWORK = 4
NO_NETWORK = re.compile(
    r"NewConnectionError|NameResolutionError|ConnectTimeoutError|Temporary failure in name|ProxyError|versions: none"
)
LARGE_DOWNLOAD = re.compile(r"Downloading (\S+) \((\d{2,}(?:\.\d)? MB|[\d.]+ GB)\)")  # 10 MB and more


# What an environment holds: location, fingerprints of the sources and of what decides the dependencies, extras, server.
# While it is being set up, and where that was interrupted, the fingerprints are empty.
Stamp = dict[str, Any]


def say(line: str) -> None:
    """One line of progress; standard output belongs to the command."""
    print(f"rt-gait: {line}", file=sys.stderr, flush=True)


def stop(line: str, code: int = 1) -> NoReturn:
    """Say why this goes no further, and leave."""
    say(line)
    sys.exit(code)


class Ended(KeyboardInterrupt):
    """A signal asked for the end. number: of the signal."""

    def __init__(self, number: int) -> None:
        super().__init__()
        self.number = number


def heed_signals() -> None:
    """Let each of ENDING raise Ended, unless it is ignored, as nohup and a shell's & have it."""

    def end(number: int, frame: FrameType | None) -> None:
        raise Ended(number)

    for number in ENDING:
        if signal.getsignal(number) is not signal.SIG_IGN:
            signal.signal(number, end)


def remove(path: Path) -> None:
    """Remove a file or a folder, if it is there."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path, ignore_errors=True)
    else:
        path.unlink(missing_ok=True)


@contextlib.contextmanager
def program(command: list[str], **options: Any) -> Iterator[subprocess.Popen[str]]:
    """A program, and whatever it starts: all of them end when the block is left by an exception."""
    process = subprocess.Popen(command, text=True, errors="replace", start_new_session=True, **options)
    try:
        yield process
        process.wait()
    except BaseException:
        for number in (signal.SIGINT, signal.SIGKILL):
            with contextlib.suppress(ProcessLookupError, subprocess.TimeoutExpired):
                os.killpg(process.pid, number)
                process.wait(END_PATIENCE)
        raise
    finally:
        if process.stdout is not None:
            process.stdout.close()


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
        self.scratch = folder / "tmp"  # the set-up's temporary files: gone with the next one, if this one is killed
        self._locks: list[int] = []
        self.environ = clean_environ(folder)

    def stamp(self) -> Stamp:
        """What the environment holds: {} where none was ever set up."""
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
    def locked(self) -> Iterator[None]:
        """Hold the set-up locks, with every program started meanwhile: one may outlive this process if it is killed.

        One is the environment's, the other the clone's, in whose folder `build` the wheel is made.
        """
        try:
            self._lock(self.folder, f"the environment {self.folder}", "Set RT_GAIT_ENV to a folder of yours")
            self._lock(ROOT / "build", f"the clone {ROOT}", "Clone it to a folder of yours")
            yield
        finally:
            while self._locks:
                os.close(self._locks.pop())

    def _lock(self, folder: Path, what: str, advice: str) -> None:
        try:
            folder.mkdir(parents=True, exist_ok=True)
            lock = os.open(folder / LOCK, os.O_RDWR | os.O_CREAT, 0o666)
        except OSError as error:
            stop(f"cannot write {what}: {error.strerror}. {advice}")
        self._locks.append(lock)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            say(f"another ./rt-gait is setting {what} up; waiting for it")
            fcntl.flock(lock, fcntl.LOCK_EX)

    def tidy(self) -> None:
        """Remove what a set-up that was killed left half done, in the clone and in the environment.

        pip writes INSTALLER and RECORD last: a package without them is not complete, yet would count as installed. It
        puts what it replaces aside under names that begin with ~.
        """
        for pattern in BUILT:
            for path in ROOT.glob(pattern):
                remove(path)
        remove(self.scratch)
        for site in self.folder.glob("lib/python3*/site-packages"):
            for path in site.glob("~*"):
                remove(path)
            for path in site.glob("*.dist-info"):
                if not ((path / "INSTALLER").is_file() and (path / "RECORD").is_file()):
                    remove(path)

    def clear(self) -> None:
        """Remove what is in the environment but our own files: it was made at another place, which its files name."""
        for path in self.folder.iterdir():
            if path.name not in (self.stamp_file.name, self.log.name, LOCK):
                remove(path)

    def call(self, command: list[str]) -> None:
        """Run a set-up command, its output in the log, large downloads said; stop with the reason when it fails."""
        tail: list[str] = []
        self.scratch.mkdir(exist_ok=True)
        with self.log.open("a") as log, program(
            command, cwd=ROOT, env={**self.environ, "TMPDIR": str(self.scratch)}, pass_fds=self._locks,
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        ) as process:  # fmt: skip
            assert process.stdout is not None
            for line in process.stdout:
                log.write(line)
                tail = [*tail[-40:], line.rstrip()]
                if download := LARGE_DOWNLOAD.search(line):
                    say(f"  downloading {download[1]} ({download[2]})")
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
            stop(f"no space left on the disk of {self.folder}")
        print(text, file=sys.stderr)
        stop(f"`{' '.join(command[:4])} …` failed; the whole output is in {self.log}")

    def set_up(self, wanted: Stamp) -> None:
        """Bring the environment to the state `wanted`, and say so in the stamp."""
        require_system_packages()
        had = self.stamp()
        complete = bool(had.get("demands"))
        begun = {**had, "demands": "", "sources": ""}
        if had.get("location", wanted["location"]) != wanted["location"]:
            self.write_stamp(begun)  # so that the next call clears on, if this one is killed
            self.clear()
            complete = False
        self.write_stamp({**begun, "location": wanted["location"]})
        self.log.write_text("")
        self.tidy()
        # pip comes last into a new environment: where it is whole, so is the rest.
        whole = complete or any(self.folder.glob("lib/python3*/site-packages/pip-*.dist-info"))
        if not whole or not self.python.exists():
            say(f"making the environment {self.folder}")
            self.call([sys.executable, "-m", "venv", str(self.folder)])
        pip = [str(self.python), "-m", "pip", "install", "-c", "constraints.txt", "--progress-bar", "off"]
        if complete and all(had.get(key) == wanted[key] for key in ("demands", "extras")):
            say("installing the changed sources")
            self.call([*pip, "--no-build-isolation", "--no-deps", "."])
        else:
            again = " once more, for something has changed or more is needed" if complete else ""
            say(f"installing the ROS 2 wheels and build tools{again} (all takes two to four minutes the first time)")
            self.call([*pip, *build_requirements()])
            say("building the messages and installing the package")
            extras = f"[{','.join(wanted['extras'])}]" if wanted["extras"] else ""
            self.call([*pip, "--no-build-isolation", f".{extras}"])
            if {"bench", "test"} & set(wanted["extras"]):
                self.call([*pip, "--no-deps", "-r", METRICS])
        remove(self.scratch)
        self.write_stamp(wanted)

    def install_server(self) -> bool:
        """Fetch the Triton server. Returns whether it is there now."""
        command = [str(self.python), str(self.folder / "bin" / "rt-gait"), "triton", "install"]
        with program(command, env=self.environ, stdout=sys.stderr, pass_fds=self._locks) as process:
            process.wait()
        return process.returncode == 0


def build_requirements() -> list[str]:
    """`[build-system] requires` of pyproject.toml (Python 3.10 reads no TOML, but this list is a Python list too)."""
    found = re.search(r"^requires = (\[.*?^\])", (ROOT / "pyproject.toml").read_text(), re.MULTILINE | re.DOTALL)
    assert found, "pyproject.toml has no [build-system] requires"
    return list(ast.literal_eval(found[1]))


def wanted_stamp(environment: Environment, stamp: Stamp, command: str) -> Stamp:
    """What the stamp must say before `command` can run; extras that are there stay."""
    extras = {*BASE_EXTRAS, *stamp.get("extras", []), *([EXTRAS[command]] if command in EXTRAS else [])}
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
    with environment.locked():
        stamp = environment.stamp()
        wanted = wanted_stamp(environment, stamp, command)
        if stamp != wanted:
            environment.set_up(wanted)
        if with_server and not wanted["server"]:
            say("installing the Triton server")
            if environment.install_server():  # else it has said why; a server elsewhere may do: the command decides
                environment.write_stamp({**wanted, "server": True})
        say("ready")


def main(arguments: list[str]) -> NoReturn:
    """Prepare the environment for the command, then become it."""
    heed_signals()
    environment = Environment(Path(os.path.abspath(os.environ.get("RT_GAIT_ENV") or ROOT / ".venv")))
    command = "" if HELP & set(arguments) else next((word for word in arguments if not word.startswith("-")), "")
    try:
        prepare(environment, command)  # help needs no more than no command does
    except KeyboardInterrupt as ended:
        number = ended.number if isinstance(ended, Ended) else signal.SIGINT
        stop("interrupted; the next call goes on from here", 128 + number)
    words = [str(environment.python), str(environment.folder / "bin" / "rt-gait"), *arguments]
    os.execve(words[0], words, environment.environ)


if __name__ == "__main__":
    main(sys.argv[1:])
