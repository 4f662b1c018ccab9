"""Average precision of keypoints as COCO defines it, through pycocotools."""

import contextlib
import io

import cv2
import numpy as np
import torch
from torch import nn

from rt_gait_ros.pose.paf import PafParser
from rt_gait_ros.training.coco import KeypointDataset

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
    """
    from pycocotools.coco import COCO
    from pycocotools.cocoeval import COCOeval

    truth, found = _truth(dataset), _detections(model, dataset, size)
    with contextlib.redirect_stdout(io.StringIO()):  # pycocotools prints its progress
        ground_truth = COCO()
        ground_truth.dataset = truth
        ground_truth.createIndex()
        evaluation = COCOeval(ground_truth, ground_truth.loadRes(found) if found else COCO(), "keypoints")
        names = [dataset.topology.parts[part] for part in _labelled_parts(dataset)]
        evaluation.params.kpt_oks_sigmas = np.array([COCO_SIGMAS.get(name, OTHER_SIGMA) for name in names])
        if not found:
            return dict.fromkeys(FIGURES, 0.0)
        evaluation.evaluate()
        evaluation.accumulate()
        evaluation.summarize()
    return {name: float(value) for name, value in zip(FIGURES, evaluation.stats, strict=True)}


def _labelled_parts(dataset: KeypointDataset) -> list[int]:
    """Parts that the annotations label themselves: a neck made of two shoulders is not scored."""
    return [part for part, columns in enumerate(dataset.part_columns) if len(columns) == 1]


def _truth(dataset: KeypointDataset) -> dict:
    parts = _labelled_parts(dataset)
    annotations: list[dict] = []
    for image in dataset.images:
        for joints in image.people[:, parts]:
            seen = np.isfinite(joints).all(axis=1)
            low, high = np.nanmin(joints, axis=0), np.nanmax(joints, axis=0)
            flat = np.where(seen[:, None], joints, 0.0)
            box = [*low.tolist(), *(high - low).tolist()]
            annotations.append(
                {
                    "id": len(annotations) + 1,
                    "image_id": image.image_id,
                    "category_id": dataset.category_id,
                    "keypoints": np.column_stack([flat, 2.0 * seen]).ravel().tolist(),
                    "num_keypoints": int(seen.sum()),
                    "bbox": box,
                    # COCO scores by the person's area; half the box of the joints is close to a body's share of it
                    "area": 0.5 * max(box[2] * box[3], 1.0),
                    "iscrowd": 0,
                }
            )
    category = {"id": dataset.category_id, "name": dataset.topology.name}
    images = [{"id": image.image_id} for image in dataset.images]
    return {"images": images, "annotations": annotations, "categories": [category]}


def _detections(model: nn.Module, dataset: KeypointDataset, size: int) -> list[dict]:
    parser = PafParser(dataset.topology)
    parts = _labelled_parts(dataset)
    device = next(model.parameters()).device
    found: list[dict] = []
    for image in dataset.images:
        pixels = cv2.imread(str(image.path))
        height, width = pixels.shape[:2]
        rgb = np.ascontiguousarray(cv2.resize(pixels, (size, size))[:, :, ::-1])
        with torch.no_grad():
            cmap, paf = model(torch.from_numpy(rgb)[None].to(device))
        people = parser(cmap[0].float().cpu().numpy(), paf[0].float().cpu().numpy())
        for joints, score in zip(people.keypoints[:, parts], people.confidence, strict=True):
            seen = joints[:, 2] > 0
            flat = np.where(seen[:, None], joints * (width, height, 1.0), 0.0)
            found.append(
                {
                    "image_id": image.image_id,
                    "category_id": dataset.category_id,
                    "keypoints": flat.ravel().tolist(),
                    # more parts found at the same confidence is the better find
                    "score": float(score) * float(seen.mean()),
                }
            )
    return found
