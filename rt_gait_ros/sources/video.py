"""A video's images, each with the time at which its container shows it: the one reader of all that plays video."""

import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from rt_gait_ros.errors import GaitError
from rt_gait_ros.masking import mask_credentials, readable
from rt_gait_ros.pip_packages import advice
from rt_gait_ros.sources.source import MAX_FPS, SourceError

# Packets that cannot be read, one behind the other, before a recording counts as ended: damage is passed over.
END_READS = 25
# Threads that decode one recording, each with images of its own in memory; four keep up with 1080p on small boards.
THREADS = 4
# Widest and narrowest pixel that is believed: twice what any lens or tape makes of it.
MOST_STRETCH = 4
# The mean rate of a video and the rate its time stamps fit differ by less: all its images are equally far apart.
STEADY = 0.005
# Seconds by which a time must step back to be another recording's, and not one image's stamp that is off.
NEW_CLOCK = 1.0
# FFmpeg gives the place of an AVI chunk's content; the file's index gives that of the 8 bytes (RIFF) before it.
AVI_HEADER = 8
# Seconds after which a camera or server that says nothing is lost.
SILENCE = 5.0
# Formats whose size says nothing about an end: that of a playlist or description, or one that a camera made up.
ENDLESS = {"hls", "applehttp", "dash", "sdp", "rtsp", "mpjpeg"}
# What FFmpeg is told about streams: RTSP over TCP where the camera has it, since lost packets are lost images; and the
# microseconds of a stream are looked at before it plays, well below SILENCE: some announce sound and never send any.
STREAM_OPTIONS = {"rtsp_flags": "prefer_tcp", "analyzeduration": "2000000"}

_TURNS = {90: cv2.ROTATE_90_COUNTERCLOCKWISE, -90: cv2.ROTATE_90_CLOCKWISE, 180: cv2.ROTATE_180, -180: cv2.ROTATE_180}


class StreamLost(GaitError):
    """A stream cannot be opened, or gives nothing any more. The message is the reason alone."""


@dataclass(frozen=True, slots=True)
class Picture:
    """One decoded image. time: seconds since the recording's first; of a stream on its own clock, None without one."""

    time: float | None
    _frame: Any
    _stretch: Fraction

    def image(self) -> np.ndarray:
        """(H, W, 3) uint8 BGR, upright and with square pixels."""
        width = round(self._frame.width * self._stretch)
        image: np.ndarray = self._frame.to_ndarray(format="bgr24", width=width, interpolation="BICUBIC")
        turn = _TURNS.get(self._frame.rotation)
        return image if turn is None else cv2.rotate(image, turn)


