"""Annotation files as they come from elsewhere: incomplete, hand-made, exported by other programs."""

import json

import numpy as np
import pytest

from rt_gait_ros.datasets.coco import DatasetError, read_keypoints
from rt_gait_ros.pose.topology import Topology

NAMES = ["palm", "thumb", "little"]
HAND = Topology.from_coco_category({"name": "hand", "keypoints": NAMES, "skeleton": [[1, 2], [1, 3]]})


def hand(**changes):
    """An annotation; a field that is None is left out."""
    entry = {"id": 7, "image_id": 1, "category_id": 1, "keypoints": [10, 20, 2, 30, 40, 1, 0, 0, 0], "num_keypoints": 2}
    entry |= {"bbox": [10, 20, 20, 20], "area": 400, "iscrowd": 0}
    return {key: value for key, value in (entry | changes).items() if value is not None}


def content(*annotations, **changes):
    return {
        "images": [{"id": 1, "file_name": "a.jpg"}],
        "annotations": list(annotations),
        "categories": [{"id": 1, "name": "hand", "keypoints": NAMES}],
    } | changes


def read(tmp_path, made, encoding="utf-8"):
    path = tmp_path / "hands.json"
    path.write_text(made if isinstance(made, str) else json.dumps(made), encoding=encoding)
    return read_keypoints(path, tmp_path, HAND)


def test_a_hand(tmp_path):
    (image,) = read(tmp_path, content(hand())).images
    np.testing.assert_array_equal(image.people, [[[10, 20], [30, 40], [np.nan, np.nan]]])
    assert image.unlabelled.shape == (0, 4)


@pytest.mark.parametrize("said", [None, 0, 3])
def test_who_is_labelled_is_told_by_the_visibilities(tmp_path, said):
    (image,) = read(tmp_path, content(hand(num_keypoints=said))).images
    assert (len(image.people), len(image.unlabelled)) == (1, 0)


@pytest.mark.parametrize(
    "nobody",
    [{"keypoints": None, "num_keypoints": None}, {"keypoints": [0] * 9}, {"iscrowd": 1}, {"keypoints": [5, 5, 0] * 3}],
)
def test_who_is_not_labelled_is_masked(tmp_path, nobody):
    (image,) = read(tmp_path, content(hand(), hand(bbox=[1, 2, 3, 4], **nobody))).images
    assert (len(image.people), image.unlabelled.tolist()) == (1, [[1, 2, 3, 4]])


def test_a_byte_order_mark_is_no_part_of_the_file(tmp_path):
    assert len(read(tmp_path, content(hand()), encoding="utf-8-sig").images) == 1
    category = {"name": "hand", "keypoints": NAMES, "skeleton": [[1, 2]]}
    (tmp_path / "hand.json").write_text(json.dumps(category), encoding="utf-8-sig")
    assert Topology.load(tmp_path / "hand.json").parts == tuple(NAMES)


def test_other_categories_may_be_as_they_like(tmp_path):
    categories = [{"id": 1, "name": "hand", "keypoints": NAMES}, {"id": 2}]
    dataset = read(tmp_path, content(hand(), {"image_id": 1, "category_id": 2}, categories=categories))
    assert len(dataset.images[0].people) == 1


def test_whole_numbers_may_be_written_as_decimals(tmp_path):
    dataset = read(tmp_path, content(hand(image_id=1.0), images=[{"id": 1.0, "file_name": "a.jpg"}]))
    assert (dataset.images[0].image_id, len(dataset.images[0].people)) == (1, 1)


@pytest.mark.parametrize(
    ("made", "says"),
    [
        (content(hand(image_id=None)), r"annotations\[0\] has no 'image_id'"),
        (content(hand(category_id=None)), r"annotations\[0\] has no 'category_id'"),
        (content(hand(image_id="1")), "'image_id' is \"1\", but COCO has a whole number there"),
        (content(hand(image_id=True)), "'image_id' is true"),
        (content(hand(category_id="hand")), "'category_id' is \"hand\""),
        (content(hand(), images=[{"id": "1", "file_name": "a.jpg"}]), r"images\[0\]: 'id' is \"1\""),
        (content(hand(), images=[{"file_name": "a.jpg"}]), r"images\[0\] has no 'id'"),
        (content(hand(), images=[{"id": 1}]), r"images\[0\] has no 'file_name'"),
        (content(hand(), images=[{"id": 1, "file_name": 3}]), "'file_name' is 3, but COCO has a text there"),
        (content(hand(), images=[{"id": 1, "file_name": "a"}, {"id": 1, "file_name": "b"}]), "id 1 .* more than once"),
        (content(hand(), images=["a.jpg"]), r"images\[0\] is no object"),
        (content("hand"), r"annotations\[0\] is no object"),
        (content(hand(), categories=[{"name": "hand", "keypoints": NAMES}]), r"categories\[0\] has no 'id'"),
        (content(hand(), categories=[{"id": 1, "name": "hand"}]), "no category 'hand' with keypoints"),
        (content(hand(), categories=[{"id": 1, "name": "hand", "keypoints": 3}]), "no category 'hand' with keypoints"),
        (content(hand(keypoints=[1, 2, 2] * 2)), "annotation 7 has 6 numbers .* 3 keypoints need 9 numbers"),
        (content(hand(id=None, keypoints=[1, 2, 2] * 2)), "an annotation of image 1 has 6 numbers"),
        (content(hand(keypoints=None)), "annotation 7 has none for 'keypoints'"),
        (content(hand(keypoints=["1"] * 9)), "annotation 7 has something else"),
        (content(hand(keypoints=[float("nan")] * 9)), "annotation 7 has something else"),
        (content(hand(keypoints=[10**400] * 9)), "annotation 7 has something else"),
        (content(hand(iscrowd=1, bbox=None)), "annotation 7 has neither .* nor a 'bbox' of four numbers"),
        (content(hand(iscrowd=1, bbox=[1, 2, 3])), "annotation 7 has neither"),
        (content(), "labels nobody's keypoints"),
        ({"images": [], "annotations": []}, 'no list "categories"'),
        ([], 'no list "images"'),
        ("{", "is not JSON"),
        ("[" * 200_000, "is not JSON"),
    ],
)
def test_what_is_amiss_is_one_line(tmp_path, made, says):
    with pytest.raises(DatasetError, match=says) as refused:
        read(tmp_path, made)
    assert "\n" not in str(refused.value)
