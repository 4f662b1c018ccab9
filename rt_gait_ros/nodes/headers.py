"""Stamps in nanoseconds to the times and headers of messages, and back."""

from builtin_interfaces.msg import Time
from std_msgs.msg import Header

from rt_gait_ros.frame import SECOND
from rt_gait_ros.nodes.whole_message import maker

_time, _header = maker(Time), maker(Header)


def to_time(stamp: int) -> Time:
    """Nanoseconds since the epoch as a message."""
    return _time(sec=stamp // SECOND, nanosec=stamp % SECOND)


def from_time(time: Time) -> int:
    """Nanoseconds since the epoch."""
    return int(time.sec * SECOND + time.nanosec)


def to_header(stamp: int, frame_id: str) -> Header:
    """The camera's header."""
    return _header(stamp=to_time(stamp), frame_id=frame_id)
