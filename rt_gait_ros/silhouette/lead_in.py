"""What was seen of somebody in the second before they counted as a walker: they walked already, and it is used then."""

from collections import deque
from typing import Generic, TypeVar

from rt_gait_ros.frame import SECOND

T = TypeVar("T")

LONGEST = 1.0  # seconds that a frame waits: about as long as it takes to tell a walk


class LeadIn(Generic[T]):
    """Holds the newest good frames of one track until it is known to walk. Not for several threads at once."""

    def __init__(self, most: int) -> None:
        """most: frames that wait at a time; the oldest go first."""
        self._waiting: deque[tuple[int, T]] = deque(maxlen=most)

    def __len__(self) -> int:
        return len(self._waiting)

    def take(self, frame: T, stamp: int, *, walking: bool) -> list[tuple[int, T]]:
        """Take one good frame of that stamp (ns); returns those that count now with their stamps, oldest first.

        None while the track does not walk. Stamps that jump back begin anew.
        """
        if self._waiting and stamp <= self._waiting[-1][0]:
            self._waiting.clear()
        self._waiting.append((stamp, frame))
        if not walking:
            return []
        since = stamp - LONGEST * SECOND
        counting = [waiting for waiting in self._waiting if waiting[0] >= since]
        self._waiting.clear()
        return counting

    def clear(self) -> None:
        """What waits may be somebody else's: it never counts."""
        self._waiting.clear()
