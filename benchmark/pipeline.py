"""Whether the whole pipeline keeps up with a camera of 25 frames per second and two walkers, on the demo's footage.

The reference is the same run with the whole-image network on every image: what a detector that does not follow people
costs.
"""

import argparse
import statistics
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path

from rt_gait_ros.cli.demo_session import run_session
from rt_gait_ros.demo.footage import demo_footage
from rt_gait_ros.demo.video import Video, read_video
from rt_gait_ros.evaluation.bench import Row

SUMMARY = "images per second and latency from camera stamp to identity, two walkers, four nodes over DDS, Triton"
REFERENCE = "whole-image network on every image"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument("--runs", type=int, default=3, metavar="N", help="runs of each kind; the median counts (3)")


def measure(arguments: argparse.Namespace, progress: Callable[[str], None]) -> list[Row]:
    """Run both kinds in turns. Returns the rows `fps` and `latency_p95` (ms). Raises GaitError."""
    footage = demo_footage(lambda name, done, total: None)
    video = read_video(footage.path, footage.enrol_until)
    ours: list[tuple[float, float]] = []
    reference: list[tuple[float, float]] = []
    for run in range(1, max(arguments.runs, 1) + 1):
        for results, changes, label in ((ours, {}, "as shipped"), (reference, {"detector_period": 1}, REFERENCE)):
            results.append(_play(video, changes))
            progress(f"run {run}, {label}: {results[-1][0]:.1f} images/s, p95 {results[-1][1]:.0f} ms")
    return [
        Row(
            name=name,
            value=statistics.median(run[k] for run in ours),
            unit=unit,
            reference=REFERENCE,
            reference_value=statistics.median(run[k] for run in reference),
        )
        for k, (name, unit) in enumerate((("fps", "images/s"), ("latency_p95", "ms")))
    ]


def _play(video: Video, changes: Mapping[str, object]) -> tuple[float, float]:
    with tempfile.TemporaryDirectory(prefix="rt_gait_bench_") as logs:
        outcome = run_session(
            video,
            "Ada",
            Path(logs),
            lambda recording, enrolment: None,
            lambda line: None,
            **changes,
        )
    return outcome.recording.pace(people=2)
