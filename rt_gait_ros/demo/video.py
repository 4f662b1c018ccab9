"""Videos that the demo plays, and those it writes so that every browser plays them: H.264 in mp4."""

from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from types import TracebackType
from typing import Any

import cv2
import numpy as np

from rt_gait_ros.errors import GaitError, UsageError

# libx264's scale of 0 (lossless) to 51: no loss that an eye sees, at a few MB a minute.
QUALITY = "20"


class VideoError(GaitError):
    """A video cannot be written."""


class VideoWriter:
    """Frames of one size into an mp4 file, which has its name only once it is complete. A context manager."""

    def __init__(self, path: Path, fps: float) -> None:
        """fps: frames per second. Raises VideoError without PyAV: OpenCV's wheels have no H.264 encoder."""
        try:
            import av
        except ImportError as error:
            raise VideoError(f"PyAV, which writes {path.name}, is missing: pip install av") from error
        self._av = av
        self._path = path
        self._part = path.with_name(f".{path.name}.part")
        self._fps = Fraction(fps).limit_denominator(1001)
        self._stream: Any = None  # av is imported late, so its types are not at hand
        try:
            self._container = av.open(str(self._part), "w", format="mp4", options={"movflags": "faststart"})
        except OSError as error:
            raise VideoError(f"cannot write {path}: {error.strerror}") from error

    def write(self, image: np.ndarray) -> None:
        """Append an image, (H, W, 3) uint8 BGR; H and W even, the same for every image."""
        if self._stream is None:
            self._stream = self._container.add_stream("libx264", rate=self._fps)
            self._stream.width, self._stream.height = image.shape[1], image.shape[0]
            self._stream.pix_fmt = "yuv420p"
            self._stream.options = {"crf": QUALITY, "preset": "veryfast"}
        frame = self._av.VideoFrame.from_ndarray(np.ascontiguousarray(image), format="bgr24")
        self._container.mux(self._stream.encode(frame))

    def __enter__(self) -> "VideoWriter":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is None and self._stream is not None:
            self._container.mux(self._stream.encode())
        self._container.close()
        if kind is None:
            self._part.replace(self._path)
        else:
            self._part.unlink(missing_ok=True)


@dataclass(frozen=True, slots=True)
class Video:
    """What the camera node plays. enrol_until: seconds into it up to which a walker may be enrolled."""

    path: Path
    enrol_until: float
    width: int
    height: int
    fps: float
    frames: int


def read_video(path: Path, enrol_until: float) -> Video:
    """Look at a video file. Raises UsageError."""
    capture = cv2.VideoCapture(str(path))
    try:
        width, height, fps, frames = (
            capture.get(what)
            for what in (
                cv2.CAP_PROP_FRAME_WIDTH,
                cv2.CAP_PROP_FRAME_HEIGHT,
                cv2.CAP_PROP_FPS,
                cv2.CAP_PROP_FRAME_COUNT,
            )
        )
    finally:
        capture.release()
    if not path.is_file() or min(width, height, fps, frames) <= 0:
        raise UsageError(f"{path} is no video file that OpenCV can read")
    if not 0.0 < enrol_until < frames / fps:
        raise UsageError(f"{path} lasts {frames / fps:.1f} s: --enroll-until must lie within, not at {enrol_until:g} s")
    return Video(path, enrol_until, int(width), int(height), fps, int(frames))
