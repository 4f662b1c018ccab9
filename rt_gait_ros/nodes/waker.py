"""What ends an executor's wait at once: rclpy waits in C, where Python heeds no signal and sees no flag."""

import contextlib
import signal
import socket
import threading
from types import TracebackType

from rclpy.executors import Executor

_LEFT_OVER = 4096  # bytes, each a wake-up that the next turn of the executor answers with the others


class Waker:
    """Has the executor return from `spin_once`, from any thread or when a signal comes, while it is entered.

    A timer that looked for both four times a second had rclpy build its wait set of every node as often. To be entered
    in the main thread, with Python's own signal handlers in place; to be left before the executor is shut down.
    """

    def __init__(self, executor: Executor) -> None:
        self._executor = executor
        self._reader, self._writer = socket.socketpair()
        self._writer.setblocking(False)
        self._thread = threading.Thread(target=self._pass_on, name="waker", daemon=True)

    def __enter__(self) -> "Waker":
        self._thread.start()
        # Python writes a byte there before it runs the handler, in whichever thread the signal arrives.
        self._before = signal.set_wakeup_fd(self._writer.fileno(), warn_on_full_buffer=False)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        signal.set_wakeup_fd(self._before)
        self._writer.close()
        self._thread.join()
        self._reader.close()

    def wake(self) -> None:
        """Have the present wait end, or the next one when nobody waits. Does nothing once it is left."""
        with contextlib.suppress(OSError):  # closed; or full of wake-ups that are still to be answered
            self._writer.send(b"\0")

    def _pass_on(self) -> None:
        while self._reader.recv(_LEFT_OVER):
            self._executor.create_task(_nothing)  # spin_once does not return for less: executor.wake() only waits anew


def _nothing() -> None:
    """A turn of the executor without work."""
