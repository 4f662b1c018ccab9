"""What is written of a message is what the middleware writes of it."""

import array
from typing import Any

import numpy as np
import pytest
from rclpy.serialization import deserialize_message, serialize_message
from sensor_msgs.msg import CameraInfo, Image
from std_msgs.msg import Header, String
from test_message_records import KINDS, assert_same, filled

from rt_gait_ros.msg import PersonTrack, PersonTrackArray
from rt_gait_ros.nodes import message_writing
from rt_gait_ros.nodes.message_records import record_of
from rt_gait_ros.nodes.message_writing import Unwritten, bytes_of_message


@pytest.mark.parametrize("kind", KINDS)
def test_the_middleware_reads_the_same_message(kind: Any) -> None:
    assert deserialize_message(bytes_of_message(kind()), kind) == kind()
    for _ in range(100):
        message = filled(kind)
        data = bytes_of_message(message)
        assert deserialize_message(data, kind) == message
        assert_same(record_of(data, kind), message)


def test_more_layouts_than_are_kept_are_written_all_the_same(monkeypatch) -> None:
    monkeypatch.setattr(message_writing, "_LAYOUTS", 2)
    for length in (*range(20), *range(20)):
        message = String(data="x" * length)
        assert deserialize_message(bytes_of_message(message), String) == message


def test_numbers_that_are_none_stay_so() -> None:
    message = PersonTrackArray(tracks=[PersonTrack(confidence=np.nan, keypoints=array.array("f", [np.nan, np.inf]))])
    (track,) = deserialize_message(bytes_of_message(message), PersonTrackArray).tracks
    assert np.isnan(track.confidence)
    np.testing.assert_array_equal(track.keypoints, [np.nan, np.inf])


@pytest.mark.parametrize("text", ["a\0b", "ä\U0001f6b6", ""])
def test_texts_are_written_as_rclpy_writes_them(text: str) -> None:
    message = String(data=text)
    written = serialize_message(message)
    assert deserialize_message(bytes_of_message(message), String) == deserialize_message(written, String)


def test_data_may_be_any_contiguous_memory() -> None:
    pixels = np.arange(12, dtype=np.uint8)
    expected = Image(data=array.array("B", pixels.tobytes()))
    message = Image()
    message._data = pixels.data
    assert deserialize_message(bytes_of_message(message), Image) == expected


def test_what_a_field_cannot_hold_is_said() -> None:
    late = Header()
    late.stamp._sec = 2**31
    with pytest.raises(Unwritten, match="a Header cannot be written"):
        bytes_of_message(late)
    info = CameraInfo()
    info._k = np.zeros(8)
    with pytest.raises(Unwritten, match="8 numbers"):
        bytes_of_message(info)
    info._k = np.zeros(9, np.float32)
    with pytest.raises(Unwritten, match="of 4 bytes, where 9 of 8 belong"):
        bytes_of_message(info)
