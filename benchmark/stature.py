"""What stature, step length and cadence are worth beside the gait, on generated people before a stereo camera."""

import argparse
from collections.abc import Callable, Mapping
from dataclasses import fields

import numpy as np

from rt_gait_ros.errors import UsageError
from rt_gait_ros.evaluation.bench import Row
from rt_gait_ros.evaluation.open_set import equal_error_rate
from rt_gait_ros.gait import calibration
from rt_gait_ros.gait.config import RecognizerConfig
from rt_gait_ros.gait.measures import DAYS, PEOPLE, STATURE, Gauge, log_ratio
from rt_gait_ros.gait.walk_embedder import open_embedder
from rt_gait_ros.gallery.distance import distances
from rt_gait_ros.gallery.person import Measure
from rt_gait_ros.pose.person import PersonPose, PoseFrame
from rt_gait_ros.resources import resource
from rt_gait_ros.synthesis.masks import mask_noise, silhouettes
from rt_gait_ros.synthesis.motion import INDEX, mood, phases
from rt_gait_ros.synthesis.people import Person, outfit, person
from rt_gait_ros.synthesis.sight import extent
from rt_gait_ros.synthesis.walks import FPS, STRIDE, Scene, Walk, before_camera, walk
from rt_gait_ros.tracking.camera import CameraModel
from rt_gait_ros.tracking.depth import HALF_TRUNK, SENSOR_ERROR, DepthImage
from rt_gait_ros.tracking.tracker import Tracker

SUMMARY = "gain by stature, step length and cadence beside the gait, with the depth noise of a usual stereo camera"
SIZE, SCALE = (640, 480), 4  # pixels of the picture; as many of them in one of the depth image
IMAGES = 90  # of a walk, at 25 a second
WALKS = 3  # of each person: the first is enrolled
BOX_JITTER, BOX_BIAS, JOINT_JITTER = 0.015, 0.01, 2.0  # box heights, an image and a walk; pixels
TRUNK_SPREAD = 0.02  # m: between people, of half a trunk from front to back
HOLES = 0.1  # share of a depth image without a value
_JOINTS = {
    5: "left_shoulder",
    6: "right_shoulder",
    11: "left_hip",
    12: "right_hip",
    15: "left_ankle",
    16: "right_ankle",
}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument("--people", type=int, default=60, metavar="N", help="generated people (60)")
    own = next(field.default for field in fields(RecognizerConfig) if field.name == "model")
    parser.add_argument("--model", default=own, metavar="NAME", help="gait model (the gait node's own)")


def measure(arguments: argparse.Namespace, progress: Callable[[str], None]) -> list[Row]:
    """Equal error rates of single walks against single walks, with and without the measures."""
    if arguments.people < 4:
        raise UsageError(f"--people is {arguments.people}: 4 or more are needed")
    repository = resource("model_repository")
    known = calibration.find(repository, arguments.model)
    if known is None:
        raise UsageError(f"gait model {arguments.model} has no calibration: nothing says what a distance is worth")
    with open_embedder(repository, arguments.model) as embedder:
        embeddings, by_depth, by_floor, truths = [], [], [], []
        for number in range(arguments.people):
            progress(f"person {number + 1} of {arguments.people}")
            who = person(900_000 + number, shape=1.0, manner=1.0)
            for day in range(WALKS):
                random = np.random.default_rng((0x57A7, number, day))
                seen, shapes = _walk(who, random)
                embedding = embedder(shapes)
                embeddings.append(embedding)
                half = HALF_TRUNK + TRUNK_SPREAD * np.random.default_rng((0x57A8, number)).standard_normal()
                by_depth.append(measured(seen, random, half))
                by_floor.append(measured(seen, random, None))
                truths.append(who.stature)
    numbers = np.repeat(np.arange(arguments.people), WALKS)
    return _rows(
        distances(np.stack(embeddings), np.stack(embeddings)), numbers, by_depth, by_floor, truths, known.slope
    )


def measured(seen: Walk, random: np.random.Generator, half_trunk: float | None) -> Mapping[str, Measure]:
    """What the tracker and the gait stage make of one walk.

    half_trunk: metres from the surface to the middle of the trunk, for a depth image; None: the floor tells positions.
    """
    camera = seen.camera
    matrix = np.array([[camera.focal, 0, camera.width / 2], [0, camera.focal, camera.height_px / 2], [0, 0, 1]])
    error = np.radians(1.0) * random.standard_normal() if half_trunk is None else 0.0
    model = CameraModel(matrix, camera.height if half_trunk is None else None, camera.pitch + error)
    tracker, gauge = Tracker(camera=model, seed=0), Gauge()
    bias = BOX_BIAS * random.standard_normal(2)
    for number in range(len(seen.joints)):
        left, top, right, bottom = extent(seen.capsules[number])
        height = bottom - top
        top, bottom = np.array([top, bottom]) + height * (bias + BOX_JITTER * random.standard_normal(2))
        keypoints = np.full((17, 3), np.nan, np.float32)
        keypoints[:, 2] = 0.0
        for joint, name in _JOINTS.items():
            keypoints[joint, :2] = seen.keypoints[number, INDEX[name]] + JOINT_JITTER * random.standard_normal(2)
            keypoints[joint, 2] = 1.0
        box = np.array([left, top, right - left, bottom - top], np.float32)
        pose = PersonPose(keypoints, box, 1.0, None, 1.0)
        stamp = 1_000_000_000 + round(number * 1e9 / FPS)
        poses = PoseFrame(stamp, "camera", *SIZE, layout="coco", people=[pose])
        depth = None if half_trunk is None else _depth(seen, number, half_trunk, stamp, random)
        for track in tracker.update(poses, depth=depth).tracks:
            gauge.add(track, stamp, "coco")
    return gauge.measures()


