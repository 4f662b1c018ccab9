"""What the networks of the overhead benchmark see: generated people who walk, drawn before anything is measured.

Each walks on the spot, as in the picture of a camera that goes along beside them: crops follow the people, so that an
answer in a crop's own pixels needs to know neither the image nor the place.
"""

from dataclasses import dataclass

import numpy as np

from rt_gait_ros.pose.layouts import BLAZEPOSE_PARTS, PARTS
from rt_gait_ros.synthesis.motion import INDEX, mood
from rt_gait_ros.synthesis.people import outfit, person
from rt_gait_ros.synthesis.raster import signed_distance
from rt_gait_ros.synthesis.view import Camera
from rt_gait_ros.synthesis.walks import FOCAL, VGA, Walk, walk

IMAGES = 26  # of one cycle of two steps: 1.04 s at 25 images/s, a usual cadence
CROP = 256
BODY = CROP / 1.325  # pixels of a body's height in the crop that the pose stage cuts
_DISTANCE = 4.5  # metres
_RIM = CROP / 2.5  # pixels from the hips to the rim of BlazePose's circle, for the next crop to be as large as this one
_COCO = [INDEX[part] for part in PARTS if part != "neck"]
_HIPS = [INDEX["left_hip"], INDEX["right_hip"]]


@dataclass(frozen=True, slots=True)
class Walkers:
    """N people in IMAGES images of a cycle that begins again without a seam.

    joints: (IMAGES, N, 17, 2) in COCO's order, body heights from where the hips are on average. landmarks: (IMAGES, N,
    39, 5) float32 as BlazePose gives them for a crop around the hips. masks: (IMAGES, N, CROP, CROP, 1) uint8, 255
    where the person is, as it gives them, too.
    """

    joints: np.ndarray
    landmarks: np.ndarray
    masks: np.ndarray


def draw_walkers(people: int) -> Walkers:
    """People of different bodies, clothes and moods, each seen from another side and at another moment of the cycle."""
    joints = np.empty((IMAGES, people, 17, 2))
    landmarks = np.full((IMAGES, people, 39, 5), 5.0, np.float32)
    masks = np.empty((IMAGES, people, CROP, CROP, 1), np.uint8)
    distance = np.empty((CROP, CROP), np.float32)
    owner = np.empty((CROP, CROP), np.int16)
    for number in range(people):
        seen = _on_the_spot(number)
        hips = seen.keypoints[:, _HIPS].mean(axis=(0, 1))
        height = float(np.ptp(seen.keypoints[..., 1], axis=1).mean())
        joints[:, number] = (seen.keypoints[:, _COCO] - hips) / height
        capsules = seen.capsules * (BODY / height)
        capsules[..., :4] += CROP / 2 - np.tile(hips, 2) * (BODY / height)
        for image in range(IMAGES):
            signed_distance(capsules[image].astype(np.float32), distance, owner)
            masks[image, number, ..., 0] = np.where(distance < 0.0, 255, 0)
    landmarks[..., :2] = CROP / 2
    landmarks[:, :, BLAZEPOSE_PARTS, :2] = CROP / 2 + BODY * joints
    landmarks[:, :, 34, 1] -= _RIM
    return Walkers(joints, landmarks, masks)


def _on_the_spot(number: int) -> Walk:
    random = np.random.default_rng((0x0EAD, number))
    who, clothes, how = person(number, shape=1.0, manner=1.0), outfit(random, 0.6), mood(random, 0.5)
    still = np.tile((_DISTANCE, 0.0), (IMAGES, 1))
    headings = np.full(IMAGES, np.radians(60.0 + 45.0 * number))
    phase = number / 7.0 + np.arange(IMAGES) / IMAGES
    return walk(who, clothes, how, Camera(1.1, 0.0, FOCAL, *VGA), still, headings, phase)
