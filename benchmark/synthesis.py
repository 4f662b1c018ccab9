"""How fast walkers are generated, what each stage takes, and whether the pose networks find the rendered ones."""

import argparse
import multiprocessing
import os
import time
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor

import numpy as np
from generated_walks import generate, shares

from rt_gait_ros.evaluation.bench import Row
from rt_gait_ros.pose.config import PoseConfig
from rt_gait_ros.pose.pipeline import PosePipeline
from rt_gait_ros.resources import resource
from rt_gait_ros.serving.onnx_client import OnnxClient
from rt_gait_ros.sources import Frame
from rt_gait_ros.synthesis.render import Renderer
from rt_gait_ros.synthesis.scenes import KINDS, Crowd, crowd
from rt_gait_ros.synthesis.sight import sight
from rt_gait_ros.synthesis.truth import PersonTruth, truths

SUMMARY = "silhouettes per second on all cores, and rendered people that the pose networks find"
GOAL = "goal"
GOAL_RATE = 1000.0  # silhouettes a second on two cores

SHOWN, INSIDE, OVERLAP = 0.6, 0.8, 0.5  # who counts: share seen, share within the picture; and when found: overlap


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument("--walks", type=int, default=400, metavar="N", help="walks to generate on each core (400)")
    parser.add_argument("--seconds", type=float, default=8.0, help="of each rendered scene, two people; 0: none (8)")


def measure(arguments: argparse.Namespace, progress: Callable[[str], None]) -> list[Row]:
    """Generate, then render. Returns rows `silhouettes`, `share_STAGE`, `scene_ms`, `found_KIND`, `found` and more.

    `silhouettes_per_core_second` is what a machine that does something else, too, would reach on one idle core.
    """
    cores = len(os.sched_getaffinity(0))
    rate, alone = _rates(cores, max(arguments.walks, 1))
    progress(f"{cores} cores: {rate:.0f} silhouettes/s, {alone:.0f} in a second of one core's own time")
    rows = [Row("silhouettes", rate, "/s", GOAL, GOAL_RATE), Row("silhouettes_per_core_second", alone, "/s")]
    rows += [Row(f"share_{stage}", 100.0 * share, "%") for stage, share in shares(100).items()]
    if arguments.seconds > 0:
        rows += _people_found(arguments.seconds, progress)
    return rows


def _rates(cores: int, walks: int) -> tuple[float, float]:
    """Silhouettes a second of all cores, each in a process of its own; and of one core, counting its own time alone."""
    with ProcessPoolExecutor(cores, multiprocessing.get_context("spawn")) as pool:
        list(pool.map(generate, [(core, 3) for core in range(cores)], chunksize=1))  # imports and compiles
        start = time.perf_counter()
        jobs = [(seed, 20) for seed in range(max(cores * walks // 20, 1))]
        counts, seconds = np.array(list(pool.map(generate, jobs, chunksize=1))).sum(axis=0)
        return counts / (time.perf_counter() - start), counts / seconds


def _people_found(seconds: float, progress: Callable[[str], None]) -> list[Row]:
    """Share of people in each kind of scene that the pose pipeline finds, of those that are there to be seen."""
    client = OnnxClient(resource("model_repository"), timeout=30.0)
    rows, whole = [], Counter[str]()
    drawn: list[float] = []
    errors: list[np.ndarray] = []
    for kind in KINDS:
        scene = crowd(kind, people=2, seed=1, seconds=seconds)
        counts = _scene(scene, PosePipeline(client, PoseConfig(camera_motion="off")), drawn, errors)
        whole += counts
        rows.append(Row(f"found_{kind}", 100.0 * counts["found"] / max(counts["people"], 1), "%"))
        progress(f"{kind}: {counts['found']} of {counts['people']} people found, {counts['false']} that are not there")
    client.close()
    rows.append(Row("found", 100.0 * whole["found"] / max(whole["people"], 1), "%"))
    rows.append(Row("gait_frames", 100.0 * whole["gait_frames"] / max(whole["people"], 1), "%"))
    if errors:
        rows.append(Row("keypoint_error", 100.0 * float(np.nanmedian(errors)), "% of height"))
    rows.append(Row("false_per_image", whole["false"] / max(len(drawn), 1), "people"))
    return [Row("scene_ms", 1e3 * float(np.median(drawn)), "ms"), *rows]


def _scene(scene: Crowd, pipeline: PosePipeline, drawn: list[float], errors: list[np.ndarray]) -> Counter[str]:
    """Counts of one scene. Added to: drawn, seconds of each image; errors, (18,) keypoints' distances / box height."""
    renderer, counts = Renderer(scene), Counter[str]()
    for number in range(0, len(scene), 2):
        start = time.perf_counter()
        seen = sight(scene, number)
        image = renderer.draw(seen, number)
        drawn.append(time.perf_counter() - start)
        found = pipeline.process(Frame(image, round(number / scene.fps * 1e9))).people
        left = list(found)
        for truth in truths(scene, seen, number):
            match = max(left, key=lambda one: _overlap(one.box, truth.box), default=None)
            if match is not None and _overlap(match.box, truth.box) <= OVERLAP:
                match = None
            left = [one for one in left if one is not match]
            if _counts(truth, image.shape[:2]):
                counts["people"] += 1
                if match is not None:
                    counts += Counter(found=1, gait_frames=int(match.gait_frame is not None))
                    off = match.keypoints[:, :2] - truth.keypoints[:, :2]
                    errors.append(np.hypot(*off.T) / truth.box[3])
        near = [one for one in left if not any(_overlap(one.box, t.box) > 0.2 for t in truths(scene, seen, number))]
        counts += Counter(false=len(near))
    return counts


def _counts(truth: PersonTruth, shape: tuple[int, ...]) -> bool:
    """Whether enough is to be seen of somebody."""
    x, y, width, height = truth.box
    inside = (min(x + width, shape[1]) - max(x, 0)) * (min(y + height, shape[0]) - max(y, 0)) / (width * height)
    return truth.visible > SHOWN and inside > INSIDE


def _overlap(first: np.ndarray, second: np.ndarray) -> float:
    """Intersection over union of boxes x, y, width, height."""
    low, high = np.maximum(first[:2], second[:2]), np.minimum(first[:2] + first[2:], second[:2] + second[2:])
    both = float(np.prod(np.maximum(high - low, 0)))
    return both / (float(np.prod(first[2:]) + np.prod(second[2:])) - both)
