"""Parse time of the part affinity field parser, beside a plain one of the same semantics, on one core."""

import argparse
import time
from collections.abc import Callable

import numpy as np
import paf_reference

from rt_gait_ros.evaluation.bench import Row
from rt_gait_ros.pose.layouts import TRT_POSE
from rt_gait_ros.pose.paf import PafParser

SUMMARY = "milliseconds to parse part affinity fields of 1 to 40 people"
REFERENCE = "NumPy/SciPy, same scenes"

PEOPLE = (1, 5, 10, 20, 40)
# trt_pose's resnet18 gives maps of 56, its densenet121 of 64 cells.
SIZES = {56: "", 64: "_64"}
SCENES = 5
NOISE = 0.01  # standard deviation, of maps between 0 and 1


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument("--runs", type=int, default=100, metavar="N", help="runs per scene (100)")


def measure(arguments: argparse.Namespace, progress: Callable[[str], None]) -> list[Row]:
    """Time both parsers. Returns the rows `people_N` (56×56) and `people_N_64`, medians in ms."""
    parser = PafParser(TRT_POSE)
    parser.warm_up()
    rows = []
    for cells, suffix in SIZES.items():
        for people in PEOPLE:
            maps = [
                paf_reference.scene(np.random.default_rng(1000 * people + seed), people, TRT_POSE, cells, noise=NOISE)
                for seed in range(SCENES)
            ]
            ours = _median(parser, maps, max(arguments.runs, 1))
            plain = _median(
                lambda cmap, paf: paf_reference.parse(cmap, paf, TRT_POSE), maps, max(arguments.runs // 20, 1)
            )
            progress(f"{people} people at {cells}×{cells}: {ours:.3f} ms, {REFERENCE} {plain:.1f} ms")
            rows.append(Row(f"people_{people}{suffix}", ours, "ms", REFERENCE, plain))
    return rows


def _median(parse: Callable[..., object], maps: list[tuple[np.ndarray, np.ndarray]], runs: int) -> float:
    """Median milliseconds of one call."""
    times = []
    for cmap, paf in maps:
        for _ in range(runs):
            start = time.perf_counter()
            parse(cmap, paf)
            times.append(time.perf_counter() - start)
    return float(np.median(times)) * 1e3
