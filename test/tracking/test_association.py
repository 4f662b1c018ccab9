import itertools

import numpy as np
import pytest
from boxed_people import SIZE, person

from rt_gait_ros.tracking.association import associate, solve
from rt_gait_ros.tracking.config import TrackerConfig
from rt_gait_ros.tracking.table import TrackTable
from rt_gait_ros.tracking.track import TrackState


@pytest.fixture
def table(read):
    """Tracks of people one image ago; all confirmed unless told otherwise."""

    def table(people, states=None):
        found = read(people)
        tracks = TrackTable.start(found, np.arange(len(people)), ["a0000"] * len(people), 0)
        tracks.state[:] = TrackState.CONFIRMED if states is None else states
        tracks.predict(0.04, 0.5)
        return tracks

    return table


def pairs(tracks, found):
    result = associate(tracks, found, TrackerConfig(), "trt_pose", SIZE)
    return sorted(zip(result.rows.tolist(), result.columns.tolist(), strict=True)), result.newcomers.tolist()


@pytest.mark.parametrize("seed", range(20))
def test_solve_finds_the_optimum(seed):
    random = np.random.default_rng(seed)
    cost = random.uniform(0, 10, (4, 3))
    rows, columns = solve(cost, 100.0)
    best = min(sum(cost[row, column] for column, row in enumerate(p)) for p in itertools.permutations(range(4), 3))
    assert cost[rows, columns].sum() == pytest.approx(best)


def test_solve_takes_nothing_at_the_limit():
    rows, columns = solve(np.array([[5.0, 1.0], [np.inf, 5.0]]), 5.0)
    assert (rows.tolist(), columns.tolist()) == ([0], [1])


def test_everybody_goes_to_his_own(table, read):
    assert pairs(table([person(300), person(600)]), read([person(605), person(302), person(900)])) == (
        [(0, 1), (1, 0)],
        [2],
    )


def test_a_newcomer_does_not_take_a_known_persons_detection(table, read):
    tracks = table([person(300), person(310)], [TrackState.CONFIRMED, TrackState.TENTATIVE])
    assert pairs(tracks, read([person(309)])) == ([(0, 0)], [])


@pytest.mark.parametrize(("missed", "kept"), [(1, True), (2, False)])
def test_a_low_confidence_detection_keeps_only_who_was_just_seen(table, read, missed, kept):
    tracks = table([person(300)])
    tracks.missed[:] = missed
    assert pairs(tracks, read([person(302, confidence=0.3)])) == ([(0, 0)] if kept else [], [])


def test_a_sure_detection_goes_first(table, read):
    assert pairs(table([person(300)]), read([person(300, confidence=0.3), person(310)])) == ([(0, 1)], [])


def test_a_sure_detection_keeps_who_was_just_seen_at_its_place_however_unlikely_its_box_is(table, read):
    """Else a look that misses the feet begins a second track on the person, and the evidence of both begins anew."""
    tracks = table([person(300, y=400, height=60)])
    tracks.box.variance[:] = 1e-3  # followed for long by a steady detector
    short = person(300, y=397, height=54)
    found = read([short])
    found.noise[:] = 0.5
    assert pairs(tracks, found) == ([(0, 0)], [])
    tracks.missed[:] = 2
    assert pairs(tracks, found) == ([], [0])


def test_who_appears_beside_somebody_who_is_seen_is_a_newcomer_however_much_they_overlap(table, read):
    found = read([person(300), person(304, y=380, height=240)])
    found.noise[:] = 1.0
    tracks = table([person(300)])
    tracks.box.variance[:] = 1e-3
    assert pairs(tracks, found) == ([(0, 0)], [1])


def test_who_appears_where_somebody_else_was_last_seen_is_a_newcomer(table, read):
    tracks = table([person(300)])
    tracks.box.mean[:, 0] = 600  # walked on, unseen
    assert pairs(tracks, read([person(302)])) == ([], [0])


def test_far_away_is_somebody_else(table, read):
    assert pairs(table([person(300)]), read([person(700)])) == ([], [0])


def test_without_tracks_or_people_there_are_no_pairs(table, read):
    assert pairs(table([]), read([])) == ([], [])
    assert pairs(table([person(300)]), read([])) == ([], [])
    assert pairs(table([]), read([person(300)])) == ([], [0])
