"""Messages as the bytes in which they travel."""

import struct
from typing import Any, TypeVar

from rclpy.serialization import deserialize_message, serialize_message

from rt_gait_ros.frame import SECOND

M = TypeVar("M")
_STAMP = struct.Struct("<iI")  # of a Header that a message begins with
_ENCODING = 4  # bytes before it


def to_bytes(message: Any) -> bytes:
    """The message in CDR."""
    return bytes(serialize_message(message))


def from_bytes(data: bytes, kind: type[M]) -> M:
    """The inverse of `to_bytes`. Bytes that are no such message raise whatever the middleware raises."""
    return deserialize_message(data, kind)


def stamp_of(data: bytes) -> int | None:
    """The stamp (ns) of the header that these bytes of a message begin with; None where they are too few."""
    if len(data) < _ENCODING + _STAMP.size:
        return None
    seconds, rest = _STAMP.unpack_from(data, _ENCODING)
    return int(seconds * SECOND + rest)
