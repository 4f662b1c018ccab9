"""Where a person stands before one camera: its lens, and the floor below it when height and tilt are known."""

import math
from collections.abc import Callable
from dataclasses import dataclass, field

import cv2
import numpy as np

from rt_gait_ros.errors import UsageError

# Longest ray that tells a direction, at 1 along the optical axis: 87 degrees off it. What a fisheye lens shows beyond,
# and where its model has no direction for a pixel, positions would be off by any amount.
LONGEST_RAY = 20.0

# Steps of the numerical derivative by foot x, y, hip x, y in pixels and tilt in radians.
_STEPS = np.diag([1.0, 1.0, 1.0, 1.0, 1e-3])
# The same by foot x, y, head x, y, hip x, y in pixels, tilt in radians and stature in metres.
_UPRIGHT_STEPS = np.diag([1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1e-3, 1e-2])


@dataclass(frozen=True)
class CameraModel:
    """A camera with a lens, and, where they are known, its height and attitude over a flat floor.

    K: (3, 3) intrinsics in pixels. height: metres above the floor, None where it is not known: then only a depth image
    or a known stature gives positions. tilt: radians, positive when looking down. roll: radians, positive when the
    camera lies on its right side, so that the image turns counter-clockwise. tilt_error: standard deviation of the tilt
    in radians; a walking robot nods about a degree. distortion: OpenCV's coefficients, 4 or more; empty: none. fisheye:
    they are of the equidistant model. attitude_known: whether tilt and roll are the camera's; without them only a depth
    image gives positions. Raises UsageError when the numbers cannot be a camera's.
    """

    K: np.ndarray
    height: float | None = None
    tilt: float = 0.0
    tilt_error: float = math.radians(1.0)
    roll: float = 0.0
    distortion: np.ndarray = field(default_factory=lambda: np.zeros(0))
    fisheye: bool = False
    attitude_known: bool = True

    def __post_init__(self) -> None:
        matrix, distortion = np.asarray(self.K, dtype=np.float64), np.asarray(self.distortion, dtype=np.float64)
        if matrix.shape != (3, 3) or not np.isfinite(matrix).all() or matrix[0, 0] <= 0 or matrix[1, 1] <= 0:
            raise UsageError("camera model: K is not a 3×3 matrix with positive focal lengths; calibrate the camera")
        if self.height is not None and (not math.isfinite(self.height) or self.height <= 0):
            raise UsageError(f"camera model: height is {self.height}; give metres above the floor, more than 0")
        if not math.isfinite(self.tilt) or abs(self.tilt) >= math.pi / 2:
            raise UsageError(
                f"camera model: tilt is {self.tilt}; give radians between -pi/2 and pi/2, down is positive"
            )
        if not math.isfinite(self.roll):
            raise UsageError(f"camera model: roll is {self.roll}; give radians")
        sizes = (0, 4) if self.fisheye else (0, 4, 5, 8, 12, 14)
        if distortion.ndim != 1 or len(distortion) not in sizes or not np.isfinite(distortion).all():
            raise UsageError(f"camera model: distortion has {distortion.size} values; one of {sizes} is needed")
        object.__setattr__(self, "K", matrix)
        object.__setattr__(self, "distortion", distortion if distortion.any() else np.zeros(0))

    @property
    def down(self) -> np.ndarray:
        """Direction (3,) of a plumb line in the optical frame, of length 1."""
        return _down(self.tilt, self.roll)

    def ray(self, pixel: np.ndarray) -> np.ndarray:
        """Direction (3,) in the optical frame (x right, y down, z ahead) of what is seen at `pixel` (2,); z is 1."""
        if len(self.distortion):
            undistort = cv2.fisheye.undistortPoints if self.fisheye else cv2.undistortPoints
            straight = undistort(np.asarray(pixel, np.float64).reshape(1, 1, 2), self.K, self.distortion).ravel()
            return np.array([straight[0], straight[1], 1.0])
        x, y = pixel
        vertical = (y - self.K[1, 2]) / self.K[1, 1]
        return np.array([(x - self.K[0, 2] - self.K[0, 1] * vertical) / self.K[0, 0], vertical, 1.0])

    def locate(self, foot: np.ndarray, hip: np.ndarray, variance: float) -> tuple[np.ndarray, np.ndarray] | None:
        """Position (3,) of the hips in metres in the optical frame, and covariance (3, 3), by the floor.

        foot, hip: (2,) pixels of the point on the floor below the person, and of the mid-hips. variance: of each of
        their coordinates, square pixels. None when height or attitude are not known, or the foot's ray does not meet
        the floor in front of the camera, or a lens shows them beyond LONGEST_RAY.
        """
        given = np.array([*foot, *hip, self.tilt], np.float64)
        return _propagated(self._hip, given, _STEPS, np.array([*[variance] * 4, self.tilt_error**2]))

    def locate_upright(
        self, pixels: np.ndarray, variance: float, stature: float, deviation: float
    ) -> tuple[np.ndarray, np.ndarray] | None:
        """Position (3,) of the hips in metres in the optical frame, and covariance (3, 3), by how tall somebody is.

        pixels: (3, 2) of the lowest point of the body, the highest, and the mid-hips of somebody who stands upright.
        variance: of each of their coordinates, square pixels. stature: metres, with its standard deviation. The height
        of the camera need not be known, but its attitude. None without it, or where the body is not seen from the side.
        """
        given = np.array([*np.asarray(pixels, np.float64).ravel(), self.tilt, stature])
        variances = np.array([*[variance] * 6, self.tilt_error**2, deviation**2])
        return _propagated(self._upright_hip, given, _UPRIGHT_STEPS, variances)

    def _upright_hip(self, given: np.ndarray) -> np.ndarray | None:
        """(3,) from the numbers that _UPRIGHT_STEPS are steps of."""
        if not self.attitude_known:
            return None
        foot, head, hip = rays = [self.ray(pixel) for pixel in given[:6].reshape(3, 2)]
        down, ahead = _down(given[6], self.roll), _ahead(given[6], self.roll)
        advances = [ray @ ahead for ray in (foot, head, hip)]
        if min(advances) <= 1e-6 or not all(map(tells_direction, rays)):
            return None
        # How much lower the feet are seen than the head, at one metre along the ground.
        length = foot @ down / advances[0] - head @ down / advances[1]
        return None if length <= 1e-6 else hip * (given[7] / length / advances[2])

    def _hip(self, given: np.ndarray) -> np.ndarray | None:
        """(3,) from the numbers that _STEPS are steps of."""
        if self.height is None or not self.attitude_known:
            return None
        down, ahead = _down(given[4], self.roll), _ahead(given[4], self.roll)
        ray, hip_ray = self.ray(given[:2]), self.ray(given[2:4])
        drop, advance = ray @ down, hip_ray @ ahead
        if min(drop, advance, ray @ ahead) <= 1e-6 or not (tells_direction(ray) and tells_direction(hip_ray)):
            return None
        on_floor = ray * (self.height / drop)
        return hip_ray * ((on_floor @ ahead) / advance)


