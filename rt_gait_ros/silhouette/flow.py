"""Optical-flow gait frames: how every part of one person moves, what the 2D-CNN and 3D-CNN of Embedded-Gait take."""

from collections.abc import Sequence
from typing import NamedTuple

import cv2
import numpy as np

SIZE = 60  # rows and columns of a frame
# Images a second that the networks learned from (TUM-GAID's camera): how far things move from one to the next.
FLOW_RATE = 30.0
# Frames that one descriptor stands on, and frames from one window to the next (Embedded-Gait).
WINDOW, STEP = 25, 5
UNITS = 100.0  # values per pixel: int16 hundredths

# The networks were trained on 640x480 pictures whose flow, in pixels of those, was shrunk to 80x60: 8 pixels a cell.
PIXELS_PER_CELL = 8.0

# Pixels per cell at which flow is computed: half the 8, where a thigh still is some 20 pixels wide.
_CELL = 4
# Side of the square that is cut out, in heights of the person's box: 1.22 to 1.35 (90 %) of three KTH walkers.
SQUARE = 1.3


class FlowFrames:
    """Flow from the last image to the newest, around one person at a time; no more than two images are kept.

    Dense inverse search (Kroeger et al., ECCV 2016) at its fast preset: on synthetic motion of real frames nearer the
    truth than Farneback's method, in a seventh of the time (docs/rules.md).
    """

    def __init__(self) -> None:
        self._search = cv2.DISOpticalFlow.create(cv2.DISOPTICAL_FLOW_PRESET_FAST)
        self._images: list[np.ndarray] = []

    def add(self, image: np.ndarray) -> None:
        """Take the next image, (H, W, 3) uint8 BGR."""
        self._images = [*self._images[-1:], cv2.cvtColor(image, cv2.COLOR_BGR2GRAY)]

    def restart(self) -> None:
        """Forget the images: the next one does not follow them."""
        self._images.clear()

    def frame(self, x: float, y: float, side: float) -> np.ndarray | None:
        """The gait frame of the square with this centre and side (pixels); None without two images of one size.

        Returns (60, 60, 2) int16, rightward and downward motion in hundredths of a pixel of a picture whose height the
        square would fill with 480 rows. The square stands still: its content moves. Outside the image nothing does.
        """
        if len(self._images) < 2 or self._images[0].shape != self._images[1].shape:
            return None
        before, now = (_square(image, x, y, side) for image in self._images)
        return _cells(self._search.calc(before, now, None))  # type: ignore[call-overload]  # None: no first guess


def frame_of_flow(flow: np.ndarray, x: float, y: float, side: float) -> np.ndarray:
    """The gait frame of the square with this centre and side (pixels) where the flow is known, as of generated people.

    flow: (H, W, 2) float32, pixels to the right and downwards. Returns what FlowFrames.frame does.
    """
    return _cells(_square(flow, x, y, side) * (SIZE * _CELL / side))


def _square(image: np.ndarray, x: float, y: float, side: float) -> np.ndarray:
    """The square with this centre and side (pixels) of an image, at _CELL pixels a cell."""
    pixels = SIZE * _CELL
    scale = pixels / side
    # edge coordinates -> OpenCV's pixel centres
    shift = np.array([pixels / 2 - scale * x, pixels / 2 - scale * y]) + scale / 2 - 0.5
    affine = np.array([[scale, 0.0, shift[0]], [0.0, scale, shift[1]]])
    return cv2.warpAffine(image, affine, (pixels, pixels))


def _cells(flow: np.ndarray) -> np.ndarray:
    """Flow of such a square, in its pixels, as a gait frame."""
    flow = cv2.resize(flow, (SIZE, SIZE), interpolation=cv2.INTER_AREA)
    values = flow * (UNITS * PIXELS_PER_CELL / _CELL)
    limits = np.iinfo(np.int16)
    return np.asarray(values.round().clip(limits.min, limits.max), np.int16)


class Place(NamedTuple):
    """Where on a walk a frame was taken.

    image: its number, at FLOW_RATE. x, height: middle and height of the person's box, pixels.
    """

    image: int
    x: float
    height: float

    @classmethod
    def of(cls, image: int, box: np.ndarray) -> "Place":
        """Of a person with this box (4,): x, y, width, height in pixels."""
        return cls(image, float(box[0] + box[2] / 2), float(box[3]))

    def follows(self, earlier: "Place") -> bool:
        """Whether one window may hold both: no more than STEP images without a good frame lie between."""
        return self.image - earlier.image <= STEP + 1


def placed(frames: np.ndarray, places: Sequence[Place]) -> np.ndarray:
    """A window as the networks were trained: one place for all of it, through which the person walks.

    frames: (S, 60, 60, 2), each with its person in the middle, taken at these S places. The middle frame stays (the
    thirteenth of 25, as in the authors' program); the others are moved sideways by whole cells, zero where nothing is
    known. A step is as many cells as the square had then, so that somebody who comes nearer is not thrown aside.
    Returns frames of the same shape.
    """
    x, height = np.array([(place.x, place.height) for place in places]).T
    offsets = np.append(0.0, np.cumsum(np.diff(x) * SIZE / (SQUARE * height[1:])))
    moved = np.zeros_like(frames)
    for target, frame, offset in zip(moved, frames, offsets - offsets[len(offsets) // 2], strict=True):
        cells = int(np.clip(np.rint(offset), -SIZE, SIZE))
        first, last = max(cells, 0), min(SIZE + cells, SIZE)
        target[:, first:last] = frame[:, first - cells : last - cells]
    return moved


def window_starts(places: Sequence[Place], length: int = WINDOW, step: int = STEP) -> list[int]:
    """Where the windows of a walk begin, every `step` frames; none reaches over a pause."""
    breaks = [n for n in range(1, len(places)) if not places[n].follows(places[n - 1])]
    runs = zip([0, *breaks], [*breaks, len(places)], strict=True)
    return [start for first, end in runs for start in range(first, end - length + 1, step)]
