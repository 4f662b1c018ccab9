import numpy as np
import pytest

from rt_gait_ros.synthesis.motion import NORMAL, joints, mood, turned_joints
from rt_gait_ros.synthesis.people import Outfit, person
from rt_gait_ros.synthesis.skeleton import BONE, REST
from rt_gait_ros.synthesis.strollers import make_stroller, strides
from rt_gait_ros.synthesis.tabled_gaits import tabled_gait

CYCLE = np.arange(20) / 20.0


@pytest.mark.parametrize("seed", range(4))
def test_joints_are_where_the_tabled_walk_has_them(seed: int):
    """To turns of bones and back; `Gait.pose` keeps arms off the trunk."""
    who, random = person(seed, manner=1.0), np.random.default_rng(0)
    bare = Outfit(np.zeros(5), 0.0, 0.0, 0.0, 0.0, 0.0, "none", 0.0, 0.0)
    rotations, offset = tabled_gait(who).walk(random, variety=0.0).pose(CYCLE)
    there = turned_joints(who, bare, rotations, offset)
    wanted = joints(who, bare, mood(np.random.default_rng(0), 0.0), CYCLE)
    apart = np.linalg.norm(there - wanted, axis=2)
    assert apart.max() < 0.06
    assert apart.mean() < 0.012


def test_knees_bend_as_the_table_says():
    rotations, _ = (
        tabled_gait(person(0, manner=0.0)).walk(np.random.default_rng(0), variety=0.0).pose(np.arange(10) / 10)
    )
    thigh, shank = (rotations[:, BONE[name]] @ REST[BONE[name]] for name in ("l_thigh", "l_shank"))
    bend = np.degrees(np.arccos((thigh * shank).sum(axis=1).clip(-1.0, 1.0)))
    np.testing.assert_allclose(bend, NORMAL[1] + 2.0, atol=4.0)  # styles add two degrees


def test_the_same_body_walks_as_tabled_and_at_a_usual_speed():
    recorded, tabled = make_stroller(5), make_stroller(5, tabled=True)
    assert (recorded.body.vertices == tabled.body.vertices).all()
    speeds = []
    for seed in range(12):
        who = make_stroller(seed, manner=0.5, tabled=True)
        rotations, offset, speed = strides(who, who.body.leg, CYCLE, np.random.default_rng(seed), 1.0)
        assert (rotations.shape, offset.shape) == ((20, 23, 3, 3), (20, 3))
        speeds.append(speed)
    assert np.mean(speeds) == pytest.approx(1.27, abs=0.1)
    assert np.std(speeds) > 0.02
