"""Constant-velocity Kalman filters of many boxes at once.

The state of one box is (centre x, centre y, width, height) and its rate of change, as in BoT-SORT (Aharon et al.
2022). No noise couples the four coordinates, so the 8×8 filter falls apart into four filters of two states each,
exactly; their covariances are three numbers, and prediction and update of all boxes are a few element-wise operations.
"""

from dataclasses import dataclass

import numpy as np

from rt_gait_ros.tracking.rows import Rows

# Rate (1/s) at which a change of size dies out: x and y keep their velocity; width and height pulse with the steps, and
# running such a pulse on through an occlusion would blow the box up or shrink it to nothing.
SIZE_DECAY = np.array([0.0, 0.0, 8.0, 8.0])
_DECAYS, _RATE = SIZE_DECAY > 0, np.maximum(SIZE_DECAY, 1e-9)

# How freely each coordinate changes its velocity, over how freely the centre does: the width with every step.
AGILITY = np.array([1.0, 1.0, 4.0, 1.0])

# Start of an unknown velocity, in body heights per second: a brisk walk is 1.4 m/s, 0.8 heights of 1.7 m.
INITIAL_SPEED = np.array([0.8, 0.25, 0.25, 0.25])

# No box is smaller than this many pixels, however long its filter ran without a measurement.
MINIMUM_SIZE = 1.0


@dataclass(slots=True)
class KalmanBank(Rows):
    """N boxes: all arrays (N, 4) float64 in the order centre x, centre y, width, height; pixels and seconds.

    mean, velocity: the state. variance, cross, rate_variance: the entries of each coordinate's 2×2 covariance.
    """

    mean: np.ndarray
    velocity: np.ndarray
    variance: np.ndarray
    cross: np.ndarray
    rate_variance: np.ndarray

    @classmethod
    def start(cls, boxes: np.ndarray, noise: np.ndarray) -> "KalmanBank":
        """Filters of boxes (N, 4) seen once with measurement variance `noise` (N, 4); velocities unknown."""
        boxes = boxes.astype(np.float64)
        return cls(
            mean=boxes,
            velocity=np.zeros_like(boxes),
            variance=noise.copy(),
            cross=np.zeros_like(boxes),
            rate_variance=(INITIAL_SPEED * boxes[:, 3:4]) ** 2,
        )

    def predict(self, dt: float | np.ndarray, acceleration: float) -> None:
        """Move on by `dt` seconds, one for all or (N, 1).

        acceleration: standard deviation of the white noise on the centre's velocity, body heights / s^1.5.
        """
        decay = np.exp(-SIZE_DECAY * dt)
        reach = np.where(_DECAYS, (1 - decay) / _RATE, dt)
        power = (acceleration * AGILITY * self.mean[:, 3:4]) ** 2
        self.mean += reach * self.velocity
        np.maximum(self.mean[:, 2:], MINIMUM_SIZE, out=self.mean[:, 2:])
        self.velocity *= decay
        self.variance += reach * (2 * self.cross + reach * self.rate_variance) + power * (dt**3 / 3)
        self.cross = decay * (self.cross + reach * self.rate_variance) + power * (dt**2 / 2)
        self.rate_variance = decay**2 * self.rate_variance + power * dt

    def update(self, rows: np.ndarray, boxes: np.ndarray, noise: np.ndarray) -> None:
        """Join boxes (M, 4) with measurement variance `noise` (M, 4) to the filters `rows` (M,)."""
        variance, cross = self.variance[rows], self.cross[rows]
        total = variance + noise
        gain, rate_gain = variance / total, cross / total
        residual = boxes - self.mean[rows]
        mean = self.mean[rows] + gain * residual
        np.maximum(mean[:, 2:], MINIMUM_SIZE, out=mean[:, 2:])
        self.mean[rows] = mean
        self.velocity[rows] += rate_gain * residual
        self.rate_variance[rows] -= rate_gain * cross
        self.cross[rows] = (1 - gain) * cross
        self.variance[rows] = (1 - gain) * variance

    def warp(self, affine: np.ndarray) -> None:
        """Follow the camera: map every state by the 2×3 `affine` that takes the last image's pixels to this one's.

        The rotation between two images of a moving camera is small, so the covariances are scaled only and the
        coordinates stay uncorrelated (BoT-SORT rotates the full matrix; the difference vanishes in the noise).
        """
        linear, shift = affine[:, :2], affine[:, 2]
        scale = np.sqrt(abs(np.linalg.det(linear)))
        self.mean[:, :2] = self.mean[:, :2] @ linear.T + shift
        self.velocity[:, :2] = self.velocity[:, :2] @ linear.T
        self.mean[:, 2:] *= scale
        self.velocity[:, 2:] *= scale
        for covariance in (self.variance, self.cross, self.rate_variance):
            covariance *= scale**2
