"""What a part affinity field network is taught: confidence maps and fields drawn from labelled keypoints.

The shapes of both are trt_pose's: a Gaussian exp(-d^2 / deviation^2) around every part, and around every limb the
limb's unit vector times the same Gaussian of the distance to the limb.
"""

import numpy as np

from rt_gait_ros.pose.topology import Topology

# Beyond this many deviations a Gaussian is below 1.3e-4 and not drawn.
REACH = 3.0


def confidence_maps(people: np.ndarray, shape: tuple[int, int], deviation: float) -> np.ndarray:
    """Confidence maps of labelled people; where Gaussians of a part meet, the larger counts.

    people: (P, K, 2) float, x and y in cells of the map, NaN where unlabelled. shape: height and width of the map.
    deviation: in cells. Returns (K, height, width) float32 in 0..1.
    """
    rows, columns = np.arange(shape[0]) + 0.5, np.arange(shape[1]) + 0.5
    maps = np.zeros((people.shape[1], *shape), np.float32)
    for person in people:
        for part in np.flatnonzero(np.isfinite(person).all(axis=1)):
            x, y = person[part]
            gaussian = np.exp(-(((rows - y) / deviation) ** 2))[:, None] * np.exp(-(((columns - x) / deviation) ** 2))
            np.maximum(maps[part], gaussian, out=maps[part])
    return maps


def affinity_fields(people: np.ndarray, topology: Topology, shape: tuple[int, int], deviation: float) -> np.ndarray:
    """Part affinity fields of labelled people; where limbs meet, their vectors add up.

    people, shape, deviation: as in confidence_maps. Returns (topology.field_channels, height, width) float32.
    """
    fields = np.zeros((topology.field_channels, *shape), np.float32)
    for person in people:
        for row_channel, column_channel, first, second in topology.links:
            limb = person[[first, second]]
            if np.isfinite(limb).all():
                _draw_limb(fields, (row_channel, column_channel), limb, deviation)
    return fields


def _draw_limb(fields: np.ndarray, channels: tuple[int, int], limb: np.ndarray, deviation: float) -> None:
    """Add one limb, (2, 2) of x and y, to its two channels of the fields."""
    start, vector = limb[0], limb[1] - limb[0]
    length = float(np.hypot(*vector))
    if length == 0.0:
        return  # no direction to teach
    unit = vector / length
    reach = REACH * deviation
    left, top = np.maximum(np.floor(limb.min(axis=0) - reach), 0).astype(int)
    right, bottom = np.ceil(limb.max(axis=0) + reach).astype(int)
    patch = fields[:, top : max(bottom, 0), left : max(right, 0)]
    height, width = patch.shape[1:]
    x = np.arange(left, left + width) + 0.5 - start[0]
    y = (np.arange(top, top + height) + 0.5 - start[1])[:, None]
    along = x * unit[0] + y * unit[1]
    beyond = along - np.clip(along, 0.0, length)
    across = x * unit[1] - y * unit[0]
    weight = np.exp(-(beyond**2 + across**2) / deviation**2)
    patch[channels[0]] += weight * unit[1]
    patch[channels[1]] += weight * unit[0]
