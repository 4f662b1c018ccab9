"""What the networks of the pose stage may cost in one image: from the camera's rate, and from what they cost so far."""

import math
import os
import threading
from collections import deque
from collections.abc import Mapping

import numpy as np

from rt_gait_ros.pose.errors import PoseSettingsError

# Seconds from one image to the next before the camera's rate is known: 25 a second.
USUAL_INTERVAL = 0.04
# Gaps that the rate is taken from, and the longest that counts: a camera that stood still says nothing of its rate.
_GAPS, _LONGEST_GAP = 30, 1.0
# Share of the interval that the networks may take, by the cores at hand, and in between in proportion. The other
# stages, the camera and DDS take the rest: about a third of one core, and a tenth where they have cores of their own.
# Below one core, where several cameras share the cores, they take a quarter of a core of each camera (10 ms of the
# processor for each image, by `rt-gait bench cameras`), and the networks 0.8 of what is left.
_SHARES = {0.3125: 0.05, 1.0: 0.6, 2.0: 0.75, 3.0: 0.8, 4.0: 0.9}
# Seconds of one run before it was measured: BlazePose lite and a tile, on one core (docs/pose.md).
_FIRST_COSTS = {"person": 0.010, "search": 0.012}
# Share of the newest image in the running cost; a single slow image (a swapped page, another process) is taken with
# at most this factor, so that it does not starve the next ones.
_COST_SHARE, _SLOWEST = 0.1, 4.0
_LEAST_COST = 1e-4
# What one image left over, or took too much, counts for the next ones up to this many images' time. An image then takes
# less than two intervals of the camera, and the next one, which waits that long, is not dropped for it.
_MOST_SAVED = 1.0


class Budget:
    """Seconds of network time for each image. `arrived` may be called from another thread than the rest.

    What an image leaves over is there for the next ones: where a look costs 0.6 of an image's time, two images of three
    have room for a second one.

    The rate is that at which images arrive, dropped ones too; neither what the camera says nor the stamps count, so
    that a rate that is a lie, or stamps that stand still, change nothing.
    """

    def __init__(self, limit: float = 0.0, cores: float = 0.0) -> None:
        """limit: seconds per image; 0: as the camera's rate and the cores at hand allow.

        cores: this camera's share of them, where it is not alone on the machine; 0: all that this process may run on.
        Less than one is `scarce`, unless there is a limit: there is not even time for one look at a person in an image.
        Raises PoseSettingsError for a limit or cores that are no number, or below 0.
        """
        if not (math.isfinite(limit) and limit >= 0.0):
            raise PoseSettingsError(f"budget = {limit} must be a number of seconds from 0 on: 0 follows the camera")
        if not (math.isfinite(cores) and cores >= 0.0):
            raise PoseSettingsError(f"cores = {cores} must be a number from 0 on: 0 takes those of the process")
        self._limit = limit
        self.scarce = limit == 0.0 and 0.0 < cores < 1.0
        self._share = float(np.interp(cores or len(os.sched_getaffinity(0)), list(_SHARES), list(_SHARES.values())))
        self._lock = threading.Lock()
        self._gaps: deque[float] = deque(maxlen=_GAPS)
        self._arrived: float | None = None
        self._costs = dict(_FIRST_COSTS)
        self._left = 0.0

    def arrived(self, when: float) -> None:
        """An image came in, used or not. when: seconds of a clock that only goes forward."""
        with self._lock:
            if self._arrived is not None and 0.0 < when - self._arrived <= _LONGEST_GAP:
                self._gaps.append(when - self._arrived)
            self._arrived = when

    @property
    def interval(self) -> float:
        """Seconds from one image to the next, as they arrive."""
        with self._lock:
            # the mean: images that come in pairs, as over a network, are as many a second as others
            return sum(self._gaps) / len(self._gaps) if self._gaps else USUAL_INTERVAL

    @property
    def seconds(self) -> float:
        """What the networks may take in one image, on average."""
        return self._limit or self._share * self.interval

    @property
    def left(self) -> float:
        """What they may still take in this image; below 0 where more was taken than there was."""
        return self._left

    def begin(self) -> None:
        """The next image has its time, beside what those before left over."""
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
        self._left -= sum(self._costs[kind] * number for kind, number in runs.items())

    def spent(self, runs: Mapping[str, int], seconds: float) -> None:
        """So many runs of each kind took `seconds` together; what each costs is learned from that.

        What is left of the image's time becomes less by what they are known to cost: a single slow image is at nobody's
        expense.
        """
        expected = sum(self._costs[kind] * number for kind, number in runs.items())
        self._left -= expected
        if expected <= 0.0:
            return
        factor = min(seconds / expected, _SLOWEST)
        for kind, number in runs.items():
            if number:
                # the more of the time a kind is thought to have taken, the more of the error is its own
                weight = _COST_SHARE * self._costs[kind] * number / expected
                self._costs[kind] = max(self._costs[kind] * (1.0 + weight * (factor - 1.0)), _LEAST_COST)
