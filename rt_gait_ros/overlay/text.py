"""Text on images: sizes that follow the image, and labels that do not lie on each other."""

import unicodedata
from dataclasses import dataclass

import cv2
import numpy as np

from rt_gait_ros.overlay.palette import Colour, ink_on

FONT = cv2.FONT_HERSHEY_DUPLEX
# Image height in pixels at which one unit of scale is one pixel.
REFERENCE_HEIGHT = 540
# Below this the strokes of the Hershey fonts run together.
SMALLEST_SCALE = 0.65


def scale_of(image: np.ndarray) -> float:
    """Pixels per unit of line width and font size for an image of this size."""
    return max(min(image.shape[0], image.shape[1]) / REFERENCE_HEIGHT, SMALLEST_SCALE)


def printable(text: str) -> str:
    """What the Hershey fonts can draw of a name: accents are dropped, other scripts become question marks."""
    plain = "".join(c for c in unicodedata.normalize("NFKD", text) if not unicodedata.combining(c))
    return plain.encode("ascii", "replace").decode()


@dataclass(frozen=True, slots=True)
class TextLine:
    """One line of text. size: height factor on top of the image's scale."""

    text: str
    size: float = 0.55

    def extent(self, scale: float) -> tuple[int, int, int]:
        """Width, height above and height below the base line in pixels."""
        (width, height), below = cv2.getTextSize(self.text, FONT, self.size * scale, self.thickness(scale))
        return width, height, below

    def thickness(self, scale: float) -> int:
        """Stroke width in pixels."""
        return max(1, round(self.size * scale * 2))


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
        pad = _pad(scale)
        sizes = [line.extent(scale) for line in self.lines]
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
            _, above, below = line.extent(scale)
            base += above
            where = (x + _pad(scale) * 3 // 2, base)
            cv2.putText(image, line.text, where, FONT, line.size * scale, ink, line.thickness(scale), cv2.LINE_AA)
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
