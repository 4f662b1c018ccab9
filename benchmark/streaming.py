"""What a refresh of an identity costs when the set grows by a frame, beside computing the whole window anew.

GaitSet with random weights: the time does not depend on them. What a variant does to accuracy does: with random weights
only the shift of the embeddings can be told, not recognition, and a trained network must be evaluated before it is used
in integers.
"""

import argparse
import os
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import replace
from pathlib import Path

import numpy as np
import onnxruntime
from walkers import walk

from rt_gait_ros.evaluation.bench import Row, median_seconds
from rt_gait_ros.gait.model import describe
from rt_gait_ros.gait.stream_embedder import StreamEmbedder
from rt_gait_ros.serving.inference import Sequence
from rt_gait_ros.serving.repository import read_repository
from rt_gait_ros.serving.server import TritonServer
from rt_gait_ros.serving.streaming import StreamingNetwork, StreamRequest, open_streaming
from rt_gait_ros.serving.triton_client import TritonClient

SUMMARY = "milliseconds per identity refresh, streaming and by whole windows; subjects at 25 frames per second"
REFERENCE = "the 30-frame window anew, ONNX Runtime float32"
# rt_gait_edge (Sci Rep 15:19276, 2025): simultaneous subjects at 25 inferences per second on a Jetson Orin Nano.
EDGE, EDGE_SUBJECTS = "rt_gait_edge, Orin Nano", 42.0

WINDOW = 30
RATE = 25.0  # frames per second of a camera
REFRESH = 5  # new frames between looks, as the gait node's default
VARIANTS = ("float32", "int8")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument("--runs", type=int, default=30, metavar="N", help="timed runs of each row (30)")
    parser.add_argument("--seconds", type=float, default=5.0, metavar="S", help="length of a trial through Triton (5)")


def measure(arguments: argparse.Namespace, progress: Callable[[str], None]) -> list[Row]:
    """Time each way in turn, one thread, and then load Triton. Returns the rows; see the README of figures."""
    with tempfile.TemporaryDirectory(prefix="rt_gait_bench_") as folder:
        repository = Path(folder)
        pytorch = _write_networks(repository, progress)
        runs = max(arguments.runs, 3)
        window = 1e3 * median_seconds(_window_run(repository), runs)
        rows = [
            Row("window_pytorch", 1e3 * median_seconds(pytorch, runs), "ms", REFERENCE, window),
            Row("window_onnxruntime", window, "ms", REFERENCE, window),
        ]
        models = read_repository(repository)
        for variant in reversed(VARIANTS):
            network = open_streaming(models[f"{variant}_stream"])
            for tracks in (1, 16):
                value = 1e3 * median_seconds(_refresh(network, tracks), runs) / tracks
                name = "streaming" + ("" if variant == "int8" else f"_{variant}") + ("" if tracks == 1 else "_batch16")
                rows.append(Row(name, value, "ms", REFERENCE, window))
                progress(f"{name}: {value:.2f} ms a refresh, the window {window:.1f} ms")
        shift, between = _shift(models)
        rows.append(Row("int8_embedding_shift", shift, "distance", "between two walkers, random weights", between))
        rows += _subjects(repository, arguments.seconds, progress)
    return rows


def _write_networks(repository: Path, progress: Callable[[str], None]) -> Callable[[], object]:
    """Put every variant into the repository. Returns one run of PyTorch on a window."""
    # torch takes seconds to import and is there only with the extra [train]
    import torch

    from rt_gait_ros.networks.gait_export import export_network, write_gait
    from rt_gait_ros.networks.gait_quantisation import quantise_parts
    from rt_gait_ros.networks.set_networks import GaitSet
    from rt_gait_ros.networks.stream_graphs import WholeSet, stateful_graph

    progress("exporting GaitSet")
    torch.manual_seed(0)
    torch.set_num_threads(1)
    network = GaitSet().eval()
    export = export_network("gaitset", network, WINDOW)
    cores = len(os.sched_getaffinity(0))
    write_gait(export, repository, "float32", threads=cores)
    parts = quantise_parts(export.parts, [walk(build / 8, WINDOW, phase=build) for build in range(8)])
    write_gait(replace(export, parts=parts, stateful=stateful_graph(parts, WINDOW)), repository, "int8", threads=cores)
    whole, frames = WholeSet(network).eval(), torch.from_numpy(walk(0.5, WINDOW)[None])

    def run() -> object:
        with torch.inference_mode():
            return whole(frames)

    return run


def _window_run(repository: Path) -> Callable[[], object]:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    path = repository / "float32" / "1" / "model.onnx"
    session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
    frames = walk(0.5, WINDOW)[None]
    return lambda: session.run(None, {"gait_frames": frames})