class Video:
    """A video file or network stream, read by FFmpeg through PyAV.

    rate: nominal images per second, 0 where nobody knows. timed: whether the container says when each image is shown.
    finite: whether it has an end. expected: packets that the container says there are, 0 where it does not. seen,
    damaged, lost: packets read so far, those of them that cannot be decoded, and those that an AVI's index names and
    that are not there any more. remarks: what is odd, in lines.
    """

    def __init__(
        self,
        name: str | Path,
        *,
        fps: float = 0.0,
        timeout: float | None = None,
        report: Callable[[str], None] = lambda line: None,
    ) -> None:
        """name: a file, or with `timeout` the URL of a stream. fps: images per second instead of the recording's own.

        timeout: seconds after which a silent server is given up. report: takes one line about what is odd.
        Raises SourceError for a file that is no video or does not say its rate, StreamLost for a stream.
        """
        self.name = readable(str(name))
        self.seen = self.damaged = self.lost = 0
        self._report = report
        self._network = self._stream_clock = timeout is not None
        self._descriptor = -1
        self._container = self._open(name, timeout)
        try:
            self._stream = self._choose()
            self._describe(fps)
        except BaseException:
            self.close()
            raise

    def pictures(self) -> Iterator[Picture | None]:
        """The images in their order; None for each packet that cannot be decoded.

        Raises StreamLost where a stream breaks off; that a file does is reported.
        """
        clock = _Clock(self)
        for packet in self._packets():
            try:
                frames = packet.decode()
            except self._av.FFmpegError:
                self.damaged += 1
                clock.skip()
                yield None
                continue
            for frame in frames:
                stamp = frame.pts if frame.pts is not None else frame.dts
                seconds = None if stamp is None or not self.timed else float(stamp * self._base)
                yield Picture(seconds if self._stream_clock else clock.time(seconds), frame, self._stretch)

    def as_recording(self, fps: float) -> None:
        """Treat a finite stream as what it is. fps: as of a file. Raises SourceError where it does not say its rate."""
        self._stream_clock = False
        self._describe(fps)

    def close(self) -> None:
        """Let go of the file or connection; not while another thread reads."""
        if self._container is not None:
            self._container.close()
        self._container = None
        if self._descriptor >= 0:
            os.close(self._descriptor)
        self._descriptor = -1

    def _open(self, name: str | Path, timeout: float | None) -> Any:
        try:
            import av  # late: a camera needs no PyAV
        except ModuleNotFoundError as error:
            raise SourceError(f"{self.name} cannot be played: {advice(error) or error}") from None
        self._av = av
        # A title that is not UTF-8 would be an error of PyAV 17 and 18; 19 takes it, and no longer knows the setting.
        settings: dict[str, Any] = {"metadata_errors": "replace"} if int(av.__version__.partition(".")[0]) < 19 else {}
        try:
            if timeout is not None:
                return av.open(str(name), timeout=(timeout, timeout), options=dict(STREAM_OPTIONS), **settings)
            check_file(Path(name))
            return av.open(self._file_url(Path(name)), **settings)
        except (av.FFmpegError, OSError) as error:  # whose own text names the URL, password and all
            reason = _reason(error)
            if timeout is not None:
                raise StreamLost(reason) from None
            raise SourceError(
                f"{self.name} is no video that can be read ({reason}); convert it to H.264 in mp4"
            ) from None

    def _file_url(self, path: Path) -> str:
        """The file for FFmpeg, which takes what stands before a colon for a protocol, and UTF-8 alone for a name."""
        try:
            return f"file:{str(path).encode('utf-8').decode()}"
        except UnicodeEncodeError:
            self._descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
            return f"file:/dev/fd/{self._descriptor}"

    def _choose(self) -> Any:
        stream = self._container.streams.best("video")
        if stream is None or stream.codec_context is None:
            what = "holds no video" if stream is None else "is encoded in a way that this FFmpeg does not know"
            raise (
                StreamLost(what)
                if self._stream_clock
                else SourceError(f"{self.name} {what}; convert it to H.264 in mp4")
            )
        for other in self._container.streams:
            if other is not stream:
                other.discard = self._av.stream.Discard.all  # so that a camera that sends sound alone counts as silent
        # Threads of frames are fast and some images late, which a camera must not be.
        stream.thread_type = "SLICE" if self._stream_clock else "AUTO"
        stream.codec_context.thread_count = min(THREADS, os.cpu_count() or 1)
        return stream

    def _describe(self, fps: float) -> None:
        stream, container = self._stream, self._container
        flags = self._av.format.Flags
        self.timed = not container.format.flags & flags.no_timestamps.value
        sized = (container.size or 0) > 0 and not ENDLESS & set(container.format.name.split(","))
        self.finite = sized or (container.duration or 0) > 0
        self.expected = int(stream.frames)
        self._base: Fraction = stream.time_base or Fraction(1, 1)
        mean, fitting = _rate(stream.average_rate), _rate(stream.guessed_rate)
        own = (mean or fitting) if self.timed else _rate(stream.codec_context.framerate)
        # only a container that counts its images (AVI, MP4) knows their true mean rate, others tell what they should be
        even = self.timed and self.expected > 0 and mean > 0.0 and abs(mean - fitting) <= STEADY * mean
        if fps and even:
            self._base *= Fraction(own / fps)  # what is damaged or lost keeps its place
        elif fps:
            self.timed = False
        self.rate = fps or own
        self.remarks: list[str] = []
        if not self.timed and not fps:
            self.remarks.append(
                f"{self.name} does not say when its images were taken: played at {own:g} images per second, "
                "as its codec says; give fps if that is wrong"
            )
        self._stretch = self._pixel_shape()
        # Several chunks of an AVI may be destroyed, and FFmpeg counts on: the index knows where the others belong.
        entries = stream.index_entries if container.format.name == "avi" else ()
        self._index = {entry.pos + AVI_HEADER: entry.timestamp for entry in entries}
        if not self.timed and not self.rate and not self._stream_clock:
            raise SourceError(
                f"{self.name} says neither when its images were taken nor its frame rate; give it with fps"
            )

    def _pixel_shape(self) -> Fraction:
        """Width of a pixel by its height."""
        stretch = Fraction(self._stream.sample_aspect_ratio or 1)
        if Fraction(1, MOST_STRETCH) <= stretch <= MOST_STRETCH:
            return stretch
        self.remarks.append(f"{self.name} says its pixels are {stretch} times as wide as high: taken as square")
        return Fraction(1)

    def _packets(self) -> Iterator[Any]:
        """The stream's packets, an AVI's in their true places, and the empty ones that flush the decoder."""
        failed = shift = 0
        packets = self._container.demux(self._stream)
        while True:
            try:
                packet = next(packets)
            except StopIteration:
                return
            except (self._av.FFmpegError, OSError) as error:
                if self._stream_clock:
                    raise StreamLost(_reason(error)) from None
                failed += 1
                if failed < END_READS and not self._network:
                    packets = self._container.demux(self._stream)
                    continue
                self._report(f"{self.name} cannot be read any further: {_reason(error)}")
                return
            if packet.size:
                failed = 0
                self.seen += 1
                place = None if packet.pos is None else self._index.get(packet.pos)
                if place is not None and packet.dts is not None:
                    shift = max(shift, place - packet.dts)
                if shift:
                    self.lost = shift
                    packet.dts = None if packet.dts is None else packet.dts + shift
                    packet.pts = None if packet.pts is None else packet.pts + shift
            yield packet


