"""How fit one person's view is for gait recognition."""

import numpy as np

from rt_gait_ros.silhouette.mask_kernels import cut_off, held

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
_AROUND = SLACK // 2


def is_whole(keypoints: np.ndarray, mask: np.ndarray, inside: tuple[int, int, int, int]) -> bool:
    """Whether nothing that gait is read from is cut off by the border of the image.

    keypoints: (18, 3) in pixels of the mask. inside: the part of the mask that the image covers (left, top, right,
    bottom; the last two exclusive). Head and both ankles must lie inside, and the mask may hardly touch a side.
    """
    left, top, right, bottom = inside
    if right - left < 2 or bottom - top < 2:
        return False
    ends = keypoints[_HEAD_AND_FEET, :2].tolist()
    if not all(left < x < right and top < y < bottom for x, y in ends):  # NaN, too
        return False
    return not cut_off(mask, left, top, right, bottom, TOUCH)


def gait_quality(keypoints: np.ndarray, mask: np.ndarray, presence: float, height: float) -> float:
    """Quality 0..1 of a whole person's gait frame: presence x size x agreement.

    presence: the person network's own probability. size: body height in source pixels over 64, at most 1; 0 below 32.
    agreement: share of shoulders, hips, knees and ankles (18, 3, in pixels of the mask) that lie on the mask, give or
    take SLACK: a mask that misses a leg disagrees, joints that slip off a thin calf in a blurred picture do not.
    """
    if height < LEAST_HEIGHT:
        return 0.0
    on_mask = held(mask, keypoints[_BODY, :2], _AROUND)
    return min(max(presence, 0.0), 1.0) * min(height / FULL_HEIGHT, 1.0) * on_mask / len(_BODY)
