from dataclasses import fields, replace

import numpy as np
import pytest

from rt_gait_ros.synthesis.bodies import draw_body, pose
from rt_gait_ros.synthesis.gaits import mean_gait
from rt_gait_ros.synthesis.posture import DROOP, LEAN, Posture, draw_posture
from rt_gait_ros.synthesis.skeleton import BONE

UPRIGHT = Posture(**{angle.name: 0.0 for angle in fields(Posture)})


def joints_of(posture):
    body = draw_body(np.random.default_rng(1))
    rotations, offset = mean_gait().pose(np.linspace(0, 1, 24, endpoint=False))
    posture.take(rotations)
    _, joints = pose(body, body.vertices, rotations, offset)
    return (joints - joints[:, [BONE["hips"]]]).mean(axis=0)


@pytest.mark.parametrize(
    ("held", "bone", "axis", "sign"),
    [
        ({"lean": 10.0}, "neck", 0, 1.0),
        ({"peer": 20.0}, "head", 0, 1.0),
        ({"reach": 5.0}, "l_foot", 0, 1.0),
        ({"droop": 10.0}, "l_upper_arm", 2, -1.0),
        ({"droop": 10.0}, "r_upper_arm", 2, -1.0),
        ({"spread": 10.0}, "l_hand", 1, 1.0),
        ({"spread": 10.0}, "r_hand", 1, -1.0),
        ({"hunch": 10.0}, "neck", 0, 1.0),
        ({"tuck": 10.0}, "l_hand", 1, -1.0),
        ({"tuck": 10.0}, "r_hand", 1, 1.0),
        ({"stance": 3.0}, "l_foot", 1, -1.0),
        ({"stance": 3.0}, "r_foot", 1, 1.0),
    ],
)
def test_each_angle_moves_what_it_names(held, bone, axis, sign):
    moved = joints_of(replace(UPRIGHT, **held)) - joints_of(UPRIGHT)
    assert sign * moved[BONE[bone], axis] > 0.01  # metres


def test_nothing_is_held_otherwise_without_a_posture():
    rotations, _ = mean_gait().pose(np.linspace(0, 1, 8))
    held = rotations.copy()
    UPRIGHT.take(held)
    np.testing.assert_allclose(held, rotations, atol=1e-12)


def test_people_are_held_differently_around_the_means():
    drawn = [draw_posture(np.random.default_rng(seed)) for seed in range(300)]
    assert np.mean([one.lean for one in drawn]) == pytest.approx(LEAN, abs=0.5)
    assert np.mean([one.droop for one in drawn]) == pytest.approx(DROOP, abs=0.8)
    assert np.std([one.peer for one in drawn]) > 3.0
    assert draw_posture(np.random.default_rng(0), spread=0.0) == Posture()
