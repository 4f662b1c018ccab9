"""One image's people as arrays, with everything unusable left out and counted."""

from collections import Counter
from dataclasses import dataclass

import numpy as np

from rt_gait_ros.pose.person import PersonPose, PoseFrame
from rt_gait_ros.tracking.config import TrackerConfig
from rt_gait_ros.tracking.rows import Rows
from rt_gait_ros.tracking.similarity import SIGMAS

# A box cut by the border of the image tells little about the coordinates across it: this factor on their variance.
BORDER_NOISE = 16.0

# A box that ends this close to the border, in pixels, counts as cut by it.
BORDER = 2.0


@dataclass(slots=True)
class Detections(Rows):
    """M usable people of one image.

    index: (M,) place in PoseFrame.people. box: (M, 4) float64 centre x, centre y, width, height. noise: (M, 4) its
    variance. whole: (M, 4) bool, False where the image's border cuts it. confidence: (M,). keypoints: (M, K, 3)
    float64, NaN where not found.
    """

    index: np.ndarray
    box: np.ndarray
    noise: np.ndarray
    whole: np.ndarray
    confidence: np.ndarray
    keypoints: np.ndarray


def keypoint_count(layout: str) -> int:
    """Keypoints of a layout; 0 for one that the tracker does not know (it then goes by boxes alone)."""
    return len(SIGMAS.get(layout, ()))


def read_detections(poses: PoseFrame, config: TrackerConfig, rejected: Counter[str]) -> Detections:
    """Turn people into arrays; `rejected` counts what was left out, by reason."""
    people = poses.people
    if not people:
        return empty_detections(keypoint_count(poses.layout))
    boxes = np.array([person.box for person in people], dtype=np.float64).reshape(len(people), 4)
    confidence = np.array([person.confidence for person in people], dtype=np.float64)
    with np.errstate(invalid="ignore"):
        finite = np.isfinite(boxes).all(axis=1) & np.isfinite(confidence)
        solid = (boxes[:, 2:] > 0).all(axis=1)
        usable = finite & solid & (confidence >= config.low_confidence)
    if not usable.all():
        _count(rejected, "box or confidence is not a number", ~finite)
        _count(rejected, "box has no area", finite & ~solid)
    index = usable.nonzero()[0]
    if len(index) > config.max_people:
        rejected["more people than max_people"] += len(index) - config.max_people
        index = np.sort(index[np.argsort(-confidence[index], kind="stable")[: config.max_people]])
    boxes = boxes[index]
    noise, whole = _noise(boxes, poses, config)
    boxes[:, :2] += boxes[:, 2:] / 2
    keypoints = _keypoints([people[i] for i in index], keypoint_count(poses.layout), rejected)
    return Detections(index, boxes, noise, whole, confidence[index], keypoints)


def empty_detections(keypoints: int) -> Detections:
    """No people; keypoints (0, `keypoints`, 3)."""
    return Detections(
        index=np.empty(0, dtype=np.intp),
        box=np.empty((0, 4)),
        noise=np.empty((0, 4)),
        whole=np.empty((0, 4), dtype=bool),
        confidence=np.empty(0),
        keypoints=np.empty((0, keypoints, 3)),
    )


def _count(rejected: Counter[str], reason: str, left_out: np.ndarray) -> None:
    """Count a reason only when it occurred: every key of `rejected` is a warning."""
    number = int(left_out.sum())
    if number:
        rejected[reason] += number


def _noise(boxes: np.ndarray, poses: PoseFrame, config: TrackerConfig) -> tuple[np.ndarray, np.ndarray]:
    """Measurement variance (M, 4) of boxes (M, 4) given as left, top, width, height; where no border cuts them."""
    noise = np.square(config.box_noise * boxes[:, 3:4]).repeat(4, axis=1)
    whole = np.ones(noise.shape, dtype=bool)
    if poses.width > 0 and poses.height > 0:
        size = np.array([poses.width, poses.height])
        cut = (boxes[:, :2] <= BORDER) | (boxes[:, :2] + boxes[:, 2:] >= size - BORDER)
        if cut.any():
            whole = ~np.tile(cut, 2)
            noise *= np.where(whole, 1.0, BORDER_NOISE)
    return noise, whole


def _keypoints(people: list[PersonPose], count: int, rejected: Counter[str]) -> np.ndarray:
    """Keypoints (M, count, 3) of the people; all NaN for one whose array has another shape."""
    shape = (count, 3)
    wrong = [person for person in people if np.shape(person.keypoints) != shape]
    if not wrong:
        return np.array([person.keypoints for person in people], dtype=np.float64).reshape(len(people), *shape)
    _count(rejected, "keypoints do not fit the layout", np.array([np.size(p.keypoints) > 0 for p in wrong]))
    missing = np.full(shape, np.nan)
    return np.array([missing if np.shape(p.keypoints) != shape else p.keypoints for p in people], dtype=np.float64)
