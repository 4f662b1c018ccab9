"""Gait sequences per second by batch: in this process and through Triton, one thread.

Without --model it is GaitSet with random weights, on which the time does not depend, in float32 and in integers, for
whole sets of 30 frames; with it, any gait network of a model repository, on as many frames as it takes (30 at most,
where it takes any number).
"""

import argparse
import tempfile
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from walkers import walk

from rt_gait_ros.errors import UsageError
from rt_gait_ros.evaluation.bench import Row, median_seconds
from rt_gait_ros.gait.model import GaitModel
from rt_gait_ros.resources import resource
from rt_gait_ros.serving.inference import InferenceClient
from rt_gait_ros.serving.onnx_client import OnnxClient
from rt_gait_ros.serving.repository import read_repository, why_not_there
from rt_gait_ros.serving.server import TritonServer
from rt_gait_ros.serving.triton_client import TritonClient
from rt_gait_ros.silhouette.kinds import GAIT_FRAME_KINDS

SUMMARY = "gait sequences per second by batch, in process and through Triton"
# The batches of GaitSet's Ascend inference guide.
BATCHES = (1, 4, 8, 16, 32, 64)
WINDOW = 30
PRECISIONS = ("float32", "int8")


@dataclass(frozen=True, slots=True)
class Load:
    """One request: network, sequences in it, and its tensors."""

    model: str
    batch: int
    inputs: dict[str, np.ndarray]


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
    if arguments.model is not None:
        repository = arguments.repository or resource("model_repository")
        return _rows(repository, _loads(repository, arguments.model), runs, not arguments.no_triton, progress)
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
    with closing(OnnxClient(repository, timeout=600.0)) as process:
        seconds = _times("process", process, loads, runs, progress)
    first = next(iter(seconds))
    if triton:
        networks = {load.model for load in loads}
        with (
            TritonServer(repository, networks=networks) as server,
            closing(TritonClient(server.url, timeout=600.0)) as client,
        ):
            seconds |= _times("triton", client, loads, runs, progress)
    reference = f"{loads[0].model}, batch {loads[0].batch}, in process"
    rows = []
    for name, value in seconds.items():
        rows.append(Row(name, 1 / value, "items/s", reference, 1 / seconds[first]))
        rows.append(Row(f"{name}_item", 1e3 * value, "ms", reference, 1e3 * seconds[first]))
    return rows


def _loads(repository: Path, name: str) -> list[Load]:
    """Requests of each batch that the network takes. Raises GaitError for none of gait, or one that keeps a state."""
    models = read_repository(repository)
    if name not in models:
        raise UsageError(why_not_there(repository, name, models))
    model = GaitModel.from_spec(models[name].spec)
    if model.stream_window is not None:
        raise UsageError(f"{name} keeps a set per track: time it with `rt-gait bench streaming`, or name {name[:-7]}")
    count = min(max(model.min_frames, WINDOW), model.max_frames)
    request = model.adapter.request(_frames(model, count))
    most = models[name].config.max_batch_size
    batches = [batch for batch in BATCHES if batch <= most] or [1]
    axis = model.adapter.batch_axis
    return [
        Load(name, batch, {key: np.repeat(tensor, batch, axis) for key, tensor in request.items()}) for batch in batches
    ]


def _frames(model: GaitModel, count: int) -> np.ndarray:
    """Gait frames of somebody who walks, of the network's kind; time depends on their number alone."""
    if model.gait_frame_kind == "silhouette" and model.frame_shape == (64, 64):
        return walk(0.5, count)
    known = GAIT_FRAME_KINDS[model.gait_frame_kind]
    low, high = (-500, 500) if known.dtype is np.int16 else (0, 255)
    values = np.random.default_rng(0).integers(low, high, (count, *model.frame_shape), endpoint=True)
    return values.astype(known.dtype)


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


def _times(
    way: str, client: InferenceClient, loads: list[Load], runs: int, progress: Callable[[str], None]
) -> dict[str, float]:
    """Median seconds of an item, by network and batch."""
    seconds = {}
    for load in loads:
        value = median_seconds(lambda each=load: client.submit(each.model, each.inputs).result(), runs) / load.batch
        seconds[f"{way}_{load.model}_batch_{load.batch}"] = value
        progress(f"{way}, {load.model}, batch {load.batch}: {1 / value:.1f} items/s")
    return seconds
