"""The 23 bones that generated walkers have: names, parents, and the rest pose that their rotations refer to.

World axes: x is the way walked, y left, z up. At rest somebody stands upright and looks along x, arms stretched out
sideways, palms down. A pose is a rotation (3, 3) of each bone in the world, identity at rest. For feet and toes, which
slope within the body, identity is the sole level on the floor; for the others, the bone's direction is that of REST.
"""

import numpy as np

BONES = (
    "hips", "l_thigh", "l_shank", "l_foot", "l_toes", "r_thigh", "r_shank", "r_foot", "r_toes",
    "lower_back", "upper_back", "thorax", "neck", "upper_neck", "head",
    "l_clavicle", "l_upper_arm", "l_forearm", "l_hand", "r_clavicle", "r_upper_arm", "r_forearm", "r_hand",
)  # fmt: skip
BONE = {name: number for number, name in enumerate(BONES)}
# The bone that each hangs on; -1 for the hips.
PARENTS = np.array([-1, 0, 1, 2, 3, 0, 5, 6, 7, 0, 9, 10, 11, 12, 13, 11, 15, 16, 17, 11, 19, 20, 21])

_DOWN, _AHEAD, _UP, _LEFT, _RIGHT = (0, 0, -1), (1, 0, 0), (0, 0, 1), (0, 1, 0), (0, -1, 0)
_LEG = (_DOWN, _DOWN, _AHEAD, _AHEAD)
# (23, 3) unit directions of the bones at rest.
REST = np.array([_UP, *_LEG, *_LEG, *([_UP] * 6), *([_LEFT] * 4), *([_RIGHT] * 4)], float)

# The bone of the other side, or the same one; what a mirror at the plane y = 0 makes of rotation vectors and places.
MIRROR = np.array([BONE[{"l_": "r_", "r_": "l_"}.get(name[:2], name[:2]) + name[2:]] for name in BONES])
MIRROR_ROTATION, MIRROR_PLACE = np.array([-1.0, 1.0, -1.0]), np.array([1.0, -1.0, 1.0])
