from dataclasses import replace

import numpy as np
import pytest

from rt_gait_ros.synthesis.clothes import Outfit
from rt_gait_ros.synthesis.masks import MaskNoise
from rt_gait_ros.synthesis.strollers import keypoints, make_stroller, stroll, stroller_silhouettes
from rt_gait_ros.synthesis.walks import Nuisances, Scene, random_scene

SIDE = Scene(height=1.2, distance=4.5, azimuth=90.0, noise=MaskNoise())
BARE = Nuisances(views=(90.0,), clothes=0.0, noise=0.0, mood=0.0)


def overlap(one, other):
    return ((one > 127) & (other > 127)).sum() / ((one > 127) | (other > 127)).sum()


def test_a_number_is_a_person():
    first, again, other = make_stroller(3), make_stroller(3), make_stroller(4)
    assert (first.body.vertices == again.body.vertices).all()
    assert (first.gait.features == again.gait.features).all()
    assert (first.body.vertices != other.body.vertices).any()


def test_silhouettes_are_as_the_pose_node_sends_them():
    seen = stroller_silhouettes(make_stroller(1), SIDE, 25, BARE, np.random.default_rng(0))
    assert seen.shape == (25, 64, 64)
    assert seen.dtype == np.uint8
    assert (seen.max(axis=2) > 127).mean() > 0.97  # as tall as the picture
    width = (seen > 127).any(axis=1).sum(axis=1)
    assert width.max() > 1.4 * width.min()  # legs open and close


def test_a_stranger_in_the_same_clothes_is_less_alike_than_the_same_person():
    def mean(seed, chance):
        random = np.random.default_rng(chance)
        one_way = replace(SIDE, both_ways=False)
        return stroller_silhouettes(make_stroller(seed), one_way, 40, BARE, random, Outfit()).mean(axis=0)

    people = [mean(seed, 1) for seed in range(8)]
    again = [mean(seed, 2) for seed in range(8)]
    distances = np.array([[np.abs(a - b).mean() for b in again] for a in people])
    assert np.diag(distances).mean() < 0.85 * distances[~np.eye(8, dtype=bool)].mean()


def test_the_outline_is_where_the_keypoints_are():
    walk = stroll(make_stroller(2), SIDE, 10, BARE, np.random.default_rng(3))
    outline = walk.outline()
    seen = walk.camera.project(keypoints(walk.joints))[0]
    assert seen.shape == (10, 18, 2)
    low, high = outline.vertices.min(axis=1), outline.vertices.max(axis=1)
    assert (seen >= low[:, None] - 1).all()
    assert (seen <= high[:, None] + 1).all()


def test_silhouettes_of_a_long_walk_are_spread_over_it():
    who, long = make_stroller(2), replace(BARE, seconds=(2.0, 2.0))
    nearby, spread = (stroll(who, SIDE, 10, ranges, np.random.default_rng(3)).joints for ranges in (BARE, long))
    steps = [np.linalg.norm(np.diff(joints[:, 0, :2], axis=0), axis=1) for joints in (nearby, spread)]
    assert len(spread) == 10
    assert steps[1].mean() > 3 * steps[0].mean()


def test_only_images_count_that_show_a_walker_whole():
    close = replace(SIDE, distance=2.5, straying=0.0)
    walk = stroll(make_stroller(2), close, 60, replace(BARE, seconds=(4.0, 4.0)), np.random.default_rng(3))
    places = walk.camera.project(walk.skin)[0]
    assert 5 < len(walk.skin) < 60
    assert (places >= 0).all()
    assert (places < (640, 480)).all()


@pytest.mark.parametrize("seed", range(6))
def test_all_nuisances_together_leave_somebody_to_see(seed):
    random = np.random.default_rng(seed)
    ranges = Nuisances(clothes=1.0, noise=1.0)
    seen = stroller_silhouettes(make_stroller(seed), random_scene(ranges, random), 16, ranges, random)
    assert len(seen) >= 12
    assert 0.05 < (seen > 127).mean() < 0.6
