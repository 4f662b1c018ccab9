"""Names in every script, as pictures to lay on an image: shaped and put in order by Pillow with Raqm."""

import threading
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import groupby

import cv2
import numpy as np
from PIL import Image, ImageDraw

from rt_gait_ros.overlay.fonts import Font, Fonts, clusters
from rt_gait_ros.overlay.palette import Colour

# OpenCV's own strokes, which are always there, for what is ASCII; at scale 1 a capital is 21 pixels high.
STROKES = cv2.FONT_HERSHEY_DUPLEX
CAPITAL = 0.72  # height of a capital, em (as of most fonts without serifs)
STROKES_CAPITAL = 21.0
BOX_WIDTH = 0.55  # em
REMEMBERED = 512  # pictures of lines: a crowd with changing percentages


@dataclass(frozen=True, slots=True)
class Lettering:
    """A line of text as a picture. pixels: (H, W, 4) uint8 BGR and how much of it covers what is below.

    above: rows over the base line.
    """

    pixels: np.ndarray
    above: int

    def lay_on(self, image: np.ndarray, x: int, base: int) -> None:
        """Draw onto (H, W, 3) uint8 BGR with the left end of the base line at x, base; what is outside is cut off."""
        top, left = base - self.above, x
        rows = slice(max(top, 0), min(top + self.pixels.shape[0], image.shape[0]))
        columns = slice(max(left, 0), min(left + self.pixels.shape[1], image.shape[1]))
        if rows.start >= rows.stop or columns.start >= columns.stop:
            return
        part = self.pixels[rows.start - top : rows.stop - top, columns.start - left : columns.stop - left]
        cover = part[..., 3:].astype(np.uint16)
        below = image[rows, columns]
        below[:] = (part[..., :3] * cover + below * (255 - cover) + 127) // 255


class Letterer:
    """Makes letterings with the fonts of a system; remembers the newest. Callable from any thread."""

    def __init__(self, fonts: Fonts | None = None) -> None:
        self._fonts = fonts or Fonts()
        self._lock = threading.Lock()  # a font's face is for one thread at a time
        self._remembered = lru_cache(REMEMBERED)(self._line)

    def line(self, parts: tuple[str, ...], size: int, ink: Colour) -> Lettering:
        """The parts from left to right on one base line, each by itself: a name from right to left stays one piece.

        size: of an em in pixels. ink: BGR. What no font draws is a box for each character, or, where that is a letter
        of ours with accents, the letter without them.
        """
        with self._lock:
            return self._remembered(parts, size, ink)

    def _line(self, parts: tuple[str, ...], size: int, ink: Colour) -> Lettering:
        pictures = [picture for part in parts for picture in self._part(part, max(size, 4), ink)]
        above = max(picture.above for picture in pictures)
        below = max(picture.pixels.shape[0] - picture.above for picture in pictures)
        width = sum(picture.pixels.shape[1] for picture in pictures)
        page = np.zeros((above + below, width, 4), np.uint8)
        x = 0
        for picture in pictures:
            height, wide = picture.pixels.shape[:2]
            page[above - picture.above : above - picture.above + height, x : x + wide] = picture.pixels
            x += wide
        page.flags.writeable = False
        return Lettering(page, above)

    def _part(self, text: str, size: int, ink: Colour) -> Sequence[Lettering]:
        """Pieces of one font each, from left to right. Of several fonts from right to left their order is turned."""
        runs = self._fonts.runs(text)
        pictures = []
        for run, font in runs:
            pictures += _without_font(run, size, ink) if font is None else [_written(run, font, size, ink)]
        return pictures[::-1] if _from_right(text) else pictures


def _written(text: str, font: Font, size: int, ink: Colour) -> Lettering:
    face = font.at(font.strike or size)
    ascent, descent = face.getmetrics()
    left, top, right, bottom = face.getbbox(text, anchor="ls")
    above, below = max(ascent, -int(top)), max(descent, int(bottom))
    start = max(0, -int(left))
    width = max(int(right), round(face.getlength(text))) + start
    blue, green, red = ink
    page = Image.new("RGBA", (max(width, 1), above + below), (red, green, blue, 0))
    colours = ImageDraw.Draw(page)
    colours.text((start, above), text, (red, green, blue, 255), face, anchor="ls", embedded_color=bool(font.strike))
    if font.strike:
        scale = size / font.strike
        wanted = (max(1, round(page.width * scale)), max(1, round(page.height * scale)))
        page = page.resize(wanted, getattr(Image, "Resampling", Image).BOX)  # Pillow before 9.1 has it in Image
        above = min(round(above * scale), page.height)
    return Lettering(np.asarray(page)[..., [2, 1, 0, 3]], above)


def _without_font(text: str, size: int, ink: Colour) -> list[Lettering]:
    """Strokes for what is ASCII or becomes it without accents, boxes for the rest."""
    pictures = []
    for written, group in groupby(clusters(text), lambda cluster: _plain(cluster).isascii()):
        run = "".join(group)
        pictures.append(_strokes(_plain(run), size, ink) if written else _boxes(run, size, ink))
    return pictures


def _plain(text: str) -> str:
    return "".join(c for c in unicodedata.normalize("NFKD", text) if not unicodedata.combining(c))


def _strokes(text: str, size: int, ink: Colour) -> Lettering:
    scale, thick = size * CAPITAL / STROKES_CAPITAL, max(1, size // 15)
    (width, above), below = cv2.getTextSize(text, STROKES, scale, thick)
    page = np.zeros((above + below, max(width, 1), 4), np.uint8)
    page[..., :3] = ink
    cover = np.zeros(page.shape[:2], np.uint8)
    cv2.putText(cover, text, (0, above), STROKES, scale, 255, thick, cv2.LINE_AA)
    page[..., 3] = cover
    return Lettering(page, above)


def _boxes(text: str, size: int, ink: Colour) -> Lettering:
    """A box for each character that nothing draws, where a reader of the script would look for it."""
    count = len(clusters(text))
    wide, tall, line = round(BOX_WIDTH * size), round(CAPITAL * size), max(1, size // 12)
    gap = max(1, size // 10)
    page = np.zeros((tall, (wide + 2 * gap) * count, 4), np.uint8)
    page[..., :3] = ink
    for number in range(count):
        left = number * (wide + 2 * gap) + gap
        page[:, left : left + wide, 3] = 255
        page[line : tall - line, left + line : left + wide - line, 3] = 0
    return Lettering(page, tall)


def _from_right(text: str) -> bool:
    """Whether the first character with a direction is written from right to left (as Unicode's rules P2 and P3)."""
    strong = (unicodedata.bidirectional(character) for character in text)
    return next((kind in ("R", "AL") for kind in strong if kind in ("L", "R", "AL")), False)
