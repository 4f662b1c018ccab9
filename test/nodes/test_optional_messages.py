import sys
from types import SimpleNamespace

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


class Unloadable(type):
    """Of a message whose library is not on the path, as generated classes are."""

    _TYPE_SUPPORT = None

    @classmethod
    def __import_type_support__(cls):
        try:
            raise ImportError("libhats.so: undefined\nsymbol")
        except ImportError:
            raise RuntimeError("could not import 'rosidl_typesupport_c'") from None


class Hat(metaclass=Unloadable):
    @staticmethod
    def get_fields_and_field_types():
        return {"brim": "double"}


def test_a_package_whose_libraries_cannot_be_loaded_is_said_in_one_line(monkeypatch):
    monkeypatch.setitem(sys.modules, "hats", SimpleNamespace())
    monkeypatch.setitem(sys.modules, "hats.msg", SimpleNamespace(Hat=Hat))
    line = r"^this needs hats, whose libraries cannot be loaded \(libhats.so: undefined\\nsymbol\): source the setup"
    with pytest.raises(UsageError, match=line):
        find_message("hats", "Hat", ("brim",), "this")
