import math
import random
from collections import deque

import pytest

from rt_gait_ros.errors import GaitError
from rt_gait_ros.pose.budget import USUAL_INTERVAL, Budget


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
    shares = [Budget(cores=cores).seconds for cores in (1, 2, 8)]
    assert shares == sorted(shares)
    assert shares[0] < shares[-1] < USUAL_INTERVAL


def test_cameras_that_share_the_cores_leave_time_to_their_other_stages():
    """Each takes 10 ms of the processor for an image besides its networks, and all that has to fit into the cores."""
    assert Budget(cores=1.0).seconds == pytest.approx(0.6 * USUAL_INTERVAL)
    for cores, cameras in ((2, 3), (2, 4), (4, 6), (4, 10)):
        share = cores / cameras
        seconds = Budget(cores=share).seconds
        assert 0.0 < seconds <= share * USUAL_INTERVAL - 0.010 or share < 0.3125
    assert Budget(cores=0.01).seconds > 0.0


@pytest.mark.parametrize("cores", [math.nan, math.inf, -1.0])
def test_cores_that_are_no_number_of_them_are_refused(cores):
    with pytest.raises(GaitError, match=r"cores = .* must be a number from 0 on"):
        Budget(cores=cores)


def test_images_that_come_at_once_or_after_a_pause_do_not_spoil_the_rate():
    budget = Budget()
    end = arrivals(budget, [0.04] * 20)
    budget.arrived(end)  # the same moment again: a clock that stands still
    budget.arrived(end + 30.0)
    assert budget.interval == pytest.approx(0.04)


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


@pytest.mark.parametrize("limit", [math.nan, math.inf, -0.001])
def test_a_limit_that_is_no_number_of_seconds_is_refused(limit):
    with pytest.raises(GaitError, match=r"budget = .* must be a number of seconds"):
        Budget(limit)


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
    assert (
        sum(looks_in(Budget(0.25 * cost, cores=1.0), 12)) == 0
    )  # where the pipeline has one look an image all the same


class Stage:
    """A pose stage on a clock of its own: images come `rate` times a second, and `depth` of them may wait.

    A look takes `look` seconds, a search, which is in every fifth image, `search`, and everything else of an image
    `rest`; each of them up to twice as long, by chance, where `steady` is false. Now and then, `held_up` of the images,
    something else has the processor for 0.08 s.
    """

    def __init__(self, rate, people, look, rest, *, steady=True, held_up=0.0, depth=3):
        self.budget = Budget(cores=2)
        self.people, self.look, self.rest = people, look, rest
        self._interval, self._steady, self._held_up, self._depth = 1.0 / rate, steady, held_up, depth
        self._random = random.Random(1)
        self._now = self._next = 100.0
        self._waiting = deque()
        self._since_search = 0
        self.lost = self.late = self.looks = 0

    def run(self, images):
        """So many more images come. Returns how many were lost, and the looks at each person, both a second."""
        self.lost = self.late = self.looks = 0
        end = self._next + (images - 0.5) * self._interval
        while self._next < end:
            if not self._waiting:
                self._now = max(self._now, self._next)
                self._come()
            self._handle()
            self._come()
        seconds = images * self._interval
        return self.lost / seconds, self.looks / self.people / seconds

    def _come(self):
        while self._next <= self._now:
            self.budget.arrived(self._next)
            if len(self._waiting) == self._depth:
                self._lose()
            self._waiting.append(self._next)
            self._next += self._interval

    def _lose(self):
        self._waiting.popleft()
        self.budget.lost()
        self.lost += 1

    def _handle(self):
        budget = self.budget
        while len(self._waiting) > 1 and budget.hopeless:
            self._lose()
        arrived = self._waiting.popleft()
        budget.taken(self._now, arrived)
        budget.begin()
        self._since_search += 1
        searches = budget.fitting("search", 1) if self._since_search >= 5 else 0
        if searches:
            self._since_search = 0
        beside = searches * budget.cost("search")
        wanted = min(int((budget.left - beside) / budget.cost("person") + 1e-9), self.people)
        looks = budget.fitting("person", max(wanted, 1), beside)
        budget.short = looks < self.people
        seconds = (looks * self.look + searches * 0.012) * self._chance()
        budget.spent({"person": looks, "search": searches}, seconds)
        self._now += seconds + self.rest * self._chance()
        if self._random.random() < self._held_up:
            self._now += 0.08
        self.looks += looks
        self.late += self._now - arrived > 3.0 * self._interval
        self._come()
        budget.done(self._now)

    def _chance(self):
        return 1.0 if self._steady else 1.0 + min(0.3 * self._random.expovariate(1.0), 1.0)


LOADS = {
    "two people, one look in an image's time": {"rate": 25, "people": 2, "look": 0.017, "rest": 0.005},
    "four people": {"rate": 30, "people": 4, "look": 0.010, "rest": 0.007},
    "eight people": {"rate": 30, "people": 8, "look": 0.010, "rest": 0.010},
    "eight people and a slow stage": {"rate": 30, "people": 8, "look": 0.013, "rest": 0.018},
}


