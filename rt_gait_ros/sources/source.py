"""What every source of frames has in common: its options, its state, its errors."""

import logging
import threading
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from types import TracebackType

import cv2
import numpy as np

from rt_gait_ros.errors import UsageError
from rt_gait_ros.frame import Frame
from rt_gait_ros.masking import readable
from rt_gait_ros.settings import check, setting

# Beyond any camera; a larger number in a container is a time base, not a frame rate.
MAX_FPS = 1000.0


class SourceError(UsageError):
    """A source cannot be opened, or gives nothing that can be read, and waiting does not mend it."""


def log_line(line: str) -> None:
    """Where lines about a running source go when nobody says otherwise."""
    logging.getLogger(__name__).warning(line)


@dataclass(frozen=True, slots=True)
class SourceOptions:
    """How frames are wanted, whatever they come from.

    width, height: pixels to fit the image into, its aspect kept; 0: as the other one says, both 0: as recorded.
        Cameras are asked for this size first.
    fps: frames per second, all equally far apart. 0: as the recording or the camera says for each of them. A camera
        that is faster is thinned out.
    pace: recordings only. True: frames come when their time has come. False: as fast as they can be read.
    speed: recordings only, of `pace`. 0.5 takes twice the time; stamps stay the recording's own.
    loop: recordings only. True: begin again at the end, with stamps that go on.
    frame_id: optical frame that every Frame names.
    report: takes one line about whatever happens while the source runs, from whichever thread saw it.
    """

    width: int = setting(0, "Pixels to fit the image into; 0: as the height says, or as recorded.", 0)
    height: int = setting(0, "Pixels to fit the image into; 0: as the width says, or as recorded.", 0)
    fps: float = setting(0.0, "Frames per second; 0: as the recording or the camera says.", 0.0, MAX_FPS)
    pace: bool = True
    speed: float = setting(
        1.0,
        "How fast recordings are played with pace; 0.5 takes twice their time. Stamps stay the recording's own.",
        0.01,
        100.0,
    )
    loop: bool = False
    frame_id: str = "camera"
    report: Callable[[str], None] = log_line

    def __post_init__(self) -> None:
        check(self, "source")


@dataclass(frozen=True, slots=True)
class SourceStatus:
    """State of a source: whether frames can come, what happened last, and counts since it was opened.

    read: frames handed out. skipped: frames that could not be decoded or, by an AVI's index, are missing. overwritten:
    frames of a camera that nobody took before the next one came. reconnects: times a camera that was lost came back.
    stale: frames of a camera that had waited in a buffer, and were dropped.
    """

    connected: bool
    detail: str
    read: int = 0
    skipped: int = 0
    overwritten: int = 0
    reconnects: int = 0
    stale: int = 0


class Source(ABC):
    """Frames, one after the other, until the end or `close()`, which may be called from another thread.

    A source is iterated once, by one thread. Stamps grow, but a camera's go back where this computer's clock is set
    back by more than half a second. uri: its name for people, without passwords. live: whether it has no end; what a
    network stream is, is known when it has been reached.
    """

    live: bool

    def __init__(self, uri: str, options: SourceOptions) -> None:
        self.uri = readable(uri)
        self.options = options
        self._closed = threading.Event()

    @property
    @abstractmethod
    def fps(self) -> float:
        """Nominal frames per second; 0 where nobody knows."""

    @abstractmethod
    def status(self) -> SourceStatus:
        """Whether frames can come, and what has been counted so far."""

    @abstractmethod
    def __iter__(self) -> Iterator[Frame]:
        """Yield frames; ends with the recording, or when the source is closed."""

    def close(self) -> None:
        """Let go of the device or file; an iteration under way ends."""
        self._closed.set()

    def __enter__(self) -> "Source":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _frame(self, image: np.ndarray, stamp: int) -> Frame:
        image = fit_image(as_bgr(image), self.options.width, self.options.height)
        return Frame(image, stamp, self.options.frame_id)


def as_bgr(image: np.ndarray) -> np.ndarray:
    """Image as (H, W, 3) uint8, from what OpenCV decodes: grey, BGR or BGRA, 8 or 16 bit."""
    if image.dtype == np.uint16:
        image = (image >> 8).astype(np.uint8)
    if image.ndim == 2 or image.shape[2] == 1:
        return cv2.cvtColor(image, cv2.COLOR_GRAY2BGR)
    if image.shape[2] == 4:
        return cv2.cvtColor(image, cv2.COLOR_BGRA2BGR)
    return image


def fit_image(image: np.ndarray, width: int, height: int) -> np.ndarray:
    """Scale `image` (H, W, C) to the largest size of its aspect within `width` x `height` pixels; 0: no limit."""
    rows, columns = image.shape[:2]
    factors = [limit / size for limit, size in ((width, columns), (height, rows)) if limit]
    if not factors or min(factors) == 1.0:
        return image
    factor = min(factors)
    size = (max(1, round(columns * factor)), max(1, round(rows * factor)))
    return cv2.resize(image, size, interpolation=cv2.INTER_AREA if factor < 1 else cv2.INTER_LINEAR)
