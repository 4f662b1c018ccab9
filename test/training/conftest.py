"""A small COCO-format set of stick figures, drawn with a fixed seed."""

import json
from pathlib import Path

import cv2
import numpy as np
import pytest

pytest.importorskip("torch", reason="needs the extra [train]")
pytest.importorskip("pycocotools", reason="needs the extra [train]")

PARTS = ["head", "left_hand", "right_hand", "left_foot", "right_foot", "hip"]
SKELETON = [[1, 6], [6, 4], [6, 5], [1, 2], [1, 3]]
COLOURS = [(40, 40, 255), (40, 255, 40), (255, 40, 40), (40, 255, 255), (255, 40, 255)]
FIGURE = np.array([[0, -1], [0.7, -0.1], [-0.7, -0.1], [0.4, 1], [-0.4, 1], [0, 0.2]])


def draw_figure(image: np.ndarray, joints: np.ndarray) -> None:
    for (first, second), colour in zip(SKELETON, COLOURS, strict=True):
        ends = [tuple(int(value) for value in joints[part - 1]) for part in (first, second)]
        cv2.line(image, ends[0], ends[1], colour, 5)


@pytest.fixture
def stick_figures(tmp_path: Path) -> Path:
    """Folder with `topology.json`, `annotations.json` and `images/`: four images of one or two figures each."""
    draw = np.random.default_rng(2)
    folder = tmp_path / "figures"
    (folder / "images").mkdir(parents=True)
    category = {"id": 1, "name": "figure", "keypoints": PARTS, "skeleton": SKELETON}
    content: dict = {"images": [], "annotations": [], "categories": [category]}
    for index in range(4):
        image = np.full((120, 160, 3), 60, np.uint8)
        for place in range(1 + index % 2):
            centre = np.array([45 + 65 * place, 60]) + draw.uniform(-6, 6, 2)
            joints = centre + 38 * FIGURE * draw.uniform(0.85, 1.1) + draw.uniform(-3, 3, (6, 2))
            draw_figure(image, joints)
            low, size = joints.min(axis=0), np.ptp(joints, axis=0)
            annotation = {"id": len(content["annotations"]) + 1, "image_id": index, "category_id": 1, "iscrowd": 0}
            annotation |= {"keypoints": np.column_stack([joints, np.full(6, 2)]).ravel().tolist(), "num_keypoints": 6}
            content["annotations"].append(annotation | {"bbox": [*low, *size], "area": float(size.prod())})
        cv2.imwrite(str(folder / "images" / f"{index}.png"), image)
        content["images"].append({"id": index, "file_name": f"{index}.png"})
    (folder / "annotations.json").write_text(json.dumps(content))
    (folder / "topology.json").write_text(json.dumps(category))
    return folder
