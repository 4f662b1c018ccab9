import numpy as np
import pytest

from rt_gait_ros.frame import SECOND, Frame
from rt_gait_ros.nodes.own_time import OwnTime

IMAGE = np.zeros((1, 1, 3), np.uint8)
WALL = 1_700_000_000 * SECOND


@pytest.fixture
def stamped():
    """stamped(clock, age, passed): the stamp of a frame so many ns old, so many ns of the computer after the start."""
    now = {}
    own_time = OwnTime(lambda: now["clock"], lambda: now["wall"])

    def of(clock, age=0, passed=0):
        now.update(clock=clock, wall=WALL + passed)
        return own_time.of(Frame(IMAGE, WALL + passed - age, "front")).stamp

    return of


def test_a_frame_is_as_old_by_either_clock(stamped):
    assert stamped(50 * SECOND, age=30_000_000) == 50 * SECOND - 30_000_000


def test_a_clock_that_was_not_heard_gives_no_stamp(stamped):
    assert [stamped(0), stamped(0, age=9)] == [0, 0]
    assert stamped(1, age=SECOND) == 1  # none is before the clock began


def test_stamps_go_on_where_the_clock_stands_still_or_makes_long_steps(stamped):
    found = [stamped(clock, age=5, passed=n) for n, clock in enumerate([SECOND, SECOND, SECOND, 2 * SECOND])]
    assert found == [SECOND - 5, SECOND - 4, SECOND - 3, 2 * SECOND - 5]


def test_stamps_follow_a_clock_that_begins_again(stamped):
    assert [stamped(90 * SECOND), stamped(2 * SECOND)] == [90 * SECOND, 2 * SECOND]


def test_a_recording_that_is_played_as_fast_as_it_can_be_keeps_its_order(stamped):
    found = [stamped(SECOND, age=-40_000_000 * n) for n in range(3)]
    assert found == [SECOND, SECOND + 40_000_000, SECOND + 80_000_000]
