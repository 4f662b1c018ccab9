"""As many gait frames a second as the network learned from, however fast the camera is."""

NANOSECONDS = 1_000_000_000
SLACK = 0.25  # of a period, by which a frame may come early: cameras are not exact


class Thinning:
    """Picks the frames of one track that count, `rate` a second at most, as evenly as their stamps allow.

    A frame counts when its time has come, give or take SLACK; the time of the next one follows from the time that this
    one should have come, not from when it did, so that 30 or 60 images a second give 25 frames and not 15 or 20.
    """

    def __init__(self, rate: float) -> None:
        """rate: frames a second; 0 for all."""
        self._period = NANOSECONDS / rate if rate else 0.0
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
