"""Whether the clock that a node goes by runs, stands still, or is missed: looked at once a second."""

import math
from collections.abc import Callable

PAUSED = 2.5  # seconds without a step of /clock
_SILENCE = 5.0  # seconds without a message after which none is coming in

NO_CLOCK = "use_sim_time is true, and nobody publishes /clock: play a bag with --clock"
NO_CLOCK_ANY_MORE = (
    "use_sim_time is true, and messages come in although nobody publishes /clock any more: play a bag with --clock, "
    "or start the simulator again"
)


class ClockWatch:
    """Judges /clock by what is seen of it. now: seconds of a clock that only goes forward."""

    def __init__(self, now: Callable[[], float]) -> None:
        self._now = now
        self._clock, self._moved = 0, now()
        self._published = False
        self._received, self._came = 0, -math.inf
        self._missed_since = math.inf

    def look(self, clock: int, published: bool, received: int) -> None:
        """Take in what is seen now. clock: what it says (ns), 0 before it was heard. published: whether anybody
        publishes /clock. received: messages that came in so far, of all kinds."""
        now = self._now()
        if clock != self._clock:
            self._clock, self._moved = clock, now
        if received != self._received:
            self._received, self._came = received, now
        self._published = published
        if published or not self.paused:
            self._missed_since = math.inf
        elif math.isinf(self._missed_since):
            self._missed_since = now

    @property
    def paused(self) -> bool:
        """Whether the clock stands still."""
        return self._now() - self._moved > PAUSED

    @property
    def why_paused(self) -> str:
        """For whoever reads that it stands still."""
        if self._published:
            return "the bag is paused"
        return "nobody publishes it any more: the bag or the simulator has ended"

    @property
    def fault(self) -> str:
        """What is wrong, or "". A clock that has ended is no fault, for a bag may be played again, unless messages come
        in without it: those of another bag, or of a camera."""
        if self._published:
            return ""
        if not self._clock:
            return NO_CLOCK
        # what had come before the clock ended may be taken in a moment later
        comes = self._came - self._missed_since > PAUSED and self._now() - self._came < _SILENCE
        return NO_CLOCK_ANY_MORE if comes else ""
