import json

import numpy as np
import pytest

from rt_gait_ros.datasets.coco import DatasetError, read_keypoints
from rt_gait_ros.pose.topology import Topology
from rt_gait_ros.training.pose_samples import NO_AUGMENTATION, Augmentation, PoseSamples, mirrored_parts


def read(folder):
    return read_keypoints(folder / "annotations.json", folder / "images", Topology.load(folder / "topology.json"))


def change(folder, edit):
    path = folder / "annotations.json"
    content = json.loads(path.read_text())
    edit(content)
    path.write_text(json.dumps(content))


def test_left_and_right_trade_places_in_a_mirror():
    assert mirrored_parts(("nose", "left_hand", "right_hand", "left_only")) == [0, 2, 1, 3]


def test_targets_lie_on_the_joints_however_the_image_is_turned(stick_figures):
    samples = PoseSamples(read(stick_figures), 128, Augmentation(scale=(0.8, 1.2), colour=0.0), seed=3)
    for epoch in range(4):
        samples.epoch = epoch
        image, cmap, _, _ = samples[0]
        rows, columns = np.divmod(cmap.flatten(1).argmax(1).numpy(), cmap.shape[2])
        sure = cmap.amax((1, 2)) > 0.5
        # hands are the ends of a green and a blue line, feet of a yellow... red is the trunk: each joint lies on colour
        for part in np.flatnonzero(sure):
            patch = image[4 * rows[part] : 4 * rows[part] + 8, 4 * columns[part] : 4 * columns[part] + 8].numpy()
            assert np.ptp(patch.astype(int), axis=2).max() > 60


def test_the_same_seed_draws_the_same_and_another_epoch_another(stick_figures):
    samples = PoseSamples(read(stick_figures), 64, Augmentation(), seed=3)
    first, again = samples[1][0], samples[1][0]
    samples.epoch = 1
    assert (first == again).all()
    assert (first != samples[1][0]).any()


def test_nothing_is_taught_where_a_person_has_no_labels(stick_figures):
    crowd = {"id": 99, "image_id": 0, "category_id": 1, "iscrowd": 1, "num_keypoints": 0, "bbox": [80, 0, 80, 120]}
    change(stick_figures, lambda content: content["annotations"].append(crowd))
    mask = PoseSamples(read(stick_figures), 64, NO_AUGMENTATION)[0][3]
    assert mask[0, :, :7].all()
    assert not mask[0, :, 9:].any()


def test_a_neck_lies_between_the_shoulders(tmp_path):
    names = ["nose", "left_shoulder", "right_shoulder"]
    annotation = {"id": 1, "image_id": 1, "category_id": 1, "num_keypoints": 3, "bbox": [0, 0, 9, 9]}
    annotation["keypoints"] = [5, 1, 2, 2, 4, 2, 8, 6, 2]
    content = {
        "images": [{"id": 1, "file_name": "a.png"}],
        "annotations": [annotation],
        "categories": [{"id": 1, "name": "person", "keypoints": names}],
    }
    (tmp_path / "a.json").write_text(json.dumps(content))
    topology = Topology.from_coco_category({"name": "person", "keypoints": [*names, "neck"], "skeleton": [[4, 1]]})
    people = read_keypoints(tmp_path / "a.json", tmp_path, topology).images[0].people
    np.testing.assert_allclose(people[0, 3], [5, 5])


@pytest.mark.parametrize(
    ("edit", "message"),
    [
        (lambda content: content.pop("images"), 'no list "images"'),
        (
            lambda content: content["categories"].append({"id": 2, "name": "cat"}) or content["categories"].pop(0),
            "figure",
        ),
        (lambda content: content["categories"][0]["keypoints"].remove("hip"), "labels no 'hip'"),
        (lambda content: content["annotations"].clear(), "labels nobody"),
    ],
)
def test_wrong_annotations_are_one_clear_line(stick_figures, edit, message):
    change(stick_figures, edit)
    with pytest.raises(DatasetError, match=message) as caught:
        read(stick_figures)
    assert "\n" not in str(caught.value)


def test_a_missing_image_is_named(stick_figures):
    (stick_figures / "images/1.png").unlink()
    with pytest.raises(DatasetError, match=r"1\.png is missing"):
        PoseSamples(read(stick_figures), 64, NO_AUGMENTATION)[1]
