"""Optical-flow gait frames: how every part of one person moves, what the 2D-CNN and 3D-CNN of Embedded-Gait eat."""

import cv2
import numpy as np

SIZE = 60  # rows and columns of a frame
WINDOW, STEP = (
    25,
    5,
)  # frames that one descriptor stands on, and frames from one window to the next (Embedded-Gait)
UNITS = 100.0  # values per pixel: int16 hundredths

# The networks were trained on 640x480 pictures whose flow, in pixels of those, was shrunk to 80x60: 8 pixels a cell.
PIXELS_PER_CELL = 8.0

# Pixels per cell at which flow is computed: half the 8, where a thigh still is some 20 pixels wide.
_CELL = 4
# The middle frame of a window, by which all of it is placed (round(25 / 2) in the authors' program).
_MIDDLE = 12


class FlowFrames:
    """Flow from the last image to the newest, around one person at a time; no more than two images are kept.

    Dense inverse search (Kroeger et al., ECCV 2016) at its fast preset: on synthetic motion of real frames nearer the
    truth than Farneback's method, in a tenth of the time (docs/evaluation.md).
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
        pixels = SIZE * _CELL
        scale = pixels / side
        # edge coordinates -> OpenCV's pixel centres
        shift = np.array([pixels / 2 - scale * x, pixels / 2 - scale * y]) + scale / 2 - 0.5
        affine = np.array([[scale, 0.0, shift[0]], [0.0, scale, shift[1]]])
        before, now = (cv2.warpAffine(image, affine, (pixels, pixels)) for image in self._images)
        flow = self._search.calc(before, now, None)  # type: ignore[call-overload]  # None: no first guess
        flow = cv2.resize(flow, (SIZE, SIZE), interpolation=cv2.INTER_AREA)
        values = flow * (UNITS * PIXELS_PER_CELL / _CELL)
        limits = np.iinfo(np.int16)
        return np.asarray(values.round().clip(limits.min, limits.max), np.int16)


def placed(frames: np.ndarray, offsets: np.ndarray) -> np.ndarray:
    """A window as the networks were trained: one place for all of it, through which the person walks.

    frames: (25, 60, 60, 2), each with its person in the middle. offsets: (25,) where the persons' middles were, in
    cells, from anywhere. The middle frame stays; the others are moved sideways by whole cells, zero where nothing is
    known. Returns frames of the same shape.
    """
    moved = np.zeros_like(frames)
    for target, frame, offset in zip(moved, frames, offsets - offsets[_MIDDLE], strict=True):
        cells = int(np.clip(np.rint(offset), -SIZE, SIZE))
        first, last = max(cells, 0), min(SIZE + cells, SIZE)
        target[:, first:last] = frame[:, first - cells : last - cells]
    return moved


def windows(frames: np.ndarray, offsets: np.ndarray) -> np.ndarray:
    """All windows of a walk: (S, 60, 60, 2) frames in a row and their (S,) offsets to (N, 25, 60, 60, 2)."""
    starts = range(0, len(frames) - WINDOW + 1, STEP)
    cut = [placed(frames[start : start + WINDOW], offsets[start : start + WINDOW]) for start in starts]
    return np.stack(cut) if cut else np.zeros((0, WINDOW, *frames.shape[1:]), frames.dtype)
