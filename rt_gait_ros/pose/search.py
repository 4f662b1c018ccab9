"""Where to search for people in this image: the whole, or one of the tiles in which small people are large enough."""

from dataclasses import dataclass

import cv2
import numpy as np

from rt_gait_ros.pose.person_network import Region

# Share of a tile's side that its neighbour sees as well: somebody who is as tall as the level is for is whole in one.
OVERLAP = 0.25
# A box that ends this near to a tile's edge is of somebody whom it cuts off, in sides.
_CUT = 0.005
# From one level of tiles to the next coarser one.
_COARSER = 2.5
_MOST_ENLARGED, _LEAST_SIDE = 2, 64
# Most tiles of the finest level: of more (an image of 16000x100) each is made larger, and sees large people only.
MOST_TILES = 400

# How much sooner a window's turn comes: along the border people enter; where something moves nobody is followed yet;
# where somebody was lost people mostly are still.
_BORDER, _MOVES, _LOST = 1.5, 6.0, 50.0
# Grey levels that a window's patch must change by to count as moving, and its width in pixels of the watched picture.
_CHANGE = 10.0
_WATCHED_SIDE = 320
# Seconds between the two pictures that are compared: a walker at 40 pixels moves a third of a body width.
_WATCHED_STEP = 0.2
# People come in groups, and a network that finds one person of 22 pixels takes four side by side for two. Of four who
# are 47 to 62 pixels tall NanoDet finds two when they are shown half as tall, three at 0.75, and all as they are: so
# that somebody is shown this tall now and then, in pixels of the network's own image, in a window around them.
_TOLD_APART = 56.0
# Seconds from one such window to the next.
_CLOSER_EVERY = 0.3


@dataclass(frozen=True, slots=True)
class Window:
    """A part of the image as the whole-image network shall see it. left, top, width, height: pixels of the image.

    side: the longer side of what the network is given, pixels.
    """

    left: int
    top: int
    width: int
    height: int
    side: int

    def cut(self, image: np.ndarray) -> np.ndarray:
        """A view of that part."""
        return image[self.top : self.top + self.height, self.left : self.left + self.width]

    def shows(self, place: Region, height: float, sees: float) -> bool:
        """Whether somebody at `place`, `height` pixels tall, is wholly in it, and large enough for a network that finds
        people from `sees` pixels of its own image on."""
        half = height / 2
        inside = (
            self.left <= place.x - half / 2
            and place.x + half / 2 <= self.left + self.width
            and self.top <= place.y - half
            and place.y + half <= self.top + self.height
        )
        return inside and height * self.side / max(self.width, self.height) >= sees

    def has_whole(self, box: np.ndarray, shape: tuple[int, ...]) -> bool:
        """Whether a box, left, top, right, bottom in pixels of the window, ends inside it or at the image's own border.

        Whom a tile cuts off is whole in its neighbour, or in a coarser tile. shape: of the image.
        """
        slack = _CUT * max(self.width, self.height)
        return not (
            (self.left > 0 and box[0] < slack)
            or (self.top > 0 and box[1] < slack)
            or (self.left + self.width < shape[1] and box[2] > self.width - slack)
            or (self.top + self.height < shape[0] and box[3] > self.height - slack)
        )


def windows(width: int, height: int, side: int, least: float, sees: float) -> list[Window]:
    """The whole image, and as many levels of overlapping tiles as it takes to see people of `least` pixels.

    side: the longer side of the network's input. sees: the height in its own pixels from which it finds people; 0: not
    known, then the whole image is all, as it is for a `least` of 0, and for images in which such people are that tall.
    """
    # a network's answer gets no better by more than this enlarging, and not cheaper
    found = [Window(0, 0, width, height, max(min(side, _MOST_ENLARGED * max(width, height)), _LEAST_SIDE))]
    if not least or not sees:
        return found
    scale = sees / least
    levels = []
    while scale > 1.15 * side / max(width, height):
        levels.append(scale)
        scale /= _COARSER
    for scale in levels[::-1]:
        tile = side / scale
        columns, rows = _places(width, tile), _places(height, tile)
        if len(columns) * len(rows) > MOST_TILES:
            break
        across, down = min(width, round(tile)), min(height, round(tile))
        found += [Window(left, top, across, down, side) for top in rows for left in columns]
    return found


def _places(length: int, tile: float) -> list[int]:
    """Where the tiles begin along a side."""
    size = min(length, round(tile))
    if size >= length:
        return [0]
    count = int(np.ceil((length - OVERLAP * size) / ((1.0 - OVERLAP) * size)))
    return [round(place) for place in np.linspace(0, length - size, max(count, 2))]


