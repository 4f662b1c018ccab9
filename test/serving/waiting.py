"""Waiting for what a server or client comes to, as long as a busy machine may take."""

import time
from collections.abc import Callable


def until(condition: Callable[[], bool], seconds: float = 300.0) -> bool:
    """Whether it became true within the time."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if condition():
            return True
        time.sleep(0.02)
    return False
