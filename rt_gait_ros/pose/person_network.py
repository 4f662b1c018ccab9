"""The per-person stage: BlazePose (Bazarevsky et al., 2020) on a square cut out around one person."""

import math
from dataclasses import dataclass

import cv2
import numpy as np

from rt_gait_ros.pose.crop_kernels import scale_columns, scale_rows
from rt_gait_ros.pose.layouts import BLAZEPOSE_PARTS, LEFT_HIP, NECK, RIGHT_HIP, with_neck
from rt_gait_ros.serving.inference import Tensors

MODEL = "blazepose_landmark_full"
CROP = 256  # pixels a side

# BlazePose's auxiliary landmarks: the middle of the hips, and a point on the circle around it that holds the body.
_HIPS, _RIM = 33, 34
# MediaPipe enlarges that circle's square by a quarter before it cuts.
_ROOM = 1.25

# Side in pixels of a region above which OpenCV scales it sooner: it leaves out pixels that nothing is made of.
_LARGE = 2 * CROP

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

    @property
    def in_pixels(self) -> "Region":
        """The nearest one that begins and ends at whole pixels, as `cut` takes it; itself where it is NaN."""
        if not math.isfinite(self.x + self.y + self.side):
            return self
        side = max(round(self.side), 1)
        return Region(round(self.x - side / 2) + side / 2, round(self.y - side / 2) + side / 2, float(side))


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
    """The region of a BGR image, which begins and ends at whole pixels, as (256, 256, 3) uint8 RGB; black outside."""
    return np.asarray(requests(image, [region])["crops"][0])


def requests(image: np.ndarray, regions: list[Region]) -> Tensors:
    """One batched request for all regions, each as `cut` gives it."""
    crops = np.empty((len(regions), CROP, CROP, 3), np.uint8)
    flat = image.reshape(len(image), -1)  # a copy only where rows do not follow each other
    for crop, region in zip(crops.reshape(len(regions), CROP, 3 * CROP), regions, strict=True):
        _cut_into(crop, flat, region)
    return {"crops": crops}


def _cut_into(crop: np.ndarray, image: np.ndarray, region: Region) -> None:
    """As `cut`, into (256, 768). image: (H, 3 W)."""
    height, width = image.shape[0], image.shape[1] // 3
    low_x, low_y = region.x - region.side / 2, region.y - region.side / 2
    high_x, high_y = low_x + region.side, low_y + region.side
    left, top, right, bottom = max(low_x, 0.0), max(low_y, 0.0), min(high_x, width), min(high_y, height)
    # where that is in the crop
    first, last = (round((edge - low_x) * region.scale) for edge in (left, right)) if left < right else (0, 0)
    begin, end = (round((edge - low_y) * region.scale) for edge in (top, bottom)) if top < bottom else (0, 0)
    columns, rows = last - first, end - begin
    if columns * rows < CROP * CROP:
        crop[:] = 0
    if columns * rows == 0:
        return
    part = image[int(top) : int(bottom), 3 * int(left) : 3 * int(right)]
    if region.side == CROP or region.side > _LARGE:
        part = part.reshape(len(part), -1, 3)
        seen = crop.reshape(CROP, CROP, 3)[begin:end, first:last]
        cv2.resize(cv2.cvtColor(part, cv2.COLOR_BGR2RGB), (columns, rows), dst=seen, interpolation=cv2.INTER_LINEAR)
        return
    scaled = np.empty((3 * columns, len(part)), np.int16)
    scale_columns(cv2.transpose(part), scaled)
    scale_rows(cv2.transpose(scaled), crop, begin, rows, 3 * first)


def read(outputs: Tensors, regions: list[Region]) -> list[PersonReading]:
    """The network's answer to `requests`, region by region."""
    landmarks = outputs["landmarks"]
    scale = np.array([region.scale for region in regions], landmarks.dtype)[:, None, None]
    centre = np.array([(region.x, region.y) for region in regions]).reshape(-1, 1, 2)
    read_ones = landmarks[:, [*BLAZEPOSE_PARTS, _HIPS, _RIM]]
    points = (read_ones[..., :2] - CROP / 2) / scale + centre
    # A joint counts as far as it is both in the picture and not hidden; the network says each as a logit.
    sure = 1.0 / (1.0 + np.exp(-read_ones[:, :-2, 3:5].clip(-30, 30)))
    joints = np.concatenate([points[:, :-2], (sure[..., 0] * sure[..., 1])[..., None]], axis=2).astype(np.float32)
    return [
        PersonReading(person, float(presence[0]), mask[..., 0], region, _following(*circle))
        for person, presence, mask, region, circle in zip(
            with_neck(joints), outputs["presence"], outputs["mask"], regions, points[:, -2:].tolist(), strict=True
        )
    ]


def _following(hips: tuple[float, float], rim: tuple[float, float]) -> Region:
    """Where the network would look next: the square that holds the circle around the hips, with room."""
    side = 2.0 * _ROOM * math.hypot(rim[0] - hips[0], rim[1] - hips[1])
    # The network never gives a circle of no size; a damaged answer must not end in a division by zero.
    return Region(hips[0], hips[1], max(side, 1.0))


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
