import cv2
import numpy as np
import pytest

from rt_gait_ros.synthesis.render import SENSOR_NOISE, Renderer
from rt_gait_ros.synthesis.room import Room
from rt_gait_ros.synthesis.scenes import Crowd, crowd
from rt_gait_ros.synthesis.sight import sight
from rt_gait_ros.synthesis.view import Camera


@pytest.fixture(scope="module")
def scene() -> Crowd:
    return crowd("standing", people=2, seed=2, seconds=4.0, fps=10.0, size=(320, 240))


def test_a_picture_is_the_scenes(scene: Crowd):
    first, again = Renderer(scene).image(5), Renderer(scene).image(5)
    assert first.shape == (240, 320, 3)
    assert first.dtype == np.uint8
    np.testing.assert_array_equal(first, again)
    other = Renderer(crowd("standing", people=2, seed=3, seconds=4.0, fps=10.0, size=(320, 240))).image(5)
    assert np.abs(first.astype(int) - other).mean() > 10


def test_people_stand_out_and_the_room_stands_still(scene: Crowd):
    drawn = Renderer(scene)
    empty = Room(scene.camera, np.random.default_rng((0xC0105, scene.seed))).image
    for number in (0, 20):
        apart = np.abs(drawn.image(number).astype(float) - empty).mean(axis=2)
        body = sight(scene, number).who >= 0
        near_body = cv2.dilate(body.astype(np.uint8), np.ones((41, 41), np.uint8)) > 0
        assert apart[~near_body].mean() < 2 * SENSOR_NOISE
        assert apart[body].mean() > 15


def test_edges_are_soft(scene: Crowd):
    image = Renderer(scene).image(0).astype(float)
    surface = next(one for one in sight(scene, 0).surfaces if one is not None)
    edge = (surface.cover > 0.3) & (surface.cover < 0.7)
    assert edge.sum() > 30
    assert image[surface.window][edge].std() > 1


def test_somebody_before_the_camera_darkens_the_floor_and_nothing_else():
    camera = Camera(1.0, 0.0, 300.0, 320, 240)
    room = Room(camera, np.random.default_rng(0))
    image = room.image.copy()
    room.shade(image, np.array([4.0, 0.0]))
    darker = room.image - image
    pixels, _ = camera.project(np.array([4.0, 0.0, 0.0]))
    x, y = pixels.astype(int)
    assert darker[y, x].min() > 10
    assert (darker >= 0).all()
    assert not darker[:120].any()
    room.shade(image, np.array([-3.0, 0.0]))  # behind the camera


def test_the_sky_is_no_floor():
    camera = Camera(1.0, -0.5, 300.0, 320, 240)  # looks up
    assert np.isfinite(Room(camera, np.random.default_rng(0)).image).all()
