"""A message made of all its fields is the one that its constructor makes."""

import array

import numpy as np
import pytest
from rclpy.serialization import deserialize_message, serialize_message
from sensor_msgs.msg import Image, RegionOfInterest
from std_msgs.msg import Header

from rt_gait_ros.msg import GaitIdentity, PersonPose, PersonTrack
from rt_gait_ros.nodes import whole_message as whole_message_module
from rt_gait_ros.nodes.whole_message import bytes_of, empty_maker, maker


def checked_insides(kind):
    names = kind.get_fields_and_field_types()
    return whole_message_module._Insides({name: name for name in names}, (("_check_fields", True),), unchecked=False)


@pytest.mark.parametrize("checked", [False, True])
@pytest.mark.parametrize("kind", [Image, PersonPose, PersonTrack, GaitIdentity])
def test_it_is_what_the_constructor_makes(kind, checked, monkeypatch) -> None:
    made = kind()
    if checked:  # as with ROS_PYTHON_CHECK_FIELDS=1
        monkeypatch.setattr(whole_message_module, "_insides", checked_insides)
    fields = {name: getattr(made, name) for name in kind.get_fields_and_field_types()}
    # __wrapped__: what was made of other insides is not kept
    for whole in (maker.__wrapped__(kind)(**fields), empty_maker.__wrapped__(kind)()):
        assert repr(whole) == repr(made)
        # not compared byte by byte: what pads the fields is whatever was there
        assert deserialize_message(serialize_message(whole), kind) == made
        assert [slot for slot in kind.__slots__ if hasattr(whole, slot)] == list(kind.__slots__)


def test_arrays_are_handed_over_as_they_are() -> None:
    data = array.array("B", bytes(range(12)))
    image = maker(Image)(header=Header(), height=2, width=2, encoding="bgr8", is_bigendian=0, step=6, data=data)
    assert image.data is data
    assert deserialize_message(serialize_message(image), Image) == Image(
        header=Header(), height=2, width=2, encoding="bgr8", step=6, data=data
    )


@pytest.mark.parametrize("checked", [False, True])
def test_bytes_are_those_of_the_array_and_are_copied_only_where_they_must_be(checked, monkeypatch) -> None:
    if checked:
        monkeypatch.setattr(whole_message_module, "_insides", checked_insides)
    pixels = np.arange(12, dtype=np.uint8).reshape(2, 2, 3)
    data = bytes_of(Image, pixels)
    image = maker(Image)(header=Header(), height=2, width=2, encoding="bgr8", is_bigendian=0, step=6, data=data)
    assert bytes(deserialize_message(serialize_message(image), Image).data) == pixels.tobytes()
    pixels[:] = 0
    assert any(image.data) != whole_message_module._insides(Image).unchecked


def test_two_messages_share_nothing_that_is_not_given() -> None:
    fields = {"keypoints": array.array("f"), "roi": RegionOfInterest(), "confidence": 0.5, "quality": 0.0}
    first, second = (maker(PersonPose)(gait_frame=Image(), **fields) for _ in range(2))
    first.gait_frame.height = 9
    first.confidence = 0.25
    assert (second.gait_frame.height, second.confidence) == (0, 0.5)


@pytest.mark.parametrize("kind", [Image, PersonPose, PersonTrack])
def test_two_empty_messages_share_nothing(kind) -> None:
    first, second = empty_maker(kind)(), empty_maker(kind)()
    disturb_all(first)
    assert second == kind()
    assert empty_maker(kind)() == kind()


def disturb_all(message) -> None:
    """Change every number, text and array of a message, within the messages in it as well."""
    for name in message.get_fields_and_field_types():
        value = getattr(message, name)
        if hasattr(value, "get_fields_and_field_types"):
            disturb_all(value)
        elif isinstance(value, np.ndarray):
            value += 1
        elif isinstance(value, array.array):
            value.append(1)
        else:
            setattr(message, name, type(value)("1"))


def test_a_field_that_is_left_out_is_said() -> None:
    with pytest.raises(TypeError, match="roi"):
        maker(PersonPose)(keypoints=array.array("f", np.zeros(3)), confidence=0.5, gait_frame=Image(), quality=0.0)
