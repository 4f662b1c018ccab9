from dataclasses import replace

import numpy as np
import pytest

from rt_gait_ros.silhouette.gaitset import person_mask, silhouette_from_mask
from rt_gait_ros.synthesis.masks import MARGIN, TALL, MaskNoise, fit, mask_noise, silhouettes
from rt_gait_ros.synthesis.people import person
from rt_gait_ros.synthesis.raster import signed_distance
from rt_gait_ros.synthesis.walks import Nuisances, Walk, random_scene, random_walk

CLEAN = MaskNoise()


@pytest.fixture(scope="module")
def seen() -> Walk:
    """Twelve images of somebody from the side."""
    random, ranges = np.random.default_rng(5), Nuisances(views=(90.0,), clothes=0.0, noise=0.0)
    return random_walk(person(1), random_scene(ranges, random), 12, ranges, random)


def of(seen: Walk, noise: MaskNoise, seed: int = 0) -> list[np.ndarray | None]:
    return silhouettes(seen.capsules, seen.parts, noise, np.random.default_rng(seed))


def test_no_strength_is_the_clean_mask(seen: Walk):
    none = mask_noise(np.random.default_rng(3), strength=0.0)
    assert (none.blur, none.ragged, none.lost, none.torn, none.covered, none.cut, none.coarse) == (
        0,
        0,
        0,
        0,
        0,
        0,
        TALL,
    )
    for capsules, got in zip(seen.capsules, of(seen, none), strict=True):
        shown = fit(capsules)
        width = int((shown[:, [0, 2]] + shown[:, [4, 5]]).max()) + MARGIN
        shape = TALL + 2 * MARGIN, width
        field, owner = np.empty(shape, np.float32), np.empty(shape, np.int16)
        signed_distance(shown, field, owner)
        clean = silhouette_from_mask(person_mask(-field))
        assert got is not None
        np.testing.assert_array_equal(got, clean)


def test_a_silhouette_fills_its_rows_and_is_centred(seen: Walk):
    for silhouette in of(seen, mask_noise(np.random.default_rng(2))):
        assert silhouette is not None
        assert silhouette.shape == (64, 64)
        assert silhouette.dtype == np.uint8
        assert silhouette.any(axis=1).all()
        mass = silhouette.sum(axis=0, dtype=int).cumsum()
        assert abs(int(np.argmax(mass > mass[-1] / 2)) - 32) <= 1


def test_too_little_person_is_none(seen: Walk):
    eaten = replace(CLEAN, thickness=-0.5)
    assert of(seen, eaten) == [None] * len(seen.capsules)


def test_the_same_seed_gives_the_same_and_another_one_not(seen: Walk):
    noise = mask_noise(np.random.default_rng(8))
    first, again, other = of(seen, noise), of(seen, noise), of(seen, noise, seed=1)
    np.testing.assert_array_equal(first, again)
    assert not np.array_equal(first, other)


def test_thickness_adds_and_lost_parts_take_away(seen: Walk):
    def area(noise: MaskNoise) -> float:
        return float(np.mean([one.astype(float).mean() for one in of(seen, noise) if one is not None]))

    assert area(replace(CLEAN, thickness=0.02)) > area(CLEAN) > area(replace(CLEAN, thickness=-0.01))
    lame = of(seen, replace(CLEAN, lost=1.0))
    assert not np.array_equal(lame, of(seen, CLEAN))


@pytest.mark.parametrize("harm", [{"cut": 1.0}, {"torn": 1.0}, {"coarse": 45}, {"ragged": 0.01}, {"blur": 0.02}])
def test_every_kind_of_noise_changes_the_mask_but_leaves_a_person(seen: Walk, harm: dict[str, float]):
    for clean, noisy in zip(of(seen, CLEAN), of(seen, replace(CLEAN, **harm)), strict=True):
        assert clean is not None
        assert noisy is not None
    noisy_all = np.array(of(seen, replace(CLEAN, **harm)), float)
    apart = np.abs(noisy_all - np.array(of(seen, CLEAN), float)).mean()
    assert 0.1 < apart < 60.0


def test_something_stands_before_some_walks(seen: Walk):
    covered = replace(CLEAN, covered=1.0)
    clean = np.array(of(seen, CLEAN), float)
    changed = 0
    for seed in range(10):
        images = [np.zeros((64, 64)) if one is None else one for one in of(seen, covered, seed)]
        changed += bool(np.abs(np.array(images, float) - clean).max() > 128)
    assert changed >= 3
