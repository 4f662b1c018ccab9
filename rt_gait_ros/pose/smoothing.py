"""Steady keypoints: the One-Euro filter (Casiez, Roussel & Vogel, CHI 2012), told how sure each joint is."""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

# Tuned on walking footage (docs/pose.md). Speeds are in body heights per second, so that near and far people are
# filtered alike: what stands is held to CUTOFF hertz, a swinging ankle (two heights a second) passes almost freely.
CUTOFF = 1.0
SPEED_GAIN = 20.0
SPEED_CUTOFF = 4.0

# A joint that was not seen for longer than this starts afresh, seconds.
LONGEST_GAP = 0.3


class KeypointFilter:
    """Filters one person's keypoints through time."""

    def __init__(self) -> None:
        self._value: np.ndarray | None = None
        self._speed = np.zeros((0, 2))
        self._seen = np.zeros(0)
        self._whole_at: float | None = None  # when all joints were seen last, if they were in the last image

    def __call__(self, keypoints: np.ndarray, time: float, height: float) -> np.ndarray:
        """Filtered copy of keypoints (K, 3) at `time` seconds; height: the person's, in pixels.

        Missing joints (NaN) stay missing. The surer the network is of a joint, the less of the past is mixed in.
        """
        return steadied([self], keypoints[None], time, [height])[0]

    def _goes_on(self, time: float) -> bool:
        """Whether all joints were seen in the last image, and that was a moment ago."""
        return self._whole_at is not None and 0.0 < time - self._whole_at <= LONGEST_GAP

    def _by_joints(self, keypoints: np.ndarray, time: float, height: float) -> np.ndarray:
        """As called, joint by joint: each has a past of its own, or none."""
        points = keypoints[:, :2].astype(np.float64)
        found = np.isfinite(points[:, 0])
        if self._value is None:
            self._value = np.full_like(points, np.nan)
            self._speed = np.zeros_like(points)
            self._seen = np.full(len(points), -math.inf)
        step = time - self._seen
        fresh = found & ~((step > 0.0) & (step <= LONGEST_GAP) & np.isfinite(self._value[:, 0]))
        known = found & ~fresh
        self._value[fresh], self._speed[fresh] = points[fresh], 0.0
        if known.any():
            ahead, sure = points[known] - self._value[known], keypoints[known, 2:]
            moved, self._speed[known] = _step(ahead, self._speed[known], sure, step[known, None], height)
            self._value[known] += moved
        self._seen[found] = time
        self._whole_at = time if found.all() else None
        result = keypoints.copy()
        result[found, :2] = self._value[found]
        return result


def steadied(
    filters: Sequence[KeypointFilter], keypoints: np.ndarray, time: float, heights: Sequence[float]
) -> np.ndarray:
    """What each of P filters gives for its person's keypoints (P, K, 3) at `time`; heights: (P,) of them, pixels.

    Those who go on without a gap, as most do, are done all at once: NumPy takes about as long for ten as for one.
    """
    whole = np.isfinite(keypoints[..., 0]).all(axis=1).tolist()
    together = [n for n, each in enumerate(filters) if whole[n] and each._goes_on(time)]
    result = keypoints.copy()
    for n in set(range(len(filters))) - set(together):
        result[n] = filters[n]._by_joints(keypoints[n], time, heights[n])
    if not together:
        return result
    chosen = [filters[n] for n in together]
    value, speed = np.array([each._value for each in chosen]), np.array([each._speed for each in chosen])
    step = np.array([time - each._whole_at for each in chosen if each._whole_at is not None])[:, None, None]
    height = np.array([heights[n] for n in together])[:, None, None]
    moved, speed = _step(keypoints[together, :, :2] - value, speed, keypoints[together, :, 2:], step, height)
    value += moved
    result[together, :, :2] = value
    for each, own_value, own_speed in zip(chosen, value, speed, strict=True):
        each._value, each._speed = own_value, own_speed
        each._seen[:] = each._whole_at = time
    return result


def _step(
    ahead: np.ndarray, speed: np.ndarray, confidence: np.ndarray, step: np.ndarray, height: np.ndarray | float
) -> tuple[np.ndarray, np.ndarray]:
    """How joints (..., 2) move that are measured `ahead` of where they were `step` seconds ago, and their new speed.

    confidence: (..., 1) of each. step, height: of each joint, or of each person.
    """
    speed = speed + _share(SPEED_CUTOFF, step) * (ahead / step - speed)
    pace = np.hypot(speed[..., :1], speed[..., 1:]) / height
    cutoff = CUTOFF + SPEED_GAIN * pace
    share = _share(cutoff * (0.5 + 0.5 * confidence.clip(0.0, 1.0)), step)
    return share * ahead, speed


def _share(cutoff: Any, step: Any) -> Any:
    """Weight of the newest value in a first-order low-pass of that cut-off (hertz), step seconds after the last one."""
    turn = 2.0 * math.pi * cutoff * step
    return turn / (turn + 1.0)
