from builtin_interfaces.msg import Time
from sensor_msgs.msg import Image
from std_msgs.msg import Header

from rt_gait_ros.nodes.message_bytes import from_bytes, stamp_of, to_bytes


def test_the_stamp_of_a_message_is_read_from_its_bytes() -> None:
    message = Image(header=Header(stamp=Time(sec=1_700_000_000, nanosec=5)), width=3)
    data = to_bytes(message)
    assert from_bytes(data, Image) == message
    assert stamp_of(data) == 1_700_000_000 * 10**9 + 5


def test_bytes_that_are_too_few_have_no_stamp() -> None:
    assert stamp_of(b"") is stamp_of(bytes(11)) is None
    assert stamp_of(bytes(12)) == 0