@pytest.mark.parametrize("load", list(LOADS))
@pytest.mark.parametrize("held_up", [0.0, 0.01])
def test_no_image_is_lost_for_looks_however_many_people_there_are(load, held_up):
    stage = Stage(**LOADS[load], steady=False, held_up=held_up)
    stage.run(100)  # what a look costs is learned
    lost, looks = stage.run(900)
    assert lost <= (0.3 if held_up else 0.0)
    assert looks > 0.0
    assert stage.late < (0.05 * 900 if held_up else 1)


def test_what_the_rest_of_the_stage_takes_is_not_there_for_looks():
    quick, slow = (Stage(30, 8, 0.010, rest) for rest in (0.004, 0.018))
    for stage in (quick, slow):
        stage.run(300)
        assert stage.budget.others == pytest.approx(stage.rest, rel=0.05)
    assert slow.budget.seconds < 1 / 30 - 0.018 < quick.budget.seconds


def test_the_share_of_the_looks_grows_while_people_wait_for_them_and_nothing_is_lost():
    stage = Stage(25, 2, 0.018, 0.002)
    first = stage.budget.seconds
    stage.run(1000)
    assert first < stage.budget.seconds <= 0.95 * 0.04
    idle = Stage(25, 2, 0.004, 0.002)  # there is time for everybody
    idle.run(1000)
    assert idle.budget.seconds == pytest.approx(first)


def test_lost_images_make_the_share_smaller_once_for_each_trouble_and_it_grows_back():
    budget, now = Budget(cores=2), 100.0

    def image(lost=0, looks=1, networks=0.02, short=True):
        nonlocal now
        budget.arrived(now)
        budget.taken(now, now)
        budget.begin()
        budget.spent({"person": looks}, networks)
        budget.short = short
        for _ in range(lost):
            budget.lost()
        budget.done(now + networks + 0.001)
        now += 0.04

    for _ in range(10):
        image(short=False)
    before = budget.seconds
    image(lost=3)
    assert budget.seconds == pytest.approx(0.85 * before)
    image(lost=2)  # the same trouble
    assert budget.seconds == pytest.approx(0.85 * before)
    for _ in range(30):
        image(short=False)  # nobody waits for more
    assert budget.seconds == pytest.approx(0.85 * before)
    for _ in range(90):
        image()
    back = budget.seconds
    assert 0.95 * before < back < before
    for _ in range(3000):
        image()
    assert back < budget.seconds <= 0.95 * 0.04
    for _ in range(200):  # whatever happens
        image(lost=1)
        now += 1.0
    least = budget.seconds
    assert 0.5 * before < least < 0.7 * before
    image(lost=1)
    assert budget.seconds == pytest.approx(least)


def test_images_lost_for_another_reason_change_nothing():
    budget, now = Budget(cores=2), 100.0
    before = budget.seconds
    held_up, nobody, in_vain, others = {"networks": 1.0}, {"looks": 0}, {"vain": True}, {"rest": 1.0}
    for case in (held_up, nobody, in_vain, others):
        budget.arrived(now)
        budget.taken(now, now)
        budget.begin()
        looks, networks = case.get("looks", 1), case.get("networks", 0.01)
        if case.get("vain"):
            budget.charge({"person": looks})
        else:
            budget.spent({"person": looks}, networks)
        budget.lost()
        budget.done(now + networks + case.get("rest", 0.001))
        now += 5.0
        assert budget._share * USUAL_INTERVAL == pytest.approx(before), case


@pytest.mark.parametrize("look", [0.063, 0.090])
def test_a_look_that_takes_longer_than_two_images_have_loses_none(look):
    stage = Stage(25, 2, look, 0.002)
    stage.run(300)
    lost, looks = stage.run(400)
    assert lost == 0.0
    assert looks > 4.0


def test_a_look_that_takes_longer_than_there_ever_is_has_its_turn_all_the_same():
    stage = Stage(25, 2, 0.100, 0.030)
    stage.run(200)
    assert stage.budget.hopeless  # only the newest image is looked at
    lost, looks = stage.run(400)
    assert lost > 0.0
    assert looks > 2.0
    stage.look = 0.010  # the other program has ended
    stage.rest = 0.004
    stage.run(300)
    assert not stage.budget.hopeless
    assert stage.run(200)[0] == 0.0


def test_a_network_that_is_stuck_leaves_the_budget_as_it_was():
    budget, now = Budget(cores=2), 100.0
    before, cost = budget.seconds, budget.cost("person")
    for _ in range(20):
        arrivals(budget, [0.04] * 24, now)
        budget.taken(now, now)
        budget.begin()
        budget.charge({"person": 1})
        budget.lost()
        now += 1.0
        budget.done(now)
    assert budget.hopeless
    assert (budget.cost("person"), budget.others) == (cost, 0.0)
    assert budget._share * USUAL_INTERVAL == pytest.approx(before)
