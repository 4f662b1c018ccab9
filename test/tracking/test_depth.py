import numpy as np
import pytest

from rt_gait_ros.tracking.depth import HALF_TRUNK, DepthImage, Recent, depth_variance

SHOULDERS, HIPS, SIZE = np.array([300.0, 140]), np.array([304.0, 200]), (640, 480)


def scene(dtype=np.uint16, wall=6.0, body=2.5, shape=(480, 640)):
    """A body before a wall, in metres; the unit is millimetres for integers."""
    values = np.full(shape, wall)
    down, across = shape[0] / 480, shape[1] / 640
    values[int(100 * down) : int(300 * down), int(280 * across) : int(324 * across)] = body
    return DepthImage(0, (values * 1000).astype(dtype), 0.001) if dtype is np.uint16 else DepthImage(0, values)


def trunk(image):
    return image.trunk(SHOULDERS, HIPS, 12.0, SIZE)


@pytest.mark.parametrize("dtype", [np.uint16, np.float32])
@pytest.mark.parametrize("shape", [(480, 640), (240, 320), (720, 960)])
def test_the_body_is_found_before_the_wall(dtype, shape):
    assert trunk(scene(dtype, shape=shape)) == pytest.approx(2.5 + HALF_TRUNK, abs=1e-3)


@pytest.mark.parametrize("hole", [0.0, np.nan, np.inf])
def test_holes_are_left_out_until_too_little_is_left(hole):
    image = scene(np.float32)
    image.values[140:175] = hole
    assert trunk(image) == pytest.approx(2.5 + HALF_TRUNK)
    image.values[140:195] = hole
    assert trunk(image) is None


def test_an_arm_in_front_does_not_count_and_two_things_at_once_are_nothing():
    image = scene(np.float32)
    image.values[160:172, 280:324] = 2.1
    assert trunk(image) == pytest.approx(2.5 + HALF_TRUNK)
    image.values[140:171, 280:324] = 1.2  # somebody else's shoulder covers half
    assert trunk(image) is None


@pytest.mark.parametrize("place", [(-50, 140), (700, 140), (300, 600), (300, -300)])
def test_outside_of_the_image_nothing_is_measured(place):
    x, y = place
    assert scene().trunk(np.array([x, y]), np.array([x, y + 60]), 12.0, SIZE) is None


def test_the_error_grows_with_distance():
    assert np.sqrt(depth_variance(1.0)) == pytest.approx(0.05, abs=0.001)
    assert np.sqrt(depth_variance(8.0)) == pytest.approx(0.114, abs=0.001)


def test_the_item_of_the_nearest_stamp_within_the_tolerance_is_found():
    recent = Recent(3)
    for stamp in (10, 20, 30, 40):
        recent.add(stamp, str(stamp))
    assert [recent.nearest(stamp, 4) for stamp in (10, 16, 24, 41, 45)] == [None, "20", "20", "40", None]
    recent.clear()
    assert recent.nearest(40, 4) is None
