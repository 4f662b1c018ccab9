"""Videos that the demo plays, and those it writes so that every browser plays them: H.264 in mp4."""

from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from types import TracebackType
from typing import Any

import numpy as np

from rt_gait_ros import private_file
from rt_gait_ros.errors import GaitError, MissingPackage, UsageError
from rt_gait_ros.masking import holds_bytes, readable
from rt_gait_ros.pip_packages import advice
from rt_gait_ros.sources.video import Video as VideoReader

# libx264's scale of 0 (lossless) to 51: no loss that an eye sees, at a few MB a minute.
QUALITY = "20"
# Seconds of a clock tick: the 90 kHz of MPEG, of which the period of every usual frame rate is a multiple.
TICK = Fraction(1, 90_000)


class VideoError(GaitError):
    """A video cannot be written."""


class VideoWriter:
    """Frames of one size into an mp4 file, which has its name only once it is complete. A context manager.

    The file shows people: its owner alone may read it.
    """

    def __init__(self, path: Path, fps: float) -> None:
        """fps: frames per second, where they have no times. Raises MissingPackage without PyAV: OpenCV has no H.264."""
        try:
            import av
        except ModuleNotFoundError as error:
            line = f"{readable(path.name)} cannot be written: {advice(error) or error}"
            raise MissingPackage(line, name=error.name) from None
        self._av = av
        self._path = path
        self._part = path.with_name(f".{path.name}.part")
        self._fps = Fraction(fps).limit_denominator(1001)
        self._written = 0
        self._stream: Any = None  # av is imported late, so its types are not at hand
        try:
            self._file = private_file.create(self._part)
            # FFmpeg takes names in UTF-8 alone
            name = f"/dev/fd/{self._file.fileno()}" if holds_bytes(str(self._part)) else str(self._part)
            self._container = av.open(f"file:{name}", "w", format="mp4", options={"movflags": "faststart"})
        except OSError as error:
            raise VideoError(f"cannot write {readable(str(path))}: {error.strerror}") from None

    def write(self, image: np.ndarray, seconds: float | None = None) -> None:
        """Append an image, (H, W, 3) uint8 BGR; H and W even, the same for every image. seconds: when it is shown."""
        if self._stream is None:
            self._stream = self._container.add_stream("libx264", rate=self._fps)
            self._stream.width, self._stream.height = image.shape[1], image.shape[0]
            self._stream.pix_fmt = "yuv420p"
            self._stream.options = {"crf": QUALITY, "preset": "veryfast"}
            self._stream.codec_context.time_base = TICK
        frame = self._av.VideoFrame.from_ndarray(np.ascontiguousarray(image), format="bgr24")
        frame.time_base = TICK
        frame.pts = round((self._written / self._fps if seconds is None else seconds) / TICK)
        self._written += 1
        self._container.mux(self._stream.encode(frame))

    def __enter__(self) -> "VideoWriter":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is None and self._stream is not None:
            self._container.mux(self._stream.encode())
        self._container.close()
        self._file.close()
        if kind is None:
            self._part.replace(self._path)
        else:
            self._part.unlink(missing_ok=True)


@dataclass(frozen=True, slots=True)
class Video:
    """What the camera node plays. enrol_until: seconds into it up to which a walker may be enrolled.

    width, height: pixels, as played. times: seconds at which it shows each image that can be decoded, the first at 0.
    """

    path: Path
    enrol_until: float
    width: int
    height: int
    times: np.ndarray

    @property
    def frames(self) -> int:
        """Images that can be decoded."""
        return len(self.times)

    @property
    def seconds(self) -> float:
        """How long it lasts; the last image as long as the one before."""
        return float(self.times[-1] + np.diff(self.times[-2:]).sum())

    @property
    def fps(self) -> float:
        """Images per second in the mean."""
        return self.frames / self.seconds if self.seconds else 0.0

    def images(self) -> Iterator[np.ndarray]:
        """Its images, (H, W, 3) uint8 BGR, one for each of `times`."""
        with closing(VideoReader(self.path)) as reader:
            for picture in reader.pictures():
                if picture is not None:
                    yield picture.image()


def read_video(path: Path, enrol_until: float) -> Video:
    """Look at a video file, all of it. Raises UsageError."""
    with closing(VideoReader(path)) as reader:
        times: list[float] = []
        size = (0, 0)
        for picture in reader.pictures():
            if picture is not None:
                size = size if times else picture.image().shape[1::-1]
                times.append(picture.time or 0.0)
    name = readable(str(path))
    if not times:
        raise UsageError(f"{name} has no image that can be decoded; check the file with a video player")
    video = Video(path, enrol_until, size[0], size[1], np.array(times))
    if not 0.0 < enrol_until < video.seconds:
        raise UsageError(
            f"{name} lasts {video.seconds:.1f} s: --enroll-until must lie within, not at {enrol_until:g} s"
        )
    return video
