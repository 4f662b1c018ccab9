"""The newest gait frames of every track, kept so that a walk can be enrolled after it was seen."""

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from rt_gait_ros.gait.direction import Bearing
from rt_gait_ros.gait.measures import Gauge
from rt_gait_ros.silhouette.flow import Place

# Seconds for which a track that has ended can still be enrolled: the time that an enrolment takes by default
# (enroll_timeout). And how many of them: the last to leave.
KEPT, MOST_GONE = 30.0, 20


@dataclass(frozen=True, slots=True)
class GoodFrame:
    """One good gait frame of a track. stamp: ns. place: where it was taken, for networks on flow."""

    frame: np.ndarray
    quality: float
    stamp: int
    place: Place


@dataclass(slots=True)
class RecentWalk:
    """Good frames of a track that no enrolment has had, oldest first. bearing, gauge: where it was, its measures."""

    frames: deque[GoodFrame]
    bearing: Bearing
    gauge: Gauge
    gone_at: float | None = None


class RecentWalks:
    """The recent walk of every track. Not thread-safe."""

    def __init__(self, clock: Callable[[], float]) -> None:
        """clock: seconds."""
        self._clock = clock
        self._walks: dict[str, RecentWalk] = {}

    def add(self, body_id: str, frame: GoodFrame, bearing: Bearing, gauge: Gauge, most: int) -> None:
        """Keep one more frame of a live track, and of all its frames the newest `most`."""
        walk = self._walks.get(body_id)
        if walk is None or walk.gone_at is not None:
            walk = self._walks[body_id] = RecentWalk(deque(maxlen=most), bearing, gauge)
        elif walk.frames.maxlen != most:
            walk.frames = deque(walk.frames, most)
        walk.frames.append(frame)
        walk.bearing, walk.gauge = bearing, gauge

    def take(self, body_id: str) -> RecentWalk | None:
        """The walk of a track, live or just gone, for whoever enrols it: nobody gets its frames again."""
        self._forget_the_old()
        return self._walks.pop(body_id, None)

    def __contains__(self, body_id: str) -> bool:
        self._forget_the_old()
        return body_id in self._walks

    @property
    def gone(self) -> list[str]:
        """Body ids of tracks that have ended and can still be enrolled, the first to leave first."""
        self._forget_the_old()
        return [body_id for body_id, walk in self._walks.items() if walk.gone_at is not None]

    def end(self, body_id: str) -> None:
        """The track has ended."""
        walk = self._walks.pop(body_id, None)
        if walk is not None:
            walk.gone_at = self._clock()
            self._walks[body_id] = walk  # behind those that left before
        self._forget_the_old()

    def drop(self, body_id: str) -> None:
        """The track may be another person's now."""
        self._walks.pop(body_id, None)

    def rename(self, former_id: str, body_id: str) -> None:
        """The track has another id; what there was under that id is older, and dropped."""
        self._walks.pop(body_id, None)
        if former_id in self._walks:
            self._walks[body_id] = self._walks.pop(former_id)

    def _forget_the_old(self) -> None:
        now = self._clock()
        gone = {body_id: walk.gone_at for body_id, walk in self._walks.items() if walk.gone_at is not None}
        spare = len(gone) - MOST_GONE
        for number, (body_id, when) in enumerate(gone.items()):
            if number < spare or now - when > KEPT:
                del self._walks[body_id]
