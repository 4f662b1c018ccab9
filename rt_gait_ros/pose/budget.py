"""What the networks of the pose stage may cost in one image: from the camera's rate, and from what they cost so far."""

import math
import os
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from rt_gait_ros.pose.errors import PoseSettingsError

# Seconds from one image to the next before the camera's rate is known: 25 a second.
USUAL_INTERVAL = 0.04
# Gaps that the rate is taken from. One of more than _PAUSE seconds counts only right after another such: a camera that
# stood still says nothing of its rate, and one of an image every two seconds is not a fast one that stands still. None
# counts as more than _LONGEST_GAP: that is time enough for every look. A gap of more than _HOLE times the mean of the
# others does not count either, as of a network that faltered.
# Of one that becomes faster the newest few count at once, as far as they may not be images that come in pairs.
_GAPS, _PAUSE, _LONGEST_GAP, _HOLE = 30, 1.0, 10.0, 5.0
_NEWEST, _FASTER = 6, 1.25
# Share of the interval that the networks may take of cores that are given, by how many, and in between in proportion.
# The other stages, the camera and DDS take the rest: about a third of one core, and a tenth where they have cores of
# their own. Below one core, where several cameras share the cores, they take a quarter of a core of each camera (10 ms
# of the processor for each image, by `rt-gait bench cameras`), and the networks 0.8 of what is left. A process that may
# run on one core only has the share of one core also where none are given.
_SHARES = {0.3125: 0.05, 1.0: 0.6, 2.0: 0.75, 3.0: 0.8, 4.0: 0.9}
# All that the stage does in an image may take this much of the interval, on average.
_WHOLE = 0.95
# What the networks have of their share, however long the rest of the stage takes.
_LEAST_PART = 0.2
# One image is done within this many intervals of its arrival, as far as its looks decide that: so that nobody waits
# long for an answer, and what is late is made good before the images that wait are too many.
_ROOM = 1.6
# A look that takes longer than that has its turn in images that waited for less than this part of an interval; unless
# it takes more than so many times what the rest of the stage leaves of an interval, so that few images could have one.
_HARDLY, _FEW = 0.5, 2.5
# Images that take so many intervals on average, one at most so many, are more than can be made good. So are those that
# take longer than they come, where each of them had to wait too long for a look for so many seconds on end.
_HOPELESS, _LONGEST = 1.25, 3.0
_BEHIND = 3.0
# Seconds of one run before it was measured: BlazePose lite and a tile, on one core (docs/pose.md).
_FIRST_COSTS = {"person": 0.010, "search": 0.012}
# Share of the newest image in the running cost; a single slow image (a swapped page, another process) is taken with
# at most this factor, so that it does not starve the next ones.
_COST_SHARE, _SLOWEST = 0.1, 4.0
_LEAST_COST = 1e-4
# Seconds beside the networks that the first image may be taken to need: it also connects, and loads what is missing.
_MOST_AT_FIRST = 0.01
# What one image left over, or took too much, counts for the next ones up to this many images' time.
_MOST_SAVED = 1.0


@dataclass(slots=True)
class _Turn:
    """One image in the stage.

    taken: when it was taken up, seconds; None without `Budget.taken`. waited: seconds from its arrival until then.
    room: seconds that networks may still take in it for none to be lost that comes meanwhile. most_room: the same if it
    had not waited. networks: seconds that they took. tells: whether it tells what the rest of the stage takes.
    """

    taken: float | None = None
    waited: float = 0.0
    room: float = math.inf
    most_room: float = math.inf
    networks: float = 0.0
    tells: bool = False


