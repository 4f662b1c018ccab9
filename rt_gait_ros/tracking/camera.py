"""Where on the floor a person stands, from one camera of known height and tilt."""

import math
from dataclasses import dataclass, field

import numpy as np

from rt_gait_ros.errors import UsageError

# Both hips, left and right, in the layouts the tracker knows.
HIPS = {"coco": (11, 12), "trt_pose": (11, 12)}

# Where the hips are in a box that shows a whole person, from its top: they are 0.53 of the height above the floor
# (Winter, Biomechanics and Motor Control of Human Movement).
HIP_LEVEL = 0.47

# Steps of the numerical derivative by foot x, y, hip x, y in pixels and tilt in radians.
_STEPS = np.diag([1.0, 1.0, 1.0, 1.0, 1e-3])


@dataclass(frozen=True)
class CameraModel:
    """A pinhole camera without distortion, looking over a flat floor.

    K: (3, 3) intrinsics in pixels. height: metres above the floor. tilt: radians, positive when looking down.
    tilt_error: standard deviation of the tilt in radians; a walking robot nods about a degree.
    Raises UsageError when the numbers cannot be a camera's.
    """

    K: np.ndarray
    height: float
    tilt: float
    tilt_error: float = field(default=math.radians(1.0))

    def __post_init__(self) -> None:
        matrix = np.asarray(self.K, dtype=np.float64)
        if matrix.shape != (3, 3) or not np.isfinite(matrix).all() or matrix[0, 0] <= 0 or matrix[1, 1] <= 0:
            raise UsageError("camera model: K is not a 3×3 matrix with positive focal lengths; calibrate the camera")
        if not math.isfinite(self.height) or self.height <= 0:
            raise UsageError(f"camera model: height is {self.height}; give metres above the floor, more than 0")
        if not math.isfinite(self.tilt) or abs(self.tilt) >= math.pi / 2:
            raise UsageError(
                f"camera model: tilt is {self.tilt}; give radians between -pi/2 and pi/2, down is positive"
            )
        object.__setattr__(self, "K", matrix)

    def locate(self, foot: np.ndarray, hip: np.ndarray, variance: float) -> tuple[np.ndarray, np.ndarray] | None:
        """Position (3,) of the hips in metres in the optical frame (x right, y down, z ahead), and covariance (3, 3).

        foot, hip: (2,) pixels of the point on the floor below the person, and of the mid-hips. variance: of each of
        their coordinates, square pixels. None when the foot's ray does not meet the floor in front of the camera.
        """
        position = self._hip(foot, hip, self.tilt)
        if position is None:
            return None
        jacobian = np.zeros((3, 5))
        for column, step in enumerate(_STEPS):
            moved = self._hip(foot + step[:2], hip + step[2:4], self.tilt + step[4])
            if moved is None:
                return None
            jacobian[:, column] = (moved - position) / step[column]
        spread = np.diag([variance, variance, variance, variance, self.tilt_error**2])
        return position, jacobian @ spread @ jacobian.T

    def _hip(self, foot: np.ndarray, hip: np.ndarray, tilt: float) -> np.ndarray | None:
        down = np.array([0.0, math.cos(tilt), math.sin(tilt)])
        ahead = np.array([0.0, -math.sin(tilt), math.cos(tilt)])
        ray, hip_ray = self._ray(foot), self._ray(hip)
        drop, advance = ray @ down, hip_ray @ ahead
        if drop <= 1e-6 or advance <= 1e-6:
            return None
        on_floor = ray * (self.height / drop)
        return hip_ray * ((on_floor @ ahead) / advance)

    def _ray(self, pixel: np.ndarray) -> np.ndarray:
        x, y = pixel
        vertical = (y - self.K[1, 2]) / self.K[1, 1]
        return np.array([(x - self.K[0, 2] - self.K[0, 1] * vertical) / self.K[0, 0], vertical, 1.0])
