"""From a name (a path, an index, a URI) to the source behind it."""

import os
import re
from collections.abc import Callable
from functools import partial
from pathlib import Path

import cv2

from rt_gait_ros.errors import UsageError
from rt_gait_ros.masking import readable
from rt_gait_ros.sources.live import LiveSource, StreamCamera, open_device, open_pipeline
from rt_gait_ros.sources.names import expand_variables, path_of, path_of_file_uri
from rt_gait_ros.sources.recorded import ImageFolder, VideoFile
from rt_gait_ros.sources.source import Source, SourceError, SourceOptions, log_line

# What a CSI camera of a Jetson is asked for when nothing else is said.
CSI_WIDTH, CSI_HEIGHT, CSI_FPS = 1280, 720, 30.0
APPSINK = "video/x-raw, format=BGR ! appsink drop=true max-buffers=1 sync=false"

SchemeOpener = Callable[[str, SourceOptions], Source]
_SCHEMES: dict[str, SchemeOpener] = {}


def register_scheme(scheme: str, opener: SchemeOpener) -> None:
    """Let `open_source` call `opener(uri, options)` for URIs that begin with `scheme:`."""
    _SCHEMES[scheme] = opener


def open_source(
    uri: str,
    *,
    width: int = 0,
    height: int = 0,
    fps: float = 0.0,
    pace: bool = True,
    speed: float = 1.0,
    loop: bool = False,
    frame_id: str = "camera",
    report: Callable[[str], None] = log_line,
) -> Source:
    """Open what `uri` names; the keywords are those of SourceOptions.

    A path (or file:///path): a video file or a folder of images. A number or /dev/videoN: a V4L2 camera.
    rtsp:// rtsps:// rtmp:// http:// https:// udp:// tcp://: a stream; one that has an end is a recording.
    csi://N: CSI camera N of a Jetson. gst:PIPELINE: a GStreamer pipeline; where it has no appsink, one that gives BGR
    is added. `${NAME}` in a stream's URL or a pipeline stands for that environment variable.
    synthetic://KIND: generated people; see sources.synthetic.

    A recording that cannot be played raises SourceError here; a camera that is not there yet is waited for.
    Raises UsageError for a name that means nothing.
    """
    options = SourceOptions(width, height, fps, pace, speed, loop, frame_id, report)
    name = uri.strip()
    if not name:
        raise UsageError("no source is named; give a video file, a folder of images, a camera index or a stream's URL")
    there = next((known for known in (uri, name) if os.path.exists(known)), None)
    if name.isdecimal() and name.isascii():
        device = f"/dev/video{int(name)}"
        if there is None:
            return LiveSource(name, options, partial(open_device, int(name), options))
        if os.path.exists(device):
            raise UsageError(f"{name} is a file here and a camera, too: name it ./{name} or {device}")
    # Two letters at least: C:\ is a drive.
    scheme = re.match(r"([A-Za-z][A-Za-z0-9+]+):", name)
    if scheme is None or there is not None:
        return _open_path(there or name, options)
    opener = _SCHEMES.get(scheme[1].lower())
    if opener is None:
        known = ", ".join(_SCHEMES)
        raise UsageError(f"source {readable(name)}: {scheme[1]}: is not known; known are a path, a number, {known}")
    return opener(scheme[1].lower() + name[scheme.end(1) :], options)


def _open_path(name: str | Path, options: SourceOptions) -> Source:
    path = path_of(str(name))
    if os.path.isdir(path):
        return ImageFolder(path, options)
    if re.fullmatch(r"/dev/(video\d+|v4l/.+)", str(path)) or _is_device(path):
        return LiveSource(str(path), options, partial(open_device, str(path), options))
    return VideoFile(path, options)


def _is_device(path: Path) -> bool:
    try:
        return path.is_char_device()
    except OSError:  # which opening it says better
        return False


def _open_file_uri(uri: str, options: SourceOptions) -> Source:
    return _open_path(path_of_file_uri(uri), options)


def _open_stream_uri(uri: str, options: SourceOptions) -> Source:
    url = expand_variables(uri)
    return LiveSource(uri, options, partial(StreamCamera, url), url)


def _open_csi_uri(uri: str, options: SourceOptions) -> Source:
    sensor = uri.removeprefix("csi:").removeprefix("//") or "0"
    if not sensor.isdecimal():
        raise UsageError(f"source {readable(uri)}: a CSI camera is named by its number, for example csi://0")
    return _open_pipeline(uri, csi_pipeline(int(sensor), options), options)


def _open_gst_uri(uri: str, options: SourceOptions) -> Source:
    pipeline = expand_variables(uri.removeprefix("gst:").strip(), encoded=False)
    if not pipeline:
        raise UsageError(f"source {readable(uri)}: a GStreamer pipeline must follow gst:")
    if "appsink" not in pipeline:
        pipeline = f"{pipeline} ! videoconvert ! {APPSINK}"
    return _open_pipeline(uri, pipeline, options)


def _open_synthetic_uri(uri: str, options: SourceOptions) -> Source:
    from rt_gait_ros.sources.synthetic import SyntheticSource  # numba takes a second to import

    return SyntheticSource(uri, options)


def _open_pipeline(uri: str, pipeline: str, options: SourceOptions) -> Source:
    if not cv2.videoio_registry.hasBackend(cv2.CAP_GSTREAMER):
        raise SourceError(
            f"source {readable(uri)} needs GStreamer, which this OpenCV {cv2.__version__} was built without; "
            "use the distribution's python3-opencv (a Jetson's has GStreamer)"
        )
    return LiveSource(uri, options, partial(open_pipeline, pipeline))


def csi_pipeline(sensor: int, options: SourceOptions) -> str:
    """Pipeline for CSI camera `sensor` of a Jetson: NVIDIA's nvarguscamerasrc, converted to BGR on the way."""
    width, height = options.width or CSI_WIDTH, options.height or CSI_HEIGHT
    rate = f"{round((options.fps or CSI_FPS) * 1000)}/1000"
    return (
        f"nvarguscamerasrc sensor-id={sensor} "
        f"! video/x-raw(memory:NVMM), width={width}, height={height}, framerate={rate} "
        f"! nvvidconv ! video/x-raw, format=BGRx ! videoconvert ! {APPSINK}"
    )


register_scheme("file", _open_file_uri)
for _scheme in ("rtsp", "rtsps", "rtmp", "http", "https", "udp", "tcp"):
    register_scheme(_scheme, _open_stream_uri)
register_scheme("csi", _open_csi_uri)
register_scheme("gst", _open_gst_uri)
register_scheme("synthetic", _open_synthetic_uri)
