"""Frames of a robot and how they lie to each other: as much of tf2 as it takes to know where the camera is."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.spatial.transform import Rotation

from rt_gait_ros.errors import UsageError

# Links from a frame to the root of its tree; more are a loop.
LONGEST_CHAIN = 100
# Moving frames that are remembered. A robot has some hundreds, and each person who walks by has one more for a while.
MOST_MOVING = 2000
MOST_LASTING = 10_000  # frames that hold for ever


@dataclass(frozen=True, slots=True)
class Transform:
    """Takes coordinates of a child frame to its parent's: rotation, then translation (3,) in metres."""

    translation: np.ndarray
    rotation: Rotation

    @classmethod
    def of(cls, translation: Sequence[float], quaternion: Sequence[float]) -> "Transform":
        """From x, y, z and the quaternion x, y, z, w. Raises UsageError when it is none."""
        place, turn = np.asarray(translation, np.float64), np.asarray(quaternion, np.float64)
        if not (np.isfinite(place).all() and np.isfinite(turn).all() and 0.5 < turn @ turn < 2.0):
            raise UsageError(
                f"transform {[*place.tolist(), *turn.tolist()]} is not a translation and a unit quaternion"
            )
        return cls(place, Rotation.from_quat(turn))

    def __matmul__(self, other: "Transform") -> "Transform":
        """First `other`, then this."""
        return Transform(self.rotation.apply(other.translation) + self.translation, self.rotation * other.rotation)

    def inverse(self) -> "Transform":
        """The way back."""
        back = self.rotation.inv()
        return Transform(-back.apply(self.translation), back)


class TransformTree:
    """The newest transform from each frame to its parent. Nothing is interpolated: a camera is where it was last said.

    One thread may add while another looks up.
    """

    def __init__(self) -> None:
        self._parents: dict[str, tuple[str, Transform, float]] = {}
        self._moving = 0  # about how many of them are not for ever

    def add(self, parent: str, child: str, transform: Transform, said: float = math.inf) -> None:
        """Take in where `child` is in `parent`, which replaces what was known of it.

        said: when, in seconds of any clock; left out, it holds for ever. Raises UsageError for no names, and for more
        frames than are kept for ever.
        """
        if not parent or not child or parent == child:
            raise UsageError(f"transform from '{child}' to '{parent}': two frames with names of their own are needed")
        known = self._parents.get(child)
        grows = said == math.inf and (known is None or known[2] < math.inf)
        if grows and len(self._parents) - self._moving >= MOST_LASTING:
            raise UsageError(f"transform from '{child}' to '{parent}': more than {MOST_LASTING} frames are not kept")
        self._parents[child] = (parent, transform, said)
        self._moving += known is None and said < math.inf
        if self._moving > MOST_MOVING:  # of people who left, most likely: those of which something was said last stay
            moments = sorted(link[2] for link in self._parents.values() if link[2] < math.inf)
            since = moments[len(moments) // 2]
            self._parents = {name: link for name, link in self._parents.items() if link[2] >= since}
            self._moving = sum(link[2] < math.inf for link in self._parents.values())

    def lookup(self, target: str, source: str) -> Transform | None:
        """What takes coordinates of `source` to those of `target`; None when no chain joins them."""
        up, down = self._chain(source), self._chain(target)
        common = next((frame for frame in up if frame in down), None)
        return None if common is None else down[common].inverse() @ up[common]

    def silent(self, target: str, source: str, since: float) -> str:
        """A frame on the way between the two of which nothing was said since then, or ""."""
        up, down = self._chain(source), self._chain(target)
        alone = [frame for frame in (*up, *down) if (frame in up) != (frame in down)]
        return next((frame for frame in alone if frame in self._parents and self._parents[frame][2] < since), "")

    def _chain(self, frame: str) -> dict[str, Transform]:
        """From `frame` to each of its ancestors, the nearest first, and to itself."""
        reached = Transform(np.zeros(3), Rotation.identity())
        chain = {frame: reached}
        while (link := self._parents.get(frame)) is not None and len(chain) <= LONGEST_CHAIN:
            frame, transform, _ = link
            if frame in chain:
                break
            reached = transform @ reached
            chain[frame] = reached
        return chain


def attitude(camera: Transform) -> tuple[float, float, float]:
    """Height in metres above the floor, tilt and roll in radians, as CameraModel has them.

    camera: from the optical frame (x right, y down, z ahead) to a frame whose x-y plane is the floor (z up).
    """
    right, down, ahead = camera.rotation.as_matrix()[2]  # how much of each axis points up
    tilt = math.asin(float(np.clip(-ahead, -1.0, 1.0)))
    roll = math.atan2(-float(right), -float(down))
    return float(camera.translation[2]), tilt, roll
