"""How far a person is, from a depth image that is registered to the colour image."""

import threading
from collections import deque
from dataclasses import dataclass
from typing import Generic, TypeVar

import numpy as np

T = TypeVar("T")

# Half width of what is measured, a strip along the middle of the trunk, in box heights: it fits a trunk from the side.
STRIP = 0.06

# Where shoulders and hips are in a box that shows a whole person, from its top (Winter, Biomechanics and Motor Control
# of Human Movement: 0.82 and 0.53 of the height above the floor).
TRUNK = (0.18, 0.47)

# A depth image must have values in this part of the strip, and at least so many; glossy clothes and the sun make holes.
FILLED, FEWEST = 0.3, 8

# The middle half of the values may spread (metres) no more than a trunk does: else the strip lies on two things.
SPREAD = 0.25

# The middle of the body is behind what the camera sees of it: about half of an adult's trunk from front to back.
HALF_TRUNK = 0.11

# Standard deviation of the body's middle (m), and of structured light and stereo per square metre of distance: 4 cm at
# 5 m (Khoshelham and Elberink 2012).
SHAPE_ERROR, SENSOR_ERROR = 0.05, 0.0016


@dataclass(frozen=True, slots=True)
class DepthImage:
    """Distances along the optical axis, registered to the colour image and of the same aspect, maybe of another size.

    stamp: ns. values: (H, W) uint16 or float32; 0, NaN and infinity: not measured. unit: metres that 1 stands for.
    """

    stamp: int
    values: np.ndarray
    unit: float = 1.0

    def trunk(self, top: np.ndarray, bottom: np.ndarray, half: float, size: tuple[int, int]) -> float | None:
        """Metres along the optical axis to the middle of a trunk, None where too little of it was measured.

        top, bottom: (2,) pixels of the colour image of the middles of shoulders and hips. half: half width of the strip
        between them. size: width and height of the colour image.
        """
        scale = self.values.shape[1] / size[0], self.values.shape[0] / size[1]
        left, right = sorted((top[0], bottom[0]))
        across = (left + right) / 2
        columns = slice(max(int((across - half) * scale[0]), 0), max(int((across + half) * scale[0]) + 1, 0))
        upper, lower = sorted((top[1], bottom[1]))
        rows = slice(max(int(upper * scale[1]), 0), max(int(lower * scale[1]) + 1, 0))
        strip = self.values[rows, columns]
        good = strip[np.isfinite(strip) & (strip > 0)].astype(np.float64) * self.unit
        if len(good) < max(FEWEST, FILLED * strip.size):
            return None
        near, middle, far = (float(value) for value in np.percentile(good, (25, 50, 75)))
        return middle + HALF_TRUNK if far - near <= SPREAD else None


def depth_variance(distance: float) -> float:
    """Of what DepthImage.trunk says, square metres."""
    return SHAPE_ERROR**2 + (SENSOR_ERROR * distance**2) ** 2


class Recent(Generic[T]):
    """The newest items by their stamps, for whoever comes later with a stamp of their own. For several threads."""

    def __init__(self, length: int) -> None:
        self._items: deque[tuple[int, T]] = deque(maxlen=length)
        self._lock = threading.Lock()

    def add(self, stamp: int, item: T) -> None:
        """Keep one more; the oldest goes when there are enough."""
        with self._lock:
            self._items.append((stamp, item))

    def nearest(self, stamp: int, tolerance: int) -> T | None:
        """The item whose stamp is nearest to `stamp`, no farther than `tolerance`; ns both."""
        with self._lock:
            best = min(self._items, key=lambda known: abs(known[0] - stamp), default=None)
        return best[1] if best is not None and abs(best[0] - stamp) <= tolerance else None

    def clear(self) -> None:
        """Forget all."""
        with self._lock:
            self._items.clear()
