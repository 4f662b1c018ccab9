"""The whole-image stage: networks that find people, each with its own idea of maps, colours and sizes."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import cv2
import numpy as np

from rt_gait_ros.pose.errors import PoseError
from rt_gait_ros.pose.layouts import OPENPOSE_CHANNELS, OPENPOSE_HEATMAPS, OPENPOSE_THIN, PARTS, TRT_POSE, with_neck
from rt_gait_ros.pose.paf import PafParser
from rt_gait_ros.pose.sighting import Sighting, from_boxes, from_keypoints
from rt_gait_ros.pose.topology import Topology
from rt_gait_ros.serving.inference import ModelSpec, Tensors

_NEITHER = (
    "tells people neither as boxes (NanoDet), as maps (OpenPose), as people (MoveNet), nor as cmap and paf (trt_pose)"
)
# Most people of one window that are looked at any further, the surest; a network that sees a thousand sees noise.
MOST_PEOPLE = 64


class Decoder(Protocol):
    """Outputs of one whole-image network -> people."""

    def __call__(self, outputs: Tensors, size: tuple[int, int]) -> list[Sighting]:
        """People in pixels of what the network was shown. size: (width, height) of it before it was scaled.

        Raises PoseError.
        """
        ...


class BoxDecoder:
    """NanoDet's rows of left, top, right, bottom, in pixels of the network's own image, and a score."""

    # Low on purpose: the per-person network has the last word on who is there.
    SCORE = 0.3
    # Boxes that overlap by more of their union are of one person: two who walk side by side overlap by less.
    OVERLAP = 0.55

    def __call__(self, outputs: Tensors, size: tuple[int, int]) -> list[Sighting]:
        """Read `boxes` [1, P, 5], scaled to the size already."""
        rows = _finite(outputs["boxes"][0])
        solid = (rows[:, 2] > rows[:, 0]) & (rows[:, 3] > rows[:, 1]) & (rows[:, 4] >= self.SCORE)
        rows = rows[solid]
        rows = rows[np.argsort(-rows[:, 4], kind="stable")][:MOST_PEOPLE]
        if not len(rows):
            return []
        corners = np.column_stack([rows[:, :2], rows[:, 2:4] - rows[:, :2]])
        kept = cv2.dnn.NMSBoxes(corners.tolist(), rows[:, 4].tolist(), 0.0, self.OVERLAP)
        return from_boxes(rows[np.sort(np.asarray(kept, np.int64).ravel())])


class OpenPoseDecoder:
    """mobilenet_thin's maps at an eighth of the image; its peaks are two cells wide, so the window is small."""

    def __init__(self, min_parts: int) -> None:
        self._parser = PafParser(OPENPOSE_THIN, window=3, min_parts=min_parts, separate=True, bounded_centroids=True)

    def __call__(self, outputs: Tensors, size: tuple[int, int]) -> list[Sighting]:
        """Parse `maps` [1, H/8, W/8, 57]."""
        maps = outputs["maps"][0].transpose(2, 0, 1)
        return _scaled(self._parser(maps[OPENPOSE_CHANNELS], maps[OPENPOSE_HEATMAPS:]).keypoints, size)


class TrtPoseDecoder:
    """trt_pose's `cmap` [1, 18, H/4, W/4] and `paf` [1, 2L, H/4, W/4], whose L links are the topology's."""

    def __init__(self, min_parts: int, topology: Topology = TRT_POSE) -> None:
        self._parser = PafParser(topology, min_parts=min_parts, separate=True, bounded_centroids=True)

    def __call__(self, outputs: Tensors, size: tuple[int, int]) -> list[Sighting]:
        """Parse the maps."""
        return _scaled(self._parser(outputs["cmap"][0], outputs["paf"][0]).keypoints, size)


class MoveNetDecoder:
    """MoveNet multipose: six rows of 17 × (y, x, score), a box and a score."""

    # Low on purpose: the per-person network has the last word on who is there.
    PERSON_SCORE = 0.2
    JOINT_SCORE = 0.1

    def __init__(self, min_parts: int) -> None:
        self._min_parts = min_parts

    def __call__(self, outputs: Tensors, size: tuple[int, int]) -> list[Sighting]:
        """Read `people` [1, 6, 56]."""
        rows = _finite(outputs["people"][0])
        rows = rows[rows[:, 55] >= self.PERSON_SCORE]
        joints = rows[:, :51].reshape(-1, 17, 3)[..., [1, 0, 2]].astype(np.float32)
        joints[joints[..., 2] < self.JOINT_SCORE] = np.nan, np.nan, 0.0
        return _scaled(with_neck(joints[(joints[..., 2] > 0).sum(axis=1) >= self._min_parts]), size)


def _finite(rows: np.ndarray) -> np.ndarray:
    """The rows themselves. Raises PoseError."""
    if not np.isfinite(rows).all():
        raise PoseError("the network's people hold NaN or infinite values; the frame cannot be read")
    return rows


