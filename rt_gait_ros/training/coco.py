"""Keypoint annotations in COCO's format, read for training and for evaluation."""

import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from rt_gait_ros.errors import UsageError
from rt_gait_ros.pose.topology import Topology


class DatasetError(UsageError):
    """The annotations or the images are not what they should be."""


@dataclass(frozen=True, slots=True)
class LabelledImage:
    """One image of a data set.

    people: (P, K, 2) float32, x and y in pixels by the topology's parts, NaN where unlabelled; P may be 0.
    unlabelled: (U, 4) float32, x, y, width, height of people without keypoints: nothing is taught there.
    """

    image_id: int
    path: Path
    people: np.ndarray
    unlabelled: np.ndarray


@dataclass(frozen=True, slots=True)
class KeypointDataset:
    """Images of one category, those without anybody too.

    annotations: the file. keypoints: the category's names in that file. part_columns: for each part of the topology,
    its keypoints there (one, or the two between which it lies).
    """

    annotations: Path
    topology: Topology
    category_id: int
    keypoints: tuple[str, ...]
    part_columns: tuple[tuple[int, ...], ...]
    images: tuple[LabelledImage, ...]


def read_keypoints(annotations: Path, images: Path, topology: Topology) -> KeypointDataset:
    """Read a COCO keypoint file.

    annotations: JSON with `images`, `annotations` and `categories`. images: folder of the files it names. The category
    is the one of the topology's name, or the only one. A part "neck" that the category lacks lies between the two
    shoulders, as in trt_pose. Raises DatasetError, one line.
    """
    content = _read_json(annotations)
    category = _category(content["categories"], topology, annotations)
    columns = _part_columns(category["keypoints"], topology, annotations)
    by_image: dict[int, list[dict]] = {}
    for annotation in content["annotations"]:
        if annotation["category_id"] == category["id"]:
            by_image.setdefault(annotation["image_id"], []).append(annotation)
    labelled = tuple(
        _labelled_image(entry, images, by_image.get(entry["id"], []), columns) for entry in content["images"]
    )
    if not any(len(image.people) for image in labelled):
        raise DatasetError(f"{annotations} labels nobody's keypoints: nothing to learn from")
    return KeypointDataset(annotations, topology, int(category["id"]), tuple(category["keypoints"]), columns, labelled)


def _read_json(path: Path) -> dict:
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise DatasetError(f"{path} cannot be read: {error.strerror}") from error
    except ValueError as error:
        raise DatasetError(f"{path} is not JSON: {error}") from error
    for key in ("images", "annotations", "categories"):
        if not isinstance(content, dict) or not isinstance(content.get(key), list):
            raise DatasetError(f'{path} has no list "{key}": give a COCO keypoint annotation file')
    return content


def _category(categories: list[dict], topology: Topology, source: Path) -> dict:
    named = [category for category in categories if category.get("name") == topology.name]
    chosen = named or (categories if len(categories) == 1 else [])
    if not chosen or "keypoints" not in chosen[0]:
        names = ", ".join(str(category.get("name")) for category in categories)
        raise DatasetError(f"{source} has no category '{topology.name}' with keypoints, only: {names}")
    return chosen[0]


def _part_columns(keypoints: list[str], topology: Topology, source: Path) -> tuple[tuple[int, ...], ...]:
    columns: list[tuple[int, ...]] = []
    for part in topology.parts:
        if part in keypoints:
            columns.append((keypoints.index(part),))
        elif part == "neck" and {"left_shoulder", "right_shoulder"} <= set(keypoints):
            columns.append((keypoints.index("left_shoulder"), keypoints.index("right_shoulder")))
        else:
            raise DatasetError(f"{source} labels no '{part}', which the topology '{topology.name}' has")
    return tuple(columns)


def _labelled_image(
    entry: dict, folder: Path, annotations: list[dict], columns: tuple[tuple[int, ...], ...]
) -> LabelledImage:
    people, unlabelled = [], []
    for annotation in annotations:
        if annotation.get("iscrowd") or not annotation.get("num_keypoints"):
            unlabelled.append(annotation["bbox"])
            continue
        joints = np.array(annotation["keypoints"], np.float32).reshape(-1, 3)
        joints[joints[:, 2] == 0] = np.nan
        people.append([joints[list(column), :2].mean(axis=0) for column in columns])
    return LabelledImage(
        image_id=int(entry["id"]),
        path=folder / entry["file_name"],
        people=np.array(people, np.float32).reshape(-1, len(columns), 2),
        unlabelled=np.array(unlabelled, np.float32).reshape(-1, 4),
    )
