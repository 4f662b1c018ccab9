"""How much two people in two images look like the same one: overlap of boxes, object keypoint similarity."""

import numpy as np

# Standard deviation of each COCO keypoint, per square root of the person's area (COCO keypoint evaluation), in the
# order of the layouts below; the neck, which COCO lacks, is taken as the shoulders.
_COCO_SIGMAS = (26, 25, 25, 35, 35, 79, 79, 72, 72, 62, 62, 107, 107, 87, 87, 89, 89)
SIGMAS = {
    "coco": np.array(_COCO_SIGMAS) / 1000,
    "trt_pose": np.array((*_COCO_SIGMAS, 79)) / 1000,
}


def corners(boxes: np.ndarray) -> np.ndarray:
    """Boxes (N, 4) of centre x, centre y, width, height as left, top, right, bottom."""
    half = boxes[:, 2:] / 2
    return np.concatenate((boxes[:, :2] - half, boxes[:, :2] + half), axis=1)


def iou_matrix(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """Intersection over union (N, M) of corner boxes (N, 4) and (M, 4)."""
    left, top, right, bottom = first.T[..., None]
    other_left, other_top, other_right, other_bottom = second.T[:, None]
    width = np.minimum(right, other_right) - np.maximum(left, other_left)
    height = np.minimum(bottom, other_bottom) - np.maximum(top, other_top)
    common = np.maximum(width, 0) * np.maximum(height, 0)
    union = _area(first)[:, None] + _area(second) - common
    return common / np.maximum(union, 1e-9)


def _area(boxes: np.ndarray) -> np.ndarray:
    """Area (N,) of corner boxes (N, 4); none where they are inside out."""
    sides = np.maximum(boxes[:, 2:] - boxes[:, :2], 0)
    return np.asarray(sides[:, 0] * sides[:, 1])


def oks(first: np.ndarray, second: np.ndarray, area: np.ndarray, sigmas: np.ndarray) -> np.ndarray:
    """Object keypoint similarity (P,) of keypoints (P, K, 3), pair by pair; NaN with fewer than three seen in both.

    area: (P,) square pixels of the person. The COCO formula, with the keypoints that both sides see.
    """
    distance = np.square(first[..., :2] - second[..., :2]).sum(axis=-1)
    spread = 2 * np.square(2 * sigmas) * np.maximum(area, 1)[:, None]
    seen = np.isfinite(distance)
    likeness = np.where(seen, np.exp(-np.where(seen, distance, 0) / spread), 0)
    count = seen.sum(axis=1)
    return np.where(count >= 3, likeness.sum(axis=1) / np.maximum(count, 1), np.nan)
