import math

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from rt_gait_ros.errors import UsageError
from rt_gait_ros.tracking.transforms import MOST_LASTING, MOST_MOVING, Transform, TransformTree, attitude

OPTICAL = Rotation.from_matrix([[0, 0, 1], [-1, 0, 0], [0, -1, 0]])  # x right, y down, z ahead to x ahead, y left, z up


def transform(place=(0, 0, 0), rotation=None):
    rotation = Rotation.identity() if rotation is None else rotation
    return Transform.of(place, rotation.as_quat())


@pytest.fixture
def robot():
    """base_footprint > base_link > mast > camera > optical, and base_link > wheel; the camera looks 20 degrees down."""
    tree = TransformTree()
    tree.add("base_footprint", "base_link", transform((0, 0, 0.1)))
    tree.add("base_link", "mast", transform((0.2, 0, 0.5), Rotation.from_euler("z", 90, degrees=True)))
    tree.add("mast", "camera", transform((0, 0, 0.6), Rotation.from_euler("y", 20, degrees=True)))
    tree.add("camera", "optical", transform((0, 0, 0), OPTICAL))
    tree.add("base_link", "wheel", transform((0, 0.3, 0)))
    return tree


def test_a_chain_is_joined_and_the_camera_found(robot):
    camera = robot.lookup("base_footprint", "optical")
    np.testing.assert_allclose(camera.translation, [0.2, 0, 1.2], atol=1e-9)
    height, tilt, roll = attitude(camera)
    assert (height, math.degrees(tilt), roll) == (pytest.approx(1.2), pytest.approx(20), pytest.approx(0))
    # two metres ahead of the camera, which looks to the robot's left
    ahead = camera.rotation.apply([0, 0, 2]) + camera.translation
    np.testing.assert_allclose(ahead, [0.2, 2 * math.cos(math.radians(20)), 1.2 - 2 * math.sin(math.radians(20))])


def test_branches_meet_in_their_common_frame(robot):
    there, back = robot.lookup("wheel", "optical"), robot.lookup("optical", "wheel")
    point = np.array([0.3, -0.2, 4.0])
    way = there.rotation.apply(point) + there.translation
    np.testing.assert_allclose(back.rotation.apply(way) + back.translation, point, atol=1e-9)
    np.testing.assert_allclose(there.translation, [0.2, -0.3, 1.1], atol=1e-9)


@pytest.mark.parametrize("degrees", [-30, 0, 50])
def test_roll_is_positive_on_the_right_side(degrees):
    lying = Rotation.from_euler("x", degrees, degrees=True)  # about the axis ahead: the right side goes down
    assert math.degrees(attitude(transform((0, 0, 1), lying * OPTICAL))[2]) == pytest.approx(degrees)


def test_the_newest_transform_of_a_frame_counts(robot):
    robot.add("mast", "camera", transform((0, 0, 1.6)))
    assert attitude(robot.lookup("base_footprint", "optical"))[:2] == (pytest.approx(2.2), pytest.approx(0))


def test_frames_that_nothing_joins_have_no_transform(robot):
    robot.add("map", "odom", transform())
    assert robot.lookup("map", "optical") is None
    assert robot.lookup("base_link", "unheard of") is None


def test_a_link_of_which_nothing_is_said_any_more_is_found(robot):
    assert robot.silent("base_footprint", "optical", 100.0) == ""
    robot.add("base_link", "mast", transform(), said=3.0)
    robot.add("base_link", "wheel", transform(), said=1.0)
    assert robot.silent("base_footprint", "optical", 3.0) == ""
    assert robot.silent("base_footprint", "optical", 3.5) == "mast"
    assert robot.silent("optical", "base_footprint", 3.5) == "mast"
    assert robot.silent("camera", "optical", 3.5) == ""  # not on the way
    assert robot.silent("wheel", "base_footprint", 3.5) == "wheel"


def test_frames_of_people_who_left_do_not_stay_for_ever(robot):
    for second in range(20_000):
        robot.add("optical", f"body_{second}", transform(), said=second)
        robot.add("base_link", "mast", transform((0.2, 0, 0.5)), said=second)  # which moves, and is said all the time
    assert len(robot._parents) <= MOST_MOVING + 10
    assert robot.lookup("base_footprint", "body_19999") is not None
    assert robot.lookup("base_footprint", "optical") is not None
    assert robot.lookup("base_footprint", "body_0") is None


def test_frames_that_somebody_made_up_do_not_stay_for_ever_either(robot):
    held = transform()
    for number in range(MOST_LASTING - len(robot._parents)):
        robot.add("base_link", f"made_up_{number}", held)
    with pytest.raises(UsageError, match=f"'one_more' to 'base_link': more than {MOST_LASTING} frames are not kept"):
        robot.add("base_link", "one_more", held)
    robot.add("base_link", "one_more", held, said=1.0)
    with pytest.raises(UsageError, match="frames are not kept"):
        robot.add("base_link", "one_more", held)
    robot.add("base_link", "mast", transform((0, 0, 2.0)))  # what is known may be said again
    assert robot.lookup("base_footprint", "optical") is not None


def test_frames_in_a_loop_end_the_lookup():
    tree = TransformTree()
    for parent, child in (("a", "b"), ("b", "c"), ("c", "a")):
        tree.add(parent, child, transform((1, 0, 0)))
    assert tree.lookup("x", "a") is None
    assert tree.lookup("b", "c") is not None


@pytest.mark.parametrize("quaternion", [(0, 0, 0, 0), (math.nan, 0, 0, 1), (0, 0, 0, 9)])
def test_what_is_no_rotation_is_refused(quaternion):
    with pytest.raises(UsageError, match="unit quaternion"):
        Transform.of((0, 0, 0), quaternion)


@pytest.mark.parametrize(("parent", "child"), [("", "a"), ("a", ""), ("a", "a")])
def test_a_frame_needs_a_parent(parent, child):
    with pytest.raises(UsageError, match="two frames"):
        TransformTree().add(parent, child, transform())
