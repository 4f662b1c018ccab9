from contextlib import suppress

import numpy as np
import pytest

from rt_gait_ros.gait.views import PRIOR_FILE, ViewError, ViewMoments, ViewPrior, find_prior, save_prior
from rt_gait_ros.gallery.distance import distances


@pytest.fixture
def seen():
    """Forty people from three views, 20 times as far apart as people are: embeddings (120, 2, 6), views (120,)."""
    random = np.random.default_rng(3)
    people, views = random.normal(0, 1, (40, 1, 2, 6)), random.normal(0, 20, (1, 3, 2, 6))
    looks = people + views + random.normal(0, 0.05, (40, 3, 2, 6))
    return looks.reshape(120, 2, 6).astype(np.float32), np.tile(np.arange(3), 40)


def test_views_are_told_and_taken_out(seen):
    embeddings, views = seen
    prior = ViewMoments.of(embeddings, views, 3).prior()
    assert (prior.views, prior.embedding_shape) == (3, (2, 6))
    np.testing.assert_array_equal(prior.nearest(embeddings), views)
    plain = prior.normalise(embeddings)
    assert plain.dtype == np.float32
    np.testing.assert_allclose(np.sqrt(np.square(plain).sum(axis=(1, 2)) / 2), 1.0, rtol=1e-5)
    # each person's nearest from the first view is that person from the second
    first, second = plain[views == 0], plain[views == 1]
    np.testing.assert_array_equal(distances(first, second).argmin(axis=1), np.arange(40))
    raw = distances(embeddings[views == 0], embeddings[views == 1]).argmin(axis=1)
    assert (raw == np.arange(40)).mean() < 0.9


def test_a_view_that_is_known_otherwise_counts(seen):
    embeddings, views = seen
    prior = ViewMoments.of(embeddings, views, 3).prior()
    turned = prior.normalise(embeddings[:1], np.array([2]))
    residue = (embeddings[:1] - prior.centres[2]) / prior.spreads[2]
    np.testing.assert_allclose(turned, residue / np.sqrt(np.square(residue).sum() / 2), rtol=1e-5)


def test_moments_without_somebody_are_those_of_all_others(seen):
    embeddings, views = seen
    everybody = ViewMoments.of(embeddings, views, 3)
    without = (everybody - ViewMoments.of(embeddings[:9], views[:9], 3)).prior()
    others = ViewMoments.of(embeddings[9:], views[9:], 3).prior()
    np.testing.assert_allclose(without.centres, others.centres, rtol=1e-5, atol=1e-5)
    np.testing.assert_allclose(without.spreads, others.spreads, rtol=1e-4)
    again = ViewMoments.of(embeddings[:9], views[:9], 3) + ViewMoments.of(embeddings[9:], views[9:], 3)
    np.testing.assert_allclose(again.squares, everybody.squares)


def test_a_view_of_too_few_is_refused(seen):
    embeddings, views = seen
    with pytest.raises(ViewError, match="a view has 1 embeddings: 2 are needed"):
        ViewMoments.of(embeddings[:4], views[:4], 3).prior()


def test_a_model_ships_its_views_or_none(seen, tmp_path):
    embeddings, views = seen
    prior = ViewMoments.of(embeddings, views, 3).prior()
    (tmp_path / "m").mkdir()
    assert find_prior(tmp_path, "m") is None
    save_prior(tmp_path / "m" / PRIOR_FILE, prior)
    found = find_prior(tmp_path, "m")
    np.testing.assert_array_equal(found.centres, prior.centres)
    np.testing.assert_array_equal(found.spreads, prior.spreads)
    assert [path.name for path in (tmp_path / "m").iterdir()] == [PRIOR_FILE]
    with pytest.raises(ViewError, match="cannot be written"):
        save_prior(tmp_path / "nowhere" / PRIOR_FILE, prior)


@pytest.mark.parametrize(
    "spoil", ["empty", "text", "cut off", "other arrays", "an array", "zero spread", "NaN", "shapes"]
)
def test_a_file_that_holds_no_views_is_refused_in_one_line(tmp_path, spoil):
    path = tmp_path / "m" / PRIOR_FILE
    path.parent.mkdir()
    good = np.ones((3, 2, 6), np.float32)
    arrays = {
        "other arrays": {"mean": good},
        "zero spread": {"centres": good, "spreads": 0 * good},
        "NaN": {"centres": good * np.nan, "spreads": good},
        "shapes": {"centres": good, "spreads": good[:2]},
    }
    np.savez(path, **arrays.get(spoil, {"centres": good, "spreads": good}))
    if spoil == "an array":
        with path.open("wb") as file:
            np.save(file, good)
    content = {"empty": b"", "text": b"views", "cut off": path.read_bytes()[:99]}
    path.write_bytes(content.get(spoil, path.read_bytes()))
    with pytest.raises(ViewError, match=PRIOR_FILE) as refused:
        find_prior(tmp_path, "m")
    assert "\n" not in str(refused.value)


def test_views_that_a_disk_damaged_are_refused_in_one_line(tmp_path):
    """A node whose network had such a file ended with zlib's traceback."""
    path = tmp_path / "m" / PRIOR_FILE
    path.parent.mkdir()
    save_prior(path, ViewPrior(np.random.default_rng(1).random((3, 2, 6), np.float32), np.ones((3, 2, 6), np.float32)))
    whole = path.read_bytes()
    for offset in range(0, len(whole), 5):
        path.write_bytes(whole[:offset] + b"\xff" * 5 + whole[offset + 5 :])
        with suppress(ViewError):  # what nobody looks at may be anything
            find_prior(tmp_path, "m")


def test_what_is_no_statistic_is_refused():
    with pytest.raises(ViewError, match=r"centres of views have shape \(2, 6\)"):
        ViewPrior(np.ones((2, 6)), np.ones((2, 6)))
