"""Recordings: video files and folders of images, at their own pace or as fast as they can be read."""

import re
import threading
import time
from abc import abstractmethod
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np

from rt_gait_ros.sources.frame import Frame
from rt_gait_ros.sources.source import MAX_FPS, Source, SourceError, SourceOptions, SourceStatus

IMAGE_SUFFIXES = frozenset({".jpg", ".jpeg", ".png"})
# A folder has no frame rate of its own: CASIA-B's, the rate at which most gait data sets were recorded.
FOLDER_FPS = 25.0
# Reads that must fail in a row before a video counts as ended: OpenCV says "no frame" for a damaged one, too.
END_READS = 25


class RecordedSource(Source):
    """Frames that lie on a disk. Frame number n has the stamp start + n / fps, whether paced or not.

    Start is the wall clock when the first frame is asked for. Frames that cannot be decoded keep their place in time.
    """

    live = False

    def __init__(self, uri: str, options: SourceOptions, fps: float) -> None:
        super().__init__(uri, options)
        self._fps = fps
        self._read = 0
        self._skipped = 0
        self._detail = "ready"

    @property
    def fps(self) -> float:
        """Frames per second at which this recording plays."""
        return self._fps

    def status(self) -> SourceStatus:
        """Connected until the end; `detail` then says so."""
        return SourceStatus(not self._closed.is_set(), self._detail, self._read, self._skipped)

    @abstractmethod
    def _images(self) -> Iterator[np.ndarray | None]:
        """Images from the beginning to the end of one pass; None for each that could not be decoded."""

    def __iter__(self) -> Iterator[Frame]:
        """Yield the recording's frames.

        Raises SourceError when one whole pass has not a single frame that can be decoded.
        """
        start, begun = time.time_ns(), time.monotonic()
        number = 0
        self._detail = "playing"
        while True:
            read_before = self._read
            for image in self._images():
                due = number / self._fps
                number += 1
                if image is None:
                    self._skipped += 1
                    continue
                if self.options.pace and self._closed.wait(max(0.0, begun + due - time.monotonic())):
                    break
                self._read += 1
                yield self._frame(image, start + round(due * 1e9))
            if self._closed.is_set():
                return
            if self._read == read_before:
                raise SourceError(f"{self.uri} has no frame that can be decoded; check the file with a video player")
            if not self.options.loop:
                self._detail = "ended"
                return


class VideoFile(RecordedSource):
    """A video file, decoded by OpenCV.

    Raises SourceError from the constructor when the file is missing, empty, no video, or has no frame rate.
    """

    def __init__(self, path: Path, options: SourceOptions) -> None:
        _check_file(path)
        self._path = path
        # Guards the capture: close() may come from another thread in the middle of a read.
        self._lock = threading.Lock()
        self._capture = cv2.VideoCapture(str(path))
        if not self._capture.isOpened():
            raise SourceError(f"{path} is no video that OpenCV can read; convert it to H.264 in mp4")
        fps = options.fps or self._capture.get(cv2.CAP_PROP_FPS)
        if not 0.0 < fps <= MAX_FPS:
            self._capture.release()
            raise SourceError(f"{path} does not say its frame rate; give one with fps")
        super().__init__(str(path), options, fps)

    def _images(self) -> Iterator[np.ndarray | None]:
        with self._lock:
            if not self._capture.isOpened() and not self._closed.is_set():
                self._capture.open(str(self._path))
            expected = int(self._capture.get(cv2.CAP_PROP_FRAME_COUNT))
        number = failed = 0
        while failed < END_READS and not self._closed.is_set():
            with self._lock:
                ok, image = self._capture.read() if self._capture.isOpened() else (False, None)
            if not ok:
                failed += 1
                continue
            for _ in range(failed):
                yield None
            number += failed + 1
            failed = 0
            yield image
        if self._closed.is_set():
            return
        if 0 < number < expected:
            self.options.report(f"{self._path} ends after {number} of {expected} frames; the file may be cut short")
        with self._lock:
            self._capture.release()

    def close(self) -> None:
        """End the iteration and close the file."""
        super().close()
        with self._lock:
            self._capture.release()


class ImageFolder(RecordedSource):
    """A folder of jpg or png images, in the order of their names, numbers in them read as numbers.

    Raises SourceError from the constructor when there is no image in the folder.
    """

    def __init__(self, folder: Path, options: SourceOptions) -> None:
        self._paths = sorted(
            (path for path in folder.iterdir() if path.suffix.lower() in IMAGE_SUFFIXES), key=_by_number
        )
        if not self._paths:
            raise SourceError(f"{folder} holds no .jpg or .png image")
        super().__init__(str(folder), options, options.fps or FOLDER_FPS)

    def _images(self) -> Iterator[np.ndarray | None]:
        for path in self._paths:
            image = _read_image(path)
            if image is None:
                self.options.report(f"{path} cannot be decoded and is left out")
            yield image


def _read_image(path: Path) -> np.ndarray | None:
    try:
        data = np.fromfile(path, np.uint8)
    except OSError:
        return None
    return cv2.imdecode(data, cv2.IMREAD_COLOR) if data.size else None


def _by_number(path: Path) -> list[tuple[int, int, str]]:
    # frame2.png comes before frame10.png.
    parts = re.findall(r"\d+|\D+", path.name)
    return [(0, int(part), "") if part.isdecimal() else (1, 0, part) for part in parts]


def _check_file(path: Path) -> None:
    try:
        size = path.stat().st_size
        with path.open("rb"):
            pass
    except FileNotFoundError:
        raise SourceError(f"{path} does not exist; name a video file, a folder of images or a camera") from None
    except OSError as error:
        raise SourceError(f"{path} cannot be opened: {error.strerror}") from None
    if size == 0:
        raise SourceError(f"{path} is empty (0 bytes)")
