"""Cameras and streams: the newest frame only, and back again after they were lost."""

import glob
import os
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Protocol

import cv2
import numpy as np

from rt_gait_ros.frame import Frame
from rt_gait_ros.sources.capture_clock import CaptureClock
from rt_gait_ros.sources.recorded import VideoFile
from rt_gait_ros.sources.source import Source, SourceOptions, SourceStatus
from rt_gait_ros.sources.video import SILENCE, StreamLost, Video

# Seconds between attempts to open a camera: the first, and the longest; each waits twice as long as the one before.
FIRST_BACKOFF, LONGEST_BACKOFF = 0.5, 8.0
# Reads that must fail one after the other before a camera counts as lost: one damaged frame is no loss.
LOST_READS = 5
# Seconds that close() waits for a driver to come back from a read.
CLOSE_TIMEOUT = 2.0
# Nanoseconds by which the wall clock must have gone back to have been set back: stamps follow it then, as the tracker
# does. By less it is an image whose age was told wrongly, and stamps go on.
SET_BACK = 500_000_000
# A stream that ended, and gave so many seconds so many times as fast as they were taken, was a recording.
RECORDED_SECONDS, RECORDED_PACE = 5.0, 3.0


class Shot(Protocol):
    """One image of a camera. time: when it was taken, in seconds on the camera's own clock; None without one."""

    @property
    def time(self) -> float | None: ...  # noqa: D102

    def image(self) -> np.ndarray: ...  # noqa: D102


class Camera(Protocol):
    """A camera that is open. fps: as it says, 0 where it does not. video: the network stream it is, if it is one."""

    fps: float
    video: Video | None

    def read(self) -> Shot | None:
        """Wait for the next image; None for one that is damaged. Raises StreamLost, the message is the reason."""

    def close(self) -> None:
        """Let go of it."""


Opener = Callable[[], Camera]


