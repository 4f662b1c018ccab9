"""The rule that the tracker told walkers by before: legs that pass each other, or a box that travels or comes nearer.

Kept as the reference of the benchmark `walking`.
"""

from dataclasses import dataclass

import numpy as np

from rt_gait_ros.tracking.kalman import KalmanBank
from rt_gait_ros.tracking.rows import Rows

# How far (body heights) one ankle must get past the other, to either side, for a step: half of what short steps of 0.2
# heights give from the side, and half of how high a lifted foot (0.07 heights) looks from the front.
STEP = np.array([0.1, 0.035])

# ... and how many pixels at least: three standard deviations of the distance between two ankles found to 1.5 pixels.
STEP_PIXELS = 6.0

# Longest time (s) from one step to the next: the slowest usual cadence is 80 steps a minute (Whittle, Gait Analysis).
STEP_TIME = 0.75

# Steps in a row that make a walk; one alone is a shift of weight, or the left leg taken for the right.
STEPS = 2

# Speed across the image (body heights / s): half of a slow walk of 0.8 m/s by a person 1.7 m tall.
TRAVEL = 0.22

# Growth of width and height (1/s): a slow walk of 0.8 m/s straight at a camera 5 m away.
APPROACH = 0.16

# Time (s) over which growth is taken: longer than one jump or one step, which change the box for a moment.
APPROACH_TIME = 1.0

# A walker stays one until the motion falls below this part of the line, so that the flag does not flicker.
HYSTERESIS = 0.6


@dataclass(slots=True)
class StepsAndTravel(Rows):
    """Motion of N tracks.

    ahead: (N, 2) which ankle was last well past the other, across and down the image: 1 left, -1 right, 0 unknown.
    since: (N, 2) seconds since they last passed. steps: (N, 2) times that they did so in a row.
    size: (N, 2) logarithm of width and height, smoothed.
    walking: (N,) bool.
    """

    ahead: np.ndarray
    since: np.ndarray
    steps: np.ndarray
    size: np.ndarray
    walking: np.ndarray

    @classmethod
    def start(cls, boxes: np.ndarray) -> "StepsAndTravel":
        """Nothing known of tracks but their first boxes (N, 4): centre x, centre y, width, height."""
        count = len(boxes)
        return cls(
            ahead=np.zeros((count, 2)),
            since=np.zeros((count, 2)),
            steps=np.zeros((count, 2), dtype=np.int64),
            size=np.log(boxes[:, 2:]),
            walking=np.zeros(count, dtype=bool),
        )

    def update(self, rows: np.ndarray, ankles: np.ndarray | None, elapsed: np.ndarray, boxes: KalmanBank) -> None:
        """Take in what was seen of the tracks `rows` (R,).

        ankles: (R, 2, 2+) pixels, left and right, NaN where not found; None when the layout has none.
        elapsed: (R,) seconds since each was last seen. boxes: filters of all N tracks.
        """
        height, velocity = boxes.mean[rows, 3], boxes.velocity[rows, :2]
        doubt = np.sqrt(boxes.rate_variance[rows, :2]).max(axis=1)
        strength = np.empty((len(rows), 3))
        strength[:, 0] = 0.0 if ankles is None else self._stepping(rows, ankles, elapsed, height)
        strength[:, 1] = (np.hypot(velocity[:, 0], velocity[:, 1]) - doubt) / height / TRAVEL
        strength[:, 2] = self._growth(rows, elapsed, boxes) / APPROACH
        best = strength.argmax(axis=1)
        line = np.where(self.walking[rows], HYSTERESIS, 1.0)
        walking = strength[np.arange(len(rows)), best] > line
        self.walking[rows] = walking

    def _stepping(self, rows: np.ndarray, ankles: np.ndarray, elapsed: np.ndarray, height: np.ndarray) -> np.ndarray:
        """Follow the ankles; returns (R,) infinity for those who walk by them, else 0.

        Only legs that pass each other count: in a jumping jack, or when somebody crouches, they move alike.
        """
        apart = ankles[:, 0, :2] - ankles[:, 1, :2]
        far = np.abs(apart) > np.maximum(STEP * height[:, None], STEP_PIXELS)  # False where not found
        now = np.where(far, np.sign(apart), 0.0)
        before = self.ahead[rows]
        passed = now * before < 0
        since = self.since[rows] + elapsed[:, None]
        steps = np.where(since > STEP_TIME, 0, self.steps[rows]) + passed
        self.ahead[rows] = np.where(far, now, before)
        self.since[rows] = np.where(passed, 0.0, since)
        self.steps[rows] = steps
        return np.where((steps >= STEPS).any(axis=1), np.inf, 0.0)

    def _growth(self, rows: np.ndarray, elapsed: np.ndarray, boxes: KalmanBank) -> np.ndarray:
        """How fast (R,) the boxes grow or shrink, 1/s, in width as well as in height."""
        now = np.log(boxes.mean[rows, 2:])
        lag = now - self.size[rows]
        self.size[rows] = now - lag * np.exp(-elapsed / APPROACH_TIME)[:, None]
        alike = lag[:, 0] * lag[:, 1] > 0
        return np.where(alike, np.abs(lag).min(axis=1), 0.0) / APPROACH_TIME
