"""Where a track is in metres: by a depth image, else by the floor below the camera."""

import numpy as np

from rt_gait_ros.pose.person import PersonPose, PoseFrame
from rt_gait_ros.tracking.camera import CameraModel
from rt_gait_ros.tracking.config import TrackerConfig
from rt_gait_ros.tracking.depth import STRIP, TRUNK, DepthImage, depth_variance
from rt_gait_ros.tracking.detections import BORDER

# Both shoulders and both hips in the layouts the tracker knows, left and right.
SHOULDERS = {"coco": (5, 6), "trt_pose": (5, 6)}
HIPS = {"coco": (11, 12), "trt_pose": (11, 12)}

Located = tuple[np.ndarray, np.ndarray] | None


def locate(
    box: np.ndarray,
    pose: PersonPose,
    poses: PoseFrame,
    config: TrackerConfig,
    camera: CameraModel,
    depth: DepthImage | None,
) -> tuple[Located, bool]:
    """Position (3,) of the mid-hips in metres in the optical frame and its covariance (3, 3), or None where not known.

    Second, whether the depth image told it, which goes before the floor: it needs no feet and no flat floor. box: (4,)
    left, top, width, height of a person seen in this image.
    """
    box = box.astype(np.float64)
    hip = _middle(pose, poses.layout, HIPS)
    if hip is None:
        hip = np.array([box[0] + box[2] / 2, box[1] + TRUNK[1] * box[3]])
    variance = (config.box_noise * box[3]) ** 2
    located = None if depth is None else _by_depth(box, hip, pose, poses, variance, camera, depth)
    if located is not None:
        return located, True
    return _by_floor(box, hip, poses, variance, camera), False


def _by_depth(
    box: np.ndarray,
    hip: np.ndarray,
    pose: PersonPose,
    poses: PoseFrame,
    variance: float,
    camera: CameraModel,
    depth: DepthImage,
) -> Located:
    if poses.width <= 0 or poses.height <= 0:
        return None
    shoulders = _middle(pose, poses.layout, SHOULDERS)
    if shoulders is None:
        shoulders = np.array([hip[0], box[1] + TRUNK[0] * box[3]])
    distance = depth.trunk(shoulders, hip, STRIP * box[3], (poses.width, poses.height))
    if distance is None:
        return None
    ray = camera.ray(hip)
    aside = np.diag([distance**2 * variance / camera.K[0, 0] ** 2, distance**2 * variance / camera.K[1, 1] ** 2, 0.0])
    return ray * distance, aside + np.outer(ray, ray) * depth_variance(distance)


def _by_floor(box: np.ndarray, hip: np.ndarray, poses: PoseFrame, variance: float, camera: CameraModel) -> Located:
    """Only when the whole person down to the floor is in the image."""
    left, top, width, height = box
    if top + height >= poses.height - BORDER > 0:
        return None
    return camera.locate(np.array([left + width / 2, top + height]), hip, variance)


def _middle(pose: PersonPose, layout: str, joints: dict[str, tuple[int, int]]) -> np.ndarray | None:
    """Pixel (2,) between two joints, or None when they were not found."""
    if layout not in joints or len(pose.keypoints) <= max(joints[layout]):
        return None
    middle = np.asarray(pose.keypoints, dtype=np.float64)[list(joints[layout]), :2].mean(axis=0)
    return middle if np.isfinite(middle).all() else None
