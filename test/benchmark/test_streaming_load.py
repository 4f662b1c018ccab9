"""The search behind subjects_at_25fps, on servers whose limit is known."""

import sys
from dataclasses import replace

import pytest

from rt_gait_ros.resources import resource

sys.path.append(str(resource("benchmark")))

from streaming import energy_rows
from streaming_load import Trial, most_subjects

from rt_gait_ros.edge.energy import Energy


def server(limit, tried, dropped_from=10**9):
    """A server that keeps up with `limit` subjects, and loses frames of as many as `dropped_from`."""

    def run(subjects):
        tried.append(subjects)
        late = 0.0 if subjects <= limit else 0.5
        return Trial(subjects, 0.1, late, int(subjects >= dropped_from), 0.5, 1.0)

    return run


@pytest.mark.parametrize("guess", [1, 30, 100, 400])
@pytest.mark.parametrize("limit", [1, 2, 42, 100, 257])
def test_the_most_subjects_are_found_from_any_guess(limit, guess):
    tried = []
    best = most_subjects(server(limit, tried), guess)
    assert best.passed
    assert limit - max(1, 0.03 * limit) <= best.subjects <= limit
    assert tried.count(best.subjects) >= 2


def test_in_time_but_with_frames_lost_does_not_count():
    assert most_subjects(server(100, [], dropped_from=20), 50).subjects in (18, 19)


def test_nothing_passes_where_not_even_one_does():
    assert not most_subjects(server(0, []), 40).passed


def test_a_pass_by_luck_is_not_the_answer():
    passes = {}

    def lucky(subjects):
        passes[subjects] = passes.get(subjects, 0) + 1
        good = subjects <= 60 or (subjects <= 80 and passes[subjects] == 1)
        return Trial(subjects, 0.1, 0.0 if good else 0.5, 0, 0.5, 1.0)

    assert 57 <= most_subjects(lucky, 70).subjects <= 60


def test_energy_is_of_each_frame_and_each_look_of_a_load_that_is_carried():
    carried = Trial(40, 0.1, 0.0, 0, 0.5, 1.0, frames=5000, looks=1000, energy=Energy({"all": 30.0}, 30.0, 5.0))
    rows = {row.name: (row.value, row.unit) for row in energy_rows("_small", carried)}
    assert rows == {"energy_per_inference_small": (6.0, "mJ"), "energy_per_identity_small": (30.0, "mJ")}
    assert energy_rows("", replace(carried, late=0.5)) == []
    assert energy_rows("", replace(carried, energy=None)) == []
