import numpy as np
import pytest

from rt_gait_ros.gait import scene as scenes
from rt_gait_ros.gait.distance import distance, distances
from rt_gait_ros.gait.scene import MAX_AGE, MAX_VOTES, MIN_WALKERS, SceneError, SceneStatistics, normalisation, shares

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


def statistics(looks, radius=RADIUS):
    found = SceneStatistics(radius)
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


def test_a_prior_mean_counts_for_a_few_votes(crowd):
    prior = np.full((PARTS, CHANNELS), 10.0)
    without = normalisation(crowd, np.ones(12))
    with_it = normalisation(crowd, np.ones(12), prior)
    share = 12 / (12 + scenes.MEAN_PRIOR)
    assert np.allclose(with_it.centre, share * without.centre + (1 - share) * prior, atol=1e-5)
    assert np.allclose(with_it.spread, without.spread)


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
