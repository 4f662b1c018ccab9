"""Generated walks for timing: all of it in a process of its own, or stage by stage."""

import time

import cv2
import numpy as np

from rt_gait_ros.silhouette.gaitset import person_mask, silhouette_from_mask
from rt_gait_ros.synthesis.masks import MARGIN, TALL, fit, silhouettes
from rt_gait_ros.synthesis.motion import joints, mood, phases
from rt_gait_ros.synthesis.people import outfit, person
from rt_gait_ros.synthesis.raster import signed_distance
from rt_gait_ros.synthesis.solids import solids
from rt_gait_ros.synthesis.walks import FPS, Nuisances, random_scene, random_silhouettes, random_walk

IMAGES = 30  # of a walk


def generate(job: tuple[int, int]) -> tuple[int, float]:
    """Number of silhouettes that some walks gave, and seconds of this processor. job: seed, number of walks."""
    cv2.setNumThreads(1)
    start = time.process_time()
    seed, walks = job
    ranges, random = Nuisances(), np.random.default_rng(seed)
    count = sum(
        len(random_silhouettes(person(1000 * seed + n), random_scene(ranges, random), IMAGES, ranges, random))
        for n in range(walks)
    )
    return count, time.process_time() - start


def distances(capsules: np.ndarray) -> np.ndarray:
    """Signed distances, (H, W) float32 pixels, of a walker (N, 6) as `masks` has them before any noise."""
    shown = fit(capsules)
    width = int((shown[:, [0, 2]] + shown[:, [4, 5]]).max()) + MARGIN
    field = np.empty((TALL + 2 * MARGIN, width), np.float32)
    signed_distance(shown, field, np.empty(field.shape, np.int16))
    return field


def shares(walks: int) -> dict[str, float]:
    """Share of each stage in the time of one core, 0..1."""
    cv2.setNumThreads(1)
    ranges = Nuisances()
    spent = np.zeros(7)
    for seed in range(walks):
        random = np.random.default_rng(seed)
        scene, how, clothes = random_scene(ranges, random), mood(random), outfit(random)
        marks = [time.perf_counter()]
        who = person(seed)
        marks.append(time.perf_counter())
        body = joints(who, clothes, how, phases(who, how, np.arange(IMAGES) / FPS, 0.0))
        marks.append(time.perf_counter())
        solids(who, clothes, body)
        marks.append(time.perf_counter())
        seen = random_walk(who, scene, IMAGES, ranges, random)
        marks.append(time.perf_counter())
        silhouettes(seen.capsules, seen.parts, scene.noise, random)
        marks.append(time.perf_counter())
        fields = [distances(capsules) for capsules in seen.capsules]
        marks.append(time.perf_counter())
        for field in fields:
            silhouette_from_mask(person_mask(-field))
        marks.append(time.perf_counter())
        spent += np.diff(marks)
    people, bodies, surfaces, walk, masks, raster, cut = spent
    stages = {"people": people, "joints": bodies, "surface": surfaces, "raster": raster, "silhouette": cut}
    # what has no call of its own: a walk is joints, surface and the way past the camera
    stages |= {"camera": max(walk - bodies - surfaces, 0.0), "noise": max(masks - raster - cut, 0.0)}
    return {name: float(seconds / sum(stages.values())) for name, seconds in stages.items()}
