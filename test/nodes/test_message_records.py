"""A record has what rclpy's message of the same bytes has."""

import array
import struct
from typing import Any

import numpy as np
import pytest
from rclpy.serialization import deserialize_message, serialize_message
from sensor_msgs.msg import CameraInfo, Image
from std_msgs.msg import String

from rt_gait_ros.msg import GaitIdentityArray, PersonPoseArray, PersonTrackArray
from rt_gait_ros.nodes.message_records import BrokenBytes, record_of

RANDOM = np.random.default_rng(5)
KINDS = [PersonPoseArray, PersonTrackArray, GaitIdentityArray, CameraInfo]


def filled(kind: Any) -> Any:
    """A message with something in each field; texts and sequences of any length, so that all begin anywhere."""
    message = kind()
    for name, slot in zip(kind.get_fields_and_field_types(), kind.SLOT_TYPES, strict=True):
        setattr(message, name, value_of(slot, getattr(message, name)))
    return message


def value_of(slot: Any, default: Any) -> Any:
    if isinstance(default, str):
        return "ä" * int(RANDOM.integers(9))
    if isinstance(default, bool):
        return bool(RANDOM.integers(2))
    if isinstance(default, int):
        return int(RANDOM.integers(1, 100))
    if isinstance(default, float):
        return float(np.float32(RANDOM.normal()))
    if isinstance(default, array.array):
        return array.array(default.typecode, [int(value) for value in RANDOM.integers(0, 100, RANDOM.integers(7))])
    if isinstance(default, np.ndarray):
        return RANDOM.normal(size=default.shape)
    if isinstance(default, list):
        inner = slot.value_type
        if not hasattr(inner, "namespaces"):
            return [value_of(inner, "") for _ in range(RANDOM.integers(4))]
        module = __import__(".".join(inner.namespaces), fromlist=[inner.name])
        return [filled(getattr(module, inner.name)) for _ in range(RANDOM.integers(4))]
    return filled(type(default))


def assert_same(record: Any, message: Any) -> None:
    if isinstance(message, list):
        assert len(record) == len(message)
        for one, other in zip(record, message, strict=True):
            assert_same(one, other)
    elif isinstance(message, array.array | np.ndarray):
        np.testing.assert_array_equal(record, message)
        assert record.itemsize == message.itemsize
    elif hasattr(message, "get_fields_and_field_types"):
        assert record._fields == tuple(message.get_fields_and_field_types())
        for name in record._fields:
            assert_same(getattr(record, name), getattr(message, name))
    else:
        assert record == message
        assert type(record) is type(message)


@pytest.mark.parametrize("kind", KINDS)
def test_it_has_what_the_message_has(kind: Any) -> None:
    assert_same(record_of(serialize_message(kind()), kind), kind())
    for _ in range(50):
        message = filled(kind)
        assert_same(record_of(serialize_message(message), kind), message)


@pytest.mark.parametrize("kind", KINDS)
def test_bytes_that_are_cut_off_anywhere_are_refused_in_one_line(kind: Any) -> None:
    data = serialize_message(filled(kind))
    whole = len(data)
    while whole and record_fits(data[: whole - 1], kind):  # what pads the end is no part of the message
        whole -= 1
    assert len(data) - whole < 4
    for length in range(2, whole):
        with pytest.raises(BrokenBytes, match=kind.__name__) as refused:
            record_of(data[:length], kind)
        assert "\n" not in str(refused.value)


def record_fits(data: bytes, kind: Any) -> bool:
    try:
        record_of(data, kind)
    except BrokenBytes:
        return False
    return True


def test_a_count_that_is_far_too_large_is_refused_at_once() -> None:
    data = bytearray(serialize_message(PersonTrackArray()))
    data[-4:] = struct.pack("<I", 2**32 - 1)
    with pytest.raises(BrokenBytes):
        record_of(bytes(data), PersonTrackArray)


@pytest.mark.parametrize("text", [b"a\0b\0", b"\xff\xfe\0", b"no zero", b""])
def test_texts_are_read_as_rclpy_reads_them(text: bytes) -> None:
    data = b"\0\1\0\0" + struct.pack("<I", len(text)) + text
    assert record_of(data, String).data == deserialize_message(data, String).data


def test_bytes_of_a_machine_of_another_order_are_read_by_the_middleware() -> None:
    data = b"\0\0\0\0" + struct.pack(">I", 3) + b"ab\0"
    assert record_of(data, String).data == "ab"


def test_what_is_in_no_known_encoding_is_refused() -> None:
    for data in (b"", b"\x7f\x7f\0\0"):
        with pytest.raises(BrokenBytes):
            record_of(data, String)


def test_arrays_are_the_bytes_themselves_and_cannot_be_changed() -> None:
    data = serialize_message(Image(data=array.array("B", bytes(range(200)))))
    pixels = record_of(data, Image).data
    assert pixels.base is not None
    assert not pixels.flags.writeable
