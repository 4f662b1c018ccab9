"""A page that shows what the generator makes: silhouettes, pictures of walkers, and scenes with their ground truth."""

import cv2
import numpy as np

from rt_gait_ros.overlay.palette import colour_of
from rt_gait_ros.pose.layouts import TRT_POSE
from rt_gait_ros.synthesis.pictures import Photographer
from rt_gait_ros.synthesis.render import Renderer, wardrobe
from rt_gait_ros.synthesis.scenes import crowd
from rt_gait_ros.synthesis.sight import sight
from rt_gait_ros.synthesis.strollers import make_stroller, stroll, stroller_silhouettes
from rt_gait_ros.synthesis.truth import VISIBLE, PersonTruth, truths
from rt_gait_ros.synthesis.walks import Nuisances, random_scene

WALKERS, IMAGES, PICTURES = 8, 20, 4
SCENES = (("approaching", 11.0), ("crossing", 2.0), ("standing", 1.6))  # kind, and the second that is shown
_PAPER = 24


def sheet(seed: int = 0) -> np.ndarray:
    """The page, (H, W, 3) uint8 BGR: a walker a row, in any clothes, seen by any camera; pictures; three scenes."""
    rows = [_walker(seed, number) for number in range(WALKERS)]
    walkers = cv2.cvtColor(np.vstack(rows), cv2.COLOR_GRAY2BGR)
    wide = walkers.shape[1]
    gap = np.full((8, wide, 3), _PAPER, np.uint8)
    pictures = [_picture(seed, number) for number in range(PICTURES)]
    scenes = [_scene(kind, seed + number + 1, second) for number, (kind, second) in enumerate(SCENES)]
    return np.vstack([walkers, gap, _row(pictures, wide), gap, _row(scenes, wide)])


def _row(images: list[np.ndarray], wide: int) -> np.ndarray:
    """Images beside each other, `wide` pixels in all."""
    row = np.hstack(images)
    size = wide, round(row.shape[0] * wide / row.shape[1])
    return np.asarray(cv2.resize(row, size, interpolation=cv2.INTER_AREA))


def _picture(seed: int, number: int) -> np.ndarray:
    """(300, 400, 3) uint8 BGR of one walker in a room."""
    random, ranges = np.random.default_rng((seed, number, 1)), Nuisances(distances=(3.5, 4.5), heights=(0.8, 1.5))
    walker = make_stroller(1000 * seed + number)
    walk = stroll(walker, random_scene(ranges, random), 1, ranges, random, (400, 300))
    return Photographer(walk, wardrobe(random), seed + number).picture(0)


def _walker(seed: int, number: int) -> np.ndarray:
    """(64, 64 * IMAGES) uint8."""
    random, ranges = np.random.default_rng((seed, number)), Nuisances()
    walker = make_stroller(1000 * seed + number)
    silhouettes = stroller_silhouettes(walker, random_scene(ranges, random), IMAGES, ranges, random)
    row = np.zeros((64, 64 * IMAGES), np.uint8)
    row[:, : 64 * len(silhouettes)] = silhouettes.transpose(1, 0, 2).reshape(64, -1)
    return row


def _scene(kind: str, seed: int, second: float) -> np.ndarray:
    scene = crowd(kind, people=3, seed=seed, seconds=second + 0.1)
    number = round(second * scene.fps)
    seen = sight(scene, number)
    image = Renderer(scene).draw(seen, number)
    for truth in truths(scene, seen, number):
        draw_truth(image, truth)
    return image


def draw_truth(image: np.ndarray, truth: PersonTruth) -> None:
    """Draw box, skeleton and number of one person on `image` (H, W, 3) uint8 BGR; what is hidden is hollow."""
    colour = colour_of(str(truth.identity))
    x, y, width, height = (round(float(v)) for v in truth.box)
    cv2.rectangle(image, (x, y), (x + width, y + height), colour, 1)
    cv2.putText(image, str(truth.identity), (x, max(y - 4, 12)), cv2.FONT_HERSHEY_DUPLEX, 0.5, colour, 1, cv2.LINE_AA)
    points = truth.keypoints[:, :2].round().astype(int).tolist()
    for _, _, first, second in TRT_POSE.links:
        if (truth.keypoints[[first, second], 2] == VISIBLE).all():
            cv2.line(image, points[first], points[second], colour, 1, cv2.LINE_AA)
    for point, visibility in zip(points, truth.keypoints[:, 2], strict=True):
        cv2.circle(image, point, 3, colour, -1 if visibility == VISIBLE else 1, cv2.LINE_AA)
