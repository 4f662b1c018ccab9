"""The embedded Triton server: started on a model repository, stopped, known to other shells by its state file."""

import logging
import os
import re
import secrets
import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Collection
from functools import partial
from pathlib import Path
from types import TracebackType

from rt_gait_ros.errors import UsageError
from rt_gait_ros.serving.cache import cache_folder
from rt_gait_ros.serving.installation import Installation, find_installation, server_environment
from rt_gait_ros.serving.listening import Listening, PrivateSocket, private_folder
from rt_gait_ros.serving.orphans import end_orphans
from rt_gait_ros.serving.repository import link_repository, read_repository, why_not_there, write_python_repository
from rt_gait_ros.serving.server_state import (
    NO_KEEPER,
    START_TIMEOUT,
    Addressed,
    Keeper,
    ServerFailed,
    ServerState,
    close_shared_memory,
    end_process,
    forget,
    read_states,
    run_folder,
    shared_memory_prefix,
    start_time,
    stop_mark,
    write_state,
)
from rt_gait_ros.serving.triton_client import TritonClient
from rt_gait_ros.signals import end_with_parent

# Signs in a path that bash, which gets it without quotes, or the ASCII of Triton's stubs may trip over.
_UNFIT_FOR_STUBS = re.compile(r"[^A-Za-z0-9_@%+=:,./~#-]")
# E1121 03:55:56.210141 15571 server.cc:241] "message"
_ERROR_LINE = re.compile(r"E\d{4} [\d:.]+ \d+ \S+\] ")
# How lines without that form begin in which it says why it ends: wrong options, an exception, and a signal, after
# which only addresses follow.
_ENDS = ("error:", "terminate called", "Signal (")
# What a server without a GPU says as an error at every start.
_HARMLESS = ("CudaDriverHelper has not been initialized",)
# Of these the server dies by itself; a repository that it does not like ends it otherwise. Each process of its Python
# backend has to say every second that it lives while its network is loaded (ReceiveMessageFromStub in
# stub_launcher.cc; five seconds from Triton 25.08 on, and no option changes either). Where one gets no processor for as
# long, the server gives it up and frees memory that it still works in, and aborts on a lock in there.
_ACCIDENTS = (signal.SIGABRT, signal.SIGBUS, signal.SIGSEGV)
# How often it is started then: what has kept the processors busy may do so again. From the second start on, networks
# are loaded one after the other, so that fewer processes want the processors at once.
_STARTS = 5
_ONE_BY_ONE = "--model-load-thread-count=1"

_log = logging.getLogger(__name__)


class _Accident(ServerFailed):
    """The server died of one of _ACCIDENTS while it started."""


