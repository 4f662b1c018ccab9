"""Waiting for what others do, with a limit that only a broken program reaches, and a flood of messages."""

import time
from collections.abc import Callable
from typing import Any

PATIENCE = 300.0  # seconds: the machine may be busy


def until(condition: Callable[[], Any], turn: Callable[[], Any] = lambda: time.sleep(0.02)) -> Any:
    """Wait for a condition and return its value; the test fails when it does not come true."""
    deadline = time.monotonic() + PATIENCE
    while not (value := condition()):
        assert time.monotonic() < deadline, "waited in vain"
        turn()
    return value


class Flood:
    """In place of what an unattended subscription takes from: "0", "1", ..., and always another one.

    most: how many may be taken; one more fails. `end` puts back what was there.
    """

    def __init__(self, source: Any, most: int) -> None:
        self._source, self._inner, self._most = source, source.subscription, most
        self.count = 0
        source.subscription = self

    @property
    def handle(self) -> "Flood":
        return self

    @property
    def msg_type(self) -> Any:
        return self._inner.msg_type

    def take_message(self, kind: Any, raw: bool) -> tuple[Any, None]:
        assert self.count < self._most, "taken without an end"
        self.count += 1
        return kind(data=str(self.count - 1)), None

    def end(self) -> None:
        self._source.subscription = self._inner
