"""People as a pose network reports them from a camera that may move: joints and boxes with errors as measured.

The errors are those of `blazepose_landmark_full` behind the pose stage's filter, measured on rendered people of 40 to
200 pixels who walk or stand, seen from eight sides: how much of the lift of a foot is reported, how much a joint
trembles, and how often left and right are mixed up.
"""

from dataclasses import dataclass, replace

import numpy as np

from rt_gait_ros.synthesis.activities import act
from rt_gait_ros.synthesis.strollers import Stroller, keypoints
from rt_gait_ros.synthesis.view import Camera, place

# By body height in pixels: share of what one foot is above or below the other that is reported; standard deviation of a
# joint's error in body heights; share of people whose left and right are mixed up at times.
HEIGHTS = np.array([40.0, 60.0, 100.0, 200.0, 300.0])
LIFT_SEEN = np.array([0.13, 0.20, 0.30, 0.48, 0.60])
ERROR = np.array([0.0030, 0.0025, 0.0020, 0.0016, 0.0016])
MIXED_UP = np.array([0.5, 0.4, 0.15, 0.03, 0.02])
# Seconds in which an error dies out, and the deviation between people of the logarithm of its size.
ERROR_TIME, ERROR_SPREAD = 0.12, 0.7
MIRRORED = [0, 2, 1, 4, 3, 6, 5, 8, 7, 10, 9, 12, 11, 14, 13, 16, 15, 17]
LEGS = (13, 14, 15, 16)
FEET = (15, 16)
MARGIN = 0.035  # body heights from the outermost joints to the edge of the body, about
SIZE = (3840, 2160)  # of the picture, so that nobody leaves it


@dataclass(frozen=True, slots=True)
class Sighting:
    """Somebody in T images. stamps: (T,) ns. keypoints: (T, 18, 3) float32, pixels, NaN where not found. boxes: (T, 4)
    float32 x, y, width, height. size: of the picture, pixels."""

    stamps: np.ndarray
    keypoints: np.ndarray
    boxes: np.ndarray
    size: tuple[int, int]


def sighting(
    kind: str,
    who: Stroller,
    pixels: float,
    azimuth: float,
    seconds: np.ndarray,
    random: np.random.Generator,
    *,
    moving: bool = False,
    hidden: str = "",
) -> Sighting:
    """Somebody who does one of ACTIVITIES.

    pixels: how tall a standing person is at first. azimuth: where they look, degrees, 0 away from the camera, 90 to the
    left of it, 180 towards it. seconds: (T,). moving: the camera is on a robot that drives and turns.
    hidden: "feet", "legs": not to be seen; "cut": below the border of the picture; "": everything is seen.
    """
    activity = act(kind, who, seconds, random)
    angle = np.radians(azimuth)
    nearest = max(3.0, 300.0 * who.body.stature / pixels)
    distance = random.uniform(nearest, max(nearest, min(25.0, 1500.0 * who.body.stature / pixels)))
    height = random.uniform(0.3, min(4.0, 0.8 * distance))
    way = activity.ahead[:, None] * np.array([np.cos(angle), np.sin(angle)])
    if moving:
        way = way + seconds[:, None] * random.uniform(-0.8, 0.8, 2) * (1.0, 0.3)
    start = np.array([distance, random.uniform(-0.2, 0.2) * distance])
    start[0] += max(0.0, 1.5 - (start[0] + way[:, 0]).min())
    focal = pixels * float(np.hypot(*start)) / who.body.stature
    camera = Camera(height, float(np.arctan2(height - 0.9, start[0])), focal, *SIZE)
    joints = place(activity.joints, start + way, angle + activity.turned)
    points = camera.project(keypoints(joints))[0]
    outline = camera.project(joints)[0]
    shake = _shake(seconds, focal, random) if moving else np.zeros((len(seconds), 2))
    points, outline = points + shake[:, None], outline + shake[:, None]
    tall = np.ptp(outline[..., 1], axis=1) * (1.0 + 2.0 * MARGIN)
    low, high = outline.min(axis=1) - MARGIN * tall[:, None], outline.max(axis=1) + MARGIN * tall[:, None]
    found = misread(points, tall, seconds, random)
    edges = np.concatenate([low, high], axis=1) + tall[:, None] * _errors(seconds, (4,), pixels, random)
    size = SIZE
    if hidden == "cut":
        line = float(np.interp(random.uniform(0.55, 0.85), (0.0, 1.0), (low[:, 1].mean(), high[:, 1].mean())))
        found[found[..., 1] > line] = np.nan
        edges[:, 3] = np.minimum(edges[:, 3], line)
        size = SIZE[0], int(line)
    elif hidden:
        found[:, list(LEGS if hidden == "legs" else FEET)] = np.nan
    boxes = np.concatenate([edges[:, :2], np.maximum(edges[:, 2:] - edges[:, :2], 2.0)], axis=1)
    sure = np.where(np.isfinite(found[..., :1]), 0.9, 0.0)
    stamps = 1_000_000_000 + np.round(seconds * 1e9).astype(np.int64)
    return Sighting(stamps, np.concatenate([found, sure], -1).astype(np.float32), boxes.astype(np.float32), size)


