import array
from importlib.util import find_spec

import cv2
import numpy as np
import pytest
from rclpy.serialization import deserialize_message, serialize_message
from sensor_msgs.msg import CompressedImage, Image

from rt_gait_ros.errors import GaitError
from rt_gait_ros.nodes.image_conversion import (
    ENCODINGS,
    ImageError,
    bgr_to_image,
    compressed_to_bgr,
    depth_from_message,
    image_to_bgr,
)

HEIGHT, WIDTH = 48, 64


def scene() -> np.ndarray:
    """A smooth colour image: demosaicing and chroma subsampling hardly change it."""
    y, x = np.mgrid[0:HEIGHT, 0:WIDTH]
    return np.stack([40 + 2 * x, 60 + 3 * y, 200 - x - y], axis=-1).astype(np.uint8)


def mosaic(bgr: np.ndarray, pattern: str) -> np.ndarray:
    """What a sensor with this colour filter sees; `pattern` names the first two rows' two pixels each."""
    planes = {"b": bgr[..., 0], "g": bgr[..., 1], "r": bgr[..., 2]}
    raw = np.empty((HEIGHT, WIDTH), np.uint8)
    for place, colour in enumerate(pattern):
        row, column = divmod(place, 2)
        raw[row::2, column::2] = planes[colour][row::2, column::2]
    return raw


def yuv422(bgr: np.ndarray, order: str) -> np.ndarray:
    yuv = cv2.cvtColor(bgr, cv2.COLOR_BGR2YCrCb).astype(np.float32)
    luma = 16 + yuv[..., 0] * 219 / 255
    red, blue = (128 + (yuv[:, ::2, i] - 128) * 224 / 255 for i in (1, 2))
    values = {"y": luma[:, ::2], "z": luma[:, 1::2], "u": blue, "v": red}
    packed = np.stack([values[name] for name in order], axis=-1)
    return np.round(packed).clip(0, 255).astype(np.uint8).reshape(HEIGHT, 2 * WIDTH)