class _Clock:
    """Seconds since the first image, which always grow. Images without a time come one `1 / rate` after the other."""

    def __init__(self, video: Video) -> None:
        self._step = 1.0 / video.rate if video.rate else 0.0
        self._timed = video.timed
        self._first: float | None = None
        self._last = -self._step

    def skip(self) -> None:
        """An image is missing."""
        if not self._timed:
            self._last += self._step

    def time(self, seconds: float | None) -> float:
        """Time of an image that the container shows at `seconds`."""
        if seconds is None:
            self._last += self._step
            return self._last
        if self._first is None:
            self._first = seconds
        elif seconds - self._first < self._last - NEW_CLOCK:  # as where recordings were joined
            self._first = seconds - self._last - self._step
        self._last = max(self._last, seconds - self._first)
        return self._last


def check_file(path: Path) -> None:
    """Raise SourceError unless it is a file that can be read and holds something."""
    name = readable(str(path))
    try:
        state = path.stat()
        regular = path.is_file()
        if regular:
            with path.open("rb"):
                pass
    except FileNotFoundError:
        raise SourceError(f"{name} does not exist; name a video file, a folder of images or a camera") from None
    except (OSError, ValueError) as error:  # ValueError: a name with a zero byte
        raise SourceError(f"{name} cannot be opened: {getattr(error, 'strerror', None) or error}") from None
    if not regular:
        raise SourceError(f"{name} is no file, folder or camera")
    if state.st_size == 0:
        raise SourceError(f"{name} is empty (0 bytes)")


def _rate(value: Fraction | None) -> float:
    """A rate that can be one; 0.0 for none. A container without rates gives its time base's, 1000 a second."""
    return float(value) if value is not None and 0 < value < MAX_FPS else 0.0


def _reason(error: Exception) -> str:
    text = getattr(error, "strerror", None) or type(error).__name__
    if text == "Immediate exit requested":  # by our own timeout
        return "it has fallen silent"
    return mask_credentials(" ".join(str(text).split()))
