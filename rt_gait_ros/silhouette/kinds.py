"""The kinds of gait frames: the one table of what a pose stage makes and a gait network takes."""

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True, slots=True)
class GaitFrameKind:
    """One kind. shape: (H, W) or (H, W, C) of a frame. dtype: of its values. encoding: as sensor_msgs/Image has it."""

    shape: tuple[int, ...]
    dtype: type[np.generic]
    encoding: str


GAIT_FRAME_KINDS = {
    # a person's mask, cut as GaitSet's authors do: gaitset.py
    "silhouette": GaitFrameKind((64, 64), np.uint8, "mono8"),
    # joints and limbs as heat maps, as SkeletonGait does: skeleton.py
    "skeleton": GaitFrameKind((64, 44, 2), np.uint8, "8UC2"),
    # hundredths of a pixel to the right and down since the frame before, as Embedded-Gait does: flow.py
    "flow": GaitFrameKind((60, 60, 2), np.int16, "16SC2"),
}
