"""Signals that ask a process to end, so that it takes down what it has set up whichever of them comes."""

import signal
from collections.abc import Callable, Sequence
from types import FrameType
from typing import Any

# Ctrl-C; what `kill`, systemd and launch send; a terminal or a connection that is gone.
ENDING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class Ended(KeyboardInterrupt):
    """A signal asked the process to end. number: of the signal."""

    def __init__(self, number: int = signal.SIGINT) -> None:
        super().__init__()
        self.number = number

    @property
    def exit_code(self) -> int:
        """As a shell tells of a program that a signal ended."""
        return 128 + self.number


def raise_ended(number: int, frame: FrameType | None) -> None:
    """Signal handler: raise Ended wherever the main thread is."""
    raise Ended(number)


def on_ending(handler: Callable[[int, FrameType | None], None], numbers: Sequence[int] = ENDING) -> dict[int, Any]:
    """Call `handler` at each of `numbers`. Returns the handlers before, by signal.

    A SIGHUP that is ignored stays so: `nohup` asks for that. SIGINT is heeded even where a shell's `&` had it ignored:
    launch ends its processes with it.
    """
    before = {number: signal.getsignal(number) for number in numbers}
    for number, known in before.items():
        if number != signal.SIGHUP or known is not signal.SIG_IGN:
            signal.signal(number, handler)
    return before
