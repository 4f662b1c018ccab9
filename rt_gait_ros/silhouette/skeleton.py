"""Skeleton maps: joints and limbs as heat, what SkeletonGait takes (Fan et al., AAAI 2024)."""

import numpy as np

HEIGHT, WIDTH = 64, 44

# Standard deviation of the heat around a joint or limb, in rows: about the width of a forearm at this size, so that the
# two legs of a side view stay apart.
SPREAD = 2.0
# Rows kept free above the highest and below the lowest joint.
MARGIN = 4

# Limbs in trt_pose's order: head, arms, trunk, legs.
LIMBS = np.array([
    (0, 17), (17, 5), (17, 6), (5, 7), (7, 9), (6, 8), (8, 10), (5, 11), (6, 12), (11, 12),
    (11, 13), (13, 15), (12, 14), (14, 16),
])  # fmt: skip

_ROWS, _COLUMNS = np.mgrid[0:HEIGHT, 0:WIDTH].astype(np.float32) + 0.5


def skeleton_map(keypoints: np.ndarray) -> np.ndarray | None:
    """Joints (channel 0) and limbs (channel 1) of one person, brightness = confidence; None below two joints.

    keypoints: (18, 3) x, y, confidence, NaN where missing, in any pixels. Returns (64, 44, 2) uint8. The skeleton is
    scaled so that its rows fill the map, and centred on the middle of its joints' columns.
    """
    found = np.isfinite(keypoints[:, 0])
    points = keypoints[found, :2]
    if len(points) < 2 or np.ptp(points[:, 1]) <= 0:
        return None
    low, high = points.min(axis=0), points.max(axis=0)
    scale = (HEIGHT - 2 * MARGIN) / (high[1] - low[1])
    shift = np.array([WIDTH / 2 - scale * points[:, 0].mean(), MARGIN - scale * low[1]])
    placed = keypoints[:, :2] * scale + shift
    confidence = np.where(found, keypoints[:, 2], 0.0)
    joints = _heat(placed[found], placed[found], confidence[found])
    limbs = LIMBS[found[LIMBS].all(axis=1)]
    bones = _heat(placed[limbs[:, 0]], placed[limbs[:, 1]], confidence[limbs].min(axis=1))
    return np.stack([joints, bones], axis=-1)


def _heat(starts: np.ndarray, ends: np.ndarray, confidence: np.ndarray) -> np.ndarray:
    """Brightest of the Gaussians around the lines start -> end: (64, 44) uint8."""
    along = (ends - starts)[:, None, None, :]
    x, y = _COLUMNS - starts[:, None, None, 0], _ROWS - starts[:, None, None, 1]
    length = np.maximum((along**2).sum(axis=-1), 1e-6)
    progress = ((x * along[..., 0] + y * along[..., 1]) / length).clip(0.0, 1.0)
    distance = (x - progress * along[..., 0]) ** 2 + (y - progress * along[..., 1]) ** 2
    heat = confidence[:, None, None] * np.exp(distance / (-2.0 * SPREAD**2))
    return (heat.max(axis=0, initial=0.0) * 255.0).round().astype(np.uint8)
