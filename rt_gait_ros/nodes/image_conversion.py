"""sensor_msgs/Image to BGR arrays and back, equal to what cv_bridge makes of them."""

from dataclasses import dataclass, replace
from typing import Any

import cv2
import numpy as np
from sensor_msgs.msg import CompressedImage, Image
from std_msgs.msg import Header

from rt_gait_ros.errors import GaitError
from rt_gait_ros.frame import Frame
from rt_gait_ros.nodes.headers import from_time, to_header
from rt_gait_ros.nodes.whole_message import Bytes, bytes_of, maker
from rt_gait_ros.tracking.depth import DepthImage

# More than any camera gives: a larger image is a damaged message.
MAX_PIXELS = 1 << 26

_image, _compressed_image = maker(Image), maker(CompressedImage)


class ImageError(GaitError):
    """An Image message contradicts itself, or its encoding is unknown."""


@dataclass(frozen=True, slots=True)
class _Encoding:
    """How an encoding lies in memory and becomes BGR.

    channels: values per pixel of a row. code: OpenCV's conversion to BGR, None where there is none to do.
    dtype: of one value. rows: rows of data per two rows of the image. even: width must be a multiple of 2.
    """

    channels: int
    code: int | None
    dtype: type = np.uint8
    rows: int = 2
    even: bool = False


# Names: sensor_msgs/image_encodings.hpp, and those that V4L2 drivers use besides. OpenCV names a Bayer pattern by the
# second and third pixel of its second row, ROS by the first two rows: hence the seeming swap, which is cv_bridge's.
ENCODINGS = {
    "bgr8": _Encoding(3, None),
    "rgb8": _Encoding(3, cv2.COLOR_RGB2BGR),
    "bgra8": _Encoding(4, cv2.COLOR_BGRA2BGR),
    "rgba8": _Encoding(4, cv2.COLOR_RGBA2BGR),
    "mono8": _Encoding(1, cv2.COLOR_GRAY2BGR),
    "mono16": _Encoding(1, cv2.COLOR_GRAY2BGR, dtype=np.uint16),
    "yuv422": _Encoding(2, cv2.COLOR_YUV2BGR_UYVY, even=True),
    "uyvy": _Encoding(2, cv2.COLOR_YUV2BGR_UYVY, even=True),
    "yuv422_yuy2": _Encoding(2, cv2.COLOR_YUV2BGR_YUYV, even=True),
    "yuyv": _Encoding(2, cv2.COLOR_YUV2BGR_YUYV, even=True),
    "nv12": _Encoding(1, cv2.COLOR_YUV2BGR_NV12, rows=3, even=True),
    "nv21": _Encoding(1, cv2.COLOR_YUV2BGR_NV21, rows=3, even=True),
    "bayer_rggb8": _Encoding(1, cv2.COLOR_BayerBG2BGR),
    "bayer_bggr8": _Encoding(1, cv2.COLOR_BayerRG2BGR),
    "bayer_gbrg8": _Encoding(1, cv2.COLOR_BayerGR2BGR),
    "bayer_grbg8": _Encoding(1, cv2.COLOR_BayerGB2BGR),
}
# The same with 16 bits a value.
ENCODINGS |= {
    f"{name.removesuffix('8')}16": replace(encoding, dtype=np.uint16)
    for name, encoding in ENCODINGS.items()
    if name.startswith(("bgr", "rgb", "bayer_"))
}
# OpenCV's names of types, which say nothing of colours: as RViz and rqt show them. 16UC1 is depth, not grey.
ENCODINGS |= {
    other: ENCODINGS[name]
    for other, name in (
        ("8UC1", "mono8"),
        ("8UC3", "bgr8"),
        ("8UC4", "bgra8"),
        ("16UC3", "bgr16"),
        ("16UC4", "bgra16"),
    )
}

# Encoding, and metres that 1 stands for.
DEPTH_ENCODINGS = {
    "16UC1": (_Encoding(1, None, dtype=np.uint16), 0.001),
    "mono16": (_Encoding(1, None, dtype=np.uint16), 0.001),
    "32FC1": (_Encoding(1, None, dtype=np.float32), 1.0),
}


