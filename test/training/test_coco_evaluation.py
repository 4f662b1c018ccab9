"""COCO's figures on detections made by hand."""

import json

import numpy as np
import pytest
import torch

from rt_gait_ros.datasets.coco import DatasetError, read_keypoints
from rt_gait_ros.pose.paf_targets import affinity_fields, confidence_maps
from rt_gait_ros.pose.topology import Topology
from rt_gait_ros.training.coco_evaluation import average_precision, keypoint_precision


def read(folder):
    return read_keypoints(folder / "annotations.json", folder / "images", Topology.load(folder / "topology.json"))


def perfect(folder) -> list[dict]:
    """Everybody, exactly where the annotations have them."""
    annotations = json.loads((folder / "annotations.json").read_text())["annotations"]
    return [
        {key: entry[key] for key in ("image_id", "category_id", "keypoints")} | {"score": 0.9} for entry in annotations
    ]


def test_perfect_detections_are_perfect(stick_figures):
    figures = average_precision(read(stick_figures), perfect(stick_figures))
    assert figures["ap"] == pytest.approx(1.0)
    assert figures["ar"] == pytest.approx(1.0)


def test_nobody_found_is_nothing(stick_figures):
    assert set(average_precision(read(stick_figures), []).values()) == {0.0}


def test_one_of_six_missed_costs_its_share_of_the_recall(stick_figures):
    found = perfect(stick_figures)
    assert average_precision(read(stick_figures), found[1:])["ar"] == pytest.approx(1 - 1 / len(found))


def shifted(detection: dict, pixels: float) -> dict:
    """A detection that lies so far to the right."""
    keypoints = np.array(detection["keypoints"]).reshape(-1, 3)
    keypoints[:, 0] += pixels
    return detection | {"keypoints": keypoints.ravel().tolist()}


def test_a_doubtful_ghost_costs_less_than_a_sure_one(stick_figures):
    found = perfect(stick_figures)
    ghost = shifted(found[0], 300)
    doubtful, sure = (average_precision(read(stick_figures), [*found, ghost | {"score": s}])["ap"] for s in (0.1, 1.0))
    assert doubtful == pytest.approx(1.0)
    assert sure < 0.9


def test_ghosts_in_images_without_anybody_count(stick_figures):
    path = stick_figures / "annotations.json"
    content = json.loads(path.read_text())
    content["images"].append({"id": 99, "file_name": "0.png"})
    path.write_text(json.dumps(content))
    found = perfect(stick_figures)
    assert average_precision(read(stick_figures), [*found, found[0] | {"image_id": 99, "score": 1.0}])["ap"] < 0.9


@pytest.mark.parametrize(("pixels", "worst", "best"), [(0, 0.99, 1.0), (4, 0.3, 0.95), (40, 0.0, 0.05)])
def test_the_further_off_the_lower(stick_figures, pixels, worst, best):
    found = [shifted(entry, pixels) for entry in perfect(stick_figures)]
    assert worst <= average_precision(read(stick_figures), found)["ap"] <= best


class Oracle(torch.nn.Module):
    """Answers each image in turn with the maps that are to be learned."""

    def __init__(self, dataset, size):
        super().__init__()
        self.weight = torch.nn.Parameter(torch.zeros(1))
        self._answers = [self._maps(image.people, dataset.topology, size // 4) for image in dataset.images]

    @staticmethod
    def _maps(people, topology, cells):
        inside = people / (160, 120) * cells  # stick figures' images are 160x120
        maps = confidence_maps(inside, (cells, cells), 1.4), affinity_fields(inside, topology, (cells, cells), 1.4)
        return tuple(torch.from_numpy(value)[None] for value in maps)

    def forward(self, image):
        return self._answers.pop(0)


def test_a_network_that_gives_the_targets_is_nearly_perfect(stick_figures):
    dataset = read(stick_figures)
    assert keypoint_precision(Oracle(dataset, 224), dataset, 224)["ap"] > 0.95


def changed(folder, encoding="utf-8", **changes):
    """The annotation file with these fields in every annotation; None takes one away."""
    path = folder / "annotations.json"
    content = json.loads(path.read_text())
    for entry in content["annotations"]:
        entry |= changes
        for key in [key for key, value in changes.items() if value is None]:
            del entry[key]
    path.write_text(json.dumps(content), encoding=encoding)


@pytest.mark.parametrize(
    "change", [{"num_keypoints": None}, {"num_keypoints": 0}, {"iscrowd": None}, {"id": None}, {"id": 0}]
)
def test_what_can_be_told_from_the_rest_may_be_missing_or_wrong(stick_figures, change):
    found = perfect(stick_figures)
    changed(stick_figures, **change)
    assert average_precision(read(stick_figures), found)["ap"] == pytest.approx(1.0)


def test_a_byte_order_mark_is_no_part_of_the_file(stick_figures):
    found = perfect(stick_figures)
    changed(stick_figures, encoding="utf-8-sig")
    assert average_precision(read(stick_figures), found)["ap"] == pytest.approx(1.0)


def test_whoever_has_no_keypoints_counts_neither_way(stick_figures):
    found = perfect(stick_figures)
    path = stick_figures / "annotations.json"
    content = json.loads(path.read_text())
    first = content["annotations"][0]
    content["annotations"][0] = {key: first[key] for key in ("image_id", "category_id", "bbox", "area")}
    path.write_text(json.dumps(content))
    assert average_precision(read(stick_figures), found)["ap"] == pytest.approx(1.0)


@pytest.mark.parametrize("key", ["area", "bbox"])
def test_annotations_without_an_area_are_refused(stick_figures, key):
    found = perfect(stick_figures)
    changed(stick_figures, **{key: None})
    with pytest.raises(DatasetError, match=f"annotation 1 has no '{key}'"):
        average_precision(read(stick_figures), found)
