"""When a camera's image was taken, told from when it arrived: what waited in a buffer is older than it looks."""

import math

# Seconds after a connection in which images may come faster than they were taken: what was buffered to look at it.
CATCHING_UP = 2.0
# Seconds without an image after which those that come next may have waited, and how many usual gaps make such a pause.
PAUSE, PAUSE_GAPS = 0.5, 5.0
# The least delay is sought over this many seconds and the as many before: the clocks of camera and computer drift.
DRIFT_WINDOW = 30.0
# A clock that steps further than this, or leaves an image older, does not tell when images were taken.
MOST_AGE = 10.0
# Share of the newest gap in the usual one.
GAIN = 0.1


class CaptureClock:
    """Age of each image of one connection on its arrival.

    Where the stream stamps its images, an image is as old as it came later, on the stream's clock, than the fastest of
    the last minute. Where it does not, what follows a pause faster than usual had waited, and nobody knows how long.
    """

    def __init__(self) -> None:
        self._trusted = True
        self._begun = False
        self._arrival = self._taken = -math.inf
        self._least = [math.inf, math.inf]  # of this window and the one before
        self._window_end = self._catching_until = -math.inf
        self._usual = 0.0
        self._waiting = 0.0

    def age(self, arrival: float, taken: float | None) -> float | None:
        """Seconds since an image was taken; None for one that had waited, nobody knows how long.

        arrival: seconds of a clock that only goes forward. taken: seconds of the stream's clock, None without one.
        """
        gap = arrival - self._arrival
        self._arrival = arrival
        if taken is None or not self._trusted or taken == self._taken:
            return self._by_pauses(gap)
        step, self._taken = taken - self._taken, taken
        delay = arrival - taken
        if not self._begun or not 0.0 < step <= MOST_AGE:
            self._begun = True
            self._least = [delay, math.inf]
            self._window_end, self._catching_until = arrival + DRIFT_WINDOW, arrival + CATCHING_UP
            return None
        least = min(self._least)
        if arrival > self._window_end:
            self._least = [delay, self._least[0]]
            self._window_end = arrival + DRIFT_WINDOW
        self._least[0] = min(self._least[0], delay)
        if arrival < self._catching_until and least - delay > step / 2.0:
            return None
        self._catching_until = -math.inf
        age = delay - min(self._least)
        if age > MOST_AGE:
            self._trusted = False
            return 0.0
        return age

    def _by_pauses(self, gap: float) -> float | None:
        if not math.isfinite(gap):
            return 0.0
        if self._usual and gap > max(PAUSE, PAUSE_GAPS * self._usual):
            self._waiting = gap / self._usual
            return None
        if self._waiting > 0.0 and gap < self._usual / 2.0:
            self._waiting -= 1.0
            return None
        self._waiting = 0.0
        self._usual += (gap - self._usual) * (GAIN if self._usual else 1.0)
        return 0.0
