"""One followed person -> PersonPose: box, reported keypoints, gait frame and its quality."""

import cv2
import numpy as np

from rt_gait_ros.pose.follower import Follower
from rt_gait_ros.pose.person import PersonPose
from rt_gait_ros.pose.person_network import CROP, Region
from rt_gait_ros.silhouette.gaitset import person_mask, silhouette_from_mask
from rt_gait_ros.silhouette.quality import gait_quality, is_whole
from rt_gait_ros.silhouette.skeleton import skeleton_map


def person_pose(follower: Follower, size: tuple[int, int], least_confidence: float, kind: str) -> PersonPose:
    """What is reported of a follower. size: (width, height) of the image."""
    reading = follower.reading
    mask = person_mask(reading.logits)
    keypoints = follower.keypoints.copy()
    keypoints[keypoints[:, 2] < least_confidence] = np.nan, np.nan, 0.0
    box = _box(mask, reading.keypoints, reading.region)
    gait_frame, quality = _gait_frame(follower, mask, size, kind, float(box[3]))
    return PersonPose(keypoints, box, reading.presence, gait_frame, quality)


def _box(mask: np.ndarray, keypoints: np.ndarray, region: Region) -> np.ndarray:
    """x, y, width, height in source pixels: around the mask, or around the joints where there is none."""
    x, y, width, height = cv2.boundingRect(mask)
    if width == 0:
        low, high = keypoints[:, :2].min(axis=0), keypoints[:, :2].max(axis=0)
        return np.concatenate([low, high - low]).astype(np.float32)
    corner = region.to_source(np.array([x, y], np.float64))
    return np.array([*corner, width / region.scale, height / region.scale], np.float32)


def _gait_frame(
    follower: Follower, mask: np.ndarray, size: tuple[int, int], kind: str, height: float
) -> tuple[np.ndarray | None, float]:
    """The gait frame and its quality; None and 0 where the person is cut off, too small, or not to be seen."""
    reading = follower.reading
    region = reading.region
    affine = region.to_crop()
    inside_crop = reading.keypoints.copy()
    inside_crop[:, :2] = reading.keypoints[:, :2] @ affine[:, :2].T + affine[:, 2]
    if not kind or not is_whole(inside_crop, mask, _image_in_crop(region, size)):
        return None, 0.0
    quality = gait_quality(inside_crop, mask, reading.presence, height)
    gait_frame = silhouette_from_mask(mask) if kind == "silhouette" else skeleton_map(follower.keypoints)
    return (gait_frame, quality) if quality > 0.0 and gait_frame is not None else (None, 0.0)


def _image_in_crop(region: Region, size: tuple[int, int]) -> tuple[int, int, int, int]:
    """The part of the crop that the image covers: left, top, right, bottom."""
    corners = region.to_crop() @ np.array([[0.0, size[0]], [0.0, size[1]], [1.0, 1.0]])
    left, top, right, bottom = corners.T.ravel().clip(0, CROP).round().astype(int)
    return int(left), int(top), int(right), int(bottom)
