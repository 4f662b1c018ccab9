"""Keypoint annotations in COCO's format, read for training and for evaluation."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

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
    shoulders, as in trt_pose. Whoever has no keypoint of visibility above 0 is unlabelled, whatever `num_keypoints`
    says. Raises DatasetError, one line.
    """
    content = read_annotations(annotations)
    category = _category(content["categories"], topology, annotations)
    columns = _part_columns(category["keypoints"], topology, annotations)
    people: dict[int, list[np.ndarray]] = {}
    unlabelled: dict[int, list[list[float]]] = {}
    for annotation in content["annotations"]:
        if annotation["category_id"] != category["id"]:
            continue
        joints = _joints(annotation, len(category["keypoints"]), annotations)
        if annotation.get("iscrowd") or joints is None:
            unlabelled.setdefault(annotation["image_id"], []).append(_box(annotation, annotations))
        else:
            parts = np.array([joints[list(column), :2].mean(axis=0) for column in columns])
            people.setdefault(annotation["image_id"], []).append(parts)
    labelled = tuple(
        LabelledImage(
            image_id=entry["id"],
            path=images / entry["file_name"],
            people=np.array(people.get(entry["id"], []), np.float32).reshape(-1, len(columns), 2),
            unlabelled=np.array(unlabelled.get(entry["id"], []), np.float32).reshape(-1, 4),
        )
        for entry in content["images"]
    )
    if not any(len(image.people) for image in labelled):
        raise DatasetError(f"{annotations} labels nobody's keypoints: nothing to learn from")
    return KeypointDataset(annotations, topology, category["id"], tuple(category["keypoints"]), columns, labelled)


# What every entry of a list must have, and of which type.
_FIELDS: dict[str, dict[str, type]] = {
    "images": {"id": int, "file_name": str},
    "annotations": {"image_id": int, "category_id": int},
    "categories": {"id": int},
}


def read_annotations(path: Path) -> dict[str, list[dict[str, Any]]]:
    """The lists `images`, `annotations` and `categories` of a COCO file.

    Every image has an id of its own and a file name, every annotation the ids of an image and of a category, every
    category an id; all of them are int. Raises DatasetError that names the first entry without.
    """
    try:
        content = json.loads(path.read_text(encoding="utf-8-sig"))
    except OSError as error:
        raise DatasetError(f"{path} cannot be read: {error.strerror}") from error
    except (ValueError, RecursionError) as error:
        raise DatasetError(f"{path} is not JSON: {error}") from error
    for key, fields in _FIELDS.items():
        if not isinstance(content, dict) or not isinstance(content.get(key), list):
            raise DatasetError(f'{path} has no list "{key}": give a COCO keypoint annotation file')
        for place, entry in enumerate(content[key]):
            _check_entry(entry, fields, f"{path}: {key}[{place}]")
    for key in ("images", "categories"):
        ids = [entry["id"] for entry in content[key]]
        if len(set(ids)) < len(ids):
            twice = next(one for one in ids if ids.count(one) > 1)
            raise DatasetError(f"{path}: id {twice} stands more than once in {key}")
    return content


def _check_entry(entry: Any, fields: dict[str, type], named: str) -> None:
    if not isinstance(entry, dict):
        raise DatasetError(f"{named} is no object")
    for field, kind in fields.items():
        value = entry.get(field)
        if value is None:
            raise DatasetError(f"{named} has no '{field}'")
        if kind is int and isinstance(value, float) and value.is_integer():
            value = entry[field] = int(value)
        if not isinstance(value, kind) or isinstance(value, bool):
            is_one = "a text" if kind is str else "a whole number"
            raise DatasetError(f"{named}: '{field}' is {json.dumps(value)}, but COCO has {is_one} there")


def _named(annotation: dict[str, Any]) -> str:
    number = annotation.get("id")
    return f"an annotation of image {annotation['image_id']}" if number is None else f"annotation {number}"


def _joints(annotation: dict[str, Any], count: int, source: Path) -> np.ndarray | None:
    """(K, 3) float32 x, y, visibility, NaN where unlabelled; None where nothing is labelled. Raises DatasetError."""
    values = annotation.get("keypoints")
    if values is None and not annotation.get("num_keypoints"):
        return None
    numbers = _numbers(values)
    if numbers is None or len(numbers) != 3 * count:
        found = "none" if values is None else f"{len(numbers)} numbers" if numbers is not None else "something else"
        raise DatasetError(
            f"{source}: {_named(annotation)} has {found} for 'keypoints'; the category's {count} keypoints need "
            f"{3 * count} numbers"
        )
    joints = numbers.reshape(-1, 3)
    labelled = joints[:, 2] > 0
    joints[~labelled] = np.nan
    return joints if labelled.any() else None


def _box(annotation: dict[str, Any], source: Path) -> list[float]:
    """x, y, width, height. Raises DatasetError."""
    numbers = _numbers(annotation.get("bbox"))
    if numbers is None or len(numbers) != 4:
        raise DatasetError(
            f"{source}: {_named(annotation)} has neither labelled keypoints nor a 'bbox' of four numbers"
        )
    return numbers.tolist()


def _numbers(values: Any) -> np.ndarray | None:
    """A list of finite numbers as float32, or None where it is no such list."""
    if not isinstance(values, list) or not all(isinstance(value, int | float) for value in values):
        return None
    try:
        numbers = np.array(values, np.float32)
    except OverflowError:  # a whole number of hundreds of digits
        return None
    return numbers if np.isfinite(numbers).all() else None


def _category(categories: list[dict], topology: Topology, source: Path) -> dict:
    named = [category for category in categories if category.get("name") == topology.name]
    chosen = named or (categories if len(categories) == 1 else [])
    keypoints = chosen[0].get("keypoints") if chosen else None
    if not isinstance(keypoints, list) or not all(isinstance(name, str) for name in keypoints):
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
