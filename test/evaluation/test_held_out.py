import numpy as np
import pytest

from rt_gait_ros.errors import UsageError
from rt_gait_ros.evaluation.held_out import held_out_distances, normalised_pairs
from rt_gait_ros.gait.scene import normalisation
from rt_gait_ros.gallery.distance import distances


@pytest.fixture
def walks():
    """Seven people of two walks in each of two scenes: embeddings, persons, scenes."""
    random = np.random.default_rng(1)
    persons = [f"{n % 7}" for n in range(28)]
    scenes = ["hall"] * 14 + ["yard"] * 14
    return random.normal(0, 1, (28, 2, 5)).astype(np.float32), persons, scenes


def test_statistics_hold_neither_of_the_two(walks):
    embeddings, persons, scenes = walks
    before = held_out_distances(embeddings, persons, scenes, 0.0)
    hall = normalisation(embeddings[[n for n in range(14) if persons[n] not in "02"]], np.ones(10))
    yard = normalisation(embeddings[[n for n in range(14, 28) if persons[n] not in "02"]], np.ones(10))
    assert before[0, 16] == pytest.approx(distances(hall(embeddings[:1]), yard(embeddings[16:17]))[0, 0], abs=1e-4)
    other_walks = embeddings.copy()
    other_walks[[7, 9]] += 100.0  # walks 7 and 9 are of persons 0 and 2, too
    assert held_out_distances(other_walks, persons, scenes, 0.0)[0, 16] == pytest.approx(before[0, 16])
    other_walks[3] += 100.0
    assert held_out_distances(other_walks, persons, scenes, 0.0)[0, 16] != pytest.approx(before[0, 16])


def test_walks_of_one_scene_are_not_compared_and_all_others_are(walks):
    found = held_out_distances(*walks, 0.0)
    assert np.isnan(found[:14, :14]).all()
    assert np.isnan(found[14:, 14:]).all()
    assert np.isfinite(found[:14, 14:]).all()
    assert np.allclose(found[:14, 14:], found[14:, :14].T, atol=1e-6)


def test_a_scene_of_too_few_is_refused(walks):
    embeddings, persons, scenes = walks
    few = [n for n in range(28) if persons[n] in "012"]
    with pytest.raises(UsageError, match=r"hall has [0-4] walks of others"):
        held_out_distances(embeddings[few], [persons[n] for n in few], [scenes[n] for n in few], 0.0)


def test_pairs_of_tracks_are_rid_of_a_scene_that_others_show():
    random = np.random.default_rng(1)
    looks = [random.normal(0, 1, (2, 1, 6)) + random.normal(0, 3, (1, 1, 6)) for _ in range(9)]
    at_once = np.zeros((9, 9), bool)
    at_once[0, 1] = at_once[1, 0] = True
    genuine, impostor = normalised_pairs(looks, at_once, 0.0, 7.0)
    assert (len(genuine), len(impostor)) == (9, 4)
    others = normalisation(np.stack([track.mean(axis=0) for track in looks[2:]]), np.ones(7))
    assert np.sort(impostor) == pytest.approx(np.sort(distances(others(looks[0]), others(looks[1])).ravel()), abs=1e-4)
    assert [len(found) for found in normalised_pairs(looks, at_once, 0.0, 8.0)] == [9, 0]  # 7 others are too few
    assert [len(found) for found in normalised_pairs([], at_once[:0, :0], 0.0, 8.0)] == [0, 0]
