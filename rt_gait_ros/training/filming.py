"""Walks as the robot's own pose stage sees them: rendered, filmed by a poor camera, masked by the per-person network.

A mask network errs in ways of its own: it rounds, swallows arms, joins legs. Made-up errors (synthesis.masks) are fifty
times as fast, but a network that learned from these masks knows real people better (docs/experiments.md).
"""

from dataclasses import dataclass

import cv2
import numpy as np

from rt_gait_ros.pose import person_network
from rt_gait_ros.pose.person_network import Region
from rt_gait_ros.serving.inference import InferenceClient
from rt_gait_ros.silhouette.gaitset import person_mask, silhouette_from_mask
from rt_gait_ros.synthesis.clothes import Outfit
from rt_gait_ros.synthesis.pictures import Photographer
from rt_gait_ros.synthesis.render import wardrobe
from rt_gait_ros.synthesis.strollers import Stroll, Stroller, keypoints, stroll
from rt_gait_ros.synthesis.walks import VGA, Nuisances, Scene

PRESENCE = 0.5  # least probability of a person, as PoseConfig.presence
IMAGES = 25  # of a walk, of which some are looked at: a second, about a gait cycle
BATCH = 8  # of the per-person network in the model repository
NEAREST = 3.2  # metres: nearer walkers do not fit into the picture
# How far off the centre and the side of the square that is looked at are, as a follower's: shares of height and side.
OFF_CENTRE, SIDES = 0.02, (0.95, 1.1)


@dataclass(frozen=True, slots=True)
class Film:
    """How a scene is filmed. seed: of the room. size: of the picture, pixels. blur: deviation, pixels. quality: of the
    JPEG pictures, 0 to 100."""

    seed: int
    size: tuple[int, int]
    grey: bool
    blur: float
    quality: int

    def develop(self, image: np.ndarray) -> np.ndarray:
        """What becomes of a picture (H, W, 3) uint8 on its way through the camera."""
        image = cv2.GaussianBlur(image, (0, 0), self.blur)
        if self.grey:
            image = cv2.cvtColor(cv2.cvtColor(image, cv2.COLOR_BGR2GRAY), cv2.COLOR_GRAY2BGR)
        _, packed = cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, self.quality])
        return np.asarray(cv2.imdecode(packed, cv2.IMREAD_COLOR))


def random_film(random: np.random.Generator) -> Film:
    """Some camera: walkers are 30 to 300 pixels tall."""
    scale = random.uniform(0.3, 0.7)
    return Film(
        seed=int(random.integers(1 << 30)),
        size=(int(VGA[0] * scale), int(VGA[1] * scale)),
        grey=bool(random.random() < 0.5),
        blur=random.uniform(0.3, 1.2),
        quality=int(random.integers(25, 90)),
    )


def filmed_silhouettes(
    who: Stroller,
    scene: Scene,
    film: Film,
    frames: int,
    ranges: Nuisances,
    random: np.random.Generator,
    client: InferenceClient,
    clothes: Outfit | None = None,
) -> np.ndarray:
    """Silhouettes (S, 64, 64) uint8 of some walk, S up to `frames`, in no order. client: serves the per-person network.
    clothes: what is worn (default: anything).

    Images in which a joint is outside the picture, or nobody is found, do not count. Raises InferenceError.
    """
    walk = stroll(who, scene, IMAGES, ranges, random, film.size, clothes)
    camera = Photographer(walk, wardrobe(random), film.seed)
    crops, regions = [], []
    for number in random.permutation(IMAGES)[:frames]:
        region = _region(walk, int(number), random)
        if region is not None:
            regions.append(region)
            crops.append(person_network.cut(film.develop(camera.picture(int(number))), region))
    made: list[np.ndarray] = []
    for first in range(0, len(crops), BATCH):
        batch = slice(first, first + BATCH)
        answer = client.submit(person_network.MODEL, {"crops": np.stack(crops[batch])}).result()
        for reading in person_network.read(answer, regions[batch]):
            silhouette = silhouette_from_mask(person_mask(reading.mask)) if reading.presence >= PRESENCE else None
            made += [] if silhouette is None else [silhouette]
    return np.stack(made) if made else np.zeros((0, 64, 64), np.uint8)


def _region(walk: Stroll, number: int, random: np.random.Generator) -> Region | None:
    """Where a follower would look in image `number`; None where a joint is outside the picture."""
    joints = walk.camera.project(keypoints(walk.joints[number]))[0]
    if (joints < 0).any() or (joints >= (walk.camera.width, walk.camera.height_px)).any():
        return None
    joints += OFF_CENTRE * np.ptp(joints[:, 1]) * random.standard_normal(2)
    region = person_network.region_from_keypoints(np.column_stack([joints, np.ones(len(joints))]))
    return region and Region(region.x, region.y, region.side * random.uniform(*SIDES)).in_pixels
