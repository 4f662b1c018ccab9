import pytest

from rt_gait_ros.errors import UsageError
from rt_gait_ros.nodes.optional_messages import find_message


def test_what_is_installed_in_the_right_version_is_found():
    assert find_message("std_msgs", "Header", ("stamp", "frame_id"), "this").__name__ == "Header"


@pytest.mark.parametrize(
    ("package", "name", "line"),
    [
        ("no_such_msgs", "Header", r"^this needs the package no_such_msgs, .*: install ros-\$ROS_DISTRO-no-such-msgs"),
        ("std_msgs", "Hat", "^this needs std_msgs/Hat: the std_msgs that is installed has none"),
        ("std_msgs", "Header", "^this needs std_msgs/Header with the field brim: .* another version"),
    ],
)
def test_what_is_not_there_is_said_in_one_line(package, name, line):
    with pytest.raises(UsageError, match=line) as refused:
        find_message(package, name, ("stamp", "brim"), "this")
    assert "\n" not in str(refused.value)
