"""Generated walks for timing: all of it in a process of its own, or stage by stage."""

import time

import cv2
import numpy as np

from rt_gait_ros.silhouette.gaitset import person_mask, silhouette_from_mask
from rt_gait_ros.synthesis.bodies import pose, surface
from rt_gait_ros.synthesis.clothes import draw_outfit, dress, hanging
from rt_gait_ros.synthesis.masks import MARGIN, TALL, outline_silhouettes
from rt_gait_ros.synthesis.outlines import Outline, draw_mask, signed_field
from rt_gait_ros.synthesis.strollers import make_stroller, stroll, stroller_silhouettes
from rt_gait_ros.synthesis.things import carried
from rt_gait_ros.synthesis.walks import FPS, Nuisances, random_scene

IMAGES = 30  # of a walk


def generate(job: tuple[int, int]) -> tuple[int, float]:
    """Number of silhouettes that some walks gave, and seconds of this processor. job: seed, number of walks."""
    cv2.setNumThreads(1)
    start = time.process_time()
    seed, walks = job
    ranges, random = Nuisances(), np.random.default_rng(seed)
    count = sum(
        len(stroller_silhouettes(make_stroller(1000 * seed + n), random_scene(ranges, random), IMAGES, ranges, random))
        for n in range(walks)
    )
    return count, time.process_time() - start


def fields(outline: Outline) -> list[np.ndarray]:
    """Signed distances, (H, W) float32 pixels, to each image's outline as `masks` has them before any noise."""
    made = []
    for image in range(len(outline.vertices)):
        vertices, pieces, width = outline.fitted(image, TALL, MARGIN)
        made.append(signed_field(draw_mask(vertices, pieces, surface().triangles, (TALL + 2 * MARGIN, width))))
    return made


def shares(walks: int) -> dict[str, float]:
    """Share of each stage in the time of one core, 0..1."""
    cv2.setNumThreads(1)
    ranges = Nuisances()
    spent = np.zeros(7)
    for seed in range(walks):
        random = np.random.default_rng(seed)
        scene, clothes = random_scene(ranges, random), draw_outfit(random, ranges.clothes)
        marks = [time.perf_counter()]
        who = make_stroller(seed)
        marks.append(time.perf_counter())
        today = who.gait.walk(random)
        rotations, offset = today.pose(today.hertz(who.body.leg) * np.arange(IMAGES) / FPS)
        marks.append(time.perf_counter())
        _, joints = pose(who.body, dress(who.body, clothes), rotations, offset * who.body.leg)
        hanging(who.body, clothes, joints)
        carried(clothes.things, who.body, joints, clothes.lag, random)
        marks.append(time.perf_counter())
        outline = stroll(who, scene, IMAGES, ranges, random).outline()
        marks.append(time.perf_counter())
        outline_silhouettes(outline, scene.noise, random)
        marks.append(time.perf_counter())
        distances = fields(outline)
        marks.append(time.perf_counter())
        for distance in distances:
            silhouette_from_mask(person_mask(-distance))
        marks.append(time.perf_counter())
        spent += np.diff(marks)
    people, gaits, surfaces, walk, masks, raster, cut = spent
    stages = {"people": people, "gait": gaits, "surface": surfaces, "raster": raster, "silhouette": cut}
    # what has no call of its own: a walk is gait, surface and the way past the camera
    stages |= {"camera": max(walk - gaits - surfaces, 0.0), "noise": max(masks - raster - cut, 0.0)}
    return {name: float(seconds / sum(stages.values())) for name, seconds in stages.items()}
