"""How fit one person's view is for gait recognition."""

import cv2
import numpy as np

# Below this many source pixels of body height there is no gait to see; from FULL_HEIGHT on (a silhouette's own rows),
# nothing more is gained.
LEAST_HEIGHT = 32.0
FULL_HEIGHT = 64.0

_HEAD_AND_FEET = [0, 15, 16]  # nose, ankles
_BODY = [5, 6, 11, 12, 13, 14, 15, 16]  # shoulders, hips, knees, ankles

# A mask may touch a side of the image with this share of its height (a hand leaves first) and still be a whole walker.
TOUCH = 0.08

# Width in mask pixels of the window around a joint in which it may find the mask.
SLACK = 9


def is_whole(keypoints: np.ndarray, mask: np.ndarray, inside: tuple[int, int, int, int]) -> bool:
    """Whether nothing that gait is read from is cut off by the border of the image.

    keypoints: (18, 3) in pixels of the mask. inside: the part of the mask that the image covers (left, top, right,
    bottom; the last two exclusive). Head and both ankles must lie inside, and the mask may hardly touch a side.
    """
    left, top, right, bottom = inside
    if right - left < 2 or bottom - top < 2:
        return False
    x, y = keypoints[_HEAD_AND_FEET, 0], keypoints[_HEAD_AND_FEET, 1]
    if not ((x > left) & (x < right) & (y > top) & (y < bottom)).all():
        return False
    rows = int(mask.any(axis=1).sum())
    height, width = mask.shape
    cut = [mask[:, side].astype(bool).sum() for side, bound in ((left, left > 0), (right - 1, right < width)) if bound]
    cut += [mask[side].astype(bool).sum() for side, bound in ((top, top > 0), (bottom - 1, bottom < height)) if bound]
    return all(touching <= TOUCH * rows for touching in cut)


def gait_quality(keypoints: np.ndarray, mask: np.ndarray, presence: float, height: float) -> float:
    """Quality 0..1 of a whole person's gait frame: presence x size x agreement.

    presence: the person network's own probability. size: body height in source pixels over 64, at most 1; 0 below 32.
    agreement: share of shoulders, hips, knees and ankles (18, 3, in pixels of the mask) that lie on the mask, give or
    take SLACK: a mask that misses a leg disagrees, joints that slip off a thin calf in a blurred picture do not.
    """
    if height < LEAST_HEIGHT:
        return 0.0
    points = keypoints[_BODY, :2]
    cells = np.floor(np.nan_to_num(points, nan=-1.0)).astype(int)
    rows, columns = mask.shape
    held = (cells >= 0).all(axis=1) & (cells[:, 0] < columns) & (cells[:, 1] < rows)
    near = cv2.dilate(mask, np.ones((SLACK, SLACK), np.uint8))
    held[held] = near[cells[held, 1], cells[held, 0]] > 0
    return float(np.clip(presence, 0.0, 1.0) * min(height / FULL_HEIGHT, 1.0) * held.mean())
