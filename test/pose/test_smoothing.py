import numpy as np
import pytest

from rt_gait_ros.pose.smoothing import LONGEST_GAP, KeypointFilter, steadied

STEP = 0.04


def walk(positions):
    """One joint through time, height 100 pixels, sure of itself."""
    steady = KeypointFilter()
    return np.array(
        [steady(np.array([[x, 50.0, 1.0]], np.float32), n * STEP, 100.0)[0, 0] for n, x in enumerate(positions)]
    )


def test_a_standing_joint_trembles_less():
    noisy = 100 + np.random.default_rng(0).normal(0, 0.5, 200)
    filtered = walk(noisy)
    assert np.abs(np.diff(filtered[20:])).mean() < 0.6 * np.abs(np.diff(noisy[20:])).mean()
    assert filtered[20:].mean() == pytest.approx(100, abs=0.2)


def test_a_swinging_ankle_is_followed():
    moving = 100 + 200 * STEP * np.arange(25)  # two body heights a second
    assert abs(walk(moving) - moving)[5:].max() < 2.0  # of a step of eight


def test_missing_joints_stay_missing_and_return_where_they_are_seen():
    steady = KeypointFilter()
    steady(np.array([[10.0, 10.0, 1.0]], np.float32), 0.0, 100.0)
    gone = steady(np.array([[np.nan, np.nan, 0.0]], np.float32), 0.1, 100.0)
    assert np.isnan(gone[0, :2]).all()
    back = steady(np.array([[90.0, 10.0, 1.0]], np.float32), LONGEST_GAP + 0.1, 100.0)
    assert back[0, 0] == 90.0


def test_an_unsure_joint_moves_less():
    moves = []
    for confidence in (1.0, 0.1):
        steady = KeypointFilter()
        steady(np.array([[0.0, 0.0, confidence]], np.float32), 0.0, 100.0)
        moves.append(steady(np.array([[1.0, 0.0, confidence]], np.float32), STEP, 100.0)[0, 0])
    assert moves[1] < moves[0]


def test_several_people_are_steadied_as_each_alone():
    """Also where one was missed for an image, one lacks a joint, and one has just come."""
    random = np.random.default_rng(1)
    together, alone = ([KeypointFilter() for _ in range(4)] for _ in range(2))
    for image in range(40):
        present = [n for n in range(4) if not (n == 1 and image % 7 == 3) and not (n == 3 and image < 20)]
        keypoints = random.normal(200.0, 5.0, (len(present), 18, 3)).astype(np.float32)
        keypoints[..., 2] = random.uniform(-0.1, 1.1, (len(present), 18))
        if image % 5 == 2:
            keypoints[0, 4] = np.nan, np.nan, 0.0
        heights, time = [100.0 + n for n in present], image * STEP
        steady = steadied([together[n] for n in present], keypoints, time, heights)
        for n, own, before, height in zip(present, steady, keypoints, heights, strict=True):
            np.testing.assert_array_equal(own, alone[n](before, time, height))
