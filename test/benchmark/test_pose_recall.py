"""What counts as found in the pose benchmark, on boxes whose places are known."""

import numpy as np
import pytest
from pose_recall import HEIGHTS, Score, Setting, _agreed, _film, _scene, rows


def boxes(*places):
    return np.array([(x, 100.0, 0.4 * height, height) for x, height in places]).reshape(-1, 4)


def test_recall_and_precision_are_told_by_height():
    score = Score()
    there = boxes((0, 35), (100, 50), (200, 50), (300, 150))
    score.add(boxes((101, 52), (300, 148), (500, 120)), there, np.array([True, True, True, True]))
    assert score.recall(30, 40) == 0.0
    assert score.recall(40, 60) == 0.5
    assert score.recall(100, 200) == 1.0
    assert score.precision(40, 60) == 1.0
    assert score.precision(100, 200) == 0.5
    assert score.recall(40) == pytest.approx(2 / 3)


def test_who_need_not_be_found_is_neither_missed_nor_false():
    score = Score()
    score.add(boxes((100, 50)), boxes((100, 50), (200, 50)), np.array([False, True]))
    assert score.recall(40, 60) == 0.0
    assert score.precision(40, 60) == 1.0


def test_who_has_just_come_into_view_counts_apart():
    score = Score()
    there, must = boxes((100, 50), (200, 50), (300, 50)), np.array([True, True, False])
    score.add(boxes((200, 50)), there, must, np.array([False, True, False]))
    assert score.recall(40, 60) == 0.5
    assert score.recall_standing(40, 60) == 1.0
    named = {row.name: row.value for row in rows("scene", score, Score())}
    assert named["scene/recall_standing_40_60"] == 1.0


def test_nobody_has_no_share():
    named = {row.name: row for row in rows("empty", Score(), Score())}
    assert set(named) == {f"empty/{what}_{low}_{high}" for what in ("recall", "precision") for low, high in HEIGHTS} | {
        "empty/cpu_ms"
    }
    assert np.isnan(named["empty/recall_40_60"].value)


def test_the_truth_of_footage_is_who_was_found_at_both_sizes():
    ((there, sure),) = _agreed([boxes((0, 100), (200, 100))], [2 * boxes((0, 100), (400, 100))])
    assert sorted(there[:, 0]) == [0, 200, 400]
    assert sure.tolist() == [True, False, False]


def test_who_is_found_an_image_later_may_be_found_now_and_need_not():
    at = [boxes((0, 100)), boxes((0, 100), (300, 100)), boxes((0, 100))]
    first, second, third = _agreed(at, [2 * found for found in at])
    for there, sure in (first, third):
        assert 300.0 in there[:, 0]
        assert there[sure, 0].tolist() == [0.0]
    assert second[0][second[1], 0].tolist() == [0.0, 300.0]


def test_a_generated_scene_tells_who_must_be_found():
    images, there, counts, standing = _film(_scene(0, 1.1, 0.0))
    assert images[0].shape == (720, 1280, 3)
    assert not any(must.any() for must in standing[:8])
    assert all(must[stood].all() for must, stood in zip(counts, standing, strict=True))
    # one man comes out from behind a taller one in image 8
    assert [int((must & ~stood).sum()) for must, stood in zip(counts, standing, strict=True)][8:] == [1, 1, 1, 1]
    assert all(len(boxes) == len(must) for boxes, must in zip(there, counts, strict=True))
    assert sum(must.sum() for must in counts) > 0


def test_people_may_come_into_view_with_the_second_image():
    setting = Setting((320, 180), 190.0, shortest=40.0, seconds=0.3, since=0.1, late=True)
    _, there, counts, standing = _film(_scene(0, 2.5, 0.06, setting))
    assert [must.sum() > 0 for must in counts] == [False, True, True]
    assert not any(stood.any() for stood in standing)
    assert min(box[3] for boxes in there[1:] for box in boxes) >= 30.0
