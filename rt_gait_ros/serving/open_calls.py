"""Calls that a server has not answered yet: whoever waits is told when the time is over, the call itself goes on.

Triton 24.10, which is in the wheel, may die of a call that is taken back just as it is answered, and so may others
(issues 7368 and 8034 of triton-inference-server/server, the second of 25.01). A call with a gRPC deadline is taken back
when that is over, and on a busy machine many are. So nothing is taken back: what comes too late is thrown away.
"""

import math
import threading
import time
from concurrent.futures import Future, InvalidStateError
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

# Calls of a network that nobody waits for any more and the server still works at. More would pile up in a server that
# is too slow, and keep it busy with them once it is fast again.
MOST_GIVEN_UP = 8


@dataclass(eq=False, slots=True)
class OpenCall:
    """A call on its way. due: moment of time.monotonic() at which its future fails with `late`."""

    model: str
    future: "Future[Any]"
    due: float
    late: Exception


class OpenCalls:
    """The calls of one client that are on their way. Thread-safe."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._calls: set[OpenCall] = set()
        self._watching: threading.Thread | None = None
        self._looks_at = math.inf  # when the watching thread looks next
        self._closed = False

    def given_up(self, model: str) -> int:
        """How many calls of a network are on their way that nobody waits for any more."""
        with self._changed:
            return sum(call.model == model and call.future.done() for call in self._calls)

    def begin(self, call: OpenCall) -> None:
        """A call is about to be sent. Raises RuntimeError where no thread can be started, and forgets it."""
        with self._changed:
            if self._watching is None and not self._closed:
                watching = threading.Thread(target=self._watch, name="late answers", daemon=True)
                watching.start()
                self._watching = watching
            self._calls.add(call)
            if call.due < self._looks_at:
                self._changed.notify_all()

    def over(self, call: OpenCall) -> None:
        """The server has answered a call, or it never was sent."""
        with self._changed:
            self._calls.discard(call)
            if self._closed:
                self._changed.notify_all()

    def close(self, error: Exception, patience: float) -> None:
        """Fail all that is waited for with `error`, and wait at most `patience` seconds until the server is done."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()
            waiting = list(self._calls)
        for call in waiting:
            fail(call.future, error)
        with self._changed:
            self._changed.wait_for(lambda: not self._calls, patience)

    def _watch(self) -> None:
        while True:
            with self._changed:
                if self._closed:
                    return
                waiting = [call for call in self._calls if not call.future.done()]
                self._looks_at = min((call.due for call in waiting), default=math.inf)
                left = self._looks_at - time.monotonic()
                if left > 0.0:
                    self._changed.wait(None if math.isinf(left) else min(left, threading.TIMEOUT_MAX))
                    continue
            for call in waiting:  # without the lock: who waits may ask for something else at once
                if call.due <= time.monotonic():
                    fail(call.future, call.late)


def fail(future: "Future[Any]", error: Exception) -> None:
    """Tell whoever waits, unless there is an answer already."""
    with suppress(InvalidStateError):
        future.set_exception(error)
