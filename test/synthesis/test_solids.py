from dataclasses import replace

import numpy as np
import pytest

from rt_gait_ros.synthesis.motion import INDEX, Mood, joints
from rt_gait_ros.synthesis.people import Outfit, person
from rt_gait_ros.synthesis.solids import CARRIED, LEFT_ARM, LEFT_FOOT, LEG, RIGHT_FOOT, solids

CYCLE = np.arange(8) / 8.0


def extent(capsules: np.ndarray, axis: int) -> tuple[float, float]:
    """Lowest and highest coordinate of the surface."""
    ends, radii = capsules[..., [axis, axis + 3]], capsules[..., 6:8]
    return float((ends - radii).min()), float((ends + radii).max())


@pytest.mark.parametrize("seed", range(4))
def test_a_walker_is_about_as_tall_as_the_stature_and_stands_on_the_floor(seed: int, plain: Outfit, usual: Mood):
    someone = person(seed, shape=1.0, manner=0.0)
    capsules, parts, _ = solids(someone, plain, joints(someone, plain, usual, CYCLE))
    assert capsules.shape == (8, len(parts), 8)
    low, high = extent(capsules, 2)
    assert low == pytest.approx(0.0, abs=0.03)
    assert high == pytest.approx(someone.stature, rel=0.08)


def test_limbs_lie_on_their_joints(plain: Outfit, usual: Mood):
    someone = person(1)
    body = joints(someone, plain, usual, CYCLE)
    capsules, parts, _ = solids(someone, plain, body)
    arm = capsules[:, parts == LEFT_ARM]
    np.testing.assert_array_equal(arm[:, 0, :3], body[:, INDEX["left_shoulder"]])
    np.testing.assert_array_equal(arm[:, 1, 3:6], body[:, INDEX["left_wrist"]])
    assert (parts == LEFT_FOOT).sum() == (parts == RIGHT_FOOT).sum() == 2


def test_wide_clothes_thicken_and_a_coat_covers_the_legs(plain: Outfit, usual: Mood):
    someone = person(1)
    body = joints(someone, plain, usual, CYCLE)
    thin, parts, _ = solids(someone, plain, body)
    thick, _, _ = solids(someone, replace(plain, loose=plain.loose + 0.02), body)
    assert (thick[..., 6:8] >= thin[..., 6:8]).all()
    assert (thick[..., 6:8] > thin[..., 6:8] + 0.015).sum() > 100
    _, coated, _ = solids(someone, replace(plain, coat=0.3), body)
    assert (coated == LEG).sum() > (parts == LEG).sum()


@pytest.mark.parametrize("bag", ["backpack", "shoulder", "hand"])
def test_a_bag_is_one_thing_more(bag: str, plain: Outfit, usual: Mood):
    someone = person(1)
    capsules, parts, _ = solids(someone, replace(plain, bag=bag), joints(someone, plain, usual, CYCLE))
    assert (parts == CARRIED).sum() == 1
    low, high = extent(capsules[:, parts == CARRIED], 2)
    assert 0.0 < low < high < someone.stature
