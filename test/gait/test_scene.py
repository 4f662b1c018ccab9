import numpy as np
import pytest

from rt_gait_ros.gait.scene import MAX_AGE, MAX_VOTES, MIN_WALKERS, SceneError, normalisation, shares
from rt_gait_ros.gait.scene_statistics import SceneStatistics
from rt_gait_ros.gait.views import ViewMoments, ViewPrior, viewed_normalisation
from rt_gait_ros.gallery.distance import distance, distances

PARTS, CHANNELS = 3, 16
RADIUS = 2.0  # looks at one person are about 0.6 apart, two persons about 5.6
NOISE = 0.1


@pytest.fixture
def random():
    return np.random.default_rng(1)


@pytest.fixture
def crowd(random):
    """(12, P, C): what twelve people are, wherever they walk."""
    return random.normal(0, 1, (12, PARTS, CHANNELS))


def seen(random, who, mark=0.0, gain=1.0):
    """A look at somebody in a scene that adds a mark and stretches channels."""
    return (who + random.normal(0, NOISE, who.shape)) * gain + mark


def statistics(looks):
    found = SceneStatistics(RADIUS)
    for look in looks:
        found.add(look, 1)
    return found


def test_the_same_people_are_alike_in_two_scenes_once_the_scenes_are_taken_out(random, crowd):
    marks = random.normal(0, 5, (2, PARTS, CHANNELS))
    gains = random.uniform(0.5, 2.0, (2, PARTS, CHANNELS))
    here, there = (seen(random, crowd, mark, gain) for mark, gain in zip(marks, gains, strict=True))
    assert (distances(here, there).argmin(axis=1) == np.arange(12)).mean() < 0.5  # the scene hides the person
    plain = [statistics(looks).normalisation(looks) for looks in (here, there)]
    assert (distances(*plain).argmin(axis=1) == np.arange(12)).all()
    assert np.allclose(distance(plain[0], np.zeros_like(plain[0])), 1.0)


def test_nobody_is_normalised_before_enough_people_have_walked_by(random, crowd):
    found = SceneStatistics(RADIUS)
    assert found.normalisation is None
    for number, person in enumerate(crowd, start=1):
        found.add(seen(random, person), 1)
        assert found.walkers == pytest.approx(number)
        assert (found.normalisation is None) == (number < MIN_WALKERS)


def test_one_person_who_walks_all_day_has_one_vote(random, crowd):
    once = statistics(crowd).normalisation
    found = statistics(crowd)
    for _ in range(500):
        found.add(seen(random, crowd[0]), 1)
    assert found.walkers == pytest.approx(12, abs=0.1)
    assert distance(found.normalisation.centre, once.centre) < 0.1
    drawn = distance(normalisation(found.votes, np.ones(len(found.votes))).centre, once.centre)
    assert drawn > 1.0  # had every walk a vote of its own
    assert len(found.votes) == MAX_VOTES
    assert (distances(crowd, found.votes).min(axis=1) < RADIUS).all()  # nobody was pushed out


def test_one_person_alone_is_no_scene_however_long(random, crowd):
    found = statistics([seen(random, crowd[0]) for _ in range(200)])
    assert found.walkers == pytest.approx(1.0)
    assert found.normalisation is None


def test_votes_within_the_radius_share_one():
    between = np.array([[0, 1, 9], [1, 0, 9], [9, 9, 0.0]])
    assert shares(between, 2.0).tolist() == [0.5, 0.5, 1.0]
    assert shares(between, 0.0).tolist() == [1.0, 1.0, 1.0]


def test_old_votes_are_forgotten(crowd):
    found = statistics(crowd)
    found.add(crowd[0] + 20, 2 + MAX_AGE)
    assert len(found.votes) == 1


def test_a_channel_that_never_changes_is_not_blown_up(crowd):
    crowd[:, :, 0] = 7.0
    found = statistics(crowd).normalisation
    plain = found(crowd[0] + 0.01)
    assert np.isfinite(plain).all()
    assert np.abs(plain[:, 0]).max() < 0.05


@pytest.mark.parametrize("bad", [np.full((PARTS, CHANNELS), np.nan), np.zeros(5), np.zeros((0, 4)), np.zeros((2, 2))])
def test_what_is_no_embedding_of_this_model_has_no_vote(crowd, bad):
    found = statistics(crowd)
    with pytest.raises(SceneError, match="cannot vote"):
        found.add(bad, 1)
    assert len(found.votes) == 12
    with pytest.raises(SceneError, match="are no scene"):
        found.load(np.full((1, 2, 2), np.inf), np.zeros(1, np.int64))


def test_a_model_that_ships_its_views_takes_them_out_from_the_first_walker_on(random, crowd):
    offsets = random.normal(0, 10, (3, 1, PARTS, CHANNELS))
    others = random.normal(0, 1, (40, PARTS, CHANNELS))
    views = np.repeat(np.arange(3), 40)
    prior = ViewMoments.of((others + offsets).reshape(-1, PARTS, CHANNELS), views, 3).prior()
    found = SceneStatistics(RADIUS, prior)
    front, side = seen(random, crowd) + offsets[0], seen(random, crowd) + offsets[1]
    assert (distances(front, side).argmin(axis=1) == np.arange(12)).mean() < 0.5
    plain = found.normalisation(np.concatenate([front, side]))
    assert (distances(plain[:12], plain[12:]).argmin(axis=1) == np.arange(12)).all()
    assert found.normalisation(front[0]).shape == (PARTS, CHANNELS)


def test_walkers_move_the_views_of_their_scene_to_where_they_are(random):
    offsets = random.normal(0, 10, (2, PARTS, CHANNELS))
    prior = ViewPrior(offsets, np.ones_like(offsets))
    mark = random.normal(0, 1.0, (PARTS, CHANNELS))  # what this camera adds to everybody, from all sides
    crowd = random.normal(0, 1, (60, PARTS, CHANNELS)) + np.repeat(offsets, 30, axis=0) + mark
    assert viewed_normalisation(prior, crowd[:0], np.zeros(0)).views is prior
    few = viewed_normalisation(prior, crowd[:4], np.ones(4)).views
    many = viewed_normalisation(prior, crowd, np.ones(60)).views
    true = offsets + mark
    assert (distance(few.centres, true) < distance(prior.centres, true)).all()  # a view not yet seen moves, too
    assert distance(many.centres, true).max() < 0.3 * distance(prior.centres, true).min()
