"""Gait sequences per second by batch: in this process and through Triton, one thread.

Without --model it is GaitSet with random weights, on which the time does not depend, in float32 and in integers, for
whole sets of 30 frames; with it, any gait network of a model repository, on as many frames as it takes (30 at most,
where it takes any number).
"""

import argparse
import tempfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
from gait_loads import PROCESS, TRITON, WINDOW, Load, loads_of, seconds_in_process, seconds_through_triton
from walkers import walk

from rt_gait_ros.errors import UsageError
from rt_gait_ros.evaluation.bench import Row
from rt_gait_ros.resources import resource
from rt_gait_ros.serving.installation import find_installation

SUMMARY = "gait sequences per second by batch, in process and through Triton"
# The batches of GaitSet's Ascend inference guide.
BATCHES = (1, 4, 8, 16, 32, 64)
PRECISIONS = ("float32", "int8")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument("--runs", type=int, default=5, metavar="N", help="runs per batch (5)")
    parser.add_argument("--model", metavar="NAME", help="a gait network of the repository (GaitSet, random weights)")
    parser.add_argument("--repository", type=Path, metavar="DIR", help="model repository (default: the package's own)")
    parser.add_argument("--no-triton", action="store_true", help="in this process alone")


def measure(arguments: argparse.Namespace, progress: Callable[[str], None]) -> list[Row]:
    """Returns, for each way, precision (or network) and batch, `WAY_PRECISION_batch_N` (items/s), and the same with
    `_item` (ms)."""
    runs = max(arguments.runs, 1)
    if not arguments.no_triton:
        find_installation()  # what is missing is said before minutes of the other times
    if arguments.model is not None:
        repository = arguments.repository or resource("model_repository")
        return _rows(
            repository, loads_of(repository, arguments.model, BATCHES), runs, not arguments.no_triton, progress
        )
    if arguments.repository is not None:
        raise UsageError("--repository goes with --model: name the network that is to be timed")
    with tempfile.TemporaryDirectory(prefix="rt_gait_bench_") as folder:
        _write_networks(Path(folder))
        sets = walk(0.5, WINDOW)[None]
        loads = [
            Load(precision, batch, {"gait_frames": np.repeat(sets, batch, axis=0)})
            for precision in PRECISIONS
            for batch in BATCHES
        ]
        return _rows(Path(folder), loads, runs, not arguments.no_triton, progress)


def _rows(repository: Path, loads: list[Load], runs: int, triton: bool, progress: Callable[[str], None]) -> list[Row]:
    times = {PROCESS: seconds_in_process(repository, loads, runs, progress)}
    if triton:
        times[TRITON] = seconds_through_triton(repository, loads, runs, progress)
    reference, slowest = f"{loads[0].model}, batch {loads[0].batch}, in process", next(iter(times[PROCESS].values()))
    rows = []
    for way, seconds in times.items():
        for (model, batch), value in seconds.items():
            name = f"{way}_{model}_batch_{batch}"
            rows.append(Row(name, 1 / value, "items/s", reference, 1 / slowest))
            rows.append(Row(f"{name}_item", 1e3 * value, "ms", reference, 1e3 * slowest))
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
