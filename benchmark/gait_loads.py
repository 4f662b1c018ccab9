"""Requests of a gait network by batch, and the time that they take in process and through Triton."""

from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from walkers import walk

from rt_gait_ros.errors import UsageError
from rt_gait_ros.evaluation.bench import median_seconds
from rt_gait_ros.gait.model import GaitModel
from rt_gait_ros.serving.inference import InferenceClient
from rt_gait_ros.serving.onnx_client import OnnxClient
from rt_gait_ros.serving.repository import read_repository, why_not_there
from rt_gait_ros.serving.server import TritonServer
from rt_gait_ros.serving.triton_client import TritonClient
from rt_gait_ros.silhouette.kinds import GAIT_FRAME_KINDS

WINDOW = 30
PROCESS, TRITON = "process", "triton"


@dataclass(frozen=True, slots=True)
class Load:
    """One request: network, items in it, and its tensors."""

    model: str
    batch: int
    inputs: dict[str, np.ndarray]

    def run(self, client: InferenceClient) -> None:
        """Send it and wait for the answer. Raises InferenceError."""
        client.submit(self.model, self.inputs).result()


def loads_of(repository: Path, name: str, wanted: Sequence[int]) -> list[Load]:
    """Requests of each batch that the network takes. Raises GaitError for none of gait, or one that keeps a state."""
    models = read_repository(repository)
    if name not in models:
        raise UsageError(why_not_there(repository, name, models))
    model = GaitModel.from_spec(models[name].spec)
    if model.stream_window is not None:
        raise UsageError(
            f"{name} keeps a set per track: time it with `rt-gait bench serve --model {name}`, or name a network that "
            "is sent whole sequences"
        )
    count = min(max(model.min_frames, WINDOW), model.max_frames)
    request = model.adapter.request(_frames(model, count))
    most = models[name].config.max_batch_size
    batches = [batch for batch in wanted if batch <= most] or [1]
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


def seconds_in_process(
    repository: Path, loads: Sequence[Load], runs: int, progress: Callable[[str], None]
) -> dict[tuple[str, int], float]:
    """Median seconds of an item, by network and batch, in ONNX Runtime in this process."""
    with closing(OnnxClient(repository, timeout=600.0)) as client:
        return _times(PROCESS, client, loads, runs, progress)


def seconds_through_triton(
    repository: Path, loads: Sequence[Load], runs: int, progress: Callable[[str], None]
) -> dict[tuple[str, int], float]:
    """The same through an embedded server of its own."""
    networks = {load.model for load in loads}
    with (
        TritonServer(repository, networks=networks) as server,
        closing(TritonClient(server.url, timeout=600.0)) as client,
    ):
        return _times(TRITON, client, loads, runs, progress)


def _times(
    way: str, client: InferenceClient, loads: Sequence[Load], runs: int, progress: Callable[[str], None]
) -> dict[tuple[str, int], float]:
    seconds = {}
    for load in loads:
        value = median_seconds(lambda each=load: each.run(client), runs) / load.batch
        seconds[load.model, load.batch] = value
        progress(f"{way}, {load.model}, batch {load.batch}: {1 / value:.1f} items/s")
    return seconds
