"""A Triton server that is there already: one of ours, known by its state file, or whoever answers at the port."""

import fcntl
import os
from collections.abc import Collection, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

from rt_gait_ros.serving.inference import InferenceError
from rt_gait_ros.serving.listening import Listening, Ports, private_folder
from rt_gait_ros.serving.repository import read_repository
from rt_gait_ros.serving.server_state import ServerFailed, ServerState, read_states, run_folder
from rt_gait_ros.serving.triton_client import TritonClient

_DEADLINE = 1.0  # seconds for an answer
# Linux's state of a listening socket (include/net/tcp_states.h), and the addresses that take calls to 127.0.0.1: those
# of IPv4, and those of IPv6, whose sockets take calls of both.
_LISTENS, _LOOPBACK = "0A", ("0100007F", "00000000", "0000000000000000FFFF00000100007F", "0" * 32)
_SOCKETS = (Path("/proc/net/tcp"), Path("/proc/net/tcp6"))
_MISSED = 3  # answers in a row: one that is late is a busy moment


@dataclass(frozen=True, slots=True)
class RunningServer:
    """A server that answers at `url`. state: where rt-gait started it."""

    url: str
    state: ServerState | None

    @property
    def whose(self) -> str:
        """For people."""
        return f"pid {self.state.pid}" if self.state else "not started by rt-gait"

    @property
    def alive(self) -> bool:
        """Whether it is still there."""
        if self.state is not None:
            return self.state.alive
        with closing(TritonClient(self.url)) as client:
            return any(_version(client) is not None for _ in range(_MISSED))


def find_running(repository: Path, listening: Listening, networks: Collection[str]) -> RunningServer | None:
    """The server that listens there, when it serves what is asked for; None when none answers.

    networks: none named asks for all of the repository. Raises ServerFailed when it serves another repository, lacks
    networks, or is another user's, who would get to see the images; UsageError for a bad repository.
    """
    url = listening.url
    state = next((state for state in read_states() if state.listening == listening), None)
    if state is not None and Path(state.repository) != repository.resolve():
        raise ServerFailed(
            f"a server on {state.repository} runs at {url}: `rt-gait triton down` first, or another port"
        )
    wanted = set(networks or read_repository(repository))
    if state is not None:
        missing, advice = sorted(wanted - set(state.networks)), "`rt-gait triton down` first, or another port"
    else:
        if isinstance(listening, Ports):
            _check_owner(listening)
        with closing(TritonClient(url)) as client:
            if _version(client) is None:
                return None
            missing = sorted(name for name in wanted if not _has(client, name))
        advice = f"put them into its model repository (ours is {repository}), or choose another port"
    if missing:
        raise ServerFailed(f"the server at {url} runs without {', '.join(missing)}: {advice}")
    return RunningServer(url, state)


@contextmanager
def starting(listening: Listening) -> Iterator[None]:
    """Held while somebody looks for a server and starts one: others wait, and find it."""
    folder = run_folder(listening)
    private_folder(folder, mend=True)
    lock = os.open(folder / "starting.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
    finally:
        os.close(lock)


def _check_owner(ports: Ports) -> None:
    """Raise ServerFailed when what listens at the gRPC port is neither this user's nor root's."""
    tables = [table.read_text(encoding="ascii").splitlines()[1:] for table in _SOCKETS if table.is_file()]
    for fields in (line.split() for table in tables for line in table):
        address, _, port = fields[1].partition(":")
        if int(port, 16) != ports.grpc or fields[3] != _LISTENS or address not in _LOOPBACK:
            continue
        if int(fields[7]) not in (0, os.getuid()):
            raise ServerFailed(
                f"what listens at {ports.url} is another user's (uid {fields[7]}), who would see the images: choose "
                "another port, or say triton:=external if you trust that user"
            )


def _version(client: TritonClient) -> str | None:
    try:
        return client.version(deadline=_DEADLINE)
    except InferenceError:
        return None


def _has(client: TritonClient, name: str) -> bool:
    try:
        client.describe(name, deadline=_DEADLINE)
    except InferenceError:
        return False
    return True