class TritonServer(Addressed):
    """The embedded server as a context manager, for as long as its owner lives.

    Nobody else reaches it on its own socket; on ports it answers everybody on this machine, and nothing but networks.
    Start it from a thread that lasts: Linux stops it when the thread that started it ends. A Supervisor does, and
    starts it again when it dies.
    """

    def __init__(
        self,
        repository: Path,
        listening: Listening | None = None,
        networks: Collection[str] = (),
        keeper: Keeper = NO_KEEPER,
    ) -> None:
        """repository: model repository to serve. listening: None for a new socket that is this user's alone. networks:
        those of the repository that are loaded, each a process and its memory; none named: all. May be set until the
        server starts. keeper: how other shells stop it."""
        self.repository = repository
        self.networks = networks
        self.on_request: Collection[str] = ()  # of these, what whoever reaches the socket has loaded and unloaded
        self.listening = listening or PrivateSocket.new()
        self._keeper = keeper
        self._folder = run_folder(self.listening)
        self._passing = listening is None  # nobody looks for it again there
        self._process: subprocess.Popen[bytes] | None = None

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

    @property
    def stopped_elsewhere(self) -> bool:
        """Whether `stop_server` was called for it since it was started."""
        return stop_mark(self.listening).exists()

    def start(self, *, timeout: float = START_TIMEOUT, cancelled: Callable[[], bool] = lambda: False) -> "TritonServer":
        """Start, and wait until all networks are ready and all ports answer, or until `cancelled`, which is a failure.

        Raises UsageError for a bad repository or an unknown network, ServerNotInstalled without a server, PortTaken
        when a port is taken, NotPrivate when a folder is somebody else's, ServerFailed when the server dies or is not
        ready after `timeout` seconds (its last error line is part of the message). One that aborts is started again.
        """
        self.networks = self._checked_networks()
        installation = find_installation()
        self.listening.prepare()
        try:
            end_orphans(cache_folder() / "triton")
            read_states()  # removes what others have left that were killed with their owners
            private_folder(self._folder, mend=True)
            self._launch_until_ready(installation, time.monotonic() + timeout, cancelled)
        except BaseException:
            self.listening.clean()
            raise
        return self

    def _launch_until_ready(self, installation: Installation, end: float, cancelled: Callable[[], bool]) -> None:
        """end: as of `_launch`. One that aborts is started again, up to _STARTS times."""
        for start in range(1, _STARTS + 1):
            try:
                self._launch(installation, end, cancelled, () if start == 1 else (_ONE_BY_ONE,))
                return
            except _Accident as accident:
                if start == _STARTS or cancelled() or time.monotonic() > end:
                    raise
                _log.warning(
                    "%s: starting it again, %d of %d; it dies so where the processors are very busy",
                    accident,
                    start + 1,
                    _STARTS,
                )
                self.listening.prepare()  # the end of the last one removed it

    def restart(
        self, *, timeout: float = START_TIMEOUT, cancelled: Callable[[], bool] = lambda: False
    ) -> "TritonServer":
        """End what is left of it, and start it at the same address. Raises as `start` does."""
        self._end(timeout=0.0)  # it is dead, or does not listen to anybody
        return self.start(timeout=timeout, cancelled=cancelled)

    def _checked_networks(self) -> list[str]:
        present = read_repository(self.repository)
        for name in self.networks:
            if name not in present:
                raise UsageError(why_not_there(self.repository, name, present))
        return sorted(set(self.networks) or present)

    def _launch(
        self, installation: Installation, end: float, cancelled: Callable[[], bool], more: Collection[str]
    ) -> None:
        """end: moment of time.monotonic() until which it is waited for. more: further arguments of Triton."""
        stop_mark(self.listening).unlink(missing_ok=True)
        command = [*self._command(installation), *more]
        with open(self.log, "wb", opener=lambda path, flags: os.open(path, flags, 0o600)) as log:
            self._process = subprocess.Popen(
                command,
                env=server_environment(installation),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,  # the terminal's Ctrl-C is for the owner, who stops the server last
                umask=0o077,
                preexec_fn=partial(end_with_parent, os.getpid()),
            )
        try:
            self._wait_until_ready(end, cancelled)
            close_shared_memory(self.listening)
            self._write_state()
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
        end_process(self._process.pid, lambda: not self.alive, timeout)
        self._process.wait()
        self._process = None
        forget(self.listening)

    def _write_state(self) -> None:
        repository = str(self.repository.resolve())
        started = start_time(self.pid)
        write_state(ServerState(self.pid, started, self.listening, repository, list(self.networks), self._keeper))

    def _command(self, installation: Installation) -> list[str]:
        repository, backends = self._folder / "repository", installation.backends
        if installation.has_onnxruntime:
            link_repository(self.repository, repository, self.networks)
        else:
            write_python_repository(self.repository, repository, self.networks)
            backends = _write_backends(installation, self._folder / "backends")
        command = [
            *(str(installation.binary), f"--model-repository={repository}", f"--backend-directory={backends}"),
            *self.listening.flags(control=bool(self.on_request)),
            "--disable-auto-complete-config",  # config.pbtxt says it all; asking every network costs seconds
            "--exit-timeout-secs=2",
            *self._control(),
            # new with each start: what is left of a killed predecessor could hold, or remove, regions of the same names
            f"--backend-config=python,shm-region-prefix-name={shared_memory_prefix(self.listening)}{secrets.token_hex(4)}_",
        ]
        if installation.libraries is not None:  # the wheel's server: made for CPU boxes
            command += [f"--cache-directory={installation.binary.parents[1] / 'caches'}", "--allow-gpu-metrics=false"]
        return command

    def _control(self) -> list[str]:
        """What is loaded. A network is code: nobody may bring another one, but who reaches a private socket is us."""
        if not self.on_request:
            return ["--model-control-mode=none"]
        first = [name for name in self.networks if name not in self.on_request]
        return ["--model-control-mode=explicit", *(f"--load-model={name}" for name in first)]

    def _wait_until_ready(self, end: float, cancelled: Callable[[], bool]) -> None:
        assert self._process is not None
        client = TritonClient(self.url)
        try:
            while not (client.ready(deadline=1.0) and self.listening.taken_up()):
                code = self._process.poll()
                if code is not None:
                    kind = _Accident if -code in _ACCIDENTS else ServerFailed
                    raise kind(f"the Triton server died (exit code {code}): {self.last_error()}")
                if cancelled():
                    raise ServerFailed("the Triton server was stopped while it started")
                if time.monotonic() > end:
                    raise ServerFailed(f"the Triton server is still not ready: see {self.log}")
                time.sleep(0.02)
        finally:
            client.close()

    def last_error(self) -> str:
        """Why it died, as far as its log tells, and where that is."""
        return f"{_reason(self._log_text())} (log: {self.log})"

    def _log_text(self) -> str:
        return self.log.read_text(encoding="utf-8", errors="replace")


