import numpy as np
import pytest
from paf_reference import FIGURE

from rt_gait_ros.silhouette.skeleton import skeleton_map


@pytest.fixture
def keypoints():
    return np.column_stack([FIGURE, np.ones(18)]).astype(np.float32)


def test_joints_and_limbs_fill_the_map(keypoints):
    heat = skeleton_map(keypoints)
    assert heat.shape == (64, 44, 2)
    assert heat.dtype == np.uint8
    assert heat.max(axis=(0, 1)).min() > 240
    assert heat[4:60].any(axis=(1, 2)).all()


def test_neither_place_nor_size_matters(keypoints):
    moved = keypoints * (200, 200, 1) + (300, 150, 0)
    difference = skeleton_map(moved.astype(np.float32)).astype(int) - skeleton_map(keypoints)
    assert abs(difference).max() <= 1


def test_missing_joints_leave_no_heat_and_no_people_no_map(keypoints):
    keypoints[[7, 8, 9, 10]] = np.nan, np.nan, 0
    assert skeleton_map(keypoints) is not None
    keypoints[1:] = np.nan, np.nan, 0
    assert skeleton_map(keypoints) is None
