"""The embedded Triton server: started on a model repository, stopped, known to other shells by its state file."""

import ctypes
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Collection
from dataclasses import asdict, dataclass
from pathlib import Path
from types import TracebackType

from rt_gait_ros.errors import GaitError, UsageError
from rt_gait_ros.serving.cache import cache_folder
from rt_gait_ros.serving.installation import Installation, find_installation, server_environment
from rt_gait_ros.serving.orphans import end_orphans
from rt_gait_ros.serving.repository import read_repository, write_python_repository
from rt_gait_ros.serving.triton_client import TritonClient

HOST = "127.0.0.1"
_STATE_FILE = "state.json"
_LOG_FILE = "server.log"
# E1121 03:55:56.210141 15571 server.cc:241] "message"
_ERROR_LINE = re.compile(r"E\d{4} [\d:.]+ \d+ \S+\] ")
# What a server without a GPU says as an error at every start.
_HARMLESS = ("CudaDriverHelper has not been initialized",)
# What the Python backend was seen to abort with, once, loading networks at the same time; the cause is not known.
_ACCIDENTS = ("boost::interprocess::lock_exception",)
_PR_SET_PDEATHSIG = 1  # linux/prctl.h


class ServerFailed(GaitError):
    """The embedded server cannot be started, or died."""


@dataclass(frozen=True, slots=True)
class Ports:
    """Triton's three ports; the defaults are NVIDIA's."""

    http: int = 8000
    grpc: int = 8001
    metrics: int = 8002

    @classmethod
    def free(cls) -> "Ports":
        """Three ports that nobody listens on now."""
        sockets = [socket.socket() for _ in range(3)]
        try:
            for one in sockets:
                one.bind((HOST, 0))
            return cls(*(one.getsockname()[1] for one in sockets))
        finally:
            for one in sockets:
                one.close()


@dataclass(frozen=True, slots=True)
class ServerState:
    """A server as its state file tells.

    started: the kernel's start time of the pid, which may have been reused. detached: nobody owns it and stops it.
    networks: what it was asked to serve, sorted.
    """

    pid: int
    started: int
    ports: Ports
    repository: str
    detached: bool
    networks: list[str]

    @property
    def url(self) -> str:
        """gRPC address."""
        return f"{HOST}:{self.ports.grpc}"

    @property
    def log(self) -> Path:
        """The server's log file."""
        return run_folder(self.ports.grpc) / _LOG_FILE

    @property
    def alive(self) -> bool:
        """Whether that very process still runs."""
        return _start_time(self.pid) == self.started


def run_folder(grpc_port: int) -> Path:
    """Folder of the server on a port: log, state file, run-time repository."""
    return cache_folder() / "triton" / str(grpc_port)


def read_states() -> list[ServerState]:
    """The servers that were started on this machine and still run, by port. State files of dead ones are removed."""
    states = []
    for path in sorted(cache_folder().glob(f"triton/*/{_STATE_FILE}")):
        try:
            values = json.loads(path.read_text(encoding="utf-8"))
            state = ServerState(**{**values, "ports": Ports(**values["ports"])})
        except (OSError, ValueError, TypeError, KeyError):
            path.unlink(missing_ok=True)
            continue
        if state.alive:
            states.append(state)
        else:
            path.unlink(missing_ok=True)
    return states