def _reason(log: str) -> str:
    """The line of a server's log that says best why it died: the network that failed to load, else the last error.

    Without any error, the last line: what a C library says as it aborts has no form.
    """
    lines = [line for line in log.splitlines() if not any(harmless in line for harmless in _HARMLESS)]
    errors = [line for line in lines if _ERROR_LINE.match(line) or line.startswith(_ENDS)]
    failures = [line for line in errors if "failed to load '" in line]
    last = [line for line in lines if line.strip()][-1:]
    line = (failures or errors or last or ["it said nothing"])[-1 if not failures else 0]
    # in Triton's log a message stands between quotes, with line ends escaped and a Python traceback behind it
    return _ERROR_LINE.sub("", line).strip().strip('"').partition("\\n\\nAt:")[0]


def _write_backends(installation: Installation, folder: Path) -> Path:
    """A backends folder with the Python backend and the stub for this Python, linked from the installation.

    Raises UsageError for a path that Triton's Python backend cannot start its stubs from, and for another user's stub
    that cannot be read.
    """
    if unfit := _UNFIT_FOR_STUBS.search(str(folder)):
        raise UsageError(
            f"Triton cannot start networks from {folder}, for its '{unfit[0]}': set RT_GAIT_CACHE to a folder whose "
            "path is of ASCII letters, without spaces"
        )
    shutil.rmtree(folder, ignore_errors=True)
    python = folder / "python"
    python.mkdir(parents=True)
    for path in (installation.backends / "python").iterdir():
        if path.is_file() and path.name != installation.stub.name:
            (python / path.name).symlink_to(path)
    stub, program = installation.stub, python / installation.stub.name
    # Triton gives this program mode 0100 before it runs it, which only its owner and root may do: of a server that
    # somebody else has installed a copy is made.
    if os.geteuid() in (0, stub.stat().st_uid):
        program.symlink_to(stub)
        return folder
    try:
        shutil.copyfile(stub, program)
    except PermissionError:
        raise UsageError(
            f"{stub} can be read by its owner alone: `chmod 755` it as its owner, or install a server of your own"
        ) from None
    program.chmod(0o700)
    return folder
