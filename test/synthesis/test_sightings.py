import numpy as np
import pytest

from rt_gait_ros.synthesis.sightings import looked_at, sighting
from rt_gait_ros.synthesis.strollers import make_stroller

SECONDS = np.arange(0.0, 1.0, 0.04)


def seen(kind="stands", pixels=100.0, seed=0, **how):
    return sighting(kind, make_stroller(1), pixels, 90.0, SECONDS, np.random.default_rng(seed), **how)


@pytest.mark.parametrize("pixels", [40.0, 300.0])
def test_people_are_as_tall_as_was_asked(pixels):
    heights = [np.median(seen(pixels=pixels, seed=seed).boxes[:, 3]) for seed in range(10)]
    assert 0.85 * pixels < np.median(heights) < 1.2 * pixels


def test_small_people_tremble_more_in_body_heights():
    def unrest(pixels):
        return np.median([np.diff(seen(pixels=pixels, seed=s).keypoints[:, 17, 0]).std() / pixels for s in range(20)])

    assert unrest(40.0) > 1.2 * unrest(250.0)


@pytest.mark.parametrize(("hidden", "joints"), [("feet", [15, 16]), ("legs", [13, 14, 15, 16])])
def test_hidden_joints_are_not_found(hidden, joints):
    keypoints = seen(hidden=hidden).keypoints
    assert np.isnan(keypoints[:, joints, :2]).all()
    assert (keypoints[:, joints, 2] == 0.0).all()
    assert np.isfinite(keypoints[:, [5, 6, 11, 12], :2]).all()


def test_who_is_cut_off_ends_at_the_border_of_the_picture():
    cut = seen(hidden="cut")
    bottom = cut.boxes[:, 1] + cut.boxes[:, 3]
    assert (bottom <= cut.size[1] + 1.0).all()
    assert np.nanmax(cut.keypoints[..., 1]) <= cut.size[1] + 1.0
    assert np.isnan(cut.keypoints[:, [15, 16], 0]).all()


def test_a_moving_camera_moves_everything():
    still, moving = (seen(seed=3, moving=moving).boxes for moving in (False, True))
    assert np.ptp(moving[:, 0]) > 3.0 * np.ptp(still[:, 0])


def test_between_two_looks_there_is_a_box_that_goes_on_and_no_joints():
    every = seen("walks")
    looks = np.isin(np.arange(len(SECONDS)), (0, 3, 5))
    seldom = looked_at(every, looks)
    assert np.array_equal(np.isfinite(seldom.keypoints[..., 0]).any(axis=1), looks)
    np.testing.assert_array_equal(seldom.boxes[looks], every.boxes[looks])
    np.testing.assert_array_equal(seldom.boxes[1:3], every.boxes[[0, 0]])  # nothing is known of where they go
    way = (every.boxes[5] - every.boxes[3])[:2] / 2
    np.testing.assert_allclose(seldom.boxes[8, :2], every.boxes[5, :2] + 3 * way, rtol=1e-5)
    np.testing.assert_array_equal(seldom.boxes[8, 2:], every.boxes[5, 2:])
    assert np.isfinite(every.keypoints).any(axis=(1, 2)).all()  # who was seen is left as it is
