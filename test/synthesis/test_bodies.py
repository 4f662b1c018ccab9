import hashlib
from pathlib import Path

import numpy as np
import pytest

from rt_gait_ros.synthesis import bodies
from rt_gait_ros.synthesis.bodies import END, draw_body, pose, surface
from rt_gait_ros.synthesis.gaits import gait, mean_gait
from rt_gait_ros.synthesis.skeleton import BONE, BONES


@pytest.fixture
def body():
    return draw_body(np.random.default_rng(1))


def test_the_surface_is_closed_and_moved_by_bones():
    data = surface()
    edges = np.sort(np.concatenate([data.triangles[:, [0, 1]], data.triangles[:, [1, 2]], data.triangles[:, [2, 0]]]))
    _, count = np.unique(edges, axis=0, return_counts=True)
    assert (count == 2).mean() > 0.97  # but for eyes and mouth
    assert data.bones.min() >= 0
    assert data.bones.max() < len(BONES)
    np.testing.assert_allclose(data.weights.sum(axis=1), 1.0, rtol=1e-5)


def test_bodies_are_adults_of_both_sexes():
    random = np.random.default_rng(0)
    bodies = [draw_body(random) for _ in range(200)]
    statures = np.array([one.stature for one in bodies])
    assert 1.55 < statures.mean() < 1.80
    assert 0.05 < statures.std() < 0.13
    legs = np.array([one.leg for one in bodies]) / statures
    assert 0.40 < legs.mean() < 0.53
    assert 0.005 < legs.std() < 0.03


def test_no_spread_is_the_average_of_a_sex():
    random = np.random.default_rng(0)
    assert len({round(draw_body(random, spread=0.0).stature, 6) for _ in range(20)}) == 2


def test_a_walker_stands_on_the_floor_upright_and_looks_ahead(body):
    rotations, offset = mean_gait().pose(np.linspace(0, 1, 12))
    posed, joints = pose(body, body.vertices, rotations, offset * body.leg)
    assert posed.shape == (12, surface().vertices, 3)
    assert posed.dtype == np.float32
    head, feet = joints[:, BONE["head"]], joints[:, [BONE["l_foot"], BONE["r_foot"]]]
    assert (head[:, 2] > feet[..., 2].max(axis=1) + 1.0).all()
    floor = posed[..., 2].min(axis=1)
    assert np.ptp(floor) < 0.06  # the lowest point of the shoes hardly moves
    face = joints[:, END[BONE["l_toes"]]] - joints[:, BONE["l_foot"]]
    assert face[:, 0].mean() > 0.1  # toes point ahead, but for the push at the end of a step
    # bones keep their lengths
    thigh = np.linalg.norm(joints[:, BONE["l_thigh"]] - joints[:, BONE["l_shank"]], axis=1)
    np.testing.assert_allclose(
        thigh, np.linalg.norm(body.joints[BONE["l_thigh"]] - body.joints[BONE["l_shank"]]), rtol=1e-4
    )


def test_hands_swing_beside_the_body(body):
    rotations, offset = gait(3).pose(np.linspace(0, 1, 24))
    _, joints = pose(body, body.vertices, rotations, offset * body.leg)
    hand, foot = joints[:, BONE["l_hand"], 0], joints[:, BONE["l_foot"], 0]
    assert np.corrcoef(hand, foot)[0, 1] < -0.3
    assert (joints[:, BONE["l_hand"], 1] > joints[:, BONE["r_hand"], 1]).all()


def test_the_shipped_data_are_those_whose_source_is_told():
    data = Path(bodies.__file__).parent / "data"
    told = (data / "SOURCE.md").read_text()
    assert hashlib.sha256((data / "bodies.npz").read_bytes()).hexdigest() in told
