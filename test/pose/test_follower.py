import numpy as np
import pytest
from paf_reference import FIGURE

from rt_gait_ros.pose.follower import Follower, without_duplicates
from rt_gait_ros.pose.layouts import PARTS
from rt_gait_ros.pose.person_network import PersonReading, Region


def reading(x):
    """Of somebody 140 pixels tall whose hips are at (x, 240)."""
    region = Region(x, 240.0, 196.0)
    joints = np.column_stack([FIGURE * 140 + (x, 240), np.ones(18)]).astype(np.float32)
    return PersonReading(joints, 0.9, np.zeros((256, 256), np.float32), region, region)


def follower(x, time=0.0):
    return Follower(reading(x), time, smooth=False)


def test_a_second_follower_of_somebody_who_walks_is_found_out_though_both_are_never_looked_at_together():
    known, newcomer = follower(100.0), follower(100.0)
    for n in range(1, 11):
        known.update(reading(100.0 + 5.0 * n), 0.04 * n)
    for n in range(11, 15):
        newcomer.update(reading(100.0 + 5.0 * n), 0.04 * n)
    known.pass_over()
    assert without_duplicates([known, newcomer], 0.04 * 14) == [known]
    beside = follower(100.0 + 5.0 * 14 + 40.0, 0.04 * 14)
    assert without_duplicates([known, beside], 0.04 * 14) == [known, beside]
    newcomer.pass_over()
    assert without_duplicates([known, newcomer], 0.04 * 15) == [known, newcomer]  # no news of either


@pytest.mark.parametrize("pace", [5.0, 2.5, 1.5])
@pytest.mark.parametrize("other", [-1.0, 0.0])
def test_two_who_cross_stay_two_though_they_are_never_looked_at_together(pace, other):
    """25 images a second, bodies of 140 pixels: the fastest walks 0.9 heights a second. The other one comes towards the
    first, or stands. Each is looked at in every sixth image."""

    def place(walker, number):
        return 300.0 + (pace * (number - 50), 2.0 + other * pace * (number - 50))[walker]

    both = [follower(place(0, 0)), follower(place(1, 0))]
    for number in range(1, 101):
        for walker, one in enumerate(both):
            one.pass_over()
            if number % 6 == 3 * walker:
                one.update(reading(place(walker, number)), 0.04 * number)
        assert without_duplicates(both, 0.04 * number) == both, number


def test_a_second_follower_of_somebody_who_stands_is_found_out_once_it_is_known_how_both_move():
    known, newcomer = follower(100.0), follower(100.0)
    for number in range(1, 6):
        known.update(reading(100.0), 0.04 * number)
    known.pass_over()
    kept = []
    for number in range(6, 10):
        newcomer.update(reading(101.0), 0.04 * number)
        kept.append(without_duplicates([known, newcomer], 0.04 * number))
    assert kept[0] == [known, newcomer]
    assert len(kept[-1]) == 1


def test_of_two_looks_that_differ_in_the_trunk_alone_all_joints_count():
    first, second = reading(100.0), reading(100.0)
    second.keypoints[
        [PARTS.index(name) for name in PARTS if name == "neck" or "shoulder" in name or "hip" in name], 0
    ] += 39.0
    both = [Follower(look, 0.0, smooth=False) for look in (first, second)]
    assert len(without_duplicates(both, 0.0)) == 1  # 0.077 body heights on average
    second.keypoints[:, 0] += 8.0
    assert len(without_duplicates(both, 0.0)) == 2


def test_only_after_a_look_that_showed_nobody_is_somebody_expected_where_the_detector_saw_them():
    walker = follower(100.0)
    walker.update(reading(105.0), 0.04)
    expected, seen = walker.expected(0.08), Region(118.0, 236.0, 180.0)
    walker.sighted(seen, 0.08)
    assert walker.expected(0.08) == expected
    walker.doubted_since = 0.08
    walker.sighted(seen, 0.08)
    place = walker.expected(0.08)
    np.testing.assert_allclose((place.x, place.y, place.side), (118.0, 236.0, 180.0))
    walker.update(reading(118.0), 0.12)
    assert not walker.doubted