def _refresh(network: StreamingNetwork, tracks: int) -> Callable[[], object]:
    """One new frame for each track, and its embedding; the windows are full before."""
    frames = walk(0.5, WINDOW)
    network.run([StreamRequest(Sequence(track + 1, start=True), frames, False) for track in range(tracks)])
    requests = [StreamRequest(Sequence(track + 1), frames[:1], True) for track in range(tracks)]
    return lambda: network.run(requests)


def _shift(models: dict) -> tuple[float, float]:  # type: ignore[type-arg]
    """How far int8 moves embeddings, and how far two walkers are apart in float32; walkers not calibrated on."""
    embeddings = []
    for variant in VARIANTS:
        network = open_streaming(models[f"{variant}_stream"])
        requests = [
            StreamRequest(Sequence(n + 1, start=True, end=True), walk((n + 0.5) / 6, WINDOW, n), True) for n in range(6)
        ]
        embeddings.append(np.concatenate([answer["embedding"] for answer in network.run(requests)]))
    exact, moved = embeddings
    pairs = [_distance(exact[a], exact[b]) for a in range(6) for b in range(a)]
    return float(np.median([_distance(a, b) for a, b in zip(exact, moved, strict=True)])), float(np.median(pairs))


def _distance(one: np.ndarray, other: np.ndarray) -> float:
    """As rt_gait_ros.gait.distance measures: root mean square over parts."""
    return float(np.sqrt(((one - other) ** 2).sum(axis=1).mean()))


def _subjects(repository: Path, seconds: float, progress: Callable[[str], None]) -> list[Row]:
    """Subjects of whom each sends 25 frames a second, a look every REFRESH of them, all answered in time."""
    rows = []
    with TritonServer(repository) as server:
        for variant in reversed(VARIANTS):
            client = TritonClient(server.url, timeout=30.0)
            subjects = int(_capacity(client, f"{variant}_stream", seconds))
            while subjects > 1 and not _keeps_up(client, f"{variant}_stream", subjects, seconds):
                subjects = int(0.93 * subjects)
            client.close()
            name = "subjects_at_25fps" + ("" if variant == "int8" else f"_{variant}")
            progress(f"{name}: {subjects}")
            rows.append(Row(name, subjects, "subjects", EDGE, EDGE_SUBJECTS))
    return rows


class _Load:
    """Tracks that walk before a streaming network on a server; the client's work is on the same cores."""

    def __init__(self, client: TritonClient, model: str, tracks: int) -> None:
        self._embedder = StreamEmbedder(client, describe(client, model), WINDOW, 30.0)
        self._frames = walk(0.5, WINDOW)
        self.ids = [f"t{number:04d}" for number in range(tracks)]
        for future in [self.look(body_id, WINDOW) for body_id in self.ids]:
            future.result()

    def look(self, body_id: str, frames: int = REFRESH) -> "Future[dict[str, np.ndarray]]":
        """The next frames of a track, and its embedding."""
        for number in range(frames):
            self._embedder.add(body_id, self._frames[number])
        return self._embedder.request(body_id)

    def end(self) -> None:
        """Let the server forget the tracks."""
        for body_id in self.ids:
            self._embedder.drop(body_id)


def _capacity(client: TritonClient, model: str, seconds: float) -> float:
    """Subjects that the frames per second of a server that always has work would do for."""
    load = _Load(client, model, 48)
    open_requests = {body_id: load.look(body_id) for body_id in load.ids}
    start, done = time.perf_counter(), 0
    while time.perf_counter() - start < seconds:
        for body_id in load.ids:
            open_requests[body_id].result()
            open_requests[body_id] = load.look(body_id)
            done += REFRESH
    elapsed = time.perf_counter() - start
    for future in open_requests.values():
        future.result()
    load.end()
    return done / elapsed / RATE


def _keeps_up(client: TritonClient, model: str, subjects: int, seconds: float) -> bool:
    """Whether 95 of 100 looks at so many subjects, spread evenly, are answered before the subject's next is due."""
    load = _Load(client, model, subjects)
    period = REFRESH / RATE
    late: list[float] = []
    start = time.perf_counter()
    waiting = []
    for number in range(int(seconds / period) * subjects):
        due = start + number * period / subjects
        time.sleep(max(0.0, due - time.perf_counter()))
        future = load.look(load.ids[number % subjects])
        future.add_done_callback(lambda _, due=due: late.append(time.perf_counter() - due))
        waiting.append(future)
    for future in waiting:
        future.result()
    load.end()
    return float(np.quantile(late, 0.95)) <= period
