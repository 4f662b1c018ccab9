import numpy as np
import pytest

from rt_gait_ros.synthesis.activities import ACTIVITIES, SOLE, act
from rt_gait_ros.synthesis.bodies import END
from rt_gait_ros.synthesis.skeleton import BONE
from rt_gait_ros.synthesis.strollers import make_stroller

SECONDS = np.arange(0.0, 4.0, 0.04)
CARRIED = {"walks", "wheelchair", "escalator"}


@pytest.mark.parametrize("kind", ACTIVITIES)
def test_everybody_has_a_foot_on_the_floor_and_only_some_travel(kind):
    done = act(kind, make_stroller(1), SECONDS, np.random.default_rng(2))
    assert np.isfinite(done.joints).all()
    lowest = done.joints[..., 2].min(axis=1)
    if kind not in ("escalator", "wheelchair"):  # whose floor moves
        np.testing.assert_allclose(lowest, SOLE, atol=1e-6)
    assert (np.ptp(done.ahead) > 1.0) == (kind in CARRIED)
    assert (np.ptp(done.turned) > 0.1) == (kind == "turns")


def test_who_sits_has_the_thighs_level():
    joints = act("sits", make_stroller(1), SECONDS, np.random.default_rng(2)).joints
    thigh = joints[:, END[BONE["l_thigh"]]] - joints[:, BONE["l_thigh"]]
    assert (np.abs(thigh[:, 2]) < 0.4 * np.linalg.norm(thigh, axis=1)).all()


def test_who_waves_moves_a_hand_much_and_the_feet_hardly():
    joints = act("waves", make_stroller(1), SECONDS, np.random.default_rng(2)).joints
    hands = [np.ptp(joints[:, BONE[f"{side}_hand"]], axis=0).max() for side in "lr"]
    feet = [np.ptp(joints[:, BONE[f"{side}_foot"]], axis=0).max() for side in "lr"]
    assert max(hands) > 0.15
    assert max(feet) < 0.1


@pytest.mark.parametrize("kind", ACTIVITIES)
def test_the_same_numbers_give_the_same(kind):
    first, again = (act(kind, make_stroller(1), SECONDS[:5], np.random.default_rng(9)).joints for _ in range(2))
    np.testing.assert_array_equal(first, again)