class TritonServer:
    """The embedded server as a context manager, for as long as its owner lives; `start(detached=True)` lets it live on.

    Only this machine can reach it. Start it from a thread that lasts (the main thread): Linux stops an owned server
    when the thread that started it ends.
    """

    def __init__(self, repository: Path, ports: Ports | None = None, networks: Collection[str] = ()) -> None:
        """repository: model repository to serve. ports: None for free ones. networks: those of the repository that are
        loaded, each a process and its memory; none named: all. May be set until the server starts."""
        self.repository = repository
        self.networks = networks
        self.ports = ports or Ports.free()
        self._folder = run_folder(self.ports.grpc)
        self._passing = ports is None  # nobody looks for it again at these ports
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        """gRPC address, for a TritonClient."""
        return f"{HOST}:{self.ports.grpc}"

    @property
    def log(self) -> Path:
        """The server's log file."""
        return self._folder / _LOG_FILE

    @property
    def alive(self) -> bool:
        """Whether the server's process runs. When it died, `log` says why."""
        return self._process is not None and self._process.poll() is None

    @property
    def pid(self) -> int:
        """The server's process id. Raises ServerFailed before start and after stop."""
        if self._process is None:
            raise ServerFailed("the Triton server is not started")
        return self._process.pid

    def start(self, *, detached: bool = False, timeout: float = 60.0) -> "TritonServer":
        """Start, and wait until every network is ready. detached: it outlives this process.

        Raises UsageError for a bad repository or an unknown network, ServerNotInstalled without a server, ServerFailed
        when a port is taken or the server dies or is not ready after `timeout` seconds (its last error line is part of
        the message).
        """
        self.networks = self._checked_networks()
        installation = find_installation()
        for name, port in asdict(self.ports).items():
            _check_port(name, port)
        end_orphans(cache_folder() / "triton")
        self._folder.mkdir(parents=True, exist_ok=True)
        try:
            self._launch(installation, detached, timeout)
        except ServerFailed:
            if not any(accident in self._log_text() for accident in _ACCIDENTS):
                raise
            self._launch(installation, detached, timeout)
        return self

    def _checked_networks(self) -> list[str]:
        present = read_repository(self.repository)
        for name in self.networks:
            if name not in present:
                raise UsageError(f"no network '{name}' in {self.repository}: it holds {', '.join(present)}")
        return sorted(set(self.networks) or present)

    def _launch(self, installation: Installation, detached: bool, timeout: float) -> None:
        _remove_shared_memory(self.ports)
        command = self._command(installation)
        with self.log.open("wb") as log:
            self._process = subprocess.Popen(
                command,
                env=server_environment(installation),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,  # the terminal's Ctrl-C is for the owner, who stops the server last
                preexec_fn=None if detached else _die_with_parent(),
            )
        try:
            self._wait_until_ready(timeout)
            self._write_state(detached)
        except BaseException:
            self._end()
            raise

    def stop(self, timeout: float = 10.0) -> None:
        """Stop the server and wait for its end; killed after `timeout` seconds. Does nothing when it is not started."""
        keep_log = not self.alive
        self._end(timeout)
        if self._passing and not keep_log:
            shutil.rmtree(self._folder, ignore_errors=True)

    def __enter__(self) -> "TritonServer":
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def _end(self, timeout: float = 10.0) -> None:
        if self._process is None:
            return
        _end(self._process.pid, lambda: not self.alive, timeout)
        self._process.wait()
        self._process = None
        end_orphans(self._folder)
        _remove_shared_memory(self.ports)
        (self._folder / _STATE_FILE).unlink(missing_ok=True)

    def _write_state(self, detached: bool) -> None:
        repository = str(self.repository.resolve())
        state = ServerState(self.pid, _start_time(self.pid), self.ports, repository, detached, list(self.networks))
        scratch = self._folder / f"{_STATE_FILE}.part"
        scratch.write_text(json.dumps(asdict(state)), encoding="utf-8")
        scratch.replace(self._folder / _STATE_FILE)

    def _command(self, installation: Installation) -> list[str]:
        repository, backends, networks = self.repository, installation.backends, list(self.networks)
        if not installation.has_onnxruntime:
            repository = self._folder / "repository"
            served = write_python_repository(self.repository, repository)
            networks = [name for name in networks if name in served]
            backends = _write_backends(installation, self._folder / "backends")
        command = [str(installation.binary), f"--model-repository={repository}", f"--backend-directory={backends}"]
        for name, port in asdict(self.ports).items():
            command += [f"--{name}-port={port}", f"--{name}-address={HOST}"]
        command += [
            "--disable-auto-complete-config",  # config.pbtxt says it all; asking every network costs seconds
            "--exit-timeout-secs=2",
            "--model-control-mode=explicit",
            *(f"--load-model={name}" for name in networks),
            f"--backend-config=python,shm-region-prefix-name={_shared_memory_prefix(self.ports)}",
        ]
        if installation.libraries is not None:  # the wheel's server: made for CPU boxes
            command += [f"--cache-directory={installation.binary.parents[1] / 'caches'}", "--allow-gpu-metrics=false"]
        return command

    def _wait_until_ready(self, timeout: float) -> None:
        assert self._process is not None
        end = time.monotonic() + timeout
        client = TritonClient(self.url)
        try:
            while not client.ready(deadline=1.0):
                code = self._process.poll()
                if code is not None:
                    raise ServerFailed(f"the Triton server died (exit code {code}): {self._last_error()}")
                if time.monotonic() > end:
                    raise ServerFailed(f"the Triton server is not ready after {timeout:.0f} s: see {self.log}")
                time.sleep(0.02)
        finally:
            client.close()

    def _last_error(self) -> str:
        return f"{_reason(self._log_text())} (log: {self.log})"

    def _log_text(self) -> str:
        return self.log.read_text(encoding="utf-8", errors="replace")


