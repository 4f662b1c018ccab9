import pytest

from rt_gait_ros.gait.variants import CALM, PATIENCE, REMEMBERED, Variant, VariantChoice

LOOKS = 5.0


class Watch:
    """A choice, and the time that goes by."""

    def __init__(self, *capacities: float) -> None:
        self.now = 100.0
        variants = [Variant(name, capacity) for name, capacity in zip("abc", capacities, strict=False)]
        self.choice = VariantChoice(variants, LOOKS, lambda: self.now)

    def see(self, people, seconds=0.0, look_time=None):
        """So many people for so long, asked twice a second; takes what is chosen."""
        for _ in range(int(2 * seconds) + 1):
            name = self.choice.choose(people, look_time)
            if name != self.choice.current:
                self.choice.moved(name)
            self.now += 0.5
        return self.choice.current


def test_more_people_than_a_network_carries_take_the_lighter_one_and_back():
    watch = Watch(20.0, 100.0)
    assert watch.see(4, 60.0) == "a"  # 20 looks a second
    assert watch.see(5, PATIENCE + 1.0) == "b"
    assert watch.see(4, 60.0) == "b"  # carried, but with nothing to spare
    assert watch.see(3, CALM - 1.0) == "b"
    assert watch.see(3, 2.0) == "a"


def test_a_track_that_is_there_for_a_moment_moves_nothing():
    watch = Watch(20.0, 100.0)
    for _ in range(20):
        assert watch.see(9, PATIENCE - 1.0) == "a"
        assert watch.see(1) == "a"
    watch.see(9, PATIENCE + 1.0)
    for _ in range(20):
        assert watch.see(1, CALM - 1.0) == "b"
        assert watch.see(9) == "b"


def test_of_several_the_first_that_carries_everybody_is_taken():
    watch = Watch(20.0, 50.0, 100.0)
    assert watch.see(15, PATIENCE + 1.0) == "c"
    assert watch.see(8, CALM + 1.0) == "b"  # 40 of 50
    assert watch.see(1, CALM + 1.0) == "a"
    assert watch.see(8, PATIENCE + 1.0) == "b"
    assert watch.see(90, PATIENCE + 1.0) == "c"  # nobody carries these: the one that carries most
    assert watch.see(90, 60.0) == "c"


def test_answers_that_come_too_late_count_whatever_was_measured_before():
    watch = Watch(20.0, 100.0)
    assert watch.see(2, 60.0, look_time=0.19) == "a"
    assert watch.see(2, PATIENCE + 1.0, look_time=0.3) == "b"  # other work takes the processor
    assert watch.see(2, REMEMBERED - 60.0, look_time=0.01) == "b"  # and would again
    assert watch.see(2, 60.0 + CALM, look_time=0.01) == "a"
    assert watch.see(0, PATIENCE + 1.0, look_time=9.0) == "a"  # nobody waits


def test_a_light_network_that_is_late_gives_way_to_no_heavier_one():
    watch = Watch(20.0, 50.0)
    assert watch.see(5, PATIENCE + 1.0) == "b"
    assert watch.see(2, PATIENCE + 1.0, look_time=0.3) == "b"  # it carries 10, and `a` 20 as far as is known


@pytest.mark.parametrize(("people", "line"), [(0, "0 people ask for 0 "), (3, "3 people ask for 15 looks/s of the 20")])
def test_the_line_says_how_many_looks_are_asked_of_how_many(people, line):
    assert line in Watch(20.0, 100.0).choice.line(people)
