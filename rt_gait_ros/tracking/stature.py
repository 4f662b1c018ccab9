"""How tall somebody is in one image: the vertical line through the body, between top and bottom of the box."""

import math

import numpy as np

from rt_gait_ros.tracking.camera import CameraModel
from rt_gait_ros.tracking.depth import SHAPE_ERROR
from rt_gait_ros.tracking.detections import BORDER

LOW, HIGH = 0.5, 2.5  # metres; what comes out beyond is a mistake of the box or of the distance


def stature(
    box: np.ndarray, position: np.ndarray, camera: CameraModel, image_height: int, *, by_depth: bool
) -> tuple[float, float] | None:
    """Metres from the lowest to the highest point of a walker, and the part of its error that stays the same.

    box: (4,) left, top, width, height, pixels. position: (3,) of the mid-hips in the optical frame, metres, and whether
    a depth image told it, or the floor. None where the box does not show the whole person, or where it is not known how
    the camera is tilted.

    The second number is a standard deviation. By depth it is that of the trunk's middle behind its surface; by the
    floor what an error of the tilt does to the distance of the feet. What jitters from image to image is not in it.
    """
    left, top, width, height = (float(value) for value in box)
    if not camera.attitude_known or top < BORDER or image_height <= 0 or top + height >= image_height - BORDER:
        return None
    up = -camera.down
    middle = left + width / 2
    ends = [_along(camera.ray(np.array([middle, row])), position, up) for row in (top, top + height)]
    if ends[0] is None or ends[1] is None:
        return None
    found, distance = ends[0] - ends[1], float(position[2])
    if not LOW <= found <= HIGH:
        return None
    if by_depth or camera.height is None:
        return found, found * SHAPE_ERROR / distance
    return found, found * camera.tilt_error * math.hypot(distance / camera.height, camera.height / distance)


def _along(ray: np.ndarray, position: np.ndarray, up: np.ndarray) -> float | None:
    """How far above `position` a vertical line is seen at the height of a ray; None for a line seen from its end."""
    across = up[1] - ray[1] * up[2]
    return None if across > -0.2 else float((ray[1] * position[2] - position[1]) / across)
