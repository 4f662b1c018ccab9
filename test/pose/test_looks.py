from collections import Counter

import numpy as np
import pytest

from rt_gait_ros.pose.follower import Follower
from rt_gait_ros.pose.looks import NAMED_AFTER, STRANGER_AFTER, choose, doubtful, tell
from rt_gait_ros.pose.person_network import PersonReading, Region


def reading(x, side):
    keypoints = np.column_stack([np.full((18, 2), x), np.ones(18)]).astype(np.float32)
    return PersonReading(keypoints, 0.9, np.zeros((256, 256), np.float32), Region(x, 50, side), Region(x, 50, side))


def follower(x=100.0, side=200.0, named=False):
    one = Follower(reading(x, side), 0.0, smooth=False)
    one.looks = 10
    one.good_frames = NAMED_AFTER if named else 0
    return one


def play(followers, count, images=100, step=0.04):
    looks = Counter()
    for number in range(1, images + 1):
        for one in choose(followers, count, number * step):
            one.update(reading(one.place.x, one.place.side), number * step)
            looks[id(one)] += 1
    return [looks[id(one)] for one in followers]


def test_everybody_is_looked_at_while_there_is_time():
    followers = [follower(n) for n in range(4)]
    assert choose(followers, 4, 1.0) == followers
    assert choose(followers, 0, 1.0) == []


def test_everybody_has_the_same_share_and_nobody_none():
    assert play([follower(n) for n in range(8)], 2) == [25] * 8


def test_who_is_not_yet_named_comes_more_often():
    looks = play([follower(n, named=n < 5) for n in range(10)], 3)
    assert sum(looks[5:]) > 1.6 * sum(looks[:5]) > 0


def test_the_near_come_more_often_than_the_far():
    looks = play([follower(n, side=300.0 if n < 5 else 50.0) for n in range(10)], 3)
    assert sum(looks[:5]) > 1.6 * sum(looks[5:]) > 0


def boxes(followers):
    """Of the places where followers are: x, y, width, height."""
    return np.array([(f.place.x - 10, f.place.y - f.height / 2, 20, f.height) for f in followers], np.float32)


def test_who_has_no_name_by_what_the_gait_stage_says_counts_fully_from_afar():
    followers = [follower(200.0 * n, side=300.0 if n < 4 else 50.0) for n in range(8)]
    tell(followers, boxes(followers), [False] * 8, 0.0)
    assert play(followers, 2, images=24) == [6] * 8


@pytest.mark.parametrize("frames", [0, NAMED_AFTER])
def test_who_has_no_name_by_what_the_gait_stage_says_comes_more_often(frames):
    """However many gait frames they gave; each of them is told by the place."""
    followers = [follower(200.0 * n) for n in range(10)]
    for one in followers:
        one.good_frames = frames
    looks = Counter()
    for number in range(1, 101):
        time = number * 0.04
        if number % 10 == 1:
            tell(followers, boxes(followers)[::-1], [n >= 5 for n in range(10)], time)  # 0 to 4 have names
        for one in choose(followers, 3, time):
            one.update(reading(one.place.x, one.place.side), time)
            looks[round(one.place.x / 200.0)] += 1
    assert sum(looks[n] for n in range(5, 10)) > 1.6 * sum(looks[n] for n in range(5)) > 0


def test_what_is_said_of_somebody_counts_for_a_second_and_of_nobody_else():
    near, far = follower(100.0), follower(400.0)
    tell([near, far], boxes([near]), [True], 0.5)
    assert near.has_name(1.0) is True
    assert far.has_name(1.0) is None
    assert near.has_name(2.0) is None  # nothing has been said since
    assert near.has_name(0.4) is None  # stamps jumped back
    tell([near], boxes([]).reshape(-1, 4), [], 1.0)
    assert near.has_name(1.0) is True


def test_who_stays_without_a_name_for_long_is_a_stranger_and_comes_as_often_as_others():
    followers = [follower(200.0 * n) for n in range(6)]
    for one in followers:
        one.good_frames = STRANGER_AFTER
    tell(followers, boxes(followers), [n < 3 for n in range(6)], 0.0)
    looks = play(followers, 3, images=24)
    assert sum(looks[:3]) == sum(looks[3:])


def test_a_newcomer_is_looked_at_until_the_tracker_believes_in_them():
    followers = [follower(n) for n in range(6)]
    newcomer = follower(9)
    newcomer.looks = 1
    first = [choose([*followers, newcomer], 2, 0.04 * n) for n in (1, 2)]
    assert all(any(one is newcomer for one in chosen) for chosen in first)


@pytest.mark.parametrize("people", [20, 60])
def test_nobody_starves_where_one_look_an_image_is_all_there_is(people):
    looks = play([follower(n, side=50.0, named=n % 2 == 0) for n in range(people)], 1, images=4 * people)
    assert min(looks) >= 2


def test_two_at_one_place_are_to_be_looked_at_together_until_they_were():
    followers = [follower(100.0), follower(104.0), follower(300.0)]
    for number, one in enumerate(followers):
        one.update(reading(one.place.x, 200.0), 0.04 * (number + 1))
    pair = doubtful(followers, 1.0)
    assert pair == (followers[0], followers[1])
    for one in pair:
        one.update(reading(one.place.x, 200.0), 1.0)
    assert doubtful(followers, 1.04) == ()  # they were told apart, and both are still there
    assert doubtful(followers, 1.6) == pair
    assert doubtful(followers[:1], 1.6) == ()


def test_two_who_are_to_be_looked_at_together_come_first_unless_somebody_waits_too_long_for_it():
    followers = [follower(100.0 * n) for n in range(6)]
    for number, one in enumerate(followers):
        one.update(reading(one.place.x, 200.0), 1.0 + 0.04 * number)
    pair = followers[4], followers[5]  # whose own turn would be last
    assert choose(followers, 2, 1.3, pair) == [*pair]
    assert choose(followers, 1, 1.3, pair) == [followers[0]]  # one alone tells nothing
    assert choose(followers, 2, 1.46, pair) == followers[:2]
    assert choose(followers, 3, 1.42, pair) == [followers[0], *pair]


def test_where_all_are_at_one_place_nobody_starves_for_the_looks_at_pairs():
    followers = [follower(n) for n in range(8)]
    looks = Counter()
    for number in range(1, 101):
        time = 0.04 * number
        for one in choose(followers, 2, time, doubtful(followers, time)):
            one.update(reading(one.place.x, one.place.side), time)
            looks[id(one)] += 1
    assert min(looks[id(one)] for one in followers) >= 15
