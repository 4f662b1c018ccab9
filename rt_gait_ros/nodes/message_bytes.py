"""Messages as the bytes in which they travel."""

from typing import Any, TypeVar

from rclpy.serialization import deserialize_message, serialize_message

M = TypeVar("M")


def to_bytes(message: Any) -> bytes:
    """The message in CDR."""
    return bytes(serialize_message(message))


def from_bytes(data: bytes, kind: type[M]) -> M:
    """The inverse of `to_bytes`. Bytes that are no such message raise whatever the middleware raises."""
    return deserialize_message(data, kind)
