from dataclasses import replace

import numpy as np

from rt_gait_ros.synthesis.clothes import Outfit, draw_outfit
from rt_gait_ros.synthesis.people import outfit
from rt_gait_ros.synthesis.wardrobe import Wardrobe


def test_somebody_wears_one_outfit_more_often_than_others_and_keeps_the_hair():
    usual = replace(draw_outfit(np.random.default_rng(3)), things=("long hair",))
    wardrobe, random = Wardrobe(usual, usual=0.5, bag=0.2, draw_other=draw_outfit), np.random.default_rng(0)
    drawn = [wardrobe.draw(random, variety=1.0) for _ in range(400)]
    same = [one for one in drawn if one == usual]
    bagged = [one for one in drawn if one != usual and replace(one, things=usual.things) == usual]
    assert 0.4 < len(same) / 400 < 0.6
    assert 0.1 < len(bagged) / 400 < 0.3
    assert all(len(one.things) == 2 for one in bagged)
    assert all((one.hair, one.hairdo) == (usual.hair, usual.hairdo) for one in drawn)
    assert all("long hair" in one.things and "bun" not in one.things for one in drawn)


def test_a_wardrobe_may_hold_new_clothes_for_every_walk():
    wardrobe, random = Wardrobe(Outfit(), usual=0.0, bag=0.0, draw_other=draw_outfit), np.random.default_rng(0)
    assert len({wardrobe.draw(random, variety=1.0) for _ in range(50)}) == 50


def test_so_does_somebody_of_capsules():
    random = np.random.default_rng(0)
    usual = outfit(random, 0.0)
    worn = [Wardrobe(usual, usual=0.5, bag=0.2, draw_other=outfit).draw(random, 0.9) for _ in range(200)]
    assert 70 < sum(one is usual for one in worn) < 130
    with_bag = [one for one in worn if one is not usual and one.loose is usual.loose]
    assert 20 < len(with_bag) < 60
    assert all(one.bag != "none" for one in with_bag)
    assert {one.hair for one in worn} == {usual.hair}
    new = [Wardrobe(usual, usual=0.0, bag=0.0, draw_other=outfit).draw(random, 0.9) for _ in range(20)]
    assert len({one.hair for one in new}) > 10
