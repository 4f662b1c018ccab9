"""Where a track is in metres: by a depth image, else by the floor below the camera, else by a known stature."""

from typing import NamedTuple

import numpy as np

from rt_gait_ros.pose.person import PersonPose, PoseFrame
from rt_gait_ros.tracking.camera import CameraModel, tells_direction
from rt_gait_ros.tracking.config import TrackerConfig
from rt_gait_ros.tracking.depth import STRIP, TRUNK, DepthImage, depth_variance
from rt_gait_ros.tracking.detections import BORDER

# Both shoulders and both hips in the layouts the tracker knows, left and right.
SHOULDERS = {"coco": (5, 6), "trt_pose": (5, 6)}
HIPS = {"coco": (11, 12), "trt_pose": (11, 12)}

# The hips of who stands or walks are at 0.47 of the body's height from its top (Drillis and Contini 1966), those of who
# sits on a chair at 0.62: between both, somebody is not upright.
UPRIGHT = 0.56


class Located(NamedTuple):
    """A position, and where it is from.

    position: (3,) of the mid-hips in metres in the optical frame. covariance: (3, 3), square metres. by: "depth",
    "floor", or "stature".
    """

    position: np.ndarray
    covariance: np.ndarray
    by: str


def locate(
    box: np.ndarray,
    pose: PersonPose,
    poses: PoseFrame,
    config: TrackerConfig,
    camera: CameraModel,
    depth: DepthImage | None,
) -> Located | None:
    """Where somebody is, or None where that is not known.

    A depth image goes before the floor: it needs no feet and no flat floor. The floor goes before the stature: it is
    the same for everybody. box: (4,) left, top, width, height of a person seen in this image.
    """
    box = box.astype(np.float64)
    joint = _middle(pose, poses.layout, HIPS)
    hip = np.array([box[0] + box[2] / 2, box[1] + TRUNK[1] * box[3]]) if joint is None else joint
    variance = (config.box_noise * box[3]) ** 2
    if depth is not None and (found := _by_depth(box, hip, pose, poses, variance, camera, depth)) is not None:
        return Located(*found, "depth")
    if (found := _by_floor(box, hip, poses, variance, camera)) is not None:
        return Located(*found, "floor")
    if config.stature > 0.0 and joint is not None:  # where hips are only supposed to be, nobody is known to be upright
        found = _by_stature(box, joint, poses, variance, camera, config)
        return None if found is None else Located(*found, "stature")
    return None


def _by_depth(
    box: np.ndarray,
    hip: np.ndarray,
    pose: PersonPose,
    poses: PoseFrame,
    variance: float,
    camera: CameraModel,
    depth: DepthImage,
) -> tuple[np.ndarray, np.ndarray] | None:
    if poses.width <= 0 or poses.height <= 0:
        return None
    shoulders = _middle(pose, poses.layout, SHOULDERS)
    if shoulders is None:
        shoulders = np.array([hip[0], box[1] + TRUNK[0] * box[3]])
    distance, ray = depth.trunk(shoulders, hip, STRIP * box[3], (poses.width, poses.height)), camera.ray(hip)
    if distance is None or not tells_direction(ray):
        return None
    aside = np.diag([distance**2 * variance / camera.K[0, 0] ** 2, distance**2 * variance / camera.K[1, 1] ** 2, 0.0])
    return ray * distance, aside + np.outer(ray, ray) * depth_variance(distance)


def _by_floor(
    box: np.ndarray, hip: np.ndarray, poses: PoseFrame, variance: float, camera: CameraModel
) -> tuple[np.ndarray, np.ndarray] | None:
    """Only when the whole person down to the floor is in the image."""
    left, top, width, height = box
    if top + height >= poses.height - BORDER > 0:
        return None
    return camera.locate(np.array([left + width / 2, top + height]), hip, variance)


def _by_stature(
    box: np.ndarray, hip: np.ndarray, poses: PoseFrame, variance: float, camera: CameraModel, config: TrackerConfig
) -> tuple[np.ndarray, np.ndarray] | None:
    """Only when the whole person is in the image, and upright. hip: as it was found, not as it is supposed to be."""
    left, top, width, height = box
    if top < BORDER or top + height >= poses.height - BORDER or hip[1] - top > UPRIGHT * height:
        return None
    middle = left + width / 2
    pixels = np.array([[middle, top + height], [middle, top], hip])
    return camera.locate_upright(pixels, variance, config.stature, config.stature_deviation)


def _middle(pose: PersonPose, layout: str, joints: dict[str, tuple[int, int]]) -> np.ndarray | None:
    """Pixel (2,) between two joints, or None when they were not found."""
    if layout not in joints or len(pose.keypoints) <= max(joints[layout]):
        return None
    middle = np.asarray(pose.keypoints, dtype=np.float64)[list(joints[layout]), :2].mean(axis=0)
    return middle if np.isfinite(middle).all() else None
