import cv2
import numpy as np
import pytest

from rt_gait_ros.pose.camera_motion import CameraMotion


@pytest.fixture
def room():
    """A textured room, wider than the image."""
    noise = np.random.default_rng(0).integers(0, 255, (72, 120), np.uint8)
    return cv2.resize(noise, (1200, 720), interpolation=cv2.INTER_CUBIC)


def see(room, affine):
    return cv2.warpAffine(room, np.asarray(affine, float), (640, 480), borderMode=cv2.BORDER_REFLECT)


@pytest.mark.parametrize("shift", [(0, 0), (15, 0), (-12, 7)])
@pytest.mark.parametrize("angle", [0.0, 0.02])
def test_the_motion_of_the_image_is_found(room, shift, angle):
    first = np.array([[1, 0, -200.0], [0, 1, -100]])
    turn = np.array([[np.cos(angle), -np.sin(angle), shift[0]], [np.sin(angle), np.cos(angle), shift[1]], [0, 0, 1]])
    second = turn[:2] @ np.vstack((first, (0, 0, 1)))
    camera = CameraMotion()
    assert camera.update(see(room, first)) is None
    found = camera.update(see(room, second))
    corners = np.array([[0, 640, 0, 640], [0, 0, 480, 480], [1, 1, 1, 1.0]])
    np.testing.assert_allclose(found @ corners, turn[:2] @ corners, atol=1.5)


def test_somebody_large_who_moves_does_not_count(room):
    camera, scene = CameraMotion(), see(room, [[1, 0, -200.0], [0, 1, -100]])
    body = np.random.default_rng(1).integers(0, 255, (400, 400), np.uint8)
    for left in (50, 90):
        image = scene.copy()
        image[40:440, left : left + 400] = body
        motion = camera.update(image, [np.array([left, 40, 400, 400])])
    np.testing.assert_allclose(motion, [[1, 0, 0], [0, 1, 0]], atol=0.3)


@pytest.mark.parametrize("image", [np.zeros((480, 640), np.uint8), np.zeros((480, 640, 3), np.uint8)])
def test_where_nothing_is_to_be_seen_no_motion_is_given(image):
    camera = CameraMotion()
    assert [camera.update(image) for _ in range(3)] == [None] * 3


def test_a_change_of_size_starts_anew(room):
    camera = CameraMotion()
    camera.update(room)
    assert camera.update(room[:480, :640]) is None