def _reason(log: str) -> str:
    """The line of a server's log that says best why it died: the network that failed to load, else the last error."""
    lines = [line for line in log.splitlines() if not any(harmless in line for harmless in _HARMLESS)]
    errors = [line for line in lines if _ERROR_LINE.match(line) or line.startswith(("error:", "terminate called"))]
    failures = [line for line in errors if "failed to load '" in line]
    line = (failures or errors or ["it said nothing"])[-1 if not failures else 0]
    # in Triton's log a message stands between quotes, with line ends escaped and a Python traceback behind it
    return _ERROR_LINE.sub("", line).strip().strip('"').partition("\\n\\nAt:")[0]


def stop_server(state: ServerState, timeout: float = 10.0) -> None:
    """Stop a server that another process started, by its pid, and wait for its end; killed after `timeout` seconds."""
    _end(state.pid, lambda: not state.alive, timeout)
    end_orphans(run_folder(state.ports.grpc))
    _remove_shared_memory(state.ports)
    (run_folder(state.ports.grpc) / _STATE_FILE).unlink(missing_ok=True)


def _end(pid: int, ended: Callable[[], bool], timeout: float) -> None:
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


def _check_port(name: str, port: int) -> None:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # ports of a server that just ended are good
        try:
            probe.bind((HOST, port))
        except OSError as error:
            raise ServerFailed(
                f"Triton's {name} port {port} is not free ({error.strerror}): stop what listens there "
                "(`rt-gait triton down` if it is ours), choose other ports, or use that server with triton:=external"
            ) from None


def _write_backends(installation: Installation, folder: Path) -> Path:
    """A backends folder with the Python backend and the stub for this Python, linked from the installation."""
    shutil.rmtree(folder, ignore_errors=True)
    python = folder / "python"
    python.mkdir(parents=True)
    for path in (installation.backends / "python").iterdir():
        if path.is_file() and path.name != installation.stub.name:
            (python / path.name).symlink_to(path)
    (python / installation.stub.name).symlink_to(installation.stub)
    return folder


def _start_time(pid: int) -> int:
    """Start time of a process in clock ticks since boot (proc(5), field 22); -1 when it does not run."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace").rpartition(")")[2].split()
    except OSError:
        return -1
    return -1 if fields[0] in "ZX" else int(fields[19])


def _shared_memory_prefix(ports: Ports) -> str:
    return f"rt_gait_triton_{ports.grpc}_"


def _remove_shared_memory(ports: Ports) -> None:
    """Remove what a killed server left in /dev/shm."""
    for path in Path("/dev/shm").glob(f"{_shared_memory_prefix(ports)}*"):
        path.unlink(missing_ok=True)


def _die_with_parent() -> Callable[[], None]:
    """What a new process runs first, so that it gets SIGTERM when its parent dies, however that dies."""
    prctl = ctypes.CDLL(None, use_errno=True).prctl
    parent = os.getpid()

    def run() -> None:
        prctl(_PR_SET_PDEATHSIG, signal.SIGTERM, 0, 0, 0)
        if os.getppid() != parent:  # it died before the call
            os._exit(1)

    return run
