import numpy as np
import pytest
from boxed_people import person

from rt_gait_ros.tracking.similarity import SIGMAS, corners, iou_matrix, oks


@pytest.mark.parametrize(
    ("first", "second", "iou"),
    [
        ((0, 0, 10, 10), (0, 0, 10, 10), 1.0),
        ((0, 0, 10, 10), (5, 0, 15, 10), 1 / 3),
        ((0, 0, 10, 10), (10, 0, 20, 10), 0.0),
        ((0, 0, 10, 10), (20, 20, 30, 30), 0.0),
        ((0, 0, 10, 10), (2, 2, 4, 4), 0.04),
        ((0, 0, 0, 10), (0, 0, 10, 10), 0.0),
        ((5, 5, 5, 5), (5, 5, 5, 5), 0.0),
    ],
)
def test_overlap_is_intersection_over_union_whichever_comes_first(first, second, iou):
    boxes = [np.array([box], float) for box in (first, second)]
    np.testing.assert_allclose(iou_matrix(*boxes), [[iou]])
    np.testing.assert_allclose(iou_matrix(*boxes[::-1]), [[iou]])


def test_corners_are_left_top_right_bottom():
    np.testing.assert_allclose(corners(np.array([[100.0, 200, 80, 200]])), [[60, 100, 140, 300]])


def test_oks_follows_the_coco_formula():
    first, sigmas = person(300).keypoints[None].astype(float), SIGMAS["trt_pose"]
    second = first.copy()
    second[:, :, 0] += 10
    area = 16_000.0
    expected = np.exp(-(10**2) / (2 * area * (2 * sigmas) ** 2)).mean()
    np.testing.assert_allclose(oks(first, second, np.array([area]), sigmas), expected)
    np.testing.assert_allclose(oks(first, first, np.array([area]), sigmas), 1.0)


@pytest.mark.parametrize(("seen", "known"), [(2, False), (3, True)])
def test_oks_needs_three_keypoints_in_both(seen, known):
    first, second = (person(300).keypoints[None].astype(float) for _ in range(2))
    second[:, seen:] = np.nan
    assert np.isfinite(oks(first, second, np.array([1e4]), SIGMAS["trt_pose"]))[0] == known