def _scaled(people: np.ndarray, size: tuple[int, int]) -> list[Sighting]:
    """Of keypoints (P, 18, 3) in 0..1 of what the network was shown."""
    return from_keypoints(people[:MOST_PEOPLE] * np.array([*size, 1.0], np.float32))


# Which output gives a network away, and its decoder for people of so many joints at least.
_DECODERS: dict[str, Callable[[int], Decoder]] = {
    "boxes": lambda min_parts: BoxDecoder(),
    "maps": OpenPoseDecoder,
    "people": MoveNetDecoder,
    "cmap": TrtPoseDecoder,
}


@dataclass(frozen=True)
class Detector:
    """A whole-image network ready for use: what it takes, from its description, and how it is read.

    size: (width, height) the network insists on, or None where any multiple of `multiple` will do. sees: height in
    pixels of its own image from which it finds people; 0: not known, so that tiles cannot be laid out.
    """

    model: str
    decode: Decoder
    rgb: bool
    multiple: int
    size: tuple[int, int] | None
    sees: float

    @classmethod
    def from_spec(cls, spec: ModelSpec, min_parts: int) -> "Detector":
        """Choose the decoder by the outputs' names. Raises PoseError for a network that does not find people."""
        outputs = {output.name for output in spec.outputs}
        kind = next((name for name in _DECODERS if name in outputs), None)
        if kind is None or not any(tensor.name == "image" for tensor in spec.inputs):
            raise PoseError(f"detector {spec.name!r} {_NEITHER}: choose another model")
        height, width, _ = next(tensor.shape for tensor in spec.inputs if tensor.name == "image")[-3:]
        topology = spec.parameters.get("topology")
        return cls(
            model=spec.name,
            decode=TrtPoseDecoder(min_parts, _topology(spec.name, topology))
            if topology
            else _DECODERS[kind](min_parts),
            rgb=spec.parameters.get("colour_order", "RGB") == "RGB",
            multiple=int(spec.parameters.get("size_multiple", "1")),
            size=(width, height) if width > 0 and height > 0 else None,
            sees=float(spec.parameters.get("smallest_person", "0")),
        )

    def request(self, image: np.ndarray, long_side: int) -> Tensors:
        """The image as the network takes it: scaled so that its longer side is about long_side, never cut or padded."""
        if image.shape[:2] == (1, 1):
            image = np.repeat(image, 2, axis=1)  # OpenCV 4.5 takes no array of one pixel
        height, width = image.shape[:2]
        scale = long_side / max(height, width)
        size = self.size or (self._whole(width * scale), self._whole(height * scale))
        small = _resized(image, size)
        return {"image": cv2.cvtColor(small, cv2.COLOR_BGR2RGB)[None] if self.rgb else small[None]}

    def people(self, outputs: Tensors, shown: np.ndarray, request: Tensors) -> list[Sighting]:
        """People in pixels of what was shown, (H, W, 3). request: as it was asked. Raises PoseError."""
        height, width = shown.shape[:2]
        if "boxes" in outputs:
            rows, columns = request["image"].shape[1:3]
            outputs = {"boxes": _stretched(outputs["boxes"], width / columns, height / rows)}
        return self.decode(outputs, (width, height))

    def _whole(self, length: float) -> int:
        """The nearest size that the network takes."""
        return max(round(length / self.multiple), 2) * self.multiple


def _resized(image: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """An image (H, W, C) scaled to `size` (width, height): halved while that is more than it takes, then interpolated.

    OpenCV averages over whole pixels alone with vector instructions: INTER_AREA takes 23 ms from 3840x2160 to 320x192,
    and 2.6 ms from 1280x720, where this takes 3.7 and 0.4 ms. An odd last row or column is left out of a half.
    """
    width, height = size
    while image.shape[1] >= 2 * width and image.shape[0] >= 2 * height:
        half = image.shape[1] // 2, image.shape[0] // 2
        image = cv2.resize(image[: 2 * half[1], : 2 * half[0]], half, interpolation=cv2.INTER_AREA)
    return np.asarray(cv2.resize(image, size, interpolation=cv2.INTER_LINEAR))


def _stretched(boxes: np.ndarray, across: float, down: float) -> np.ndarray:
    """Boxes (1, P, 5) of left, top, right, bottom and score with their places scaled."""
    if boxes.ndim != 3 or boxes.shape[2] != 5:
        raise PoseError(f"the network's boxes are {boxes.shape[1:]}, not (people, 5); the frame cannot be read")
    return boxes * np.array([across, down, across, down, 1.0], np.float32)


def _topology(model: str, text: str) -> Topology:
    """The topology that a network's description carries as a COCO category. Raises PoseError unless it is of people."""
    topology = Topology.from_coco_category(json.loads(text), f"the topology of {model!r}")
    if topology.parts != PARTS:
        raise PoseError(
            f"detector {model!r} finds a {topology.name}, not people with trt_pose's joints: choose another"
        )
    return topology