def _walk(who: Person, random: np.random.Generator) -> tuple[Walk, np.ndarray]:
    """One walk across the picture in some clothes, and its silhouettes."""
    scene = Scene(random.uniform(0.8, 1.6), random.uniform(4.0, 5.5), 90.0, mask_noise(random, 0.4))
    how = mood(random)
    seconds = np.arange(IMAGES) / FPS
    speed = who.style["cadence"] * how.pace * STRIDE * who.stature
    camera, positions, headings = before_camera(scene, speed, seconds, random, SIZE)
    seen = walk(who, outfit(random, 0.4), how, camera, positions, headings, phases(who, how, seconds, random.random()))
    good = [mask for mask in silhouettes(seen.capsules, seen.parts, scene.noise, random) if mask is not None]
    return seen, np.stack(good)


def _depth(seen: Walk, number: int, half_trunk: float, stamp: int, random: np.random.Generator) -> DepthImage:
    """What a stereo camera says of a trunk: an error that all of it shares, one of every pixel, and holes."""
    values = np.full((SIZE[1] // SCALE, SIZE[0] // SCALE), np.nan, np.float32)
    names = ("left_shoulder", "right_shoulder", "left_hip", "right_hip")
    body = seen.camera.turned(np.stack([seen.joints[number, INDEX[name]] for name in names]))
    pixels = np.stack([seen.keypoints[number, INDEX[name]] for name in names]) / SCALE
    distance = float(body[:, 2].mean()) - half_trunk
    noise = SENSOR_ERROR * distance**2
    room = np.array([0.15 * seen.camera.focal / distance / SCALE, 2.0])
    (left, top), (right, bottom) = pixels.min(axis=0) - room, pixels.max(axis=0) + room
    rows, columns = (slice(max(int(a), 0), max(int(b) + 1, 0)) for a, b in ((top, bottom), (left, right)))
    patch = values[rows, columns]
    patch[:] = distance + noise * (random.standard_normal() + random.standard_normal(patch.shape))
    patch[random.random(patch.shape) < HOLES] = 0.0
    return DepthImage(stamp, values)


def _rows(
    between: np.ndarray,
    numbers: np.ndarray,
    by_depth: list[Mapping[str, Measure]],
    by_floor: list[Mapping[str, Measure]],
    truths: list[float],
    slope: float,
) -> list[Row]:
    first, second = np.triu_indices(len(numbers), 1)
    same = numbers[first] == numbers[second]

    def rate(values: np.ndarray) -> float:
        return 100.0 * equal_error_rate(values[first, second][same], values[first, second][~same])

    plain = rate(between)
    rows = [Row("EER of the gait alone", plain, "%")]
    for label, found in (("stereo", by_depth), ("floor, tilt 1 degree wrong", by_floor)):
        ratios, tall = _ratios(found, tuple(PEOPLE)), _ratios(found, (STATURE,))
        rows += [
            Row(f"EER with stature ({label})", rate(between - tall / slope), "%", "gait alone", plain),
            Row(
                f"EER with stature, step length and cadence ({label})",
                rate(between - ratios / slope),
                "%",
                "gait alone",
                plain,
            ),
            Row(f"EER of the measures alone ({label})", rate(-ratios), "%"),
        ]
        known = [(each[STATURE], truth) for each, truth in zip(found, truths, strict=True) if STATURE in each]
        rows.append(Row(f"walks with a stature ({label})", 100.0 * len(known) / len(truths), "%"))
        if known:
            offset = np.median([tall.value - truth for tall, truth in known])  # hair, heels, bent knees: all alike
            errors = np.array([tall.value - truth - offset for tall, truth in known])
            stated = np.array([np.hypot(tall.deviation, DAYS[STATURE]) for tall, _ in known])
            rows.append(
                Row(
                    f"error of a stature ({label})",
                    100.0 * float(errors.std()),
                    "cm",
                    "as stated",
                    100.0 * float(np.sqrt(np.square(stated).mean())),
                )
            )
            rows.append(
                Row(
                    f"statures within two stated deviations ({label})",
                    100.0 * float((np.abs(errors) <= 2 * stated).mean()),
                    "%",
                    "if honest",
                    95.4,
                )
            )
    return rows


def _ratios(found: list[Mapping[str, Measure]], names: tuple[str, ...]) -> np.ndarray:
    """Log-likelihood ratios of every walk against every other, (W, W)."""
    known = {
        name: np.array(
            [
                (each[name].value, each[name].deviation ** 2 + DAYS[name] ** 2) if name in each else (np.nan, np.nan)
                for each in found
            ]
        )
        for name in names
    }
    return np.stack([log_ratio({n: m for n, m in each.items() if n in names}, known) for each in found])
