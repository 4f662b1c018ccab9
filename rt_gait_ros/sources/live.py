"""Cameras and streams: the newest frame only, and back again after they were lost."""

import threading
import time
from collections.abc import Callable, Iterator

import cv2
import numpy as np

from rt_gait_ros.sources.frame import Frame
from rt_gait_ros.sources.source import Source, SourceOptions, SourceStatus

# Seconds between attempts to open a camera: the first, and the longest; each waits twice as long as the one before.
FIRST_BACKOFF, LONGEST_BACKOFF = 0.5, 8.0
# Reads that must fail one after the other before a camera counts as lost: one damaged frame is no loss.
LOST_READS = 5
# Milliseconds after which FFmpeg gives up on a stream that says nothing.
STREAM_TIMEOUT_MS = 5000
# Seconds that close() waits for a driver to come back from a read.
CLOSE_TIMEOUT = 2.0

Opener = Callable[[], cv2.VideoCapture]


class LiveSource(Source):
    """A camera that a thread of its own reads as fast as it gives, so that what is handed out is never old.

    `open_capture` is called whenever the camera is not there, with exponential back-off between attempts, for ever.
    Stamps are the wall clock when the driver handed the frame over.
    """

    live = True

    def __init__(self, uri: str, options: SourceOptions, open_capture: Opener) -> None:
        super().__init__(uri, options)
        self._open_capture = open_capture
        self._newest: tuple[np.ndarray, int, float] | None = None
        self._arrived = threading.Condition()
        self._connected = False
        self._detail = ""
        self._fps = options.fps
        self._read = self._skipped = self._overwritten = self._reconnects = 0
        self._thread = threading.Thread(target=self._grab, name=f"grab {uri}", daemon=True)

    @property
    def fps(self) -> float:
        """What was asked for, else what the camera says; 0 while it has not been reached."""
        return self._fps

    def status(self) -> SourceStatus:
        """Connected while frames come; `detail` says what is wrong, nothing before the first attempt."""
        return SourceStatus(
            self._connected, self._detail, self._read, self._skipped, self._overwritten, self._reconnects
        )

    def __iter__(self) -> Iterator[Frame]:
        """Begin to read; yield the newest frame each time, waiting for one that is new. Ends only with `close()`."""
        self._thread.start()
        return self._frames()

    def _frames(self) -> Iterator[Frame]:
        # A camera's frames jitter, so a frame that is nearly due counts as due.
        least_gap = 0.9 / self.options.fps if self.options.fps else 0.0
        last_stamp, last_arrival = 0, float("-inf")
        while True:
            with self._arrived:
                self._arrived.wait_for(lambda: self._newest is not None or self._closed.is_set())
                if self._closed.is_set() or self._newest is None:
                    return
                image, stamp, arrival = self._newest
                self._newest = None
            if arrival - last_arrival < least_gap:
                continue
            # The wall clock may be set back while we run; stamps never go back.
            last_stamp, last_arrival = max(stamp, last_stamp + 1), arrival
            self._read += 1
            yield self._frame(image, last_stamp)

    def close(self) -> None:
        """Stop the reading thread, which releases the camera."""
        super().close()
        with self._arrived:
            self._arrived.notify_all()
        if self._thread.is_alive():
            self._thread.join(CLOSE_TIMEOUT)

    def _grab(self) -> None:
        backoff = FIRST_BACKOFF
        while not self._closed.is_set():
            capture = self._open_capture()
            try:
                came = capture.isOpened() and self._read_until_lost(capture)
            except cv2.error as error:
                came = self._connected
                self.options.report(f"{self.uri}: OpenCV gave up: {error.err}")
            finally:
                capture.release()
            if self._closed.is_set():
                return
            if came:
                backoff = FIRST_BACKOFF
            self._say_missing()
            self._closed.wait(backoff)
            backoff = min(2 * backoff, LONGEST_BACKOFF)

    def _read_until_lost(self, capture: cv2.VideoCapture) -> bool:
        """Put frames into the slot until `LOST_READS` fail in a row; False when not a single one came."""
        failed = 0
        came = False
        while failed < LOST_READS and not self._closed.is_set():
            ok, image = capture.read()
            stamp, arrival = time.time_ns(), time.monotonic()
            if not ok or image is None or image.size == 0:
                failed += 1
                continue
            if not came:
                came = True
                self._say_connected(capture)
            self._skipped += failed
            failed = 0
            with self._arrived:
                self._overwritten += self._newest is not None
                self._newest = (image, stamp, arrival)
                self._arrived.notify_all()
        return came

    def _say_missing(self) -> None:
        # Once for each loss: back-off goes on for as long as the camera stays away.
        was, self._connected = self._connected, False
        if was or not self._detail:
            self._detail = f"{self.uri} {'is lost' if was else 'cannot be opened'}; trying again until it is there"
            self.options.report(self._detail)

    def _say_connected(self, capture: cv2.VideoCapture) -> None:
        again = bool(self._detail)
        self._reconnects += again
        self._connected = True
        self._detail = "connected"
        if not self._fps:
            self._fps = max(0.0, capture.get(cv2.CAP_PROP_FPS))
        if again:
            self.options.report(f"{self.uri} is there again")


def open_device(device: int | str, options: SourceOptions) -> cv2.VideoCapture:
    """Open a V4L2 camera by index or path, asking it for the wanted size and rate."""
    capture = cv2.VideoCapture(device, cv2.CAP_V4L2)
    for setting, value in (
        (cv2.CAP_PROP_FRAME_WIDTH, options.width),
        (cv2.CAP_PROP_FRAME_HEIGHT, options.height),
        (cv2.CAP_PROP_FPS, options.fps),
        # Drivers that know it keep no old frames for us.
        (cv2.CAP_PROP_BUFFERSIZE, 1),
    ):
        if value and capture.isOpened():
            capture.set(setting, value)
    return capture


def open_stream(url: str) -> cv2.VideoCapture:
    """Open a network stream with FFmpeg; a server that says nothing is given up after `STREAM_TIMEOUT_MS`."""
    timeouts = [cv2.CAP_PROP_OPEN_TIMEOUT_MSEC, STREAM_TIMEOUT_MS, cv2.CAP_PROP_READ_TIMEOUT_MSEC, STREAM_TIMEOUT_MS]
    return cv2.VideoCapture(url, cv2.CAP_FFMPEG, timeouts)


def open_pipeline(pipeline: str) -> cv2.VideoCapture:
    """Open a GStreamer pipeline that ends in an appsink giving BGR."""
    return cv2.VideoCapture(pipeline, cv2.CAP_GSTREAMER)
