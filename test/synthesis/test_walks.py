from dataclasses import replace

import numpy as np
import pytest

from rt_gait_ros.synthesis.people import person
from rt_gait_ros.synthesis.walks import (
    FPS,
    VGA,
    Nuisances,
    before_camera,
    random_scene,
    random_silhouettes,
    random_walk,
)

ANY = Nuisances()


def silhouettes(who: int, seed: int, ranges: Nuisances = ANY) -> np.ndarray:
    random = np.random.default_rng(seed)
    return random_silhouettes(person(who), random_scene(ranges, random), 12, ranges, random)


def test_silhouettes_are_the_seeds():
    np.testing.assert_array_equal(silhouettes(4, 1), silhouettes(4, 1))
    assert not np.array_equal(silhouettes(4, 1), silhouettes(4, 2))
    assert not np.array_equal(silhouettes(4, 1), silhouettes(5, 1))


def test_silhouettes_move():
    clean = Nuisances(views=(90.0,), clothes=0.0, noise=0.0)
    images = silhouettes(4, 1, clean).astype(float)
    assert images.shape == (12, 64, 64)
    assert np.abs(np.diff(images, axis=0)).mean(axis=(1, 2)).min() > 2.0


@pytest.mark.parametrize(("straying", "lines"), [(0.0, 1), (1.0, 5)])
def test_walks_of_a_scene_are_on_one_line_where_nobody_strays(straying: float, lines: int):
    random = np.random.default_rng(3)
    scene = random_scene(Nuisances(straying=straying, both_ways=False), random)
    seconds = np.arange(10) / FPS
    walked = [before_camera(scene, 1.3, seconds, random, VGA)[1:] for _ in range(5)]
    assert len({(positions.tobytes(), headings.tobytes()) for positions, headings in walked}) == lines


def test_walkers_turn_back_only_where_a_scene_goes_both_ways():
    def directions(both_ways: bool) -> int:
        random = np.random.default_rng(0)
        scene = random_scene(Nuisances(straying=0.0, both_ways=both_ways), random)
        ways = [before_camera(scene, 1.3, np.arange(4) / FPS, random, VGA)[2][0] for _ in range(20)]
        return len(np.unique(np.round(ways, 3)))

    assert (directions(True), directions(False)) == (2, 1)


def test_strides_open_and_close_from_the_side_and_hardly_from_the_front():
    def play(view: float) -> float:
        ranges = Nuisances(views=(view,), clothes=0.0, noise=0.0, distances=(6.0, 8.0), heights=(0.8, 1.2))
        widths = [(silhouettes(who, 1, ranges)[:, 48:] > 128).any(axis=1).sum(axis=1) for who in range(4)]
        return float(np.mean([np.ptp(width) for width in widths]))

    assert play(90.0) > 2.0 * play(180.0)


@pytest.mark.parametrize("views", [None, (180.0,), (0.0,)])
def test_no_walk_passes_through_the_camera(views: tuple[float, ...] | None):
    ranges = Nuisances(views=views)
    for seed in range(40):
        random = np.random.default_rng(seed)
        seen = random_walk(person(seed), random_scene(ranges, random), 50, ranges, random)
        apart = np.linalg.norm(seen.joints - [0.0, 0.0, seen.camera.height], axis=-1)
        assert apart.min() > 0.8
        assert (seen.joints[..., 0] > 0.3).all()


def test_walks_are_in_the_picture_for_the_most_part_and_as_fast_as_people():
    inside, speeds = [], []
    for seed in range(40):
        random = np.random.default_rng(seed)
        seen = random_walk(person(seed), random_scene(ANY, random), 25, ANY, random)
        inside.append(((seen.keypoints >= 0) & (seen.keypoints < [640, 480])).all(axis=-1).mean())
        steps = np.diff(seen.joints[:, 0, :2], axis=0)
        speeds.append(np.hypot(*steps.T).mean() * FPS)
    assert np.mean(inside) > 0.9
    assert np.mean(speeds) == pytest.approx(1.3, abs=0.2)
    assert min(speeds) > 0.5


@pytest.mark.parametrize("both_ways", [True, False])
def test_a_way_is_walked_back_only_where_the_scene_says_so(both_ways: bool):
    ranges = Nuisances(views=(90.0,))
    leftward = []
    for seed in range(12):
        random = np.random.default_rng(seed)
        scene = replace(random_scene(ranges, random), both_ways=both_ways)
        hips = random_walk(person(seed), scene, 12, ranges, random).keypoints[:, 0, 0]
        leftward.append(hips[-1] < hips[0])
    assert any(leftward)
    assert all(leftward) != both_ways
