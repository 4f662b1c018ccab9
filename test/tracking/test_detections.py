from collections import Counter

import numpy as np
import pytest
from boxed_people import person

from rt_gait_ros.tracking import TrackerConfig
from rt_gait_ros.tracking.detections import BORDER_NOISE, keypoint_count


def test_boxes_are_given_by_their_centres(read):
    found = read([person(300, 400, 200)], TrackerConfig(box_noise=0.05))
    np.testing.assert_allclose(found.box, [[300, 400, 80, 200]], rtol=1e-6)
    np.testing.assert_allclose(found.noise, 10.0**2, rtol=1e-6)


@pytest.mark.parametrize(
    ("field", "value", "reason"),
    [
        ("box", [np.nan, 0, 10, 10], "box or confidence is not a number"),
        ("box", [0, np.inf, 10, 10], "box or confidence is not a number"),
        ("confidence", np.nan, "box or confidence is not a number"),
        ("box", [0, 0, 0, 10], "box has no area"),
        ("box", [0, 0, 10, -5], "box has no area"),
    ],
)
def test_what_is_unusable_is_left_out_and_counted(read, field, value, reason):
    bad, rejected = person(300), Counter()
    setattr(bad, field, np.array(value, np.float32) if field == "box" else value)
    found = read([bad, person(700)], rejected=rejected)
    assert found.index.tolist() == [1]
    assert rejected == {reason: 1}


def test_nothing_is_counted_when_all_is_well(read):
    rejected = Counter()
    read([person(300), person(700, confidence=0.01)], rejected=rejected)
    assert not rejected


def test_the_surest_are_kept_of_too_many(read):
    crowd = [person(100 * k, confidence=c) for k, c in enumerate([0.5, 0.9, 0.3, 0.8])]
    assert read(crowd, TrackerConfig(max_people=2)).index.tolist() == [1, 3]


def test_the_side_cut_by_the_border_is_less_certain(read):
    noise = read([person(10, 400, 200)]).noise[0]
    assert noise[0] == noise[2] == BORDER_NOISE * noise[1] == BORDER_NOISE * noise[3]


def test_keypoints_of_another_shape_count_as_missing(read):
    short, none, rejected = person(300), person(500), Counter()
    short.keypoints, none.keypoints = short.keypoints[:5], np.empty((0, 3), np.float32)
    found = read([short, none, person(700)], rejected=rejected)
    assert np.isnan(found.keypoints[:2]).all()
    assert np.isfinite(found.keypoints[2]).all()
    assert rejected == {"keypoints do not fit the layout": 1}


def test_an_unknown_layout_has_no_keypoints():
    assert keypoint_count("unknown") == 0
