"""Steady keypoints: the One-Euro filter (Casiez, Roussel & Vogel, CHI 2012), told how sure each joint is."""

import math
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
        points = keypoints[:, :2].astype(np.float64)
        found = np.isfinite(points[:, 0])
        if self._whole_at is not None and 0.0 < time - self._whole_at <= LONGEST_GAP and found.all():
            self._advance(points, keypoints[:, 2], time - self._whole_at, slice(None), height)
            self._seen[:] = self._whole_at = time
            result = keypoints.copy()
            result[:, :2] = self._value
            return result
        if self._value is None:
            self._value = np.full_like(points, np.nan)
            self._speed = np.zeros_like(points)
            self._seen = np.full(len(points), -math.inf)
        step = time - self._seen
        fresh = found & ~((step > 0.0) & (step <= LONGEST_GAP) & np.isfinite(self._value[:, 0]))
        known = found & ~fresh
        self._value[fresh], self._speed[fresh] = points[fresh], 0.0
        if known.any():
            self._advance(points, keypoints[:, 2], step[known, None], known, height)
        self._seen[found] = time
        self._whole_at = time if found.all() else None
        result = keypoints.copy()
        result[found, :2] = self._value[found]
        return result

    def _advance(
        self,
        points: np.ndarray,
        confidence: np.ndarray,
        step: np.ndarray | float,
        known: np.ndarray | slice,
        height: float,
    ) -> None:
        """One filter step for the joints that have a past. step: seconds since each of them, (N, 1), or of all."""
        assert self._value is not None
        ahead = points[known] - self._value[known]
        speed = self._speed[known] + _share(SPEED_CUTOFF, step) * (ahead / step - self._speed[known])
        self._speed[known] = speed
        pace = np.hypot(speed[:, :1], speed[:, 1:]) / height
        cutoff = CUTOFF + SPEED_GAIN * pace
        share = _share(cutoff * (0.5 + 0.5 * confidence[known, None].clip(0.0, 1.0)), step)
        self._value[known] += share * ahead


def _share(cutoff: Any, step: Any) -> Any:
    """Weight of the newest value in a first-order low-pass of that cut-off (hertz), step seconds after the last one."""
    turn = 2.0 * math.pi * cutoff * step
    return turn / (turn + 1.0)
