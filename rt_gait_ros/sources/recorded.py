"""Recordings: video files and folders of images, at their own pace or as fast as they can be read."""

import re
import threading
import time
from abc import abstractmethod
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from rt_gait_ros.frame import Frame
from rt_gait_ros.image_files import read_image
from rt_gait_ros.masking import readable
from rt_gait_ros.sources.source import Source, SourceError, SourceOptions, SourceStatus
from rt_gait_ros.sources.video import SILENCE, StreamLost, Video

SUFFIXES = frozenset({".jpg", ".jpeg", ".png"})
# A folder has no frame rate of its own: CASIA-B's, the rate at which most gait data sets were recorded.
FOLDER_FPS = 25.0


class RecordedSource(Source):
    """Images that lie on a disk. Each has the stamp start + its own time in the recording, whether paced or not.

    Start is the wall clock when the first frame is asked for. Images that cannot be decoded keep their place in time.
    """

    def __init__(self, uri: str, options: SourceOptions, fps: float) -> None:
        super().__init__(uri, options)
        self.live = False
        self._fps = fps
        self._read = 0
        self._skipped = 0
        self._detail = "ready"

    @property
    def fps(self) -> float:
        """Nominal frames per second of this recording, 0 where nobody knows."""
        return self._fps

    def status(self) -> SourceStatus:
        """Connected until the end; `detail` then says so."""
        return SourceStatus(not self._closed.is_set(), self._detail, self._read, self._skipped)

    @abstractmethod
    def _images(self) -> Iterator[np.ndarray | None]:
        """Images from the beginning to the end of one pass; None for each that could not be decoded."""

    def _timed_images(self) -> Iterator[tuple[float | None, np.ndarray | None]]:
        """The images of one pass, each with its seconds from the pass's first; both None where nothing was decoded."""
        for number, image in enumerate(self._images()):
            yield number / self._fps, image

    def __iter__(self) -> Iterator[Frame]:
        """Yield the recording's frames.

        Raises SourceError when one whole pass has not a single frame that can be decoded.
        """
        start, begun = time.time_ns(), time.monotonic()
        pass_begin = due = 0.0
        last_stamp = 0
        self._detail = "playing"
        while True:
            read_before = self._read
            step = 1.0 / (self._fps or FOLDER_FPS)
            for seconds, image in self._timed_images():
                if self._closed.is_set():
                    break
                if seconds is not None:
                    step = pass_begin + seconds - due or step
                    due = pass_begin + seconds
                if image is None:
                    self._skipped += 1
                    continue
                shown = begun + due / self.options.speed
                if self.options.pace and self._closed.wait(max(0.0, shown - time.monotonic())):
                    break
                self._read += 1
                # an image without a time of its own, or with its neighbour's, is still another image
                last_stamp = max(start + round(due * 1e9), last_stamp + 1)
                yield self._frame(image, last_stamp)
            if self._closed.is_set():
                return
            if self._read == read_before:
                raise SourceError(f"{self.uri} has no frame that can be decoded; check the file with a video player")
            if not self.options.loop:
                self._detail = "ended"
                return
            pass_begin = due = due + step


class VideoFile(RecordedSource):
    """A video file, or a network stream that turned out to have an end.

    Raises SourceError from the constructor when the file is missing, empty, no video, or does not say its rate.
    """

    def __init__(self, name: Path | str, options: SourceOptions, stream: Video | None = None) -> None:
        """name: the file; of a stream its URL. stream: that stream, opened."""
        self._name = name
        self._network = stream is not None
        # Guards the video: close() may come from another thread in the middle of a read.
        # The same thread may, too, in `report`.
        self._lock = threading.RLock()
        if stream is not None:
            stream.as_recording(options.fps)
        self._video: Video | None = stream or self._open(options)
        super().__init__(str(name), options, self._video.rate)

    def _open(self, options: SourceOptions) -> Video:
        if not self._network:
            return Video(self._name, fps=options.fps, report=options.report)
        try:
            video = Video(self._name, timeout=SILENCE, report=options.report)
        except StreamLost as lost:
            raise SourceError(f"{self.uri} cannot be opened again: {lost}") from None
        video.as_recording(options.fps)
        return video

    def _images(self) -> Iterator[np.ndarray | None]:
        return (image for _, image in self._timed_images())

    def _timed_images(self) -> Iterator[tuple[float | None, np.ndarray | None]]:
        with self._lock:
            if self._closed.is_set():
                return
            video = self._video = self._video or self._open(self.options)
        for line in video.remarks if not self._read else ():
            self.options.report(line)
        pictures = video.pictures()
        lost = 0
        while True:
            with self._lock:
                if self._closed.is_set():
                    return
                try:
                    picture = next(pictures)
                except StopIteration:
                    break
                image = None if picture is None else picture.image()
            self._skipped += video.lost - lost
            lost = video.lost
            yield None if picture is None else picture.time, image
        if lost:
            self.options.report(f"{self.uri}: {lost} frames are missing, by its index; the others keep their times")
        there = video.seen + lost
        if 0 < there < video.expected:
            self.options.report(f"{self.uri} ends after {there} of {video.expected} frames; the file may be cut short")
        with self._lock:
            video.close()
            self._video = None

    def close(self) -> None:
        """End the iteration and close the file."""
        super().close()
        with self._lock:
            if self._video is not None:
                self._video.close()
                self._video = None


class ImageFolder(RecordedSource):
    """A folder of jpg or png images, in the order of their names, numbers in them read as numbers.

    Raises SourceError from the constructor when there is no image in the folder.
    """

    def __init__(self, folder: Path, options: SourceOptions) -> None:
        name = readable(str(folder))
        try:
            self._paths = sorted((path for path in folder.iterdir() if path.suffix.lower() in SUFFIXES), key=_by_number)
        except OSError as error:
            raise SourceError(f"{name} cannot be opened: {error.strerror}") from None
        if not self._paths:
            raise SourceError(f"{name} holds no .jpg or .png image")
        super().__init__(str(folder), options, options.fps or FOLDER_FPS)

    def _images(self) -> Iterator[np.ndarray | None]:
        for path in self._paths:
            image = read_image(path)
            if image is None:
                self.options.report(f"{readable(str(path))} cannot be decoded and is left out")
            yield image


def _by_number(path: Path) -> list[tuple[int, int, str]]:
    # frame2.png comes before frame10.png.
    parts = re.findall(r"\d+|\D+", path.name)
    return [(0, int(part), "") if part.isdecimal() else (1, 0, part) for part in parts]
