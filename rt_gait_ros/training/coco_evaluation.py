"""Average precision of keypoints as COCO defines it, through pycocotools."""

import contextlib
import io
from typing import Any

import cv2
import numpy as np
import torch
from torch import nn

from rt_gait_ros.datasets.coco import DatasetError, KeypointDataset, read_annotations
from rt_gait_ros.image_files import read_image
from rt_gait_ros.pose.paf import PafParser

# Per-keypoint falloff of COCO's seventeen (pycocotools); other keypoints get the middle of them.
COCO_SIGMAS = {
    "nose": 0.026, "left_eye": 0.025, "right_eye": 0.025, "left_ear": 0.035, "right_ear": 0.035, "left_shoulder": 0.079,
    "right_shoulder": 0.079, "left_elbow": 0.072, "right_elbow": 0.072, "left_wrist": 0.062, "right_wrist": 0.062,
    "left_hip": 0.107, "right_hip": 0.107, "left_knee": 0.087, "right_knee": 0.087, "left_ankle": 0.089,
    "right_ankle": 0.089,
}  # fmt: skip
OTHER_SIGMA = 0.072

FIGURES = ("ap", "ap50", "ap75", "ap_medium", "ap_large", "ar", "ar50", "ar75", "ar_medium", "ar_large")


def keypoint_precision(model: nn.Module, dataset: KeypointDataset, size: int) -> dict[str, float]:
    """COCO's ten keypoint figures (0..1, -1 where undefined) of a pose network on a data set.

    model: takes (1, size, size, 3) uint8 RGB and gives cmap and paf. People are parsed with trt_pose's defaults.
    Raises DatasetError for images or annotations that cannot be evaluated.
    """
    return average_precision(dataset, detections(model, dataset, size))


def average_precision(dataset: KeypointDataset, found: list[dict[str, Any]]) -> dict[str, float]:
    """COCO's ten keypoint figures of detections, in COCO's result format, over all images of the data set."""
    # imported late: only evaluation needs it
    from pycocotools.coco import COCO
    from pycocotools.cocoeval import COCOeval

    if not found:
        return dict.fromkeys(FIGURES, 0.0)
    with contextlib.redirect_stdout(io.StringIO()):  # pycocotools prints its progress
        truth = COCO()
        truth.dataset = _complete(dataset)
        truth.createIndex()
        evaluation = COCOeval(truth, truth.loadRes([dict(entry) for entry in found]), "keypoints")
        evaluation.params.imgIds = [image.image_id for image in dataset.images]
        evaluation.params.catIds = [dataset.category_id]
        sigmas = [COCO_SIGMAS.get(name, OTHER_SIGMA) for name in dataset.keypoints]
        evaluation.params.kpt_oks_sigmas = np.array(sigmas)
        evaluation.evaluate()
        evaluation.accumulate()
        evaluation.summarize()
    return {name: float(value) for name, value in zip(FIGURES, evaluation.stats, strict=True)}


def detections(model: nn.Module, dataset: KeypointDataset, size: int) -> list[dict[str, Any]]:
    """Everybody whom the network finds on the images, in COCO's result format; see keypoint_precision."""
    parser = PafParser(dataset.topology)
    device = next(model.parameters()).device
    found: list[dict[str, Any]] = []
    for image in dataset.images:
        pixels = read_image(image.path)
        if pixels is None:
            raise DatasetError(f"{image.path} is missing or not an image: mend the data set")
        height, width = pixels.shape[:2]
        rgb = np.ascontiguousarray(cv2.resize(pixels, (size, size))[:, :, ::-1])
        with torch.no_grad():
            cmap, paf = model(torch.from_numpy(rgb)[None].to(device))
        people = parser(cmap[0].float().cpu().numpy(), paf[0].float().cpu().numpy())
        for joints, score in zip(people.keypoints * (width, height, 1.0), people.confidence, strict=True):
            found.append(_result(dataset, image.image_id, joints, float(score)))
    return found


def _result(dataset: KeypointDataset, image_id: int, joints: np.ndarray, score: float) -> dict[str, Any]:
    """One detection. joints: (K, 3) by the topology's parts, pixels; a neck between two keypoints is left out."""
    keypoints = np.zeros((len(dataset.keypoints), 3))
    for joint, columns in zip(joints, dataset.part_columns, strict=True):
        if len(columns) == 1 and joint[2] > 0:
            keypoints[columns[0]] = joint[0], joint[1], 1.0
    # more parts found at the same confidence is the better find
    share = float((keypoints[:, 2] > 0).mean())
    return {
        "image_id": image_id,
        "category_id": dataset.category_id,
        "keypoints": keypoints.ravel().tolist(),
        "score": score * share,
    }


def _complete(dataset: KeypointDataset) -> dict[str, list[dict[str, Any]]]:
    """The annotation file with what pycocotools needs. Raises DatasetError for what cannot be told from the rest."""
    content = read_annotations(dataset.annotations)
    for number, annotation in enumerate(content["annotations"], start=1):
        named = annotation.get("id", f"of image {annotation['image_id']}")
        annotation["id"] = number  # pycocotools takes 0 for "matched to nobody" and reads no file without ids
        if annotation["category_id"] != dataset.category_id:
            continue
        for key in ("area", "bbox"):
            if annotation.get(key) is None:
                raise DatasetError(f"{dataset.annotations}: annotation {named} has no '{key}', which COCO's AP needs")
        annotation["iscrowd"] = annotation.get("iscrowd") or 0
        annotation["keypoints"] = annotation.get("keypoints") or [0] * 3 * len(dataset.keypoints)
        annotation["num_keypoints"] = sum(visibility > 0 for visibility in annotation["keypoints"][2::3])
    return content
