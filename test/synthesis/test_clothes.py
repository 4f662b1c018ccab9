from dataclasses import replace

import numpy as np
import pytest

from rt_gait_ros.synthesis.bodies import draw_body, pose, surface
from rt_gait_ros.synthesis.clothes import KINDS, Outfit, draw_outfit, dress, hanging
from rt_gait_ros.synthesis.gaits import mean_gait
from rt_gait_ros.synthesis.skeleton import BONE
from rt_gait_ros.synthesis.things import CARRIED, carried


@pytest.fixture
def body():
    return draw_body(np.random.default_rng(4))


@pytest.fixture
def joints(body):
    rotations, offset = mean_gait().pose(np.linspace(0, 2, 50))
    return pose(body, body.vertices, rotations, offset * body.leg)[1]


def width(vertices, name, axis=1):
    return np.ptp(vertices[surface().bones[:, 0] == BONE[name], axis])


def test_layers_are_on_the_parts_that_wear_them(body):
    plain = Outfit(trunk=0, sleeve=0, thigh=0, shank=0, hang=0, sole=0, shoe=0, hair=0, trouser_length=0.4)
    bare = dress(body, plain)
    legs = np.isin(surface().bones[:, 0], [BONE["l_shank"], BONE["r_shank"]])
    np.testing.assert_allclose(bare[legs], body.vertices[legs])
    wide = dress(body, replace(plain, shank=0.05, trouser_length=1.0))
    assert width(wide, "l_shank") > width(bare, "l_shank") + 0.03
    assert width(wide, "thorax") == pytest.approx(width(bare, "thorax"), abs=1e-3)
    shorts = dress(body, replace(plain, shank=0.05))
    assert width(shorts, "l_shank") == pytest.approx(width(bare, "l_shank"), abs=1e-3)
    coat = dress(body, replace(plain, trunk=0.05))
    assert width(coat, "upper_back", axis=0) > width(bare, "upper_back", axis=0) + 0.06
    heels = dress(body, replace(plain, sole=0.05))
    assert heels[:, 2].min() == pytest.approx(bare[:, 2].min() - 0.05, abs=1e-6)


def test_trousers_fall_straight_from_the_knee_to_the_hem(body):
    narrow, wide = (dress(body, Outfit(thigh=0.04, shank=hem)) for hem in (0.05, 0.08))
    shank = np.flatnonzero(surface().bones[:, 0] == BONE["l_shank"])
    knee, ankle = body.joints[BONE["l_shank"]], body.joints[BONE["l_foot"]]
    axis = ankle - knee

    def radii(vertices):
        along = np.clip((body.vertices[shank] - knee) @ axis / (axis @ axis), 0.0, 1.0)
        return along, np.linalg.norm(vertices[shank] - (knee + along[:, None] * axis), axis=1)

    for cloth in (narrow, wide):
        along, of_cloth = radii(cloth)
        slope, start = np.polyfit(along, of_cloth, 1)
        np.testing.assert_allclose(of_cloth, start + slope * along, atol=0.006)  # no calf, as the skin has one
    _, of_skin = radii(body.vertices)
    assert np.abs(of_skin - np.poly1d(np.polyfit(along, of_skin, 1))(along)).max() > 0.015
    tight = dress(body, Outfit(thigh=0.0, shank=0.0))
    assert (radii(tight)[1] > 0.9 * of_skin).all()
    low = along > 0.8
    assert (radii(wide)[1] - radii(narrow)[1])[low].min() > 0.02


def test_relief_is_of_the_clothes_and_hair_keeps_its_shape(body):
    flat = dress(body, Outfit(colours=1))
    assert (flat == dress(body, Outfit(colours=2, hairdo=5))).all()
    first = dress(body, Outfit(colours=1, relief=0.01))
    assert (first == dress(body, Outfit(colours=1, relief=0.01))).all()
    other = dress(body, Outfit(colours=2, relief=0.01))
    head = surface().bones[:, 0] == BONE["head"]
    assert (first[head] == other[head]).all()
    trunk = surface().bones[:, 0] == BONE["upper_back"]
    moved = np.linalg.norm(first - flat, axis=1)
    assert 0.002 < moved[trunk].mean() < 0.02
    assert np.abs(first - other)[trunk].max() > 0.005
    assert np.abs(first - dress(body, Outfit(colours=1, relief=0.01, hairdo=5)))[head].max() > 0.002


def test_cloth_falls_straight_from_where_the_body_stands_out(body):
    tight, loose = dress(body, Outfit(hang=0.0)), dress(body, Outfit(hang=1.0))
    trunk = surface().bones[:, 0] == BONE["lower_back"]
    assert np.linalg.norm(loose[trunk, :2], axis=1).mean() > np.linalg.norm(tight[trunk, :2], axis=1).mean() + 0.005
    assert (np.abs(loose - tight).max(axis=1) < 0.25).all()


def test_a_skirt_hangs_from_the_waist_to_its_hem_and_lags(body, joints):
    assert hanging(body, Outfit(skirt=0.0), joints) == []
    lengths = []
    for skirt in (0.3, 0.6, 0.95):
        pieces = hanging(body, Outfit(skirt=skirt, lag=0.0), joints)
        assert all(piece.shape == (50, len(piece[0]), 3) for piece in pieces)
        lengths.append(joints[:, BONE["hips"], 2].mean() - min(piece[..., 2].min() for piece in pieces))
    assert lengths == sorted(lengths)
    assert lengths[-1] > 0.8 * body.leg
    hem = [hanging(body, Outfit(skirt=0.6, lag=lag), joints)[-1].mean(axis=1)[:, 0] for lag in (0.0, 0.3)]
    assert hem[1].std() < hem[0].std()  # heavy cloth swings less
    closed, opened = (hanging(body, Outfit(skirt=0.6, open=way), joints) for way in (False, True))
    assert len(opened) == 2 * len(closed)


@pytest.mark.parametrize("name", CARRIED)
def test_things_stay_with_who_carries_them(body, joints, name):
    pieces = carried([name], body, joints, 0.05, np.random.default_rng(1))
    assert pieces
    for piece in pieces:
        assert np.isfinite(piece).all()
        away = np.linalg.norm(piece - joints[:, None, BONE["hips"]], axis=2)
        assert away.max() < 1.8, "nobody drops a bag"


def test_outfits_vary_and_follow_their_seed():
    drawn = [draw_outfit(np.random.default_rng(seed)) for seed in range(300)]
    assert drawn[7] == draw_outfit(np.random.default_rng(7))
    assert sum(KINDS.values()) == pytest.approx(1.0)
    assert 0.3 < np.mean([one.skirt > 0 for one in drawn]) < 0.8
    assert {thing for one in drawn for thing in one.things} == set(CARRIED)
    plain = [draw_outfit(np.random.default_rng(seed), variety=0.0) for seed in range(50)]
    assert not any(one.things or one.skirt for one in plain)
