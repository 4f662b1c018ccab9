"""Signals that ask a process to end, so that it takes down what it has set up whichever of them comes."""

import ctypes
import os
import signal
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from types import FrameType
from typing import Any

# Ctrl-C; what `kill`, systemd and launch send; a terminal or a connection that is gone.
ENDING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)

RAISED_AGAIN = 0.02  # seconds: the destructor is done by then

_PR_SET_PDEATHSIG = 1  # linux/prctl.h
_prctl = getattr(ctypes.CDLL(None), "prctl", None)  # looked up here: between fork and exec it might wait for ever


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


def of_a_command() -> Sequence[int]:
    """ENDING, without SIGINT where a shell's `&` has it ignored: Ctrl-C is not for a command in the background."""
    ignored = signal.getsignal(signal.SIGINT) is signal.SIG_IGN
    return [number for number in ENDING if number != signal.SIGINT or not ignored]


@contextmanager
def handling(handler: Callable[[int, FrameType | None], None]) -> Iterator[None]:
    """As on_ending, until it is over: then the handlers before are in force again."""
    before = on_ending(handler)
    try:
        yield
    finally:
        for number, known in before.items():
            signal.signal(number, known)


@contextmanager
def insisting() -> Iterator[None]:
    """Until it is over, an Ended that a destructor has swallowed is raised again soon, until somebody catches it.

    The compiler (llvmlite) has destructors in Python, of which an exception goes no further than sys.unraisablehook:
    compiling would go on for a minute, and the traceback be printed. In the main thread only. SIGALRM and the timer
    ITIMER_REAL are taken for it: within, which is all of a command, neither is anybody else's.
    """
    told = sys.unraisablehook
    swallowed: list[Ended] = []

    def hear(unraisable: "sys.UnraisableHookArgs") -> None:
        if isinstance(unraisable.exc_value, Ended):
            swallowed[:] = [unraisable.exc_value]
            signal.setitimer(signal.ITIMER_REAL, RAISED_AGAIN)
        else:
            told(unraisable)

    def again(number: int, frame: FrameType | None) -> None:
        raise Ended(swallowed[0].number)

    before = signal.signal(signal.SIGALRM, again)
    sys.unraisablehook = hear
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0.0)
        sys.unraisablehook = told
        signal.signal(signal.SIGALRM, before)


@contextmanager
def surviving_readers() -> Iterator[None]:
    """Until it is over, a reader that has gone away is a BrokenPipeError of whoever writes to it, as Python has it.

    Commands end by SIGPIPE instead, without a word, where the reader of their output has gone; a server must not.
    """
    before = signal.signal(signal.SIGPIPE, signal.SIG_IGN)
    try:
        yield
    finally:
        signal.signal(signal.SIGPIPE, before)


class KeptSignals:
    """Signals that `kept_signals` keeps. number: of the first that came, 0 before."""

    def __init__(self) -> None:
        # A plain attribute: a handler that sets a threading.Event waits for ever where it interrupts that event's own
        # code, which holds its lock.
        self.number = 0

    def keep(self, number: int, frame: FrameType | None) -> None:
        """Signal handler."""
        self.number = self.number or number

    def heed(self) -> None:
        """Raise Ended if a signal has come."""
        if self.number:
            raise Ended(self.number)


@contextmanager
def kept_signals() -> Iterator[KeptSignals]:
    """Until it is over, no signal raises anything: each is kept until `heed` is called, or the end, which raises Ended.

    For code that another language calls: an exception raised there comes out as an error of another kind, or not at
    all. In the main thread only, as all handlers of signals.
    """
    signals = KeptSignals()
    with handling(signals.keep):
        yield signals
    signals.heed()


def end_with_parent(parent: int, number: int = signal.SIGTERM) -> None:
    """From now on this process gets the signal when its parent dies, however that dies; at once if it is dead already.

    parent: process id of the one that is meant. In the child, after the fork. Linux; elsewhere nothing happens.
    """
    if _prctl is not None:
        _prctl(_PR_SET_PDEATHSIG, number, 0, 0, 0)
        if os.getppid() != parent:  # it died before the call
            os._exit(1)
