"""What belongs to one image and comes by several ways, put together by its stamp."""

import time
from collections.abc import Callable, Collection
from typing import Any

PATIENCE = 5.0  # seconds that a part waits for the rest: more than every stage's deadline together
WAITING = 30  # moments that wait at a time: a second at 30 Hz


class Moments:
    """Joins parts of equal stamps. For one thread at a time.

    What waits is bounded by how long it has waited and by number, and the one that has waited longest goes first:
    whatever its stamp says, of the past or of the future, nothing waits for ever and nothing takes the place of what
    comes now.
    """

    def __init__(
        self, patience: float = PATIENCE, waiting: int = WAITING, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._patience = patience
        self._waiting = waiting
        self._clock = clock
        self._begun: dict[int, tuple[float, dict[str, Any]]] = {}  # by stamp, in the order of their first parts

    def __len__(self) -> int:
        return len(self._begun)

    def add(self, stamp: int, part: str, item: Any, wanted: Collection[str]) -> dict[str, Any] | None:
        """Take one part; the moment by part, once all that are wanted are there.

        Moments that began before one that is whole are given up: their missing parts were dropped on the way.
        """
        now = self._clock()
        _, parts = self._begun.setdefault(stamp, (now, {}))
        parts[part] = item
        if all(name in parts for name in wanted):
            for other in list(self._begun):
                del self._begun[other]
                if other == stamp:
                    return parts
        while len(self._begun) > self._waiting or now - next(iter(self._begun.values()))[0] > self._patience:
            del self._begun[next(iter(self._begun))]
        return None

    def clear(self) -> None:
        """Forget all that waits."""
        self._begun.clear()
