"""As many gait frames a second as the network learned from, and what frames are worth that come less often."""

import math

from rt_gait_ros.frame import SECOND

SLACK = 0.25  # of a period, by which a frame may come early: cameras are not exact
LEARNED = 25.0  # frames a second that the networks learned from, and that it was measured at what frames are worth
SPARSEST = 5.0  # periods between frames up to which it was measured (docs/rules.md)


def worth(gap: int, rate: float) -> float:
    """How many frames at `rate` a second one frame is worth, 0.5 to 2.16, that comes `gap` ns after the one before.

    Neighbouring frames show nearly the same. Up to two periods apart a frame is worth what `news` says; each further
    doubling of the time is worth half a frame more: an embedding of 13 frames at half the rate, or of 10 at a fifth of
    it, tells people apart as one of 20 does, and is near to no more strangers (docs/rules.md). Above LEARNED a second,
    frames count as if LEARNED were used: more of them show no more. rate: 0 for frames of which each counts as one.
    """
    periods = gap * min(rate, LEARNED) / SECOND
    return news(gap, rate) if periods <= 2.0 else 1.0 + math.log2(min(periods, SPARSEST)) / 2.0


def news(gap: int, rate: float) -> float:
    """How much such a frame, 0.5 to 3, adds to what was seen before: the mean of it and of as many frames as `rate`
    would have given in that time. The arguments are those of `worth`."""
    return (1.0 + min(gap * min(rate, LEARNED) / SECOND, SPARSEST)) / 2.0 if rate else 1.0


class Thinning:
    """Picks the frames of one track that count, `rate` a second at most, as evenly as their stamps allow.

    A frame counts when its time has come, give or take SLACK; the time of the next one follows from the time that this
    one should have come, not from when it did, so that 30 or 60 images a second give 25 frames and not 15 or 20.
    """

    def __init__(self, rate: float) -> None:
        """rate: frames a second; 0 for all."""
        self._period = SECOND / rate if rate else 0.0
        self._due = 0.0
        self._taken: int | None = None

    def takes(self, stamp: int) -> bool:
        """Whether the frame of that stamp (ns) counts. Stamps that jump back, or far forth, begin anew."""
        late = stamp - self._due
        begins = self._taken is None or stamp < self._taken or late > self._period
        if not begins and late < -SLACK * self._period:
            return False
        self._due = (stamp if begins else self._due) + self._period
        self._taken = stamp
        return True