class LiveSource(Source):
    """A camera that a thread of its own reads as fast as it gives, so that what is handed out is never old.

    `open_camera` is called whenever the camera is not there, with exponential back-off between attempts, for ever; it
    raises StreamLost. Stamps are the wall clock when the image was taken, as far as that can be told (CaptureClock).
    A network stream that has an end is played as the recording that it is.
    """

    def __init__(self, uri: str, options: SourceOptions, open_camera: Opener, url: str = "") -> None:
        """url: of a network stream, to open it as a recording."""
        super().__init__(uri, options)
        self.live = True
        self._open_camera = open_camera
        self._url = url
        self._newest: tuple[Shot, int, float] | None = None
        self._arrived = threading.Condition()
        self._connected = False
        self._last_arrival = 0.0
        self._detail = ""
        self._fps = options.fps
        self._read = self._skipped = self._overwritten = self._stale = self._reconnects = 0
        self._ran_ahead = False
        self._error: Exception | None = None
        self._found: Video | None = None
        self._recording: VideoFile | None = None
        self._thread = threading.Thread(target=self._grab, name=f"grab {self.uri}", daemon=True)

    @property
    def fps(self) -> float:
        """What was asked for, else what the camera says; 0 while it has not been reached."""
        return self._recording.fps if self._recording is not None else self._fps

    def status(self) -> SourceStatus:
        """Connected while frames come; `detail` says what is wrong, nothing before the first attempt."""
        if self._recording is not None:
            return self._recording.status()
        self._watch()
        return SourceStatus(
            self._connected, self._detail, self._read, self._skipped, self._overwritten, self._reconnects, self._stale
        )

    def __iter__(self) -> Iterator[Frame]:
        """Begin to read; yield the newest frame each time, waiting for one that is new.

        Ends with `close()`, or with the recording. Raises SourceError where that cannot be played.
        """
        self._thread.start()
        return self._frames()

    def _frames(self) -> Iterator[Frame]:
        # A camera's frames jitter, so a frame that is nearly due counts as due.
        least_gap = 0.9 / self.options.fps if self.options.fps else 0.0
        last_stamp, last_taken = 0, float("-inf")
        while True:
            with self._arrived:
                while not (self._newest or self._found or self._error or self._closed.is_set()):
                    self._arrived.wait(SILENCE / 10.0)
                    self._watch()
                if self._closed.is_set():
                    return
                if self._error is not None:
                    raise self._error
                newest, self._newest = self._newest, None
                if self._found is not None:
                    self.live = False
                    found, self._found = self._found, None
                    self._recording = VideoFile(self._url, self.options, found)
            if self._recording is not None:
                yield from self._recording
                return
            assert newest is not None
            shot, stamp, taken = newest
            if taken - last_taken < least_gap:
                continue
            if stamp > last_stamp - SET_BACK:
                stamp = max(stamp, last_stamp + 1)
            last_stamp, last_taken = stamp, taken
            self._read += 1
            yield self._frame(shot.image(), last_stamp)

    def close(self) -> None:
        """Stop the reading thread, which releases the camera."""
        super().close()
        with self._arrived:
            self._arrived.notify_all()
            recording, found, self._found = self._recording, self._found, None
        if recording is not None:
            recording.close()
        if found is not None:
            found.close()
        if self._thread.is_alive() and self._thread is not threading.current_thread():  # which `report` is called in
            self._thread.join(CLOSE_TIMEOUT)

    def _grab(self) -> None:
        try:
            self._keep_grabbing()
        except Exception as error:  # of whatever kind: whoever waits for frames hears of it
            with self._arrived:
                self._error = error
                self._arrived.notify_all()

    def _keep_grabbing(self) -> None:
        backoff = FIRST_BACKOFF
        while not self._closed.is_set():
            read_before, reason = self._last_arrival, ""
            try:
                camera = self._open_camera()
                if camera.video is not None and (camera.video.finite or self._ran_ahead):
                    self._hand_over(camera.video)
                    return
                try:
                    self._read_until_lost(camera)
                finally:
                    camera.close()
            except StreamLost as lost:
                reason = str(lost)
            if self._closed.is_set():
                return
            if self._last_arrival > read_before:
                backoff = FIRST_BACKOFF
            self._say_missing(reason)
            self._closed.wait(backoff)
            backoff = min(2 * backoff, LONGEST_BACKOFF)

    def _hand_over(self, video: Video) -> None:
        with self._arrived:
            if not self._closed.is_set():
                self._found, video = video, None  # type: ignore[assignment]
                self._arrived.notify_all()
        if video is not None:
            video.close()

    def _read_until_lost(self, camera: Camera) -> None:
        """Put images into the slot until there are no more. Raises StreamLost."""
        clock = CaptureClock()
        begun, first = time.monotonic(), None
        try:
            while not self._closed.is_set():
                shot = camera.read()
                stamp, arrival = time.time_ns(), time.monotonic()
                if shot is None:
                    self._skipped += 1
                    if arrival - max(begun, self._last_arrival) > 2.0 * SILENCE:
                        raise StreamLost("nothing of what it sends can be decoded")
                    continue
                last = shot.time
                first = last if first is None else first
                self._say_connected(camera, arrival)
                age = clock.age(arrival, shot.time)
                if age is None:
                    self._stale += 1
                    continue
                with self._arrived:
                    self._overwritten += self._newest is not None
                    self._newest = (shot, stamp - round(age * 1e9), arrival - age)
                    self._arrived.notify_all()
        except StreamLost:
            if first is not None and last is not None and last - first > RECORDED_SECONDS:
                self._ran_ahead = last - first > RECORDED_PACE * (time.monotonic() - begun)
            raise

    def _watch(self) -> None:
        """Notice a camera whose driver or server has fallen silent in the middle of a read."""
        if self._connected and time.monotonic() - self._last_arrival > SILENCE:
            self._say_missing(f"no image for {SILENCE:g} s")

    def _say_missing(self, reason: str) -> None:
        # Once for each loss: back-off goes on for as long as the camera stays away.
        with self._arrived:
            was, self._connected = self._connected, False
            said = bool(self._detail) and not was
            if said and not reason:
                return
            lost = was or " is lost" in self._detail
            why = f" ({reason})" if reason else ""
            self._detail = (
                f"{self.uri} {'is lost' if lost else 'cannot be opened'}{why}; trying again until it is there"
            )
        if not said:
            self.options.report(self._detail)

    def _say_connected(self, camera: Camera, arrival: float) -> None:
        with self._arrived:
            self._last_arrival = arrival
            if self._connected:
                return
            again = bool(self._detail)
            self._reconnects += again
            self._connected = True
            self._detail = "connected"
            self._fps = self._fps or camera.fps
        if again:
            self.options.report(f"{self.uri} is there again")


