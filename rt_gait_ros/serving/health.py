"""What a node says about its networks: once when they fail, once when they answer again, and nothing in between."""

import time
from collections.abc import Callable

from rt_gait_ros.serving.inference import DeadlineExceeded, InferenceError

# One late answer is a busy moment; that many in a row are a fact worth a line.
_LATE_ANSWERS = 3


class ServerHealth:
    """Turns the outcome of every call into the few lines that belong into a log. Not thread-safe: one per worker.

    A kind of failure (InferenceError's subclass) is said when it begins and when it changes, not while it lasts.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        """clock: seconds, growing."""
        self._clock = clock
        self._error: InferenceError | None = None
        self._since = 0.0
        self._late = 0

    @property
    def error(self) -> InferenceError | None:
        """Why the networks do not answer now, for diagnostics; None while they do."""
        return self._error

    def failed(self, error: InferenceError) -> str | None:
        """Take note of a failed call. Returns the line to log when this is news, else None."""
        if isinstance(error, DeadlineExceeded):
            self._late += 1
            if self._late < _LATE_ANSWERS:
                return None
        before, self._error = self._error, error
        if before is None:
            self._since = self._clock()
        return None if type(before) is type(error) else str(error)

    def succeeded(self) -> str | None:
        """Take note of an answer. Returns the line to log when it ends a failure, else None."""
        self._late = 0
        if self._error is None:
            return None
        self._error = None
        return f"the networks answer again after {self._clock() - self._since:.1f} s"
