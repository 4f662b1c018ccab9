"""Small videos whose images say their number."""

from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path

import av
import numpy as np

WIDTH, HEIGHT, FPS = 160, 120, 25.0


def picture(number: int) -> np.ndarray:
    """An image whose grey level says its number (8 levels each, to survive compression)."""
    return np.full((HEIGHT, WIDTH, 3), 8 * (number % 32), np.uint8)


def number_of(image: np.ndarray) -> int:
    return round(float(image.mean()) / 8)


def write_video(
    path: Path, times: Sequence[float], codec: str = "libx264", container: str | None = None, shape: str = "1:1"
) -> Path:
    """A video whose image number n is shown at times[n] seconds. shape: of a pixel, width by height."""
    own_times = codec.startswith("lib") and container is None  # else the codec's rate, which is that of the first two
    with av.open(str(path), "w", format=container) as output:
        stream = output.add_stream(codec, rate=round(1.0 / (times[1] - times[0])))
        stream.width, stream.height = WIDTH, HEIGHT
        stream.pix_fmt = "yuvj420p" if codec == "mjpeg" else "yuv420p"
        stream.codec_context.sample_aspect_ratio = Fraction(shape.replace(":", "/"))
        if codec == "libvpx":
            stream.options = {"deadline": "realtime", "cpu-used": "8", "lag-in-frames": "0"}
        if own_times:
            stream.codec_context.time_base = Fraction(1, 1000)
        for number, time in enumerate(times):
            frame = av.VideoFrame.from_ndarray(picture(number), format="bgr24")
            if own_times:
                frame.pts, frame.time_base = round(1000 * time), Fraction(1, 1000)
            output.mux(stream.encode(frame))
        output.mux(stream.encode())
    return path


def steady(images: int, fps: float = FPS) -> list[float]:
    return [number / fps for number in range(images)]
