import math

import pytest

from rt_gait_ros.errors import GaitError
from rt_gait_ros.pose.budget import USUAL_INTERVAL, Budget


@pytest.fixture(autouse=True)
def two_cores(monkeypatch):
    monkeypatch.setattr("os.sched_getaffinity", lambda pid: {0, 1})


def arrivals(budget, gaps, start=100.0):
    when = start
    budget.arrived(when)
    for gap in gaps:
        when += gap
        budget.arrived(when)
    return when


def test_it_follows_the_rate_at_which_images_arrive():
    budget = Budget(cores=2)
    assert budget.interval == USUAL_INTERVAL
    arrivals(budget, [1 / 7] * 40)  # whatever the camera says of itself
    assert budget.interval == pytest.approx(1 / 7)
    assert 0.0 < budget.seconds < 1 / 7


def test_more_cores_leave_more_of_the_interval_to_the_networks():
    shares = [Budget(cores=cores).seconds for cores in (0.5, 1, 2)]
    assert shares == sorted(shares)
    assert shares[0] < shares[-1] < USUAL_INTERVAL


@pytest.mark.parametrize("cores", [None, 1, 4])
def test_a_process_of_one_core_leaves_a_part_of_it_to_the_other_nodes(monkeypatch, cores):
    """Tracker, gait node and camera driver run there as well, and the budget hears nothing of what they lose."""
    usual = Budget(cores=cores).seconds
    monkeypatch.setattr("os.sched_getaffinity", lambda pid: {3})
    assert Budget(cores=cores).seconds == pytest.approx(Budget(cores=1).seconds)
    assert Budget(cores=cores).seconds < usual or cores == 1
    assert Budget(cores=0.5).seconds < Budget(cores=1).seconds
    assert Budget(0.030, cores=cores).seconds == 0.030


def test_cameras_that_share_the_cores_leave_time_to_their_other_stages(monkeypatch):
    """Each takes 10 ms of the processor for an image besides its networks, and all that has to fit into the cores."""
    assert Budget(cores=1.0).seconds == pytest.approx(0.6 * USUAL_INTERVAL)
    monkeypatch.setattr("os.sched_getaffinity", lambda pid: set(range(4)))
    for cores, cameras in ((2, 3), (2, 4), (4, 6), (4, 10)):
        share = cores / cameras
        seconds = Budget(cores=share).seconds
        assert 0.0 < seconds <= share * USUAL_INTERVAL - 0.010 or share < 0.3125
    assert Budget(cores=0.01).seconds > 0.0


@pytest.mark.parametrize("name", ["limit", "cores"])
@pytest.mark.parametrize("value", [math.nan, math.inf, -0.001, 0.0])
def test_a_limit_or_cores_that_are_no_number_above_0_are_refused(name, value):
    with pytest.raises(GaitError, match=f"{name} = .* must be a number above 0"):
        Budget(**{name: value})


def test_images_that_come_at_once_or_after_a_pause_do_not_spoil_the_rate():
    budget = Budget()
    end = arrivals(budget, [0.04] * 20)
    budget.arrived(end)  # the same moment again: a clock that stands still
    budget.arrived(end + 30.0)
    assert budget.interval == pytest.approx(0.04)
    end = arrivals(budget, [0.04] * 3, end + 30.0)
    budget.arrived(end + 0.9)  # a network that faltered
    assert budget.interval == pytest.approx(0.04)
    arrivals(budget, [0.04] * 3 + [0.8], end + 0.9)
    assert budget.interval == pytest.approx(0.04)


@pytest.mark.parametrize("gap", [1.5, 2.0, 8.0])
def test_a_camera_of_less_than_one_image_a_second_is_not_taken_for_a_fast_one_that_stands_still(gap):
    budget = Budget(cores=2)
    end = arrivals(budget, [gap, gap])
    assert budget.interval == pytest.approx(gap)
    end = arrivals(budget, [0.04] * 2, end + 0.04)
    assert budget.interval == pytest.approx(0.04)  # and the other way round, at once
    arrivals(budget, [gap] * 8, end + gap)
    assert budget.interval > 0.5


def test_a_camera_that_is_off_for_an_hour_twice_has_no_hour_for_an_image():
    budget = Budget()
    end = arrivals(budget, [0.04, 3600.0, 3600.0])
    assert budget.seconds < 60.0
    arrivals(budget, [0.04] * 2, end + 0.04)
    assert budget.interval == pytest.approx(0.04)


def test_a_camera_that_becomes_slower_is_believed_within_a_few_images():
    budget = Budget()
    end = arrivals(budget, [0.04] * 40)
    arrivals(budget, [0.5] * 10, end + 0.5)
    assert budget.interval > 0.15


