from itertools import pairwise

import numpy as np
import pytest

from rt_gait_ros.nodes.stamps import LONG, Stamps

PERIOD = 40_000_000
SECOND = 1_000_000_000
NOW = 1_800_000_000 * SECOND  # the node's clock when the first item comes


def settle(stamps, given, frames=("front",)):
    """What is gone by for items with these stamps, one every PERIOD."""
    return [
        stamps.settle(stamp, NOW + number * PERIOD, frames[number % len(frames)]) for number, stamp in enumerate(given)
    ]


@pytest.mark.parametrize("jitter", [0, 15_000_000])
def test_stamps_that_advance_are_gone_by(jitter):
    stamps = Stamps()
    given = [7 * SECOND + number * PERIOD + (jitter if number % 2 else 0) for number in range(100)]
    assert settle(stamps, given) == given
    assert (stamps.problem, stamps.by_arrival) == ("", False)


@pytest.mark.parametrize(
    ("given", "reason"),
    [
        ([0] * 40, "is 0"),
        ([5 * SECOND] * 40, "does not advance"),
        ([(5 + number // 25) * SECOND for number in range(40)], "does not advance"),  # whole seconds
        ([(5 + number // 2) * SECOND for number in range(40)], "does not advance"),  # the same at two images a second
        ([5 * SECOND + number // 3 * 100_000_000 for number in range(40)], "does not advance"),  # tenths of a second
    ],
    ids=["zero", "constant", "whole seconds", "slow whole seconds", "tenths"],
)
def test_arrival_counts_where_stamps_do_not_advance_and_that_is_said(given, reason):
    stamps = Stamps("/image_raw")
    times = settle(stamps, given)
    late = times[6:]
    assert late == [NOW + number * PERIOD for number in range(6, 40)]
    assert f"header.stamp on /image_raw {reason}: the time of arrival is used instead" in stamps.problem


@pytest.mark.parametrize("seed", range(20))
def test_what_is_not_looked_at_again_would_have_changed_nothing(seed):
    """Long calm stretches, between which stamps stand still, jump back, or come from two frames."""
    random = np.random.default_rng(seed)
    quick, thorough = Stamps(), Stamps()
    stamp, frames = 7 * SECOND, ("front", "front", "front", "back")
    for number in range(1500):
        troubled = number // 60 % 3 == 1
        stamp += int(random.choice([PERIOD, PERIOD, 0, -SECOND, SECOND])) if troubled else PERIOD
        frame = str(random.choice(frames)) if troubled else "front"
        thorough._calm = -1  # never long enough
        when = NOW + number * PERIOD
        assert quick.settle(stamp, when, frame) == thorough.settle(stamp, when, frame)
        assert (quick.problem, quick.by_arrival) == (thorough.problem, thorough.by_arrival)


def test_a_camera_that_repeats_an_image_now_and_then_is_believed():
    stamps = Stamps()
    given = [7 * SECOND + (number - number % 10 // 9) * PERIOD for number in range(100)]
    assert settle(stamps, given) == given
    assert stamps.problem == ""


def test_whole_seconds_of_a_slow_camera_are_times():
    stamps = Stamps()
    given = [(7 + number) * SECOND for number in range(40)]
    assert settle(stamps, given) == given
    assert stamps.problem == ""


def test_times_of_arrival_advance_even_where_our_clock_stands():
    stamps = Stamps()
    times = [stamps.settle(0, 5) for _ in range(20)]
    assert all(b > a for a, b in pairwise(times[3:]))


def test_stamps_are_gone_by_again_once_they_have_advanced_for_a_while():
    stamps = Stamps()
    settle(stamps, [0] * 10)
    given = [7 * SECOND + number * PERIOD for number in range(2 * LONG)]
    assert settle(stamps, given)[-1] == given[-1]
    assert stamps.problem == ""


@pytest.mark.parametrize("apart", [2 * SECOND, SECOND // 2, 3600 * SECOND])
def test_two_cameras_on_one_topic_with_clocks_apart_are_noticed(apart):
    stamps = Stamps("/image_raw")
    settle(stamps, [7 * SECOND + number * PERIOD + (apart if number % 2 else 0) for number in range(20)])
    assert "stamps on /image_raw jump back and forth by" in stamps.problem
    assert "two senders" in stamps.problem


def test_two_cameras_that_take_turns_irregularly_are_noticed():
    stamps = Stamps("/image_raw")
    turns = [0, 0, 1, 0, 1, 1, 0, 0, 1, 0, 0, 0, 1, 1, 0]
    settle(stamps, [7 * SECOND + number * PERIOD + turn * 2 * SECOND for number, turn in enumerate(turns)])
    assert "two senders" in stamps.problem


def test_messages_in_another_order_are_no_second_camera():
    stamps = Stamps()
    for number in range(300):
        order = number + {3: 1, 4: -1}.get(number % 7, 0)
        stamps.settle(7 * SECOND + order * PERIOD, NOW + number * PERIOD, "front")
        assert stamps.problem == ""


def test_two_cameras_of_one_clock_are_noticed_by_their_frames():
    stamps = Stamps("/image_raw")
    settle(stamps, [7 * SECOND + number * PERIOD for number in range(20)], frames=("front", "rear"))
    assert "messages of the frames 'front' and 'rear' alternate on /image_raw" in stamps.problem


@pytest.mark.parametrize("length", [8, 60])
def test_a_recording_played_again_and_again_is_no_second_camera(length):
    stamps = Stamps()
    settle(stamps, [7 * SECOND + number % length * PERIOD for number in range(200)])
    assert stamps.problem == ""
