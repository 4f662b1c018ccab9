"""One followed person -> PersonPose: box, reported keypoints, gait frame and its quality."""

import numpy as np

from rt_gait_ros.pose.follower import Follower
from rt_gait_ros.pose.layouts import PARTS
from rt_gait_ros.pose.person import PersonPose
from rt_gait_ros.pose.person_network import CROP, PersonReading, Region, cut
from rt_gait_ros.silhouette.flow import FlowFrames
from rt_gait_ros.silhouette.gaitset import Rectangle, framed_mask, silhouette_from_mask
from rt_gait_ros.silhouette.quality import gait_quality, is_whole
from rt_gait_ros.silhouette.skeleton import skeleton_map


def warm_up() -> None:
    """Compile, or load from its cache, what the first person needs."""
    middle = Region(CROP / 2, CROP / 2, float(CROP))
    cut(np.zeros((CROP, CROP, 3), np.uint8), Region(CROP / 2, CROP / 2, CROP / 2))
    keypoints = np.full((len(PARTS), 3), (CROP / 2, CROP / 2, 1.0), np.float32)
    reading = PersonReading(keypoints, 1.0, np.full((CROP, CROP), 255, np.uint8), middle, middle)
    person_pose(Follower(reading, 0.0, smooth=False), (CROP, CROP), 0.5, "silhouette")


def person_pose(
    follower: Follower, size: tuple[int, int], least_confidence: float, kind: str, flow: FlowFrames | None = None
) -> PersonPose:
    """What is reported of a follower. size: (width, height) of the image. flow: the images, for gait frames of flow."""
    reading = follower.reading
    mask, around = framed_mask(reading.mask)
    keypoints = follower.keypoints.copy()
    keypoints[keypoints[:, 2] < least_confidence] = np.nan, np.nan, 0.0
    box = _box(around, reading.keypoints, reading.region)
    quality = _quality(reading, mask, size, float(box[3])) if kind else 0.0
    gait_frame = _gait_frame(follower, mask, around, box, kind, flow) if quality > 0.0 else None
    return PersonPose(keypoints, box, reading.presence, gait_frame, quality if gait_frame is not None else 0.0)


def expected_pose(follower: Follower, time: float) -> PersonPose:
    """What is reported of a follower whom there was no time to look at: where the box is expected at `time`."""
    keypoints = np.full(follower.keypoints.shape, np.nan, np.float32)
    keypoints[:, 2] = 0.0
    place, before = follower.expected(time), follower.place
    moved = np.array([place.x - before.x, place.y - before.y, 0.0, 0.0], np.float32)
    return PersonPose(keypoints, follower.box + moved, follower.reading.presence)


def _box(around: Rectangle, keypoints: np.ndarray, region: Region) -> np.ndarray:
    """x, y, width, height in source pixels: around the mask, or around the joints where there is none."""
    x, y, width, height = around
    if width == 0:
        low, high = keypoints[:, :2].min(axis=0), keypoints[:, :2].max(axis=0)
        return np.concatenate([low, high - low]).astype(np.float32)
    scale, middle = region.scale, CROP / 2
    left, top = (x - middle) / scale + region.x, (y - middle) / scale + region.y
    return np.array([left, top, width / scale, height / scale], np.float32)


def _quality(reading: PersonReading, mask: np.ndarray, size: tuple[int, int], height: float) -> float:
    """Quality of a gait frame; 0 where the person is cut off, too small, or not to be seen."""
    region, scale, middle = reading.region, reading.region.scale, CROP / 2
    inside_crop = reading.keypoints * (scale, scale, 1.0)
    inside_crop += (middle - scale * region.x, middle - scale * region.y, 0.0)
    if not is_whole(inside_crop, mask, _image_in_crop(region, size)):
        return 0.0
    return gait_quality(inside_crop, mask, reading.presence, height)


def _gait_frame(
    follower: Follower, mask: np.ndarray, around: Rectangle, box: np.ndarray, kind: str, flow: FlowFrames | None
) -> np.ndarray | None:
    """The gait frame, or None where there is too little to make one of."""
    if flow is not None:
        x, y = box[:2] + box[2:] / 2
        return flow.frame(float(x), float(y), follower.reading.region.side)
    return silhouette_from_mask(mask, around) if kind == "silhouette" else skeleton_map(follower.keypoints)


def _image_in_crop(region: Region, size: tuple[int, int]) -> tuple[int, int, int, int]:
    """The part of the crop that the image covers: left, top, right, bottom."""
    scale = region.scale
    left, top = CROP / 2 - scale * region.x, CROP / 2 - scale * region.y
    return _edge(left), _edge(top), _edge(left + scale * size[0]), _edge(top + scale * size[1])


def _edge(place: float) -> int:
    return round(min(max(place, 0.0), CROP))
