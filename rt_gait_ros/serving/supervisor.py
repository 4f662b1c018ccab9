"""What looks after an embedded server: starts it again when it has died or does not answer any more, and says so."""

import secrets
import threading
import time
from collections.abc import Callable
from types import TracebackType

import numpy as np

from rt_gait_ros.errors import GaitError
from rt_gait_ros.serving.inference import (
    DeadlineExceeded,
    InferenceError,
    ModelSpec,
    ModelUnavailable,
    Sequence,
    ServerUnavailable,
)
from rt_gait_ros.serving.repository import read_model
from rt_gait_ros.serving.server import TritonServer
from rt_gait_ros.serving.server_state import close_shared_memory
from rt_gait_ros.serving.triton_client import TritonClient

FIRST_PAUSE, LONGEST_PAUSE = 0.5, 30.0  # seconds before a new start; doubled from one failure to the next
STEADY = 60.0  # seconds of work after which the next failure is the first again
LOOK = 0.2  # seconds between looks at the process
ASK_PERIOD = 5.0  # seconds between questions to the networks, one network after the other
# An answer takes milliseconds. Two questions without one in a row: the machine, and we with it, may have been asleep.
PATIENCE, UNANSWERED = 10.0, 2
_FROZEN = "is not healthy"  # what Triton says of a process of its Python backend that does not listen


class Supervisor:
    """Keeps a server running, as a context manager. The server lives as long as it.

    A network's process can freeze while the server still calls itself ready: so each network is asked in turn, with
    nothing but zeros.
    """

    def __init__(
        self,
        server: TritonServer,
        say: Callable[[str], None],
        *,
        patience: float = PATIENCE,
        period: float = ASK_PERIOD,
    ) -> None:
        """server: not started yet. say: takes a line about what happens to it; called from another thread.

        patience: seconds that an answer may take. period: seconds between two questions.
        """
        self.server = server
        self.restarts = 0
        self._say = say
        self._patience, self._period = patience, period
        self._stop = threading.Event()
        self._begun = threading.Event()
        self._error: BaseException | None = None
        # the server ends with the thread that started it: one thread for all its starts, which lasts
        self._thread = threading.Thread(target=self._run, name="triton supervisor", daemon=True)

    @property
    def ended(self) -> bool:
        """Whether nobody looks after the server any more: it was stopped from another shell, or by `stop`."""
        return self._begun.is_set() and not self._thread.is_alive()

    def start(self) -> "Supervisor":
        """Start the server, and wait until every network is ready. Raises what TritonServer.start raises."""
        self._thread.start()
        try:
            self._begun.wait()
        except BaseException:  # Ctrl-C
            self.stop()
            raise
        if self._error is not None:
            self._thread.join()
            raise self._error
        return self

    def stop(self) -> None:
        """Stop the server, and wait for its end, but in `say`. Does nothing when it was not started."""
        self._stop.set()
        if self._thread.ident is not None and self._thread is not threading.current_thread():
            self._thread.join()

    def __enter__(self) -> "Supervisor":
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def _run(self) -> None:
        try:
            self.server.start(cancelled=self._stop.is_set)
        except BaseException as error:  # for the thread that waits
            self._error = error
            self._begun.set()
            return
        self._begun.set()
        try:
            self._look_after()
        except (
            GaitError,
            OSError,
        ) as error:  # its repository is gone, for instance
            self._say(f"the Triton server is stopped, and not looked after any more: {error}")
        finally:
            self.server.stop()

    def _look_after(self) -> None:
        pause = FIRST_PAUSE
        while True:
            since = time.monotonic()
            reason = self._watch()
            if reason is None:
                return
            if time.monotonic() - since > STEADY:
                pause = FIRST_PAUSE
            pause = self._start_again(reason, pause)

    def _start_again(self, reason: str, pause: float) -> float:
        """Try until it runs, or until `stop`. Returns the pause before the next attempt, should it be needed."""
        while not self._stop.is_set():
            self._say(f"{reason}: starting it again in {pause:g} s")
            self._stop.wait(pause)
            pause = min(2 * pause, LONGEST_PAUSE)
            try:
                self.server.restart(cancelled=self._stop.is_set)
            except (GaitError, OSError) as error:  # no memory for a process now, for instance
                reason = str(error)
                continue
            self.restarts += 1
            self._say(f"the Triton server runs again at {self.server.url}")
            break
        return pause

    def _watch(self) -> str | None:
        """Wait until the server has to be started again. Returns why; None when it shall not be."""
        # what is loaded on request may be there or not, and nobody is to wait for it
        names = [name for name in self.server.networks if name not in self.server.on_request]
        specs = [read_model(self.server.repository / name).spec for name in names]
        streams = [read_model(self.server.repository / name).streams for name in names]
        client = TritonClient(self.server.url, timeout=self._patience)
        try:
            turn, silent, ask_at = 0, 0, time.monotonic() + self._period
            while not self._stop.wait(LOOK):
                if self.server.stopped_elsewhere:
                    self._say("the Triton server was stopped from another shell: it stays so")
                    return None
                if not self.server.alive:
                    return f"the Triton server has ended ({self.server.last_error()})"
                if self.server.on_request:  # each network that is loaded brings regions of its own
                    close_shared_memory(self.server.listening)
                if time.monotonic() < ask_at:
                    continue
                close_shared_memory(self.server.listening)
                answered = _answers(client, specs[turn], streams[turn])
                silent = 0 if answered else silent + 1
                if silent == UNANSWERED and self.server.alive:
                    return f"the Triton server has not answered twice in a row (network {specs[turn].name})"
                if answered:
                    turn = (turn + 1) % len(specs)
                ask_at = time.monotonic() + self._period
            return None
        finally:
            client.close()


def _answers(client: TritonClient, spec: ModelSpec, streams: bool) -> bool:
    """Whether the network says anything; that it does not like what it got is an answer, too."""
    inputs = {
        tensor.name: np.zeros([1 if size < 0 else size for size in tensor.shape], tensor.dtype)
        for tensor in spec.inputs
    }
    sequence = Sequence(secrets.randbelow(2**62) + 1, start=True, end=True) if streams else None
    try:
        client.submit(spec.name, inputs, sequence=sequence).result()
    except (DeadlineExceeded, ModelUnavailable, ServerUnavailable):
        return False
    except InferenceError as error:
        return _FROZEN not in str(error)
    return True
