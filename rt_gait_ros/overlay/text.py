"""Text on images: sizes that follow the image, and labels that do not lie on each other."""

from dataclasses import dataclass
from functools import lru_cache

import cv2
import numpy as np

from rt_gait_ros.overlay.lettering import CAPITAL, STROKES, STROKES_CAPITAL, Letterer, Lettering
from rt_gait_ros.overlay.palette import Colour, ink_on

# Image height in pixels at which one unit of scale is one pixel.
REFERENCE_HEIGHT = 540
# Below this the strokes of the Hershey fonts run together.
SMALLEST_SCALE = 0.65


def scale_of(image: np.ndarray) -> float:
    """Pixels per unit of line width and font size for an image of this size."""
    return max(min(image.shape[0], image.shape[1]) / REFERENCE_HEIGHT, SMALLEST_SCALE)


@lru_cache(1)
def _letterer() -> Letterer:
    return Letterer()


@dataclass(frozen=True, slots=True)
class TextLine:
    """One line of text. size: height factor on top of the image's scale. after: what stands to the right of the text.

    ASCII is drawn in strokes of OpenCV, which look the same on every machine; the rest in the system's fonts.
    """

    text: str
    size: float = 0.55
    after: str = ""

    def extent(self, scale: float, ink: Colour) -> tuple[int, int, int]:
        """Width, height above and height below the base line in pixels."""
        if not self._plain:
            lettering = self._lettering(scale, ink)
            return lettering.pixels.shape[1], lettering.above, lettering.pixels.shape[0] - lettering.above
        (width, height), below = cv2.getTextSize(self._whole, STROKES, self.size * scale, self.thickness(scale))
        return width, height, below

    def draw(self, image: np.ndarray, x: int, base: int, scale: float, ink: Colour) -> None:
        """Draw with the left end of the base line at x, base."""
        if self._plain:
            thickness = self.thickness(scale)
            cv2.putText(image, self._whole, (x, base), STROKES, self.size * scale, ink, thickness, cv2.LINE_AA)
        else:
            self._lettering(scale, ink).lay_on(image, x, base)

    def thickness(self, scale: float) -> int:
        """Stroke width in pixels."""
        return max(1, round(self.size * scale * 2))

    @property
    def _whole(self) -> str:
        return self.text + self.after

    @property
    def _plain(self) -> bool:
        return self._whole.isascii()

    def _lettering(self, scale: float, ink: Colour) -> Lettering:
        parts = (self.text, self.after) if self.after else (self.text,)
        return _letterer().line(parts, round(self.size * scale * STROKES_CAPITAL / CAPITAL), ink)


@dataclass(frozen=True, slots=True)
class Label:
    """Lines of text on a filled plate.

    edge: colour of a stripe down the plate's left side. progress: 0..1, a bar along the plate's lower edge.
    """

    lines: tuple[TextLine, ...]
    background: Colour
    edge: Colour | None = None
    progress: float | None = None

    def extent(self, scale: float) -> tuple[int, int]:
        """Width and height of the plate in pixels."""
        pad, ink = _pad(scale), ink_on(self.background)
        sizes = [line.extent(scale, ink) for line in self.lines]
        height = sum(above + below for _, above, below in sizes) + 2 * pad
        return max(width for width, _, _ in sizes) + 3 * pad, height + (
            self._bar(scale) if self.progress is not None else 0
        )

    def draw(self, image: np.ndarray, x: int, y: int, scale: float) -> None:
        """Draw the plate with its upper left corner at x, y."""
        width, height = self.extent(scale)
        ink = ink_on(self.background)
        cv2.rectangle(image, (x, y), (x + width - 1, y + height - 1), self.background, cv2.FILLED)
        if self.edge is not None:
            cv2.rectangle(image, (x, y), (x + _pad(scale) - 1, y + height - 1), self.edge, cv2.FILLED)
        base = y + _pad(scale)
        for line in self.lines:
            _, above, below = line.extent(scale, ink)
            base += above
            line.draw(image, x + _pad(scale) * 3 // 2, base, scale, ink)
            base += below
        if self.progress is not None:
            bar = self._bar(scale)
            done = round((width - 1) * min(max(self.progress, 0.0), 1.0))
            cv2.rectangle(image, (x, y + height - bar), (x + done, y + height - 1), ink, cv2.FILLED)

    @staticmethod
    def _bar(scale: float) -> int:
        return max(2, round(4 * scale))


def _pad(scale: float) -> int:
    return max(2, round(4 * scale))


class LabelPlacer:
    """Finds room for labels above boxes, inside the image and off the labels already placed."""

    def __init__(self, width: int, height: int) -> None:
        """Width and height of the image in pixels."""
        self._width = width
        self._height = height
        self._taken: list[tuple[int, int, int, int]] = []

    def place(self, x: float, y: float, width: int, height: int) -> tuple[int, int]:
        """Upper left corner for a plate of this size that would best stand on top of the point x, y."""
        left = int(np.clip(round(x), 0, max(0, self._width - width)))
        top = int(np.clip(round(y) - height, 0, max(0, self._height - height)))
        for step in (-1, 1):  # first upwards, then down
            candidate = self._slide(left, top, width, height, step)
            if candidate is not None:
                top = candidate
                break
        self._taken.append((left, top, width, height))
        return left, top

    def _slide(self, left: int, top: int, width: int, height: int, step: int) -> int | None:
        while 0 <= top <= self._height - height:
            hit = next((other for other in self._taken if _overlap((left, top, width, height), other)), None)
            if hit is None:
                return top
            top = hit[1] - height if step < 0 else hit[1] + hit[3]
        return None


def _overlap(a: tuple[int, int, int, int], b: tuple[int, int, int, int]) -> bool:
    return a[0] < b[0] + b[2] and b[0] < a[0] + a[2] and a[1] < b[1] + b[3] and b[1] < a[1] + a[3]
