import numpy as np
import pytest
from scipy.spatial.transform import Rotation
from tracks import walking_track

from rt_gait_ros.tracking.camera import CameraModel
from rt_gait_ros.tracking.facing import Facing, upright
from rt_gait_ros.tracking.track import Track

LENS = np.array([[500.0, 0, 320], [0, 500.0, 240], [0, 0, 1]])
PERIOD = 40_000_000  # ns


def track(position, *, body_id="abcde", variance=0.01, **fields) -> Track:
    place, covariance = np.array(position, float), np.eye(3) * variance
    return walking_track(body_id, position=place, position_covariance=covariance, **fields)


def axes(quaternion) -> np.ndarray:
    """Columns: x, y and z of the frame."""
    return Rotation.from_quat(quaternion).as_matrix()


def walk(step, *, images=25, facing=None, camera=None, **fields) -> Track:
    """A person who begins 4 m ahead and moves by `step` metres an image."""
    facing, camera = facing or Facing(), camera or CameraModel(LENS)
    for number in range(images):
        person = track(np.array([0.0, 0.5, 4.0]) + number * np.array(step), **fields)
        facing.turn([person], camera, number * PERIOD)
    return person


@pytest.mark.parametrize("tilt", [0.0, 0.3])
def test_z_is_up_and_x_to_the_camera_while_nobody_walks(tilt):
    camera = CameraModel(LENS, 1.2, tilt)
    person = walk((0.0, 0.0, 0.0), walking=False, camera=camera)
    forward, left, up = axes(person.orientation).T
    np.testing.assert_allclose(up, -camera.down, atol=1e-9)
    assert forward @ -person.position > 0.9 * np.linalg.norm(person.position)
    np.testing.assert_allclose(np.cross(up, forward), left, atol=1e-9)


@pytest.mark.parametrize("step", [(0.05, 0, 0), (-0.05, 0, 0), (0, 0, 0.05), (0, 0, -0.05)])
def test_x_is_where_somebody_walks_to(step):
    forward = axes(walk(step).orientation)[:, 0]
    np.testing.assert_allclose(forward, np.array(step) / 0.05, atol=1e-6)


@pytest.mark.parametrize(
    "fields",
    [
        {"walking": False},
        {"images": 10},  # 0.4 s
        {"variance": 1.0},  # 1.2 m are not two deviations of both ends
    ],
)
def test_a_way_that_tells_nothing_is_none(fields):
    person = walk((0.05, 0, 0), **fields)
    assert axes(person.orientation)[:, 0] @ person.position < 0.0


def test_a_way_goes_on_under_the_id_of_before_and_ends_with_the_clock():
    facing, camera = Facing(), CameraModel(LENS)
    walk((0.05, 0, 0), facing=facing)
    renamed = track([1.25, 0.5, 4.0], body_id="fghij", former_id="abcde")
    facing.turn([renamed], camera, 25 * PERIOD)
    assert axes(renamed.orientation)[0, 0] > 0.99
    again = track([1.3, 0.5, 4.0], body_id="fghij")
    facing.turn([again], camera, 0)
    assert axes(again.orientation)[0, 0] < 0.0


def test_without_a_camera_there_is_no_orientation():
    person = track([0, 0, 3])
    Facing().turn([person], None, 0)
    assert person.orientation is None


def test_somebody_below_a_camera_that_looks_down_has_a_frame():
    down = np.array([0.0, 0.0, 1.0])
    turned = axes(upright(down, down))
    np.testing.assert_allclose(turned[:, 2], -down, atol=1e-9)
    np.testing.assert_allclose(turned @ turned.T, np.eye(3), atol=1e-9)
