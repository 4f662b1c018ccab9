"""What was stamped by the computer's clock, by the clock that a node goes by instead."""

import time
from collections.abc import Callable
from dataclasses import replace

from rt_gait_ros.frame import Frame
from rt_gait_ros.sources.live import SET_BACK


class OwnTime:
    """Stamps frames of one source anew, for a node with use_sim_time. Not for several threads at once."""

    def __init__(self, clock: Callable[[], int], wall: Callable[[], int] = time.time_ns) -> None:
        """clock: ns of the node's clock, 0 before it was heard. wall: that of the computer."""
        self._clock, self._wall = clock, wall
        self._last = 0

    def of(self, frame: Frame) -> Frame:
        """The frame as old by the node's clock as it is by the computer's.

        Stamps go on by a nanosecond where the clock stands still, or makes steps that are longer than a frame, and
        follow it where it is set back, as those of a camera do. They are 0 before it is heard.
        """
        now = self._clock()
        if now <= 0:
            return replace(frame, stamp=0)
        stamp = now - (self._wall() - frame.stamp)
        if stamp > self._last - SET_BACK:
            stamp = max(stamp, self._last + 1)
        self._last = max(stamp, 1)
        return replace(frame, stamp=self._last)
