"""What several messages have, and what may be wrong with it."""

import array
import math
from collections.abc import Sequence
from enum import IntEnum
from functools import cache
from typing import Any, TypeVar

import numpy as np
from sensor_msgs.msg import Image, RegionOfInterest
from std_msgs.msg import Header

from rt_gait_ros.errors import GaitError
from rt_gait_ros.nodes.image_conversion import image_message
from rt_gait_ros.nodes.whole_message import bytes_of, empty_maker, maker
from rt_gait_ros.silhouette.kinds import GAIT_FRAME_KINDS

JOINTS = {"trt_pose": 18, "coco": 17}  # of each layout, as PersonPoseArray.msg defines them

E = TypeVar("E", bound=IntEnum)

_roi = maker(RegionOfInterest)
_no_roi, _no_image, _no_header = empty_maker(RegionOfInterest), empty_maker(Image), empty_maker(Header)


class MalformedMessage(GaitError):
    """A message contradicts its own definition."""


def floats(values: np.ndarray) -> "array.array[float]":
    """A copy of all values, one after the other."""
    flat = array.array("f")
    flat.frombytes(np.ascontiguousarray(values, np.float32).tobytes())
    return flat


def roi_messages(boxes: Sequence[np.ndarray], width: int, height: int) -> list[RegionOfInterest]:
    """Of each box (x, y, width, height) the part in the image, in the whole pixels that cover it; all zero outside."""
    if not len(boxes):
        return []
    given = np.array(boxes)
    with np.errstate(invalid="ignore"):
        edges = np.concatenate([np.floor(given[:, :2]), np.ceil(given[:, :2] + given[:, 2:])], axis=1)
    edges[~np.isfinite(edges).all(axis=1)] = 0.0
    inside = edges.clip((0, 0, 0, 0), (width, height, width, height)).astype(int).tolist()
    return [
        _roi(x_offset=left, y_offset=top, width=right - left, height=bottom - top, do_rectify=False)
        if left < right and top < bottom
        else _no_roi()
        for left, top, right, bottom in inside
    ]


def gait_frame_message(frame: np.ndarray | None, kind: str) -> Image:
    """A gait frame of a kind; an empty image where there is none."""
    if frame is None:
        return _no_image()
    known = GAIT_FRAME_KINDS[kind]
    height, width = known.shape[:2]
    data = bytes_of(Image, np.ascontiguousarray(frame, known.dtype))
    return image_message(_no_header(), (height, width), known.encoding, data)


def read_body_id(body_id: str) -> str:
    """As it is. Raises MalformedMessage."""
    if len(body_id) != 5 or not body_id[0].isalpha() or not body_id.isalnum():
        raise MalformedMessage(f"body_id '{body_id}' is not five letters and digits that begin with a letter (REP-155)")
    return body_id


def read_rois(rois: Sequence[RegionOfInterest]) -> list[np.ndarray]:
    """(4,) float32 of each: x, y, width, height."""
    boxes = [(roi.x_offset, roi.y_offset, roi.width, roi.height) for roi in rois]
    return list(np.array(boxes, np.float32).reshape(-1, 4))


def read_keypoints(people: Sequence[tuple[Sequence[float], str]]) -> Sequence[np.ndarray]:
    """Of each person (K, 3), from the values and the name of their layout, which is the same for all. Raises
    MalformedMessage."""
    for values, layout in people:
        joints = JOINTS.get(layout)
        if joints is None:
            raise MalformedMessage(f"keypoint layout '{layout}' is unknown: {', '.join(JOINTS)} are known")
        if len(values) != 3 * joints:
            raise MalformedMessage(f"{len(values)} keypoint values where layout {layout} has {3 * joints}")
    if not people:
        return ()
    # all people at once: a call of NumPy takes about as long for ten as for one
    keypoints = np.array([values for values, _ in people], np.float32).reshape(len(people), -1, 3)
    confidence = keypoints[..., 2]
    if not ((confidence >= 0.0) & (confidence <= 1.0)).all():
        raise MalformedMessage("a keypoint's confidence is not within 0..1")
    if not np.isfinite(keypoints[confidence > 0.0]).all():
        raise MalformedMessage("a keypoint with a confidence above 0 is not finite: a joint not found is NaN, NaN, 0")
    return list(keypoints)


def read_motion(values: "array.array[float]") -> np.ndarray | None:
    """(2, 3) float64, None for no values. Raises MalformedMessage."""
    if not len(values):
        return None
    if len(values) != 6 or not np.isfinite(values).all():
        raise MalformedMessage(f"camera_motion is {list(values)}: an affine of 6 finite numbers, or nothing, is needed")
    return np.array(values, np.float64).reshape(2, 3)


def read_gait_frame(image: Image, kind: str) -> np.ndarray | None:
    """A gait frame of a kind, None for an empty image. Raises MalformedMessage."""
    if image.height == 0:
        return None
    if kind not in GAIT_FRAME_KINDS:
        raise MalformedMessage(f"gait frame kind '{kind}' is unknown: {', '.join(GAIT_FRAME_KINDS)} are known")
    shape, encoding, native, size = _wanted(kind)
    if (image.height, image.width) != shape[:2] or image.encoding != encoding or len(image.data) != size:
        raise MalformedMessage(
            f"gait frame is {image.width}x{image.height} '{image.encoding}' of {len(image.data)} bytes where {kind} is "
            f"{shape[1]}x{shape[0]} '{encoding}' of {size} bytes"
        )
    stored = native if native.itemsize == 1 else native.newbyteorder(">" if image.is_bigendian else "<")
    # a copy: whoever keeps the frame of one person would keep everybody else's with it, where it is a view of all bytes
    return np.frombuffer(image.data, stored).reshape(shape).astype(native)


@cache
def _wanted(kind: str) -> tuple[tuple[int, ...], str, np.dtype[Any], int]:
    """Shape, encoding, type of values and number of bytes of a gait frame."""
    known = GAIT_FRAME_KINDS[kind]
    dtype: np.dtype[Any] = np.dtype(known.dtype)
    return known.shape, known.encoding, dtype, math.prod(known.shape) * dtype.itemsize


def read_fraction(value: float, name: str) -> float:
    """As it is. Raises MalformedMessage beyond 0..1."""
    if not 0.0 <= value <= 1.0:
        raise MalformedMessage(f"{name} is {value}, not within 0..1")
    return value


def read_probability(value: float) -> float:
    """As it is, NaN where it is not known. Raises MalformedMessage beyond 0..1."""
    return value if math.isnan(value) else read_fraction(value, "confidence")


def read_enum(kind: type[E], value: int, name: str) -> E:
    """The member of an enumeration. Raises MalformedMessage."""
    member = _members(kind).get(value)
    if member is None:
        raise MalformedMessage(f"{name} is {value}, which the message does not define")
    return member


@cache
def _members(kind: type[E]) -> dict[int, E]:
    return {member.value: member for member in kind}  # to ask the class takes five times as long
