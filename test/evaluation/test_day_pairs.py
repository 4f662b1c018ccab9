import numpy as np
import pytest

from rt_gait_ros.datasets.video_walks import GaitSequence, VideoWalks
from rt_gait_ros.errors import UsageError
from rt_gait_ros.evaluation.day_pairs import Looks, day_pairs, film_looks, scene_free_day_pairs
from rt_gait_ros.gait.scene import normalisation
from rt_gait_ros.gait.views import ViewMoments
from rt_gait_ros.gallery.distance import distances


@pytest.fixture
def looks():
    """Twenty people on two days in each of two scenes, which shift everybody."""
    random = np.random.default_rng(2)
    people, scenes = random.normal(0, 1, (20, 1, 1, 2, 6)), random.normal(0, 4, (1, 1, 2, 2, 6))
    names = np.array([(f"{p:02}", day, scene) for p in range(20) for day in "ab" for scene in ("hall", "yard")])
    embeddings = (people + scenes + random.normal(0, 0.2, (20, 2, 2, 2, 6))).reshape(-1, 2, 6).astype(np.float32)
    return Looks(names[:, 0], names[:, 1], names[:, 2], embeddings)


def test_pairs_of_one_person_are_of_two_days(looks):
    pairs = day_pairs(looks)
    assert (len(pairs.everything.genuine), len(pairs.everything.impostor)) == (20 * 4, 190 * 16)
    assert (len(pairs.alike.genuine), len(pairs.alike.impostor)) == (20 * 2, 190 * 8)
    # looks 0 and 1 are of one day, 0 and 2 of two in the hall
    assert distances(looks.embeddings[:1], looks.embeddings[2:3])[0, 0] == pytest.approx(
        pairs.alike.genuine[0], abs=1e-4
    )


def test_scenes_are_taken_out_by_the_other_half_of_the_people(looks):
    pairs = scene_free_day_pairs(looks, 0.0)
    assert (len(pairs.genuine), len(pairs.impostor)) == (20 * 4, 2 * 45 * 16)
    odd = np.array([int(who) % 2 == 1 for who in looks.persons])
    by_scene = []
    for place, scene in ((0, "hall"), (3, "yard")):  # looks of person 00
        there = looks.embeddings[odd & (looks.scenes == scene)].reshape(10, 2, 2, 6).mean(axis=1)
        by_scene.append(normalisation(there, np.ones(10))(looks.embeddings[place]))
    wanted = distances(by_scene[0][None], by_scene[1][None])[0, 0]
    assert np.abs(pairs.genuine - wanted).min() < 1e-3
    assert np.median(pairs.genuine) < np.quantile(pairs.impostor, 0.05)


def test_a_scene_that_too_few_have_seen_is_left_out(looks):
    few = looks.only(np.flatnonzero((looks.scenes == "hall") | (looks.persons < "06")))
    pairs = scene_free_day_pairs(few, 0.0)
    assert (len(pairs.genuine), len(pairs.impostor)) == (20, 2 * 45 * 4)


def test_a_model_that_ships_its_views_needs_nobody_else(looks):
    hall = looks.only(np.flatnonzero(looks.persons < "04"))
    assert not len(scene_free_day_pairs(hall, 0.0).genuine)  # two of the others are too few
    _, views = np.unique(looks.scenes, return_inverse=True)
    prior = ViewMoments.of(looks.embeddings, views, 2).prior()
    pairs = scene_free_day_pairs(hall, 0.0, prior)
    assert (len(pairs.genuine), len(pairs.impostor)) == (4 * 4, 6 * 16)
    assert np.median(pairs.genuine) < np.quantile(pairs.impostor, 0.05)


def test_films_of_one_person_a_day_give_a_look_for_each_pass(tmp_path):
    frames = np.arange(50, dtype=np.uint8)[:, None, None] * np.ones((1, 64, 64), np.uint8)
    video = VideoWalks((GaitSequence("a", np.arange(50), frames),), ((0, 39), (40, 49)))
    found = film_looks({tmp_path / "ada" / "monday.avi": video}, lambda seen: seen[[0, -1], 0, :1], 30)
    ((key, look),) = found["ada"].items()
    assert key == "monday/monday/0"
    assert look.ravel().tolist() == [5, 34]


def test_nobody_is_one_line():
    with pytest.raises(UsageError, match="nobody walks there long enough"):
        Looks.of({"ada": {"damaged": np.array(1)}})
