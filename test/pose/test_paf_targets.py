import numpy as np
import pytest

from rt_gait_ros.pose.layouts import TRT_POSE
from rt_gait_ros.pose.paf import PafParser
from rt_gait_ros.pose.paf_targets import affinity_fields, confidence_maps
from rt_gait_ros.pose.topology import Topology

ARROW = Topology.from_coco_category({"name": "arrow", "keypoints": ["tail", "tip"], "skeleton": [[1, 2]]})


def test_a_confidence_map_is_one_at_the_part_and_a_gaussian_around_it():
    maps = confidence_maps(np.array([[[4.5, 6.5], [np.nan, np.nan]]]), (12, 10), deviation=1.5)
    assert maps.shape == (2, 12, 10)
    assert maps[0, 6, 4] == pytest.approx(1.0)
    assert maps[0, 6, 6] == pytest.approx(np.exp(-((2 / 1.5) ** 2)), rel=1e-4)
    assert not maps[1].any()


def test_where_two_people_meet_the_nearer_counts():
    people = np.array([[[3.5, 3.5], [np.nan] * 2], [[5.5, 3.5], [np.nan] * 2]])
    alone = [confidence_maps(people[[index]], (8, 8), 1.0) for index in range(2)]
    np.testing.assert_array_equal(confidence_maps(people, (8, 8), 1.0), np.maximum(*alone))


@pytest.mark.parametrize(
    ("tip", "unit"), [((8.5, 3.5), (1, 0)), ((2.5, 9.5), (0, 1)), ((6.5, 7.5), (0.5**0.5, 0.5**0.5))]
)
def test_a_field_points_along_the_limb_and_fades_beside_it(tip, unit):
    limb = np.array([[[2.5, 3.5], tip]])
    fields = affinity_fields(limb, ARROW, (16, 16), deviation=1.0)
    row, column = np.mean([tip, (2.5, 3.5)], axis=0).astype(int)[::-1]
    assert fields[1, row, column] == pytest.approx(unit[0], abs=0.25)
    assert fields[0, row, column] == pytest.approx(unit[1], abs=0.25)
    assert abs(fields[:, 15, 15]).max() < 1e-3


def test_a_limb_without_length_or_label_teaches_nothing():
    people = np.array([[[4.0, 4.0], [4.0, 4.0]], [[1.0, 1.0], [np.nan, np.nan]]])
    assert not affinity_fields(people, ARROW, (8, 8), 1.0).any()


def test_the_parser_reads_back_what_was_drawn():
    draw = np.random.default_rng(0)
    people = draw.uniform(6, 20, (1, 18, 2)) + np.array([[[0.0, 0.0]], [[28.0, 25.0]]])
    shape = (56, 56)
    maps = confidence_maps(people, shape, 1.4), affinity_fields(people, TRT_POSE, shape, 1.4)
    found = PafParser(TRT_POSE, min_parts=10).__call__(*maps).keypoints[..., :2] * 56
    assert len(found) == 2
    found = found[np.argsort(found[:, 0, 0])]
    assert np.nanmedian(np.abs(found - people)) < 0.3
