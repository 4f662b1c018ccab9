import numpy as np
import pytest

from rt_gait_ros.synthesis.view import Camera, path, place


def test_a_level_camera_projects_as_a_pinhole_does():
    camera = Camera(height=1.0, pitch=0.0, focal=500.0, width=640, height_px=480)
    pixels, depth = camera.project(np.array([[4.0, 0.0, 1.0], [4.0, 2.0, 1.0], [5.0, -1.0, 0.0]]))
    # straight ahead; 2 m to the left at 4 m: 250 pixels; 1 m to the right and 1 m below at 5 m: 100 pixels each
    np.testing.assert_allclose(pixels, [[320, 240], [70, 240], [420, 340]])
    np.testing.assert_allclose(depth, [4, 4, 5])


def test_a_camera_that_looks_down_has_its_target_in_the_middle():
    camera = Camera(height=2.0, pitch=np.arctan2(2.0, 4.0), focal=500.0, width=640, height_px=480)
    pixels, depth = camera.project(np.array([4.0, 0.0, 0.0]))
    np.testing.assert_allclose(pixels, [320, 240], atol=1e-9)
    assert depth == pytest.approx(np.hypot(2.0, 4.0))


def test_an_image_shows_somebody_when_all_of_them_is_in_it():
    camera = Camera(height=1.0, pitch=0.0, focal=500.0, width=640, height_px=480)
    feet_and_head = np.array([[0.0, 0.0, 0.6], [0.0, 0.0, 1.4]])
    ahead, left = np.array([4.0, 0.0, 0.0]), np.array([0.0, 2.6, 0.0])
    images = np.stack(
        [feet_and_head + ahead, feet_and_head + ahead + left, feet_and_head + ahead / 8, feet_and_head - ahead]
    )
    assert camera.shows(images).tolist() == [True, False, False, False]  # beside the picture, too near, behind


def test_a_ball_is_as_large_as_the_distance_says():
    camera = Camera(height=1.0, pitch=0.0, focal=500.0, width=640, height_px=480)
    drawn, depth = camera.project_solids(np.array([4.0, 0.0, 1.0, 5.0, 0.0, 1.0, 0.2, 0.2]))
    np.testing.assert_allclose(drawn, [320, 240, 320, 240, 25, 20])
    np.testing.assert_allclose(depth, [4, 5])


def test_placing_turns_and_moves_both_ends_and_keeps_radii():
    capsule = np.array([[[1.0, 0.0, 0.5, 0.0, 1.0, 0.7, 0.1, 0.2]]])
    moved = place(capsule, np.array([[3.0, -1.0]]), np.array([np.pi / 2]))
    np.testing.assert_allclose(moved[0, 0], [3.0, 0.0, 0.5, 2.0, -1.0, 0.7, 0.1, 0.2], atol=1e-12)


def test_a_path_is_where_it_should_be_in_the_middle_and_keeps_its_speed():
    seconds = np.arange(51) / 25.0
    positions, headings = path(seconds, speed=1.2, distance=5.0, azimuth=np.pi / 2, across=0.5, turning=0.3)
    np.testing.assert_allclose(positions[25], [5.0, 0.5])
    np.testing.assert_allclose(np.hypot(*np.diff(positions, axis=0).T) * 25.0, 1.2)
    assert headings[25] == pytest.approx(np.pi / 2)
    assert headings[50] - headings[0] == pytest.approx(2.0 * 0.3)
