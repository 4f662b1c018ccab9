"""The embedded servers of this user: how one is known to other shells, and how it is stopped from there."""

import contextlib
import json
import os
import shutil
import signal
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path

from rt_gait_ros.errors import GaitError
from rt_gait_ros.paths import replace_file
from rt_gait_ros.serving.cache import cache_folder
from rt_gait_ros.serving.listening import Listening, Ports, PrivateSocket
from rt_gait_ros.serving.orphans import end_orphans

# Seconds until a server that was started has to be ready, which takes one or two on a quiet machine. Less than the
# TimeoutStartSec of the units that `rt-gait deploy` writes.
START_TIMEOUT = 120.0
_STATE_FILE = "state.json"
_LOG_FILE = "server.log"


class ServerFailed(GaitError):
    """The embedded server cannot be started, or died."""


@dataclass(frozen=True, slots=True)
class Keeper:
    """The process of `rt-gait triton up` that looks after a server, and ends both when it is asked to end.

    pid: 0 when a server belongs to a program that does more, such as `rt-gait run`. detached: it belongs to nobody, and
    stays until `rt-gait triton down`.
    """

    pid: int = 0
    started: int = 0
    detached: bool = False

    @classmethod
    def me(cls, *, detached: bool) -> "Keeper":
        """This process."""
        return cls(os.getpid(), start_time(os.getpid()), detached)

    @property
    def alive(self) -> bool:
        """Whether there is one, and that very process still runs."""
        return self.pid > 0 and start_time(self.pid) == self.started


NO_KEEPER = Keeper()


class Addressed:
    """Whatever has a server's `listening`: where it answers, and where it writes what happens."""

    __slots__ = ()
    listening: Listening

    @property
    def url(self) -> str:
        """gRPC address, for a TritonClient."""
        return self.listening.url

    @property
    def log(self) -> Path:
        """The server's log file."""
        return log_file(self.listening)


@dataclass(frozen=True, slots=True)
class ServerState(Addressed):
    """A server as its state file tells.

    started: the kernel's start time of the pid, which may have been reused. networks: what it serves, sorted.
    """

    pid: int
    started: int
    listening: Listening
    repository: str
    networks: list[str]
    keeper: Keeper = NO_KEEPER

    @property
    def alive(self) -> bool:
        """Whether that very process still runs."""
        return start_time(self.pid) == self.started


def run_folder(listening: Listening) -> Path:
    """Folder of the server that listens there: log, state file, run-time repository."""
    return cache_folder() / "triton" / listening.name


def stop_mark(listening: Listening) -> Path:
    """A file that tells who looks after a server that its end is wanted."""
    return run_folder(listening) / "stopped"


def log_file(listening: Listening) -> Path:
    """The log of the server that listens there."""
    return run_folder(listening) / _LOG_FILE


def read_states() -> list[ServerState]:
    """The servers that were started on this machine and still run, by name. What dead ones left is removed."""
    states = []
    for path in sorted(cache_folder().glob(f"triton/*/{_STATE_FILE}")):
        try:
            state = _parse(json.loads(path.read_text(encoding="utf-8")))
        except (OSError, ValueError, TypeError, KeyError, AttributeError, RecursionError):
            path.unlink(missing_ok=True)
            continue
        if state.alive:
            states.append(state)
        else:
            path.unlink(missing_ok=True)
            _remove_traces(state.listening)
    return states


def write_state(state: ServerState) -> None:
    """Make a server known."""
    values = asdict(state)
    listening = values.pop("listening")
    if isinstance(state.listening, PrivateSocket):
        values["socket_folder"] = str(state.listening.folder)
    else:
        values["ports"] = listening
    replace_file(run_folder(state.listening) / _STATE_FILE, json.dumps(values).encode())


def forget(listening: Listening) -> None:
    """Remove what a server that has ended left behind, but its log."""
    end_orphans(run_folder(listening))
    (run_folder(listening) / _STATE_FILE).unlink(missing_ok=True)
    _remove_traces(listening)


def stop_server(state: ServerState, timeout: float = 10.0) -> None:
    """Stop a server that another process started, and wait for its end; killed after `timeout` seconds.

    Whoever looks after it does not start it again. Raises ServerFailed when it is another user's.
    """
    if state.keeper.alive:  # it ends its server, and gets time for that
        end_process(state.keeper.pid, lambda: not state.keeper.alive, 2 * timeout)
    else:
        stop_mark(state.listening).touch()
    end_process(state.pid, lambda: not state.alive, timeout)
    forget(state.listening)


def end_process(pid: int, ended: Callable[[], bool], timeout: float) -> None:
    """SIGTERM, and SIGKILL after `timeout` seconds. Raises ServerFailed when the process is another user's."""
    for number, patience in ((signal.SIGTERM, timeout), (signal.SIGKILL, 5.0)):
        if ended():
            return
        try:
            os.kill(pid, number)
        except ProcessLookupError:
            return
        except PermissionError:
            raise ServerFailed(f"the Triton server (pid {pid}) is another user's: stop it as that user") from None
        end = time.monotonic() + patience
        while not ended() and time.monotonic() < end:
            time.sleep(0.02)


def start_time(pid: int) -> int:
    """Start time of a process in clock ticks since boot (proc(5), field 22); -1 when it does not run."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace").rpartition(")")[2].split()
    except OSError:
        return -1
    return -1 if fields[0] in "ZX" else int(fields[19])


def shared_memory_prefix(listening: Listening) -> str:
    """How the names of the server's own shared-memory regions begin."""
    return f"rt_gait_triton_{listening.name.removeprefix(PrivateSocket.prefix)}_"


def close_shared_memory(listening: Listening) -> None:
    """Take the server's own shared memory, where images lie, away from other users: Boost makes it readable (0644)
    whatever the process's umask says."""
    for path in _regions(listening):
        with contextlib.suppress(OSError):  # gone meanwhile, or a link, which somebody else may have put there
            region = os.open(path, os.O_RDWR | os.O_NOFOLLOW)
            try:
                os.fchmod(region, 0o600)
            finally:
                os.close(region)


def _regions(listening: Listening) -> list[Path]:
    return list(Path("/dev/shm").glob(f"{shared_memory_prefix(listening)}*"))


def _remove_traces(listening: Listening) -> None:
    for path in _regions(listening):
        with contextlib.suppress(OSError):  # gone meanwhile, or another user's, whom the system lets use such a name
            path.unlink()
    if isinstance(listening, PrivateSocket):
        listening.clean()
        shutil.rmtree(run_folder(listening) / "repository", ignore_errors=True)


def _parse(values: dict) -> ServerState:
    """Raises ValueError, TypeError or KeyError for what is no state."""
    listening: Listening
    if folder := values.pop("socket_folder", None):
        listening = PrivateSocket(Path(folder))
    else:
        listening = Ports(**values.pop("ports"))
    keeper = Keeper(**values.pop("keeper"))
    return ServerState(listening=listening, keeper=keeper, **values)
