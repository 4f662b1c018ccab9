from dataclasses import replace

import numpy as np
import pytest

from rt_gait_ros.synthesis.backdrop import blended
from rt_gait_ros.synthesis.bodies import draw_body, surface
from rt_gait_ros.synthesis.clothes import draw_outfit
from rt_gait_ros.synthesis.masks import MaskNoise
from rt_gait_ros.synthesis.skeleton import BONE
from rt_gait_ros.synthesis.strollers import make_stroller, stroller_silhouettes
from rt_gait_ros.synthesis.walks import Nuisances, Scene


@pytest.fixture(scope="module")
def body():
    return draw_body(np.random.default_rng(4))


def test_the_same_clothes_have_the_same_holes_and_others_differ(body):
    first, again = blended(body, 7, 1.0), blended(body, 7, 1.0)
    assert (first.triangles == again.triangles).all()
    assert first.unseen == again.unseen
    assert any((blended(body, colours, 1.0).triangles != first.triangles).any() for colours in range(3))


def test_so_many_outfits_are_like_the_background(body):
    assert all(blended(body, colours, 0.0) is None for colours in range(50))
    like = [blended(body, colours, 0.35) for colours in range(300)]
    assert np.mean([holes is not None for holes in like]) == pytest.approx(0.35, abs=0.09)


def test_legs_hands_and_the_top_of_the_head_are_never_like_it(body):
    bones = surface().bones[surface().triangles[:, 0], 0]
    never = np.isin(bones, [BONE[name] for name in ("l_thigh", "r_shank", "l_foot", "r_hand", "l_forearm")])
    for colours in range(80):
        holes = blended(body, colours, 1.0)
        assert not holes.triangles[never].any()
        assert holes.height[holes.triangles].max(initial=0.0) < 0.97


def test_pieces_come_and_go_from_image_to_image_as_often_as_is_said(body):
    holes = replace(blended(body, 1, 1.0), triangles=np.ones(len(surface().triangles), bool), unseen=0.8)
    random = np.random.default_rng(0)
    seen = np.array([holes.missing(random) for _ in range(300)])
    assert seen.mean() == pytest.approx(0.8, abs=0.08)
    assert (seen[0] != seen[1]).any()
    none = replace(holes, triangles=np.zeros_like(holes.triangles))
    assert not none.missing(random).any()


def test_holes_stay_in_all_views_and_are_none_without_a_backdrop():
    """A person whose chest is like the background, seen from the front and from the side by two cameras."""
    who = make_stroller(3)
    random = np.random.default_rng(0)
    outfits = [replace(draw_outfit(np.random.default_rng(5), 0.0), colours=colours) for colours in range(40)]
    trunk = np.isin(surface().bones[surface().triangles[:, 0], 0], [BONE["thorax"], BONE["upper_back"]])
    large = max(outfits, key=lambda worn: blended(who.body, worn.colours, 1.0).triangles[trunk].sum())

    def area(backdrop, azimuth, height):
        ranges = Nuisances(clothes=0.0, noise=0.0, mood=0.0, backdrop=backdrop)
        scene = Scene(height, 5.0, azimuth, MaskNoise(), both_ways=False, straying=0.0)
        return stroller_silhouettes(who, scene, 12, ranges, random, large)[:, 14:30].mean()

    for azimuth, height in ((180.0, 1.4), (90.0, 0.7)):
        assert area(1.0, azimuth, height) < 0.95 * area(0.0, azimuth, height)