class StreamCamera:
    """A network stream."""

    def __init__(self, url: str) -> None:
        """Raises StreamLost."""
        self.video: Video | None = (video := Video(url, timeout=SILENCE))
        self.fps = video.rate
        self._pictures = video.pictures()

    def read(self) -> Shot | None:
        """As Camera."""
        try:
            return next(self._pictures)
        except StopIteration:
            raise StreamLost("the server has ended it") from None

    def close(self) -> None:
        """As Camera."""
        if self.video is not None:
            self.video.close()


@dataclass(frozen=True, slots=True)
class _Grabbed:
    pixels: np.ndarray
    time: float | None

    def image(self) -> np.ndarray:
        return self.pixels


class DriverCamera:
    """A camera or pipeline that OpenCV reads."""

    video: Video | None = None

    def __init__(self, capture: cv2.VideoCapture) -> None:
        """Raises StreamLost for a capture that is not open."""
        if not capture.isOpened():
            capture.release()
            raise StreamLost("")
        self._capture = capture
        self._failed = 0
        self.fps = max(0.0, capture.get(cv2.CAP_PROP_FPS))

    def read(self) -> Shot | None:
        """As Camera."""
        try:
            good, image = self._capture.read()
        except cv2.error as error:
            raise StreamLost(f"OpenCV gave up: {error.err}") from None
        if not good or image is None or image.size == 0:
            self._failed += 1
            if self._failed >= LOST_READS:
                raise StreamLost("")
            return None
        self._failed = 0
        # V4L2 and GStreamer stamp each buffer when the driver fills it.
        taken = self._capture.get(cv2.CAP_PROP_POS_MSEC) / 1e3
        return _Grabbed(image, taken if taken > 0.0 else None)

    def close(self) -> None:
        """As Camera."""
        self._capture.release()


class _OpenCVLog:
    """What OpenCV writes to stderr. It has one level for the whole process, and several threads open cameras."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._silencers = 0
        self._before: Any = None

    @contextmanager
    def silent(self) -> Iterator[None]:
        """Until it is over, nothing is written."""
        logging = getattr(getattr(cv2, "utils", None), "logging", None)
        if logging is None:  # older builds cannot be told
            yield
            return
        with self._lock:
            if not self._silencers:
                self._before = logging.getLogLevel()
                logging.setLogLevel(logging.LOG_LEVEL_SILENT)
            self._silencers += 1
        try:
            yield
        finally:
            with self._lock:
                self._silencers -= 1
                if not self._silencers:
                    logging.setLogLevel(self._before)


_opencv_log = _OpenCVLog()


def open_device(device: int | str, options: SourceOptions) -> Camera:
    """Open a V4L2 camera by index or path, asking it for the wanted size and rate. Raises StreamLost."""
    path = f"/dev/video{device}" if isinstance(device, int) else device
    # Asked before OpenCV is, which gives no reason.
    if not os.path.exists(path):
        others = ", ".join(sorted(glob.glob("/dev/video*")))
        raise StreamLost(f"there is no {path}: " + (f"there is {others}" if others else "no camera is connected"))
    if not os.access(path, os.R_OK | os.W_OK):
        raise StreamLost(f"{path} is not for this user: add them to the group video and log in again")
    with _opencv_log.silent():  # it would warn at every attempt
        capture = cv2.VideoCapture(device, cv2.CAP_V4L2)
    if not capture.isOpened():
        capture.release()
        raise StreamLost(f"{path} gives no images: close other programs that show it, or name another one")
    for setting, value in (
        (cv2.CAP_PROP_FRAME_WIDTH, options.width),
        (cv2.CAP_PROP_FRAME_HEIGHT, options.height),
        (cv2.CAP_PROP_FPS, options.fps),
        # Drivers that know it keep no old frames for us.
        (cv2.CAP_PROP_BUFFERSIZE, 1),
    ):
        if value:
            capture.set(setting, value)
    return DriverCamera(capture)


def open_pipeline(pipeline: str) -> Camera:
    """Open a GStreamer pipeline that ends in an appsink giving BGR. Raises StreamLost."""
    return DriverCamera(cv2.VideoCapture(pipeline, cv2.CAP_GSTREAMER))