def tells_direction(ray: np.ndarray) -> bool:
    """Whether a ray (3,), as CameraModel.ray gives it, is one that positions may go by."""
    return bool(np.linalg.norm(ray) <= LONGEST_RAY)  # not NaN


def _propagated(
    place: Callable[[np.ndarray], np.ndarray | None], given: np.ndarray, steps: np.ndarray, variances: np.ndarray
) -> tuple[np.ndarray, np.ndarray] | None:
    """place(given) (3,) and its covariance (3, 3), from independent errors of what is given; None where there is none.

    given: (G,) with variances (G,). steps: (G, G), of the numerical derivative by each of them.
    """
    position = place(given)
    if position is None:
        return None
    jacobian = np.zeros((3, len(given)))
    for column, step in enumerate(steps):
        moved = place(given + step)
        if moved is None:
            return None
        jacobian[:, column] = (moved - position) / step[column]
    return position, jacobian @ np.diag(variances) @ jacobian.T


def _down(tilt: float, roll: float) -> np.ndarray:
    return np.array([math.cos(tilt) * math.sin(roll), math.cos(tilt) * math.cos(roll), math.sin(tilt)])


def _ahead(tilt: float, roll: float) -> np.ndarray:
    return np.array([-math.sin(tilt) * math.sin(roll), -math.sin(tilt) * math.cos(roll), math.cos(tilt)])