def image_to_bgr(message: Image) -> np.ndarray:
    """Image as (H, W, 3) uint8, BGR. With the encoding bgr8 it is a read-only view of the message's data.

    Raises ImageError for an unknown encoding, a size of zero or beyond 64 Mpixel, or data that do not fill the image.
    """
    encoding = ENCODINGS.get(message.encoding)
    if encoding is None and message.encoding in DEPTH_ENCODINGS:
        raise ImageError(f"image encoding '{message.encoding}' is depth: remap image_raw to the colour or grey image")
    if encoding is None:
        raise ImageError(f"image encoding '{message.encoding}' is unknown; known are {', '.join(ENCODINGS)}")
    pixels = _rows_of(message, encoding)
    if encoding.code is None and encoding.dtype is np.uint8:
        return pixels
    return convert(pixels, encoding, message)


def convert(pixels: np.ndarray, encoding: _Encoding, message: Image) -> np.ndarray:
    """BGR of `pixels` (rows, W, channels), as cv_bridge has it. Raises ImageError."""
    bgr = np.ascontiguousarray(pixels)
    try:
        bgr = bgr if encoding.code is None else cv2.cvtColor(bgr, encoding.code)
    except cv2.error as error:
        raise ImageError(f"OpenCV cannot convert a {_describe(message)}: {error.err}") from None
    # 16 bits to 8 as cv_bridge does it: 65535 becomes 255, halves are rounded.
    return cv2.convertScaleAbs(bgr, alpha=255.0 / 65535.0) if encoding.dtype is np.uint16 else bgr


def compressed_to_bgr(message: CompressedImage) -> np.ndarray:
    """What a CompressedImage of image_transport shows: (H, W, 3) uint8, BGR.

    format: "jpeg" or "png", or, of newer releases, "ENCODING; jpeg compressed …", whose ENCODING may be a Bayer pattern
    that lies in a grey picture. Raises ImageError for depth, for what is no picture, and beyond 64 Mpixel.
    """
    kind, data = message.format, np.frombuffer(memoryview(message.data), np.uint8)
    if "compressedDepth" in kind:
        raise ImageError(f"compressed image of format '{kind}' is depth: remap image_raw to the colour or grey image")
    pattern = ENCODINGS.get(kind.partition(";")[0].strip())
    raw = pattern is not None and kind.startswith("bayer_")
    # A camera's turned picture stays as its lens sees it: that is what camera_info tells of.
    how = cv2.IMREAD_UNCHANGED if raw else cv2.IMREAD_COLOR | cv2.IMREAD_IGNORE_ORIENTATION
    try:
        pixels = cv2.imdecode(data, how) if data.size else None
    except cv2.error as error:
        raise ImageError(f"compressed image of format '{kind}' cannot be decoded: {error.err}") from None
    if pixels is None:
        raise ImageError(f"compressed image of format '{kind}' and {data.size} bytes is no picture that OpenCV reads")
    height, width = pixels.shape[:2]
    if width * height > MAX_PIXELS:
        raise ImageError(f"compressed image is larger than {MAX_PIXELS >> 20} Mpixel: {width}x{height}")
    if raw and pattern is not None and pixels.ndim == 2:
        return convert(pixels[..., None], replace(pattern, dtype=pixels.dtype.type), Image(encoding=kind))
    return pixels if pixels.ndim == 3 else cv2.cvtColor(pixels, cv2.COLOR_GRAY2BGR)


def depth_from_message(message: Image) -> DepthImage:
    """Depth image of encoding 16UC1 or mono16 (millimetres) or 32FC1 (metres), as REP-118 has them.

    Raises ImageError for another encoding, a size of zero or beyond 64 Mpixel, or data that do not fill the image.
    """
    known = DEPTH_ENCODINGS.get(message.encoding)
    if known is None:
        raise ImageError(f"depth encoding '{message.encoding}' is unknown; known are {', '.join(DEPTH_ENCODINGS)}")
    encoding, unit = known
    return DepthImage(from_time(message.header.stamp), _rows_of(message, encoding)[..., 0], unit)