def looked_at(seen: Sighting, looks: np.ndarray) -> Sighting:
    """The same as the pose stage reports somebody whom it looks at in some images only, (T,) bool, the first is one.

    In the others there are no joints, and the box goes on as it went from the last look but one to the last.
    """
    keypoints, boxes = seen.keypoints.copy(), seen.boxes.copy()
    before = last = 0
    for image in range(1, len(boxes)):
        if looks[image]:
            before, last = last, image
            continue
        keypoints[image] = np.nan, np.nan, 0.0
        boxes[image] = boxes[last]
        if last:
            boxes[image, :2] += (boxes[last] - boxes[before])[:2] * ((image - last) / (last - before))
    return replace(seen, keypoints=keypoints, boxes=boxes)


def _shake(seconds: np.ndarray, focal: float, random: np.random.Generator) -> np.ndarray:
    """(T, 2) pixels by which a robot's camera turns to and fro, and trembles."""
    hertz, phase = random.uniform(0.1, 0.5), random.random()
    pan = np.radians(random.uniform(0.0, 4.0)) * np.sin(2 * np.pi * (hertz * seconds + phase))
    nod = np.radians(random.uniform(0.0, 0.15)) * np.sin(2 * np.pi * (random.uniform(1.0, 6.0) * seconds + phase))
    return focal * np.stack([pan, nod], -1)


def misread(points: np.ndarray, tall: np.ndarray, seconds: np.ndarray, random: np.random.Generator) -> np.ndarray:
    """What a network makes of joints (T, 18, 2) of a person `tall` pixels, (T,)."""
    pixels = float(np.median(tall))
    read = points.copy()
    seen = float(np.interp(pixels, HEIGHTS, LIFT_SEEN)) * np.exp(random.normal(0.0, 0.3))
    for left, right in ((15, 16), (13, 14)):
        middle = read[:, [left, right], 1].mean(axis=1)
        share = min(seen * (1.0 if left == 15 else 1.6), 1.0)
        for joint in (left, right):
            read[:, joint, 1] = middle + share * (read[:, joint, 1] - middle)
    read += tall[:, None, None] * _errors(seconds, (18, 2), pixels, random)
    side = np.abs(points[:, 5, 0] - points[:, 6, 0]).mean() < 0.1 * pixels
    if random.random() < float(np.interp(pixels, HEIGHTS, MIXED_UP)):
        mixed = _mixed(seconds, random)
        joints = np.array(LEGS if side and random.random() < 0.6 else range(18))
        read[np.ix_(mixed, joints)] = read[np.ix_(mixed, np.array(MIRRORED)[joints])]
    if side:  # the far wrist is behind the body, and not reported
        gone = _mixed(seconds, random) if random.random() < 0.5 else np.full(len(seconds), random.random() < 0.7)
        read[gone, 9 + random.integers(2)] = np.nan
    return read


def _mixed(seconds: np.ndarray, random: np.random.Generator) -> np.ndarray:
    """(T,) bool, in which images: it comes in runs, or in every other image."""
    lasts, share = random.uniform(0.02, 0.3), random.uniform(0.05, 0.5)
    state, states = bool(random.random() < share), []
    for step in np.diff(seconds, prepend=seconds[0]):
        if random.random() < 1.0 - np.exp(-step / lasts):
            state = bool(random.random() < share)
        states.append(state)
    return np.array(states)


def _errors(seconds: np.ndarray, shape: tuple[int, ...], pixels: float, random: np.random.Generator) -> np.ndarray:
    """(T, *shape) errors in body heights that die out in ERROR_TIME."""
    deviation = float(np.interp(pixels, HEIGHTS, ERROR)) * np.exp(random.normal(0.0, ERROR_SPREAD))
    errors = deviation * random.standard_normal((len(seconds), *shape))
    for number, step in enumerate(np.diff(seconds), start=1):
        kept = np.exp(-step / ERROR_TIME)
        errors[number] = kept * errors[number - 1] + np.sqrt(1.0 - kept**2) * errors[number]
    return errors
