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
from rt_gait_ros.pose.topology import Topology
from rt_gait_ros.serving.inference import ModelSpec, Tensors

_NEITHER = "tells people neither as maps (OpenPose), as people (MoveNet), nor as cmap and paf (trt_pose)"


class Decoder(Protocol):
    """Outputs of one whole-image network -> people."""

    def __call__(self, outputs: Tensors) -> np.ndarray:
        """People (P, 18, 3): x and y in 0..1 of the image, confidence; NaN, NaN, 0 where missing. Raises PoseError."""
        ...


class OpenPoseDecoder:
    """mobilenet_thin's maps at an eighth of the image; its peaks are two cells wide, so the window is small."""

    def __init__(self, min_parts: int) -> None:
        self._parser = PafParser(OPENPOSE_THIN, window=3, min_parts=min_parts, separate=True, bounded_centroids=True)

    def __call__(self, outputs: Tensors) -> np.ndarray:
        """Parse `maps` [1, H/8, W/8, 57]."""
        maps = outputs["maps"][0].transpose(2, 0, 1)
        return self._parser(maps[OPENPOSE_CHANNELS], maps[OPENPOSE_HEATMAPS:]).keypoints


class TrtPoseDecoder:
    """trt_pose's `cmap` [1, 18, H/4, W/4] and `paf` [1, 2L, H/4, W/4], whose L links are the topology's."""

    def __init__(self, min_parts: int, topology: Topology = TRT_POSE) -> None:
        self._parser = PafParser(topology, min_parts=min_parts, separate=True, bounded_centroids=True)

    def __call__(self, outputs: Tensors) -> np.ndarray:
        """Parse the maps."""
        return self._parser(outputs["cmap"][0], outputs["paf"][0]).keypoints


class MoveNetDecoder:
    """MoveNet multipose: six rows of 17 × (y, x, score), a box and a score."""

    # Low on purpose: the per-person network has the last word on who is there.
    PERSON_SCORE = 0.2
    JOINT_SCORE = 0.1

    def __init__(self, min_parts: int) -> None:
        self._min_parts = min_parts

    def __call__(self, outputs: Tensors) -> np.ndarray:
        """Read `people` [1, 6, 56]."""
        rows = outputs["people"][0]
        if not np.isfinite(rows).all():
            raise PoseError("the network's people hold NaN or infinite values; the frame cannot be read")
        rows = rows[rows[:, 55] >= self.PERSON_SCORE]
        joints = rows[:, :51].reshape(-1, 17, 3)[..., [1, 0, 2]].astype(np.float32)
        joints[joints[..., 2] < self.JOINT_SCORE] = np.nan, np.nan, 0.0
        return with_neck(joints[(joints[..., 2] > 0).sum(axis=1) >= self._min_parts])


# Which output gives a network away.
_DECODERS: dict[str, Callable[[int], Decoder]] = {
    "maps": OpenPoseDecoder,
    "people": MoveNetDecoder,
    "cmap": TrtPoseDecoder,
}


@dataclass(frozen=True)
class Detector:
    """A whole-image network ready for use: what it takes, from its description, and how it is read.

    size: (width, height) the network insists on, or None where any multiple of `multiple` will do.
    """

    model: str
    decode: Decoder
    rgb: bool
    multiple: int
    size: tuple[int, int] | None

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
        )

    def request(self, image: np.ndarray, long_side: int) -> Tensors:
        """The image as the network takes it: scaled so that its longer side is about long_side, never cut or padded."""
        height, width = image.shape[:2]
        scale = long_side / max(height, width)
        size = self.size or (self._whole(width * scale), self._whole(height * scale))
        shrinks = size[0] < width
        small = cv2.resize(image, size, interpolation=cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR)
        return {"image": cv2.cvtColor(small, cv2.COLOR_BGR2RGB)[None] if self.rgb else small[None]}

    def people(self, outputs: Tensors, image: np.ndarray) -> np.ndarray:
        """People (P, 18, 3) in pixels of the image."""
        height, width = image.shape[:2]
        return self.decode(outputs) * np.array([width, height, 1.0], np.float32)

    def _whole(self, length: float) -> int:
        """The nearest size that the network takes."""
        return max(round(length / self.multiple), 2) * self.multiple


def _topology(model: str, text: str) -> Topology:
    """The topology that a network's description carries as a COCO category. Raises PoseError unless it is of people."""
    topology = Topology.from_coco_category(json.loads(text), f"the topology of {model!r}")
    if topology.parts != PARTS:
        raise PoseError(
            f"detector {model!r} finds a {topology.name}, not people with trt_pose's joints: choose another"
        )
    return topology
