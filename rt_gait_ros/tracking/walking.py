"""Who walks: legs that swing against each other, or a body that travels or comes nearer."""

from dataclasses import dataclass
from enum import Enum

import numpy as np

from rt_gait_ros.tracking.kalman import KalmanBank
from rt_gait_ros.tracking.rows import Rows

# Both ankles, left and right, in the layouts the tracker knows.
ANKLES = {"coco": (15, 16), "trt_pose": (15, 16)}

# Memory (s) of the swing statistics: half a gait cycle, 1.0-1.2 s at a usual cadence (Whittle, Gait Analysis).
SWING_MEMORY = 0.6

# Swing (standard deviation of the ankles' distance, body heights) of a walker: steps of 0.4 heights give 0.12 from the
# side and 0.04 from the front; a stander's keypoint jitter gives 0.01-0.02.
SWING = 0.035

# Speed across the image (body heights / s): half of a slow walk of 0.8 m/s by a person 1.7 m tall.
TRAVEL = 0.22

# Growth of the box (1/s): a slow walk of 0.8 m/s straight at a camera 5 m away.
APPROACH = 0.16

# A walker stays one until the motion falls below this part of the line, so that the flag does not flicker.
HYSTERESIS = 0.6


class WalkingReason(Enum):
    """What made a track count as walking: the strongest evidence."""

    ANKLES = "ankles swing"
    TRAVEL = "box travels"
    APPROACH = "box grows or shrinks"


_REASONS = (WalkingReason.ANKLES, WalkingReason.TRAVEL, WalkingReason.APPROACH)


@dataclass(slots=True)
class Gaits(Rows):
    """Motion of N tracks: exponentially forgetting mean and variance (N, 2) of the ankles' distance, in body heights.

    seconds: (N,) of evidence in it. walking: (N,) bool. reason: (N,) index into WalkingReason's members, 0 for none.
    """

    mean: np.ndarray
    spread: np.ndarray
    seconds: np.ndarray
    walking: np.ndarray
    reason: np.ndarray

    @classmethod
    def start(cls, count: int) -> "Gaits":
        """Nothing known of `count` tracks."""
        return cls(
            mean=np.full((count, 2), np.nan),
            spread=np.zeros((count, 2)),
            seconds=np.zeros(count),
            walking=np.zeros(count, dtype=bool),
            reason=np.zeros(count, dtype=np.int64),
        )

    def update(self, rows: np.ndarray, ankles: np.ndarray | None, elapsed: np.ndarray, boxes: KalmanBank) -> None:
        """Take in what was seen of the tracks `rows` (R,).

        ankles: (R, 2, 2+) pixels, left and right, NaN where not found; None when the layout has none.
        elapsed: (R,) seconds since each was last seen. boxes: filters of all N tracks.
        """
        height = boxes.mean[rows, 3]
        if ankles is not None:
            self._swing(rows, ankles, elapsed, height)
        strength = np.empty((len(rows), 3))
        strength[:, 0] = np.sqrt(self.spread[rows].sum(axis=1)) / SWING
        velocity = boxes.velocity[rows]
        doubt = np.sqrt(boxes.rate_variance[rows])
        speed = np.hypot(velocity[:, 0], velocity[:, 1]) - np.hypot(doubt[:, 0], doubt[:, 1])
        strength[:, 1] = speed / height / TRAVEL
        strength[:, 2] = (np.abs(velocity[:, 3]) - doubt[:, 3]) / height / APPROACH
        best = strength.argmax(axis=1)
        line = np.where(self.walking[rows], HYSTERESIS, 1.0)
        walking = strength[np.arange(len(rows)), best] > line
        self.walking[rows] = walking
        self.reason[rows] = np.where(walking, best + 1, 0)

    def _swing(self, rows: np.ndarray, ankles: np.ndarray, elapsed: np.ndarray, height: np.ndarray) -> None:
        # Sideways only the distance counts: pose networks often swap left and right legs in side view.
        apart = ankles[:, 0, :2] - ankles[:, 1, :2]
        apart[:, 0] = np.abs(apart[:, 0])
        apart /= height[:, None]
        seen = np.isfinite(apart).all(axis=1)
        rows, apart, weight = rows[seen], apart[seen], 1 - np.exp(-elapsed[seen, None] / SWING_MEMORY)
        mean, spread = self.mean[rows], self.spread[rows]
        change = np.where(np.isfinite(mean), apart - mean, 0)
        self.mean[rows] = np.where(np.isfinite(mean), mean + weight * change, apart)
        self.spread[rows] = (1 - weight) * (spread + weight * change**2)
        self.seconds[rows] += elapsed[seen]

    def reasons(self) -> list[str]:
        """Why each of the N tracks counts as walking."""
        return [_REASONS[reason - 1].value if reason else "" for reason in self.reason.tolist()]