class Search:
    """Chooses the windows of each image: each has its turn, and those where somebody may appear have it sooner."""

    def __init__(self, side: int, least: float, sees: float) -> None:
        """As `windows`."""
        self._side, self._least, self._sees = side, least, sees
        self._size = (0, 0)
        self._windows: list[Window] = []
        # of each window: how much sooner its turn comes, when it was searched last, whether somebody was lost in it,
        # and whether something moves in it
        self._border, self._looked = np.zeros(0), np.zeros(0)
        self._due, self._moving = np.zeros(0, bool), np.zeros(0, bool)
        self._watched: tuple[float, np.ndarray] | None = None  # time and picture that the next one is compared with
        self._closer_at, self._turn = -np.inf, 0  # the last closer look, and whose turn the next one is

    @property
    def count(self) -> int:
        """Windows of one round."""
        return len(self._windows)

    def restart(self) -> None:
        """Nothing is known of the picture: nobody is where they were."""
        self._size = (0, 0)
        self._watched = None
        self._closer_at = -np.inf

    def lost(self, x: float, y: float) -> None:
        """Somebody was lost at (x, y): the windows there are looked at next."""
        for number, window in enumerate(self._windows):
            inside = window.left <= x < window.left + window.width and window.top <= y < window.top + window.height
            self._due[number] |= inside

    def choose(self, image: np.ndarray, time: float, number: int, boxes: np.ndarray) -> list[Window]:
        """The `number` windows whose turn it is at `time`, seconds, after `lay_out`.

        boxes: (P, 4) x, y, width, height of those who are followed, who are no reason to search where they move, but
        one to look closer for who is beside them.
        """
        if len(self._windows) > 1:
            self._watch(image, time, boxes)
        urgency = (time - self._looked) * np.where(self._moving, _MOVES, 1.0) * self._border
        urgency = np.where(self._due, _LOST * np.maximum(urgency, 1e-3), urgency)
        closer = self._closer(time, boxes) if number > 0 else []
        chosen = np.argsort(-urgency, kind="stable")[: max(number - len(closer), 0)]
        self._looked[chosen], self._due[chosen], self._moving[chosen] = time, False, False
        return [self._windows[index] for index in chosen] + closer

    def _closer(self, time: float, boxes: np.ndarray) -> list[Window]:
        """Every now and then a window around one of those who are too small to be told from their neighbours, in turn.

        Not while somebody is searched for where they were lost, nor for a network that does not say what it sees.
        """
        if not (self._least and self._sees) or self._due.any() or time - self._closer_at < _CLOSER_EVERY:
            return []
        finest = min(max(window.width, window.height) for window in self._windows)
        small = boxes[boxes[:, 3] * self._side / finest < _TOLD_APART]
        if not len(small):
            return []
        x, y, across, down = small[self._turn % len(small)]
        self._turn += 1
        self._closer_at = time
        size = max(round(self._side * down / _TOLD_APART), round(self._side / _MOST_ENLARGED))
        width, height = min(size, self._size[0]), min(size, self._size[1])
        left = min(max(round(x + across / 2 - width / 2), 0), self._size[0] - width)
        top = min(max(round(y + down / 2 - height / 2), 0), self._size[1] - height)
        return [Window(left, top, width, height, self._side)]

    def lay_out(self, width: int, height: int, time: float) -> None:
        """Make the windows of images of this size, unless they are there."""
        if (width, height) == self._size:
            return
        self._size = (width, height)
        self._windows = windows(width, height, self._side, self._least, self._sees)
        count = len(self._windows)
        touches = [
            window.left == 0
            or window.top == 0
            or window.left + window.width >= width
            or window.top + window.height >= height
            for window in self._windows
        ]
        self._border = np.where(touches, _BORDER, 1.0)
        self._border[0] = _BORDER * _COARSER  # the whole sees the large ones, who have the most to be recognised by
        # as if all had been looked at a second ago, the whole first
        self._looked = np.full(count, time - 1.0)
        self._due, self._moving = np.zeros(count, bool), np.zeros(count, bool)
        self._watched = None

    def _watch(self, image: np.ndarray, time: float, boxes: np.ndarray) -> None:
        """Mark the windows in which something moves that nobody follows."""
        if self._watched is not None and 0.0 <= time - self._watched[0] < _WATCHED_STEP:
            return
        width, height = self._size
        shrink = _WATCHED_SIDE / max(width, height)
        size = max(round(width * shrink), 1), max(round(height * shrink), 1)
        # every fourth pixel is enough to begin with: reading a 4K image whole costs more than a tile
        step = max(int(0.25 / shrink), 1)
        grey = cv2.cvtColor(np.ascontiguousarray(image[::step, ::step]), cv2.COLOR_BGR2GRAY)
        small = cv2.resize(grey, size, interpolation=cv2.INTER_AREA)
        before, self._watched = self._watched, (time, small)
        if before is None:
            return
        changed = cv2.absdiff(small, before[1]) > _CHANGE
        for x, y, across, down in boxes * shrink:
            left, top = max(int(x - 0.2 * across), 0), max(int(y - 0.1 * down), 0)
            changed[top : int(y + 1.1 * down) + 1, left : int(x + 1.2 * across) + 1] = False
        for number, window in enumerate(self._windows):
            left, top = int(window.left * shrink), int(window.top * shrink)
            right, bottom = int((window.left + window.width) * shrink), int((window.top + window.height) * shrink)
            self._moving[number] |= bool(changed[top : bottom + 1, left : right + 1].any())