def test_a_camera_that_becomes_faster_is_believed_at_once_and_pairs_of_images_are_not_taken_for_it():
    budget = Budget()
    end = arrivals(budget, [0.5] * 40)
    arrivals(budget, [0.04] * 6, end + 0.04)
    assert budget.interval < 0.06
    pairs = Budget()
    end = arrivals(pairs, [0.001, 0.079] * 20)
    for gap in [0.001, 0.079] * 5:
        end += gap
        pairs.arrived(end)
        assert pairs.interval == pytest.approx(0.04, rel=0.05)


def test_a_limit_of_ones_own_counts_instead_of_the_camera():
    budget = Budget(0.005)
    arrivals(budget, [0.1] * 20)
    assert budget.seconds == 0.005


def test_what_a_run_costs_is_learned():
    budget = Budget()
    for number in range(300):
        runs = {"person": 1 + number % 4, "search": number % 2}
        budget.spent(runs, 0.007 * runs["person"] + 0.020 * runs["search"])
    assert budget.cost("person") == pytest.approx(0.007, rel=0.15)
    assert budget.cost("search") == pytest.approx(0.020, rel=0.25)


def test_one_slow_image_does_not_starve_the_next():
    budget = Budget()
    before = budget.cost("person")
    budget.spent({"person": 1}, 10.0)
    assert budget.cost("person") < 2 * before
    budget.spent({"person": 0, "search": 0}, 10.0)
    assert budget.cost("person") < 2 * before


def looks_in(budget, images):
    """Looks at somebody that each of so many images has time for, all of them taken."""
    taken = []
    for _ in range(images):
        budget.begin()
        taken.append(int(budget.left / budget.cost("person") + 1e-9))
        budget.spent({"person": taken[-1]}, taken[-1] * budget.cost("person"))
    return taken


def test_what_an_image_leaves_over_is_there_for_the_next_ones():
    budget = Budget(1.75 * Budget().cost("person"))
    taken = looks_in(budget, 40)
    assert set(taken) == {1, 2}
    assert sum(taken) == 70


def test_a_quiet_time_leaves_over_no_more_than_one_image_takes():
    budget = Budget(2.0 * Budget().cost("person"))
    for _ in range(100):
        budget.begin()
    assert looks_in(budget, 3) == [4, 2, 2]


def test_what_was_taken_too_much_is_made_good_within_two_images():
    budget = Budget(2.0 * Budget().cost("person"))
    budget.begin()
    budget.spent({"person": 50}, 50 * budget.cost("person"))
    assert budget.left < 0.0
    assert looks_in(budget, 3) == [0, 2, 2]


def test_of_scarce_time_a_look_is_saved_up_for():
    cost = Budget().cost("person")
    scarce = Budget(cores=0.5)
    scarce._limit = 0.25 * cost
    assert looks_in(scarce, 12) == [0, 0, 0, 1] * 3
    assert scarce.scarce
    assert not Budget(0.25 * cost, cores=0.5).scarce  # a limit means the same on every machine
    # where the pipeline has one look an image all the same
    assert sum(looks_in(Budget(0.25 * cost, cores=1.0), 12)) == 0


def image(budget, now, networks=0.01, rest=0.002):
    """One more image, at `now`: of so many seconds, one look."""
    budget.arrived(now)
    budget.taken(now, now)
    budget.begin()
    budget.spent({"person": 1}, networks)
    budget.done(now + networks + rest)


@pytest.mark.parametrize("cores", [None, 0.5, 1.0, 2.0])
def test_what_the_networks_may_take_stays_as_it_is_while_the_rest_of_the_stage_does(cores):
    budget, first = Budget(cores=cores), Budget(cores=cores).seconds
    for number in range(1000):
        image(budget, 100.0 + 0.04 * number)
    expected = first if cores else first - budget.rest
    assert budget.rest == pytest.approx(0.002, rel=0.01)
    assert budget.seconds == pytest.approx(expected)


def test_images_that_never_reach_the_networks_do_not_tell_that_the_rest_of_the_stage_takes_nothing():
    budget, now = Budget(), 100.0
    for reaches in [True] * 20 + [False] * 300:
        budget.arrived(now)
        budget.taken(now, now)
        if reaches:
            budget.begin()
            budget.spent({"person": 1}, 0.01)
        budget.done(now + (0.025 if reaches else 0.0002))
        now += 0.04
    assert budget.rest > 0.012


def test_a_network_that_is_stuck_leaves_the_budget_as_it_was():
    budget, now = Budget(), 100.0
    before, cost = budget.seconds, budget.cost("person")
    for _ in range(20):
        arrivals(budget, [0.04] * 24, now)
        budget.taken(now, now)
        budget.begin()
        budget.charge({"person": 1})
        now += 1.0
        budget.done(now)
    assert budget.hopeless
    assert (budget.cost("person"), budget.rest) == (cost, 0.0)
    assert budget.seconds == pytest.approx(before)
