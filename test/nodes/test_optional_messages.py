import os
import sys
from types import SimpleNamespace

import pytest

from rt_gait_ros.errors import UsageError
from rt_gait_ros.nodes.optional_messages import find_message

from .conftest import words

# As it was before regions of interest were normalised.
OLD_HRI_MSGS = """
class IdsList:
    @staticmethod
    def get_fields_and_field_types():
        return {"header": "std_msgs/Header", "identifiers": "sequence<string>"}

NormalizedRegionOfInterest2D = NormalizedPointOfInterest2D = Skeleton2D = IdsMatch = IdsList
"""


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


def test_hri_msgs_of_another_version_ends_a_node_with_one_line(in_turn, monkeypatch, tmp_path):
    package = tmp_path / "hri_msgs" / "msg"
    package.mkdir(parents=True)
    (package / "__init__.py").write_text(OLD_HRI_MSGS)
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(tmp_path), os.environ.get("PYTHONPATH", "")]))
    parameters = {"ros4hri": "true", "gallery": f"'{tmp_path}/gallery'", "inference": "onnxruntime"}
    bodies, matches = in_turn(words("tracker_node", {"ros4hri": "true"}), words("gait_node", parameters))
    for (code, said), missing in ((bodies, "IdsList with the field ids"), (matches, "IdsMatch with the field ")):
        assert code == 2, said
        assert f"error: ros4hri needs hri_msgs/{missing}" in said
        assert "the hri_msgs that is installed is of another version" in said
        assert "Traceback" not in said
