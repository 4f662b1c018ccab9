"""What the camera sees of everybody in one image of a scene: surfaces, and who hides whom."""

from dataclasses import dataclass

import numpy as np

from rt_gait_ros.synthesis.raster import surface
from rt_gait_ros.synthesis.scenes import Actor, Crowd
from rt_gait_ros.synthesis.view import NEAREST


@dataclass(frozen=True, slots=True)
class Surface:
    """One person's surface, in the part of the picture that begins at (left, top). Arrays as `raster.surface` says."""

    left: int
    top: int
    near: np.ndarray
    owner: np.ndarray
    along: np.ndarray
    normal: np.ndarray
    cover: np.ndarray

    @property
    def window(self) -> tuple[slice, slice]:
        """Rows and columns of the picture."""
        rows, columns = self.near.shape
        return slice(self.top, self.top + rows), slice(self.left, self.left + columns)


@dataclass(frozen=True, slots=True)
class Sight:
    """One image. surfaces: of each actor, None for who is not in the picture.

    near: (H, W) float32, metres, infinity where nobody is. who: (H, W) int16, index of the actor seen there, or -1.
    """

    surfaces: list[Surface | None]
    near: np.ndarray
    who: np.ndarray


def sight(crowd: Crowd, number: int) -> Sight:
    """What the camera sees in image `number`."""
    camera = crowd.camera
    near = np.full((camera.height_px, camera.width), np.inf, np.float32)
    who = np.full(near.shape, -1, np.int16)
    surfaces = [_surface(crowd, actor, number) for actor in crowd.actors]
    for index, seen in enumerate(surfaces):
        if seen is not None:
            before = seen.near < near[seen.window]
            near[seen.window][before] = seen.near[before]
            who[seen.window][before] = index
    return Sight(surfaces, near, who)


def extent(capsules: np.ndarray) -> tuple[float, float, float, float]:
    """Left, top, right and bottom of capsules (N, 6) in the picture, pixels."""
    ends, radii = capsules[:, :4].reshape(-1, 2, 2), capsules[:, 4:6, None]
    (left, top), (right, bottom) = (ends - radii).min(axis=(0, 1)), (ends + radii).max(axis=(0, 1))
    return float(left), float(top), float(right), float(bottom)


def _surface(crowd: Crowd, actor: Actor, number: int) -> Surface | None:
    capsules, depth = actor.walk.capsules[number], actor.walk.depth[number]
    if depth.min() <= NEAREST:  # beside or behind the lens
        return None
    edges = extent(capsules)
    left, top = max(int(edges[0]) - 1, 0), max(int(edges[1]) - 1, 0)
    right, bottom = min(int(edges[2]) + 2, crowd.camera.width), min(int(edges[3]) + 2, crowd.camera.height_px)
    if right <= left or bottom <= top:
        return None
    shape = bottom - top, right - left
    seen = Surface(
        left,
        top,
        np.empty(shape, np.float32),
        np.empty(shape, np.int16),
        np.zeros(shape, np.float32),
        np.zeros((*shape, 3), np.float32),
        np.empty(shape, np.float32),
    )
    shifted = capsules - np.array([left, top, left, top, 0.0, 0.0])
    surface(shifted, depth, crowd.camera.focal, seen.near, seen.owner, seen.along, seen.normal, seen.cover)
    return seen
