import math

import cv2
import numpy as np
import pytest

from rt_gait_ros.errors import UsageError
from rt_gait_ros.tracking.camera import CameraModel

K = np.array([[800.0, 0, 640], [0, 800, 360], [0, 0, 1]])


def project(point, tilt, height):
    """Pixel of a point (right, up from the floor, ahead) in metres."""
    right, up, ahead = point
    y, z = height - up, ahead
    image = K @ (right, math.cos(tilt) * y - math.sin(tilt) * z, math.sin(tilt) * y + math.cos(tilt) * z)
    return image[:2] / image[2]


@pytest.mark.parametrize("tilt", [-0.1, 0.0, 0.3])
@pytest.mark.parametrize("place", [(0.0, 3.0), (-1.5, 6.0), (2.0, 10.0)])
def test_a_person_is_put_where_he_stands(tilt, place):
    right, ahead = place
    camera = CameraModel(K, 1.4, tilt)
    foot, hip = project((right, 0, ahead), tilt, 1.4), project((right, 0.9, ahead), tilt, 1.4)
    position, covariance = camera.locate(foot, hip, 4.0)
    y = 1.4 - 0.9
    expected = (right, math.cos(tilt) * y - math.sin(tilt) * ahead, math.sin(tilt) * y + math.cos(tilt) * ahead)
    np.testing.assert_allclose(position, expected, atol=1e-6)
    np.testing.assert_allclose(covariance, covariance.T)
    assert np.linalg.eigvalsh(covariance).min() > -1e-9


def test_farther_is_less_certain():
    camera = CameraModel(K, 1.4, 0.1)
    spread = [
        np.trace(camera.locate(project((0, 0, z), 0.1, 1.4), project((0, 0.9, z), 0.1, 1.4), 4.0)[1])
        for z in (3, 6, 12)
    ]
    assert spread[0] < spread[1] < spread[2]


def test_above_the_horizon_nobody_stands():
    assert CameraModel(K, 1.4, 0.0).locate(np.array([640.0, 300]), np.array([640.0, 200]), 4.0) is None


@pytest.mark.parametrize(
    "wrong",
    [
        {"K": np.eye(2)},
        {"K": np.zeros((3, 3))},
        {"height": 0.0},
        {"height": math.nan},
        {"tilt": 2.0},
        {"roll": math.inf},
        {"distortion": [0.1, 0.2, 0.3]},
        {"distortion": [0.1] * 5, "fisheye": True},
    ],
)
def test_what_is_no_camera_is_refused(wrong):
    with pytest.raises(UsageError, match="camera model"):
        CameraModel(**{"K": K, "height": 1.4, "tilt": 0.0, **wrong})


@pytest.mark.parametrize("roll", [-0.4, 0.2])
def test_a_camera_that_lies_aslant_finds_the_same_place(roll):
    point = project((1.0, 0, 5.0), 0.1, 1.4), project((1.0, 0.9, 5.0), 0.1, 1.4)
    straight, _ = CameraModel(K, 1.4, 0.1).locate(*point, 4.0)
    cos, sin = math.cos(roll), math.sin(roll)
    turn = np.array([[cos, sin], [-sin, cos]])  # what is upright in the room leans to the left where roll is positive
    turned = [turn @ (pixel - (640, 360)) + (640, 360) for pixel in point]
    position, _ = CameraModel(K, 1.4, 0.1, roll=roll).locate(*turned, 4.0)
    np.testing.assert_allclose(position, [*(turn @ straight[:2]), straight[2]], atol=1e-6)


@pytest.mark.parametrize(
    ("coefficients", "fisheye"), [([-0.3, 0.1, 0.001, 0.002, -0.02], False), ([0.05, -0.01, 0.002, -0.001], True)]
)
def test_a_lens_that_bends_is_straightened(coefficients, fisheye):
    direction = np.array([[[0.4, -0.25, 1.0]]])
    zero, distortion = np.zeros(3), np.array(coefficients)
    project = cv2.fisheye.projectPoints if fisheye else cv2.projectPoints
    pixel, _ = project(direction, zero, zero, K, distortion)
    ray = CameraModel(K, distortion=distortion, fisheye=fisheye).ray(pixel.ravel())
    np.testing.assert_allclose(ray, direction.ravel(), atol=1e-3)
    assert np.abs(CameraModel(K).ray(pixel.ravel()) - direction.ravel()).max() > 0.005


def test_without_a_height_there_is_no_floor():
    assert CameraModel(K).locate(np.array([640.0, 600]), np.array([640.0, 400]), 4.0) is None


def test_who_stands_behind_the_foot_of_the_camera_is_not_put_behind_its_lens():
    """A camera under a ceiling that looks down: the feet are seen beyond its own foot, and the hips before it."""
    camera = CameraModel(K, 3.0, math.radians(80))
    below = 360 + 800 * math.tan(math.radians(10))
    assert camera.locate(np.array([640.0, below + 30]), np.array([640.0, below - 200]), 4.0) is None


@pytest.mark.parametrize("row", [420.0, 800.0])
def test_what_a_fisheye_shows_beside_itself_is_no_position(row):
    camera = CameraModel(K, 1.5, distortion=np.array([1e-9, 0, 0, 0]), fisheye=True)
    side = 640 + 800 * math.pi / 2  # 90 degrees off the axis
    for column in (side - 10, side, side + 10, side + 200):
        foot, hip = np.array([column, row]), np.array([column, 360.0])
        assert camera.locate(foot, hip, 4.0) is None
        assert camera.locate_upright(np.array([foot, [column, 300], hip]), 4.0, 1.7, 0.1) is None