class Budget:
    """Seconds of network time for each image. `arrived` may be called from another thread than the rest.

    What an image leaves over is there for the next ones: where a look costs 0.6 of an image's time, two images of three
    have room for a second one.

    The rate is that at which images arrive, dropped ones too; neither what the camera says nor the stamps count, so
    that a rate that is a lie, or stamps that stand still, change nothing.

    A stage that also says when it takes up an image (`taken`) and that it is through with it (`done`) has a budget that
    finds out how much there is: what the stage does besides is measured and taken off, and an image that waited has
    less time, so that what was too much is made good before an image is lost. Of images that are lost all the same it
    hears nothing: to look less for seconds after each was tried, and lost about as many (docs/rules.md).

    may_borrow: whether one image may take more than its time, for the next ones to make good. scarce: whether there is
    not even time for one look at a person in each image.
    """

    def __init__(self, limit: float | None = None, cores: float | None = None) -> None:
        """limit: seconds per image, the same on every machine.

        cores: without a limit, how many there are for this camera where other programs or cameras use the rest. The
        networks have a fixed share (_SHARES) of the time between images then, for a budget hears nothing of what others
        lose by more. More cores than the process may run on count as those, and a process that may run on one core only
        has the share of one core in any case.

        Without either, the networks have what the rest of the stage leaves of the time between images.
        Raises PoseSettingsError for a limit or cores that are no number above 0.
        """
        for name, value in (("limit", limit), ("cores", cores)):
            if value is not None and not (math.isfinite(value) and value > 0.0):
                raise PoseSettingsError(f"{name} = {value} must be a number above 0, or left out")
        own = len(os.sched_getaffinity(0))
        fixed = cores is not None or own == 1
        share = np.interp(min(cores or own, own), list(_SHARES), list(_SHARES.values()))
        self._limit = limit
        self._share = float(share) if fixed else _WHOLE
        self.may_borrow = limit is None and not fixed
        self.scarce = limit is None and cores is not None and cores < 1.0
        self._gaps: deque[float] = deque(maxlen=_GAPS)
        self._arrived: float | None = None
        self._interval = USUAL_INTERVAL
        self._costs = dict(_FIRST_COSTS)
        self._rest = 0.0
        self._mean_image = 0.0  # seconds of an image, networks and rest
        self._behind_since = math.inf
        self._turn = _Turn()
        self._left = 0.0

    def arrived(self, when: float) -> None:
        """An image came in, used or not. when: seconds of a clock that only goes forward."""
        if self._arrived is not None and when > self._arrived:
            self._gaps.append(min(when - self._arrived, _LONGEST_GAP))
            self._interval = _interval(list(self._gaps))
        self._arrived = when

    def taken(self, when: float, arrived: float) -> None:
        """An image is taken up that came at `arrived`; `begin` follows. Both are of the clock of `arrived`."""
        interval, waited = self.interval, max(when - arrived, 0.0)
        most_room = max(_ROOM * interval - self._rest, 0.0)
        self._turn = _Turn(when, waited, max(most_room - waited, 0.0), most_room)
        if waited > _ROOM * interval:
            self._behind_since = min(self._behind_since, when)
        elif self._mean_image <= interval:
            self._behind_since = math.inf

    def done(self, when: float) -> None:
        """That image is through with the stage. when: as `taken`.

        An image that never got as far as the networks, or that they did not answer for, says nothing of the time that
        the rest of the stage takes.
        """
        turn = self._turn
        if turn.taken is None:
            return
        whole = max(when - turn.taken, 0.0)
        self._mean_image += _COST_SHARE * (min(whole, _LONGEST * self.interval) - self._mean_image)
        if not turn.tells:
            return
        rest = max(whole - turn.networks, 0.0)
        if self._rest:
            self._rest += _COST_SHARE * (min(rest, _SLOWEST * self._rest) - self._rest)
        else:
            self._rest = min(rest, _MOST_AT_FIRST)

    @property
    def hopeless(self) -> bool:
        """Whether images take so much longer than they come, whatever is done, that only the newest is worth a look."""
        taken = self._turn.taken
        behind = taken is not None and taken - self._behind_since >= _BEHIND
        return self._mean_image > (1.0 if behind else _HOPELESS) * self.interval

    @property
    def interval(self) -> float:
        """Seconds from one image to the next, as they arrive; 10 at most."""
        return self._interval

    @property
    def seconds(self) -> float:
        """What the networks may take in one image, on average."""
        if self._limit is not None:
            return self._limit
        interval = self.interval
        return max(min(self._share * interval, _WHOLE * interval - self._rest), _LEAST_PART * self._share * interval)

    @property
    def left(self) -> float:
        """What the networks may still take in this image; below 0 where more was taken than there was."""
        return self._left

    def fitting(self, kind: str, number: int, beside: float = 0.0) -> int:
        """How many of so many runs of a kind still fit into this image, for none to be lost that comes meanwhile.

        beside: seconds that other runs of it will take. One that takes longer than there ever is has its turn in images
        that hardly waited; and in each where those would be too few: then images are lost whatever is done, and what is
        left of them is looked at.
        """
        turn, cost = self._turn, self._costs[kind]
        room = max(turn.room - beside, 0.0)
        if number * cost <= room:
            return number
        if cost <= turn.most_room:
            return int(room / cost)
        interval = self.interval
        return int(turn.waited <= _HARDLY * interval or cost > _FEW * (interval - self._rest))

    @property
    def rest(self) -> float:
        """Seconds of an image that the stage takes besides the networks, on average; 0 where nobody measures them."""
        return self._rest

    def begin(self) -> None:
        """The next image has its time, beside what those before left over."""
        self._turn.tells = True
        seconds = self.seconds
        # a look that costs more than an image has is saved up for, and paid for afterwards
        most = max(_MOST_SAVED * seconds, self._costs["person"] if self.scarce else 0.0)
        self._left = min(max(self._left, -most), most) + seconds

    def cost(self, kind: str) -> float:
        """Seconds of one run. kind: "person" (one crop) or "search" (one window)."""
        return self._costs[kind]

    def charge(self, runs: Mapping[str, int]) -> None:
        """So many runs of each kind were asked for in vain: late, or failed. They take what they are known to cost.

        Nothing is learned of it.
        """
        self._take(self._expected(runs))
        self._turn.tells = False

    def spent(self, runs: Mapping[str, int], seconds: float) -> None:
        """So many runs of each kind took `seconds` together; what each costs is learned from that.

        What is left of the image's time becomes less by what they are known to cost: a single slow image is at nobody's
        expense.
        """
        expected = self._expected(runs)
        self._take(expected)
        self._turn.networks += seconds
        if expected <= 0.0:
            return
        factor = min(seconds / expected, _SLOWEST)
        for kind, number in runs.items():
            if number:
                # the more of the time a kind is thought to have taken, the more of the error is its own
                weight = _COST_SHARE * self._costs[kind] * number / expected
                self._costs[kind] = max(self._costs[kind] * (1.0 + weight * (factor - 1.0)), _LEAST_COST)

    def _expected(self, runs: Mapping[str, int]) -> float:
        """Seconds that so many runs of each kind are known to cost."""
        return sum(self._costs[kind] * number for kind, number in runs.items())

    def _take(self, seconds: float) -> None:
        self._left -= seconds
        self._turn.room -= seconds


def _interval(gaps: list[float]) -> float:
    """Seconds from one image to the next by the newest gaps.

    It is their mean: images that come in pairs, as over a network, are as many a second as others.
    """
    if len(gaps) < 2 or min(gaps[-2:]) <= _PAUSE:
        gaps = [gap for gap in gaps if gap <= _PAUSE]
    if not gaps:
        return USUAL_INTERVAL
    while (longest := max(gaps)) * (len(gaps) - 1) > _HOLE * (sum(gaps) - longest) and len(gaps) > _NEWEST:
        gaps.remove(longest)
    newest = gaps[-_NEWEST:]
    return min(sum(gaps) / len(gaps), _FASTER * sum(newest) / len(newest))
