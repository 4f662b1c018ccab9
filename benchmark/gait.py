"""GaitSet's throughput by batch and precision, for whole 30-frame sets: in this process and through Triton, one thread.

Random weights: the time does not depend on them.
"""

import argparse
import tempfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
from walkers import walk

from rt_gait_ros.evaluation.bench import Row, median_seconds
from rt_gait_ros.serving.inference import InferenceClient
from rt_gait_ros.serving.onnx_client import OnnxClient
from rt_gait_ros.serving.server import TritonServer
from rt_gait_ros.serving.triton_client import TritonClient

SUMMARY = "gait sequences per second by batch, in process and through Triton"
REFERENCE = "float32, batch 1, in process"
# The batches of GaitSet's Ascend inference guide.
BATCHES = (1, 4, 8, 16, 32, 64)
WINDOW = 30
PRECISIONS = ("float32", "int8")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument("--runs", type=int, default=5, metavar="N", help="runs per batch (5)")


def measure(arguments: argparse.Namespace, progress: Callable[[str], None]) -> list[Row]:
    """Returns, for each way, precision and batch, `WAY_PRECISION_batch_N` (items/s) and the same with `_item` (ms)."""
    runs = max(arguments.runs, 1)
    with tempfile.TemporaryDirectory(prefix="rt_gait_bench_") as folder:
        repository = Path(folder)
        _write_networks(repository)
        process = OnnxClient(repository, timeout=600.0)
        seconds = _times("process", process, runs, progress)
        process.close()
        with TritonServer(repository) as server:
            client = TritonClient(server.url, timeout=600.0)
            seconds |= _times("triton", client, runs, progress)
            client.close()
    reference = seconds[f"process_{PRECISIONS[0]}_batch_1"]
    rows = []
    for name, value in seconds.items():
        rows.append(Row(name, 1 / value, "items/s", REFERENCE, 1 / reference))
        rows.append(Row(f"{name}_item", 1e3 * value, "ms", REFERENCE, 1e3 * reference))
    return rows


def _write_networks(repository: Path) -> None:
    # torch takes seconds to import and is there only with the extra [train]
    import torch

    from rt_gait_ros.networks.gait_export import export_network, write_gait
    from rt_gait_ros.networks.gait_quantisation import quantise_whole
    from rt_gait_ros.networks.set_networks import GaitSet

    torch.manual_seed(0)
    export = export_network("gaitset", GaitSet().eval(), WINDOW)
    write_gait(export, repository, "float32")
    integers = quantise_whole(export.whole, [walk(build / 8, WINDOW, phase=build) for build in range(8)])
    write_gait(replace(export, whole=integers), repository, "int8")


def _times(way: str, client: InferenceClient, runs: int, progress: Callable[[str], None]) -> dict[str, float]:
    """Median seconds of an item, by precision and batch."""
    seconds = {}
    for precision in PRECISIONS:
        for batch in BATCHES:
            sets = {"gait_frames": np.repeat(walk(0.5, WINDOW)[None], batch, axis=0)}
            value = median_seconds(lambda m=precision, s=sets: client.submit(m, s).result(), runs) / batch
            seconds[f"{way}_{precision}_batch_{batch}"] = value
            progress(f"{way}, {precision}, batch {batch}: {1 / value:.1f} items/s")
    return seconds
