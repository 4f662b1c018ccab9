"""The per-person stage: BlazePose (Bazarevsky et al., 2020) on a square cut out around one person."""

from dataclasses import dataclass

import cv2
import numpy as np

from rt_gait_ros.pose.layouts import BLAZEPOSE_PARTS, LEFT_HIP, NECK, RIGHT_HIP, with_neck
from rt_gait_ros.serving.inference import Tensors

MODEL = "blazepose_landmark_full"
CROP = 256  # pixels a side

# BlazePose's auxiliary landmarks: the middle of the hips, and a point on the circle around it that holds the body.
_HIPS, _RIM = 33, 34
# MediaPipe enlarges that circle's square by a quarter before it cuts.
_ROOM = 1.25

# Shares of body height (Winter, Biomechanics and Motor Control of Human Movement): neck to hips, eyes to ankles.
_TORSO, _EYES_TO_ANKLES = 0.29, 0.90
# Hips above the ground, again in body heights: the circle around the hips must reach the feet.
_HIP_HEIGHT = 0.53


@dataclass(frozen=True, slots=True)
class Region:
    """A square of the source image, which may reach over the border.

    x, y: centre, and side: of the square, all in pixels.
    """

    x: float
    y: float
    side: float

    @classmethod
    def around(cls, left: float, top: float, right: float, bottom: float) -> "Region":
        """Where to look for somebody whose whole body a box holds."""
        height = max(bottom - top, right - left, 1.0)
        return cls((left + right) / 2, bottom - _HIP_HEIGHT * (bottom - top), 2.0 * _ROOM * _HIP_HEIGHT * height)

    @property
    def height(self) -> float:
        """About the height of the body that it is laid around, pixels."""
        return self.side / (2.0 * _ROOM * _HIP_HEIGHT)

    @property
    def scale(self) -> float:
        """Crop pixels per source pixel."""
        return CROP / self.side

    def to_crop(self) -> np.ndarray:
        """Affine map (2, 3) from source to crop pixels, for edge coordinates (0 = left edge of the first pixel)."""
        return np.array(
            [
                [self.scale, 0.0, CROP / 2 - self.scale * self.x],
                [0.0, self.scale, CROP / 2 - self.scale * self.y],
            ]
        )

    def to_source(self, points: np.ndarray) -> np.ndarray:
        """Crop pixels (..., 2) -> source pixels."""
        return (points - CROP / 2) / self.scale + (self.x, self.y)


@dataclass(slots=True)
class PersonReading:
    """What the network sees in one region.

    keypoints: (18, 3) float32, trt_pose's order, source pixels, confidence 0..1; always finite.
    presence: probability of a person, 0..1. mask: (256, 256), above 0 where the person is, in crop pixels.
    region: what was looked at. next_region: where the network itself would look next.
    """

    keypoints: np.ndarray
    presence: float
    mask: np.ndarray
    region: Region
    next_region: Region


def cut(image: np.ndarray, region: Region) -> np.ndarray:
    """The region of a BGR image as (256, 256, 3) uint8 RGB; black outside the image."""
    affine = region.to_crop()
    affine[:, 2] += affine[:, :2].sum(axis=1) * 0.5 - 0.5  # edge coordinates -> OpenCV's pixel centres
    crop = cv2.warpAffine(image, affine, (CROP, CROP), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_CONSTANT)
    return cv2.cvtColor(crop, cv2.COLOR_BGR2RGB)


def requests(image: np.ndarray, regions: list[Region]) -> Tensors:
    """One batched request for all regions."""
    return {"crops": np.stack([cut(image, region) for region in regions])}


def read(outputs: Tensors, regions: list[Region]) -> list[PersonReading]:
    """The network's answer to `requests`, region by region."""
    return [
        _reading(landmarks, float(presence[0]), mask[..., 0], region)
        for landmarks, presence, mask, region in zip(
            outputs["landmarks"], outputs["presence"], outputs["mask"], regions, strict=True
        )
    ]


def _reading(landmarks: np.ndarray, presence: float, mask: np.ndarray, region: Region) -> PersonReading:
    """One person's landmarks (39, 5) in source pixels."""
    points = region.to_source(landmarks[:, :2])
    # A joint counts as far as it is both in the picture and not hidden; the network says each as a logit.
    confidence = np.prod(1.0 / (1.0 + np.exp(-landmarks[:, 3:5].clip(-30, 30))), axis=1)
    joints = np.concatenate([points, confidence[:, None]], axis=1)[BLAZEPOSE_PARTS].astype(np.float32)
    side = 2.0 * _ROOM * float(np.linalg.norm(points[_RIM] - points[_HIPS]))
    # The network never gives a circle of no size; a damaged answer must not end in a division by zero.
    following = Region(float(points[_HIPS, 0]), float(points[_HIPS, 1]), max(side, 1.0))
    return PersonReading(with_neck(joints), presence, mask, region, following)


def region_from_keypoints(keypoints: np.ndarray) -> Region | None:
    """Where to look for the person of a whole-image detection; None where too little of the body was found.

    keypoints: (18, 3) in source pixels, NaN where missing. Body height is the greater of what the torso and what the
    spread of all joints tell: OpenPose loses a leg at times, and people are cut off by the border.
    """
    found = np.isfinite(keypoints[:, 0])
    if found.sum() < 2:
        return None
    points = keypoints[:, :2]
    low, high = points[found].min(axis=0), points[found].max(axis=0)
    hips = points[[LEFT_HIP, RIGHT_HIP]][found[[LEFT_HIP, RIGHT_HIP]]]
    height = max(float(high[1] - low[1]) / _EYES_TO_ANKLES, float(high[0] - low[0]))
    if len(hips) and found[NECK]:
        height = max(height, float(np.linalg.norm(hips.mean(axis=0) - points[NECK])) / _TORSO)
    if len(hips):
        centre = hips.mean(axis=0)
    elif found[NECK]:
        centre = points[NECK] + (0.0, _TORSO * height)
    else:
        centre = (low + high) / 2
    if height <= 0.0:
        return None
    return Region(float(centre[0]), float(centre[1]), 2.0 * _ROOM * _HIP_HEIGHT * height)
