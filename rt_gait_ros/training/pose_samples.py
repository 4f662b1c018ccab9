"""From labelled images to training samples: augmentation, and the targets in the network's own cells."""

from dataclasses import dataclass

import cv2
import numpy as np
import torch
from torch import Tensor
from torch.utils.data import Dataset

from rt_gait_ros.datasets.coco import DatasetError, KeypointDataset, LabelledImage
from rt_gait_ros.image_files import read_image
from rt_gait_ros.pose.paf_targets import affinity_fields, confidence_maps

# The networks answer at a quarter of their input's size.
STRIDE = 4


@dataclass(frozen=True, slots=True)
class Augmentation:
    """How far training images are changed; the defaults are trt_pose's, the mirror is ours.

    angle: radians either way. scale: least and greatest. shift: share of the image's size either way. colour: share by
    which brightness, contrast and each channel change either way. mirror: chance of swapping left and right.
    """

    angle: float = 0.2
    scale: tuple[float, float] = (0.5, 2.0)
    shift: float = 0.2
    colour: float = 0.05
    mirror: float = 0.5


NO_AUGMENTATION = Augmentation(angle=0.0, scale=(1.0, 1.0), shift=0.0, colour=0.0, mirror=0.0)


def mirrored_parts(parts: tuple[str, ...]) -> list[int]:
    """For each part, the one that takes its place in a mirror: left_ and right_ trade places."""
    swapped = []
    for part in parts:
        other = part
        if part.startswith("left_"):
            other = "right_" + part.removeprefix("left_")
        elif part.startswith("right_"):
            other = "left_" + part.removeprefix("right_")
        swapped.append(parts.index(other) if other in parts else parts.index(part))
    return swapped


class PoseSamples(Dataset):
    """Samples of a data set: image (size, size, 3) uint8 RGB, cmap, paf, and mask (1, h, w), 0 where nothing is taught.

    size: pixels of the network's square input; a plain resize, as trt_pose does. deviation: of the targets'
    Gaussians, as a share of the map's height (trt_pose: 0.025). Every epoch draws anew, the same for the same seed.
    """

    def __init__(
        self, dataset: KeypointDataset, size: int, augmentation: Augmentation, deviation: float = 0.025, seed: int = 0
    ):
        self.dataset = dataset
        # as trt_pose does: images without anybody teach little
        self._images = [image for image in dataset.images if len(image.people) or len(image.unlabelled)]
        self.size = size
        self.augmentation = augmentation
        self.deviation = deviation
        self.seed = seed
        self.epoch = 0
        self._mirrored = mirrored_parts(dataset.topology.parts)

    def __len__(self) -> int:
        return len(self._images)

    def __getitem__(self, index: int) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """The sample; raises DatasetError naming an image that cannot be read."""
        labelled = self._images[index]
        image = read_image(labelled.path)
        if image is None:
            raise DatasetError(f"{labelled.path} is missing or not an image: mend the data set")
        draw = np.random.default_rng((self.seed, self.epoch, index))
        mirror = draw.random() < self.augmentation.mirror
        matrix = self._matrix(draw, image.shape[1], image.shape[0], mirror)
        image = cv2.warpAffine(image, matrix, (self.size, self.size), flags=cv2.INTER_LINEAR)
        people = _transformed(labelled.people, matrix)
        if mirror:
            people = people[:, self._mirrored]
        cells = self.size // STRIDE
        people = people / STRIDE
        deviation = self.deviation * cells
        topology = self.dataset.topology
        cmap = confidence_maps(people, (cells, cells), deviation)
        paf = affinity_fields(people, topology, (cells, cells), deviation)
        mask = self._mask(labelled, matrix, cells)
        rgb = np.ascontiguousarray(self._coloured(draw, image)[:, :, ::-1])
        return torch.from_numpy(rgb), torch.from_numpy(cmap), torch.from_numpy(paf), torch.from_numpy(mask)[None]

    def _matrix(self, draw: np.random.Generator, width: int, height: int, mirror: bool) -> np.ndarray:
        """(2, 3) affine map from source pixels to network pixels."""
        plan = self.augmentation
        angle = draw.uniform(-plan.angle, plan.angle)
        # even in the logarithm, so that halving is as likely as doubling
        scale = np.exp(draw.uniform(*np.log(plan.scale)))
        shift = draw.uniform(-plan.shift, plan.shift, 2) * self.size
        cosine, sine = scale * np.cos(angle), scale * np.sin(angle)
        flip = -1.0 if mirror else 1.0
        turn = np.array([[cosine, -sine], [sine, cosine]]) @ np.diag([flip * self.size / width, self.size / height])
        centre = np.array([width / 2, height / 2])
        offset = self.size / 2 + shift - turn @ centre
        return np.hstack([turn, offset[:, None]])

    def _mask(self, labelled: LabelledImage, matrix: np.ndarray, cells: int) -> np.ndarray:
        mask = np.ones((cells, cells), np.float32)
        for x, y, width, height in labelled.unlabelled:
            corners = np.array([[x, y], [x + width, y], [x + width, y + height], [x, y + height]])
            outline = np.round(_transformed(corners, matrix) / STRIDE).astype(np.int32)
            cv2.fillConvexPoly(mask, outline, (0.0,))
        return mask

    def _coloured(self, draw: np.random.Generator, image: np.ndarray) -> np.ndarray:
        colour = self.augmentation.colour
        gain = 1 + draw.uniform(-colour, colour) + draw.uniform(-colour, colour, 3)
        lift = 255 * draw.uniform(-colour, colour)
        return np.clip(image * gain + lift, 0, 255).astype(np.uint8)


def _transformed(points: np.ndarray, matrix: np.ndarray) -> np.ndarray:
    """(..., 2) points through a (2, 3) affine map."""
    return points @ matrix[:, :2].T + matrix[:, 2]