def frame_to_compressed(frame: Frame, quality: int) -> CompressedImage:
    """A JPEG of an image, as image_transport names its format. quality: 1..100."""
    done, data = cv2.imencode(".jpg", frame.image, [cv2.IMWRITE_JPEG_QUALITY, quality])
    if not done:
        height, width = frame.image.shape[:2]
        raise ImageError(f"an image of {width}x{height} pixels could not be compressed")
    header, content = to_header(frame.stamp, frame.frame_id), bytes_of(CompressedImage, data)
    return _compressed_image(header=header, format="bgr8; jpeg compressed bgr8", data=content)


def bgr_to_image(image: np.ndarray, stamp: int, frame_id: str) -> Image:
    """Image message, encoding bgr8, from (H, W, 3) uint8. stamp: nanoseconds since the epoch.

    It may share the memory of the image, which nobody may change until it is published. Raises ImageError for another
    shape or dtype, or a size of zero.
    """
    if image.dtype != np.uint8 or image.ndim != 3 or image.shape[2] != 3 or not image.size:
        raise ImageError(f"an array of shape {image.shape} and type {image.dtype} is no BGR image: (H, W, 3) uint8")
    # Assigning the ndarray would let rclpy look at each byte: 50 ms for VGA.
    data = bytes_of(Image, np.ascontiguousarray(image))
    return image_message(to_header(stamp, frame_id), image.shape[:2], "bgr8", data)


def image_message(header: Header, size: tuple[int, int], encoding: str, data: Bytes) -> Image:
    """The message itself. size: rows and columns. data: the bytes, without padding, which it keeps."""
    return _image(
        header=header,
        height=size[0],
        width=size[1],
        encoding=encoding,
        is_bigendian=0,
        step=len(data) // size[0],
        data=data,
    )


def _rows_of(message: Image, encoding: _Encoding) -> np.ndarray:
    """The pixels of `message`, (rows, W, channels), in native byte order, as a view where that can be."""
    width, height = message.width, message.height
    if width == 0 or height == 0:
        raise ImageError(f"image is empty: {_describe(message)}")
    if width * height > MAX_PIXELS:
        raise ImageError(f"image is larger than {MAX_PIXELS >> 20} Mpixel: {_describe(message)}")
    if encoding.even and (width % 2 or (encoding.rows == 3 and height % 2)):
        raise ImageError(f"{message.encoding} image must have an even size: {_describe(message)}")
    item: np.dtype[Any] = np.dtype(encoding.dtype)
    row_bytes = width * encoding.channels * item.itemsize
    rows = height * encoding.rows // 2
    data: Any = message.data
    if message.step < row_bytes or len(data) < rows * message.step:
        raise ImageError(
            f"image is cut short: {_describe(message)} with step {message.step} and {len(data)} bytes of data, "
            f"where each of {rows} rows takes {row_bytes}"
        )
    table = np.frombuffer(data, np.uint8, rows * message.step).reshape(rows, message.step)[:, :row_bytes]
    if item.itemsize > 1:
        order = item.newbyteorder(">" if message.is_bigendian else "<")
        table = np.ascontiguousarray(table).view(order).astype(item, copy=False)
    pixels = table.reshape(rows, width, encoding.channels) if table.flags.c_contiguous else _strided(table, encoding)
    pixels.flags.writeable = False
    return pixels


def _strided(table: np.ndarray, encoding: _Encoding) -> np.ndarray:
    # Padded rows: reshape would copy them all.
    rows, row_bytes = table.shape
    shape = (rows, row_bytes // encoding.channels, encoding.channels)
    return np.lib.stride_tricks.as_strided(table, shape, (table.strides[0], encoding.channels, 1))


def _describe(message: Image) -> str:
    return f"{message.width}x{message.height} '{message.encoding}' image"
