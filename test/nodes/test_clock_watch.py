"""A clock that runs, stands still, ends, and is missed."""

import pytest

from rt_gait_ros.nodes.clock_watch import NO_CLOCK, NO_CLOCK_ANY_MORE, ClockWatch


class Seen:
    """What a node sees of its clock, second by second."""

    def __init__(self):
        self.now, self.clock, self.received = 0.0, 0, 0
        self.watch = ClockWatch(lambda: self.now)

    def pass_(self, seconds, published, runs=False, messages=0):
        for _ in range(seconds):
            self.now += 1.0
            self.clock += 10**9 * runs
            self.received += messages
            self.watch.look(self.clock, published, self.received)
        return self.watch.fault


@pytest.fixture
def seen():
    return Seen()


def test_a_clock_that_was_never_heard_is_a_fault_until_somebody_publishes_it(seen):
    assert seen.pass_(1, published=False) == NO_CLOCK
    assert seen.pass_(1, published=True) == ""


def test_a_bag_that_is_paused_or_has_ended_is_no_fault(seen):
    assert seen.pass_(5, published=True, runs=True, messages=25) == ""
    assert not seen.watch.paused
    assert seen.pass_(60, published=True) == ""
    assert (seen.watch.paused, seen.watch.why_paused) == (True, "the bag is paused")
    # what had been sent before the end is taken in now
    assert seen.pass_(3, published=False, messages=1) == ""
    assert seen.pass_(60, published=False) == ""
    assert "the bag or the simulator has ended" in seen.watch.why_paused


def test_messages_without_the_clock_that_there_was_are_a_fault(seen):
    """A second bag is played without --clock; or the simulator's clock has died, and a camera goes on."""
    seen.pass_(5, published=True, runs=True, messages=25)
    assert seen.pass_(30, published=False) == ""
    assert seen.pass_(10, published=False, messages=25) == NO_CLOCK_ANY_MORE
    assert seen.pass_(10, published=False) == ""  # that bag has ended as well
    assert seen.pass_(10, published=False, messages=25) == NO_CLOCK_ANY_MORE
    assert seen.pass_(1, published=True, runs=True, messages=25) == ""
    assert not seen.watch.paused
