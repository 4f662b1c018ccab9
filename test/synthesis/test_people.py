import subprocess
import sys

import numpy as np
import pytest

from rt_gait_ros.synthesis.people import SEGMENTS, STYLE, outfit, person


def test_a_number_is_always_the_same_person_and_another_number_another():
    first, again, other = person(7), person(7), person(8)
    assert first.segments == again.segments
    assert first.style == again.style
    np.testing.assert_array_equal(first.harmonics, again.harmonics)
    assert first.segments["thigh"] != other.segments["thigh"]
    assert first.style["lean"] != other.style["lean"]


def test_without_spread_bodies_are_the_tables_and_walks_the_mean():
    someone = person(3, shape=0.0, manner=0.0)
    for name, share in SEGMENTS.items():
        assert someone.segments[name] == pytest.approx(share * someone.stature)
    assert someone.style == {name: mean for name, (mean, _) in STYLE.items()}
    np.testing.assert_array_equal(someone.harmonics, np.ones((3, 5)))


def test_spread_is_the_tables_times_the_factor():
    lean = [person(seed, manner=2.0).style["lean"] for seed in range(300)]
    mean, deviation = STYLE["lean"]
    assert np.mean(lean) == pytest.approx(mean, abs=1.5)
    assert np.std(lean) == pytest.approx(2.0 * deviation, rel=0.15)


def test_adults_are_as_tall_as_adults():
    statures = [person(seed).stature for seed in range(300)]
    assert np.mean(statures) == pytest.approx(1.72, abs=0.02)
    assert min(statures) > 1.3


def test_without_variety_clothes_are_always_the_same():
    first, second = (outfit(np.random.default_rng(seed), variety=0.0) for seed in (1, 2))
    np.testing.assert_allclose(first.loose, second.loose, atol=0.002)  # but for a fold at the shank
    assert (first.coat, first.bag, first.belly, first.heel) == (0.0, "none", 0.0, 0.02)
    assert (first.hair, first.hair_length) == (second.hair, second.hair_length)


def test_with_variety_some_carry_bags_and_some_wear_coats():
    worn = [outfit(np.random.default_rng(seed)) for seed in range(200)]
    assert {one.bag for one in worn} == {"none", "backpack", "shoulder", "hand"}
    assert 0 < sum(one.coat > 0 for one in worn) < 100


def test_the_room_does_not_need_torch():
    code = "import sys, rt_gait_ros.synthesis.walks; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