def nv12(bgr: np.ndarray, swap: bool) -> np.ndarray:
    planar = cv2.cvtColor(bgr, cv2.COLOR_BGR2YUV_I420)
    chroma = planar[HEIGHT:].reshape(2, HEIGHT // 2, WIDTH // 2)[:: -1 if swap else 1]
    return np.concatenate([planar[:HEIGHT], chroma.transpose(1, 2, 0).reshape(HEIGHT // 2, WIDTH)])


CV_BRIDGES = ["bgr8", "rgb8", "bgra8", "rgba8", "mono8", "mono16", "yuv422", "yuv422_yuy2"]
CV_BRIDGES += ["bayer_rggb8", "bayer_bggr8", "bayer_gbrg8", "bayer_grbg8"]
ALIASES = {"8UC1": "mono8", "8UC3": "bgr8", "8UC4": "bgra8", "16UC3": "bgr16", "16UC4": "bgra16"}


def encoded(encoding: str, bgr: np.ndarray) -> np.ndarray:
    """`bgr` in rows of bytes as a driver that publishes `encoding` fills them."""
    alpha = np.full((HEIGHT, WIDTH, 1), 9, np.uint8)
    grey = cv2.cvtColor(bgr, cv2.COLOR_BGR2GRAY)
    encoding = ALIASES.get(encoding, encoding)
    if encoding != "mono16" and encoding.endswith("16"):
        rows = encoded(f"{encoding.removesuffix('16')}8", bgr)
        return (rows.astype(np.uint16) * 257).view(np.uint8)
    if encoding.startswith("bayer_"):
        return mosaic(bgr, encoding[6:10])
    return {
        "bgr8": lambda: bgr,
        "rgb8": lambda: bgr[..., ::-1],
        "bgra8": lambda: np.concatenate([bgr, alpha], axis=-1),
        "rgba8": lambda: np.concatenate([bgr[..., ::-1], alpha], axis=-1),
        "mono8": lambda: grey,
        "mono16": lambda: (grey.astype(np.uint16) * 257).view(np.uint8),
        "yuv422": lambda: yuv422(bgr, "uyvz"),
        "uyvy": lambda: yuv422(bgr, "uyvz"),
        "yuv422_yuy2": lambda: yuv422(bgr, "yuzv"),
        "yuyv": lambda: yuv422(bgr, "yuzv"),
        "nv12": lambda: nv12(bgr, swap=False),
        "nv21": lambda: nv12(bgr, swap=True),
    }[encoding]().reshape(-1, row_bytes(encoding))


def row_bytes(encoding: str) -> int:
    layout = ENCODINGS[encoding]
    return WIDTH * layout.channels * np.dtype(layout.dtype).itemsize


def message_of(rows: np.ndarray, encoding: str, padding: int = 0) -> Image:
    rows = np.pad(rows, ((0, 0), (0, padding)), constant_values=77)
    data = array.array("B", rows.tobytes())
    return Image(height=HEIGHT, width=WIDTH, encoding=encoding, step=rows.shape[1], data=data)


@pytest.mark.parametrize("padding", [0, 10])
@pytest.mark.parametrize("encoding", ENCODINGS)
def test_every_encoding_shows_the_same_scene(encoding: str, padding: int) -> None:
    bgr = scene()
    result = image_to_bgr(message_of(encoded(encoding, bgr), encoding, padding))
    grey = "mono" in ALIASES.get(encoding, encoding)
    expected = cv2.cvtColor(cv2.cvtColor(bgr, cv2.COLOR_BGR2GRAY), cv2.COLOR_GRAY2BGR) if grey else bgr
    assert result.shape == (HEIGHT, WIDTH, 3)
    assert result.dtype == np.uint8
    # A wrong order of colours or rows is off by tens; interpolated colours and limited range by a few.
    exact = not encoding.startswith(("bayer", "yuv", "uyv", "yuy", "nv"))
    inner = np.abs(result.astype(int) - expected)[2:-2, 2:-2]
    assert inner.max() <= (0 if exact else 6)


def test_big_endian_values_are_turned() -> None:
    grey = cv2.cvtColor(scene(), cv2.COLOR_BGR2GRAY).astype(">u2") * 257
    message = message_of(grey.astype(">u2").view(np.uint8), "mono16", padding=3)
    message.is_bigendian = 1
    assert (image_to_bgr(message)[..., 0] == grey // 257).all()


def test_sixteen_bits_become_eight_as_in_cv_bridge() -> None:
    values = np.arange(HEIGHT * WIDTH, dtype=np.uint16).reshape(HEIGHT, WIDTH) * 21
    result = image_to_bgr(message_of(values.view(np.uint8), "mono16"))
    assert (result[..., 1] == np.rint(values * (255 / 65535))).all()


@pytest.mark.parametrize("padding", [0, 10])
def test_bgr8_is_a_read_only_view(padding: int) -> None:
    message = message_of(encoded("bgr8", scene()), "bgr8", padding)
    result = image_to_bgr(message)
    message.data[3] = 1 if result[0, 1, 0] != 1 else 2
    assert result[0, 1, 0] == message.data[3]
    with pytest.raises(ValueError, match="read-only"):
        result[0, 0, 0] = 0


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"encoding": "32FC3"}, "'32FC3' is unknown; known are bgr8"),
        ({"encoding": "32FC1"}, "'32FC1' is depth: remap image_raw"),
        ({"encoding": "16UC1"}, "'16UC1' is depth: remap image_raw"),
        ({"encoding": ""}, "unknown"),
        ({"width": 0}, "empty"),
        ({"height": 0}, "empty"),
        ({"width": 4_000_000_000, "height": 4_000_000_000}, "larger than 64 Mpixel"),
        ({"data": array.array("B")}, "cut short"),
        ({"data": array.array("B", bytes(HEIGHT * WIDTH * 3 - 1))}, "cut short"),
        ({"step": WIDTH * 3 - 1}, "cut short"),
        ({"step": 0}, "cut short"),
        ({"height": HEIGHT + 1}, "cut short"),
        ({"encoding": "yuv422", "width": WIDTH - 1}, "even size"),
        ({"encoding": "nv12", "height": HEIGHT - 1}, "even size"),
    ],
)
def test_what_makes_no_sense_is_refused_in_one_line(change: dict[str, object], says: str) -> None:
    message = message_of(encoded("bgr8", scene()), "bgr8")
    for name, value in change.items():
        setattr(message, name, value)
    with pytest.raises(ImageError, match=rf"^[^\n]*{says}[^\n]*$") as caught:
        image_to_bgr(message)
    assert isinstance(caught.value, GaitError)


def compressed(image: np.ndarray, kind: str, ending: str = ".png") -> CompressedImage:
    good, data = cv2.imencode(ending, image)
    assert good
    return CompressedImage(format=kind, data=array.array("B", data.tobytes()))


@pytest.mark.parametrize(
    ("kind", "ending", "off"),
    [
        ("jpeg", ".jpg", 8),
        ("png", ".png", 0),
        ("bgr8; jpeg compressed bgr8", ".jpg", 8),
        ("rgb8; png compressed bgr8", ".png", 0),
    ],
)
def test_compressed_images_show_the_same_scene(kind: str, ending: str, off: int) -> None:
    result = compressed_to_bgr(compressed(scene(), kind, ending))
    assert result.shape == (HEIGHT, WIDTH, 3)
    assert np.abs(result.astype(int) - scene()).max() <= off


def test_compressed_grey_deep_and_mosaic_images_become_bgr() -> None:
    grey = cv2.cvtColor(scene(), cv2.COLOR_BGR2GRAY)
    for kind, image in (("mono8; png compressed ", grey), ("mono16; png compressed ", grey.astype(np.uint16) * 257)):
        result = compressed_to_bgr(compressed(image, kind))
        assert np.abs(result.astype(int) - grey[..., None]).max() <= 1
    for pattern in ("rggb", "bggr", "gbrg", "grbg"):
        result = compressed_to_bgr(compressed(mosaic(scene(), pattern), f"bayer_{pattern}8; png compressed "))
        assert np.abs(result.astype(int) - scene())[2:-2, 2:-2].max() <= 6


@pytest.mark.parametrize(
    ("message", "says"),
    [
        (CompressedImage(format="jpeg"), "'jpeg' and 0 bytes is no picture"),
        (CompressedImage(format="jpeg", data=array.array("B", b"no picture at all")), "17 bytes is no picture"),
        (CompressedImage(format="16UC1; compressedDepth png", data=array.array("B", b"x")), "is depth: remap"),
    ],
)
def test_what_is_no_compressed_picture_is_refused_in_one_line(message: CompressedImage, says: str) -> None:
    with pytest.raises(ImageError, match=rf"^[^\n]*{says}[^\n]*$"):
        compressed_to_bgr(message)


def test_an_image_comes_back_from_its_message() -> None:
    stamp = 1_700_000_000_123_456_789
    bgr = scene()
    message = bgr_to_image(bgr[:, ::-1], stamp, "head_camera")
    assert (message.header.stamp.sec, message.header.stamp.nanosec) == (1_700_000_000, 123_456_789)
    assert (message.header.frame_id, message.encoding, message.step) == ("head_camera", "bgr8", 3 * WIDTH)
    assert len(message.data) == len(bytes(message.data)) == bgr.size
    assert (image_to_bgr(message) == bgr[:, ::-1]).all()
    assert (image_to_bgr(deserialize_message(serialize_message(message), Image)) == bgr[:, ::-1]).all()


@pytest.mark.parametrize(
    "array_",
    [np.zeros((4, 4), np.uint8), np.zeros((4, 4, 4), np.uint8), np.zeros((4, 4, 3)), np.zeros((0, 4, 3), np.uint8)],
)
def test_only_bgr_becomes_an_image(array_: np.ndarray) -> None:
    with pytest.raises(ImageError, match=r"^[^\n]*no BGR image[^\n]*$"):
        bgr_to_image(array_, 0, "camera")


@pytest.mark.skipif(
    find_spec("cv_bridge") is None, reason="cv_bridge comes with a ROS distribution, not with the wheels"
)
@pytest.mark.parametrize("encoding", CV_BRIDGES)
def test_our_conversion_equals_cv_bridge(encoding: str) -> None:
    from cv_bridge import CvBridge

    message = message_of(encoded(encoding, scene()), encoding)
    assert (image_to_bgr(message) == CvBridge().imgmsg_to_cv2(message, "bgr8")).all()


@pytest.mark.parametrize(
    ("encoding", "dtype", "unit"),
    [("16UC1", np.uint16, 0.001), ("mono16", np.uint16, 0.001), ("32FC1", np.float32, 1.0)],
)
@pytest.mark.parametrize(("order", "padding"), [("<", 0), (">", 8)])
def test_depth_images_are_read(encoding, dtype, unit, order, padding):
    values = np.arange(HEIGHT * WIDTH).reshape(HEIGHT, WIDTH).astype(dtype)
    rows = values.astype(values.dtype.newbyteorder(order)).view(np.uint8).reshape(HEIGHT, -1)
    rows = np.pad(rows, ((0, 0), (0, padding)))
    message = Image(
        height=HEIGHT,
        width=WIDTH,
        encoding=encoding,
        step=rows.shape[1],
        is_bigendian=order == ">",
        data=rows.tobytes(),
    )
    message.header.stamp.sec, message.header.stamp.nanosec = 3, 5
    image = depth_from_message(message)
    np.testing.assert_array_equal(image.values, values)
    assert (image.values.dtype, image.unit, image.stamp) == (dtype, unit, 3_000_000_005)


@pytest.mark.parametrize(("encoding", "size"), [("bgr8", 6), ("16UC1", 3), ("32FC1", 15)])
def test_what_is_no_depth_image_is_refused(encoding, size):
    with pytest.raises(ImageError):
        depth_from_message(Image(height=2, width=2, encoding=encoding, step=size // 2, data=bytes(size)))
