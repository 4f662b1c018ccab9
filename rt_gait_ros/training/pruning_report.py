"""What pruning costs and gains: filters, parameters, work, time and accuracy of a network by percentile."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
import torch
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode

from rt_gait_ros.datasets.coco import KeypointDataset
from rt_gait_ros.datasets.folders import people_of, sequences_of
from rt_gait_ros.datasets.silhouettes import read_silhouettes
from rt_gait_ros.datasets.tum_gaid import find_recordings, read_sample
from rt_gait_ros.errors import UsageError
from rt_gait_ros.evaluation.bench import median_seconds
from rt_gait_ros.evaluation.tum_gaid import evaluate
from rt_gait_ros.gallery.distance import distances
from rt_gait_ros.networks.export import to_onnx
from rt_gait_ros.networks.flow_networks import FlowNetwork, example_frames
from rt_gait_ros.networks.set_networks import SetNetwork
from rt_gait_ros.networks.stream_graphs import WholeSet
from rt_gait_ros.networks.trt_pose import ARCHITECTURES, FromPixels
from rt_gait_ros.silhouette.gaitset import SIZE
from rt_gait_ros.training.coco_evaluation import keypoint_precision
from rt_gait_ros.training.pruning import count_parameters, prune

# Embedded-Gait's range
PERCENTILES = (10.0, 20.0, 30.0, 40.0, 50.0, 60.0)
# of a set network: frames of one item; GaitSet is trained on sets of this size
FRAMES = 30

Accuracy = Callable[[nn.Module], float]


@dataclass(frozen=True, slots=True)
class ReportRow:
    """A network at one percentile; 0 is the whole one. macs: multiply-accumulates of an item (a window, a set of 30
    frames, an image). milliseconds: median of an item in ONNX Runtime, one thread. accuracy: 0..1, None without data.
    """

    percentile: float
    removed: int
    filters: int
    parameters: int
    macs: int
    milliseconds: float
    accuracy: float | None

    def to_json(self) -> dict[str, Any]:
        """The figures by name."""
        return {name: getattr(self, name) for name in self.__slots__}


def report(
    kind: str,
    network: nn.Module,
    percentiles: Sequence[float] = PERCENTILES,
    accuracy: Accuracy | None = None,
    runs: int = 5,
) -> Iterator[ReportRow]:
    """The whole network, and the network at each percentile, one after the other; nothing is trained in between.

    accuracy: of a network as it is served, see `served`. runs: of which the median time is taken. Raises UsageError.
    """
    filters = sum(prune(kind, network, min(percentiles) / 100).filters.values())
    for percentile in (None, *percentiles):
        pruned = None if percentile is None else prune(kind, network, percentile / 100)
        model = network if pruned is None else pruned.network
        whole, example, outputs = served(kind, model)
        yield ReportRow(
            percentile or 0.0,
            0 if pruned is None else pruned.removed,
            filters,
            count_parameters(model),
            multiply_accumulates(whole, example[:1]),
            1e3 * _seconds(whole, example, outputs, runs),
            None if accuracy is None else accuracy(whole),
        )


def served(kind: str, network: nn.Module) -> tuple[nn.Module, Tensor, list[str]]:
    """The network as it is served, two items of its input, and the names of its outputs."""
    if isinstance(network, SetNetwork):
        generator = torch.Generator().manual_seed(0)
        frames = torch.randint(0, 256, (2, FRAMES, SIZE, SIZE), dtype=torch.uint8, generator=generator)
        return WholeSet(network).eval(), frames, ["embedding"]
    if isinstance(network, FlowNetwork):
        return network.eval(), example_frames(2), ["embedding"]
    size = ARCHITECTURES[kind].size
    return FromPixels(network).eval(), torch.full((2, size, size, 3), 127, dtype=torch.uint8), ["cmap", "paf"]


def multiply_accumulates(network: nn.Module, example: Tensor) -> int:
    """Of one call with these values."""
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        network(example)
    return counter.get_total_flops() // 2


def _seconds(network: nn.Module, example: Tensor, outputs: list[str], runs: int) -> float:
    model = to_onnx(network, example, "input", outputs)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    session = onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
    item = {"input": example[:1].numpy()}
    return median_seconds(lambda: session.run(None, item), runs)


def gait_accuracy(folder: Path, kind: str) -> Accuracy:
    """How a gait network recognises the people of a folder, 0..1.

    kind: of gait frames. Silhouettes: PERSON/SEQUENCE/VIEW, each view is asked for among all views of other sequences
    and persons, the nearest names it: another camera's view of the same walk would say nothing. Flow: TUM-GAID's
    prepared samples by its protocol, votes of all probe videos. Raises UsageError for a folder with less than two
    people of two sequences each.
    """
    if not folder.is_dir():
        raise UsageError(f"{folder} is no folder: name one with walks of people")
    if kind == "flow":
        return _flow_accuracy(folder)
    found = [
        (files.person, files.sequence, read_silhouettes(files.files).frames)
        for files in sequences_of(people_of(folder))
    ]
    walks = [(person, sequence, frames[:FRAMES]) for person, sequence, frames in found if len(frames)]
    sequences: dict[str, set[str]] = {}
    for person, sequence, _ in walks:
        sequences.setdefault(person, set()).add(sequence)
    if sum(len(own) > 1 for own in sequences.values()) < 2:
        raise UsageError(
            f"{folder} has less than two people with two sequences (PERSON/SEQUENCE/VIEW): nothing to compare"
        )
    people, names = (
        np.array(each) for each in zip(*((person, sequence) for person, sequence, _ in walks), strict=True)
    )
    itself = (people[:, None] == people) & (names[:, None] == names)
    asked = np.array([len(sequences[person]) > 1 for person, _, _ in walks])

    def rank_one(network: nn.Module) -> float:
        embeddings = np.concatenate([_embed(network, frames) for _, _, frames in walks])
        apart = np.where(itself, np.inf, distances(embeddings, embeddings))
        return float((people[apart.argmin(axis=1)] == people)[asked].mean())

    return rank_one


def pose_accuracy(dataset: KeypointDataset, kind: str) -> Accuracy:
    """COCO's AP of a pose network, one of ARCHITECTURES, over all images of a data set. Raises DatasetError."""
    return lambda network: keypoint_precision(network, dataset, ARCHITECTURES[kind].size)["ap"]


def _flow_accuracy(folder: Path) -> Accuracy:
    recordings = [each for each in find_recordings(folder) if each.prepared]
    if not recordings:
        raise UsageError(f"{folder} holds images: name prepared samples of TUM-GAID (.h5)")
    windows = {}
    for each in recordings:
        read = [read_sample(path) for path in each.files]
        windows[each.name] = [window for window in read if window is not None]

    def by_vote(network: nn.Module) -> float:
        embedded = {
            name: {"embeddings": np.concatenate([_embed(network, window) for window in read])}
            for name, read in windows.items()
            if read
        }
        return evaluate(embedded, "pruned").videos.rate

    return by_vote


def _embed(network: nn.Module, frames: np.ndarray) -> np.ndarray:
    with torch.no_grad():
        embedding = network(torch.from_numpy(np.ascontiguousarray(frames))[None])
    return np.asarray(embedding.numpy())
