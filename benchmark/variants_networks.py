"""The networks of the table of variants: where their weights are from, pruned, in integers, in a model repository."""

import hashlib
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import nn
from variants_measuring import LOOK
from variants_table import INT8, MAX_BATCH, RANDOM, STREAM, Figures, Variant

from rt_gait_ros.errors import UsageError
from rt_gait_ros.networks.calibration_sets import LEAST, calibration_sets
from rt_gait_ros.networks.checkpoint import read_served_state, read_state
from rt_gait_ros.networks.flow_export import export_flow_network, write_flow
from rt_gait_ros.networks.flow_networks import NETWORKS, FlowNetwork, example_frames
from rt_gait_ros.networks.gait_checkpoints import gait_network_of
from rt_gait_ros.networks.gait_export import export_network, write_gait
from rt_gait_ros.networks.gait_integers import flow_network_in_integers, set_network_in_integers
from rt_gait_ros.networks.kinds import GAITBASE, kind_named
from rt_gait_ros.networks.pose_export import export_pose_network, load_pose_network
from rt_gait_ros.networks.pose_precision import in_integers
from rt_gait_ros.networks.set_networks import GaitBase, SetNetwork
from rt_gait_ros.networks.stream_graphs import FramePart, HeadPart
from rt_gait_ros.networks.trt_pose import ARCHITECTURES, trt_pose_network
from rt_gait_ros.serving.model_folder import write_model
from rt_gait_ros.serving.repository import absent_networks, why_not_there
from rt_gait_ros.training.pruning import Pruned, count_parameters, load_prunable, prune, write_pruned
from rt_gait_ros.training.pruning_report import multiply_accumulates, served

_TRAINED = re.compile(r"(?P<name>[^=@]+)@(?P<percentile>\d+(\.\d+)?)=(?P<file>.+)")


@dataclass(frozen=True, slots=True)
class Source:
    """A network of the table. kind: one of kinds.KINDS or of ARCHITECTURES. weights: where they are from, in words.

    digest: of the file that they are from, "" for random ones.
    """

    name: str
    kind: str
    network: nn.Module
    weights: str
    digest: str

    @property
    def streams(self) -> bool:
        """Whether it also keeps a set per track."""
        return isinstance(self.network, SetNetwork)

    @property
    def is_gait(self) -> bool:
        """Whether it is a gait network, and not one of trt_pose's."""
        return self.kind not in ARCHITECTURES


def read_source(word: str, repository: Path) -> Source:
    """A network by NAME of the repository or of a kind without shipped weights, or by NAME=FILE. Raises GaitError."""
    name, _, file = word.partition("=")
    if file:
        path = Path(file)
        pose = path.suffix in (".pth", ".ptm", ".pt") and _is_pose(path)
        kind, network = load_pose_network(path) if pose else load_prunable(path)
        return Source(name, kind, network, path.name, _digest(path))
    model = repository / name / "1" / "model.onnx"
    if model.is_file():
        kind, network = gait_network_of(read_served_state(model), str(model))
        return Source(name, kind, network, "as shipped", _digest(model))
    if name in absent_networks(repository):
        raise UsageError(why_not_there(repository, name, ()))
    torch.manual_seed(0)
    name = kind_named(name)
    if name in NETWORKS:
        made: nn.Module = NETWORKS[name]()
    elif name in ARCHITECTURES:
        made = trt_pose_network(name)
    elif name == GAITBASE:
        made = GaitBase()
    else:
        known = ", ".join((GAITBASE, *NETWORKS, *ARCHITECTURES))
        raise UsageError(f"{repository} has no network '{name}', and it is none of {known}: name a file, as NAME=FILE")
    return Source(name, name, made.eval(), RANDOM, "")


def trained_files(
    words: Sequence[str], percentiles: Sequence[float], names: Sequence[str]
) -> dict[tuple[str, float], Path]:
    """Checkpoints of pruned networks that were trained on, by network and percentile, from NAME@30=FILE.

    names: of the networks of the table. Raises UsageError.
    """
    files = {}
    for word in words:
        found = _TRAINED.fullmatch(word)
        if found is None or float(found["percentile"]) not in percentiles:
            raise UsageError(
                f"--trained {word!r}: NAME@PERCENTILE=FILE is wanted, of one of the percentiles of the table"
            )
        name = found["name"] if found["name"] in names else kind_named(found["name"])
        if name not in names:
            raise UsageError(f"--trained {word!r}: the table has no network '{name}', but {', '.join(names)}")
        files[name, float(found["percentile"])] = Path(found["file"])
    return files


@dataclass(frozen=True, slots=True)
class Maker:
    """Puts variants into a repository. checkpoints: folder for pruned files. calibration: as of `rt-gait export`."""

    repository: Path
    checkpoints: Path
    trained: dict[tuple[str, float], Path]
    calibration: Path | None
    progress: Callable[[str], None]

    def make(self, source: Source, percentile: float | None, precisions: Sequence[str]) -> dict[Variant, Figures]:
        """Export a network, pruned or not, in these precisions. Returns parameters, macs, bytes and weights of each
        variant, the streaming ones among them. Raises GaitError."""
        network, weights = self._network(source, percentile)
        if isinstance(network, SetNetwork):
            return self._set(source, percentile, network, weights, precisions)
        return self._single(source, percentile, network, weights, precisions)

    def _network(self, source: Source, percentile: float | None) -> tuple[nn.Module, str]:
        if percentile is None:
            return source.network, source.weights
        if (file := self.trained.get((source.name, percentile))) is not None:
            _, network = load_pose_network(file) if source.kind in ARCHITECTURES else load_prunable(file)
            return network, f"pruned and trained on ({file.parent.name}/{file.name})"
        pruned = prune(source.kind, source.network, percentile / 100)
        self._keep(source, percentile, pruned)
        return pruned.network, source.weights + ", pruned, not trained on"

    def _keep(self, source: Source, percentile: float, pruned: Pruned) -> None:
        """Write the checkpoint, which `rt-gait train --init` goes on from."""
        ending = ".hdf5" if isinstance(source.network, FlowNetwork) else ".pth"
        self.checkpoints.mkdir(parents=True, exist_ok=True)
        write_pruned(self.checkpoints / f"{source.name}_p{percentile:g}{ending}", pruned)

    def _set(
        self, source: Source, percentile: float | None, network: SetNetwork, weights: str, precisions: Sequence[str]
    ) -> dict[Variant, Figures]:
        self.progress(f"{source.name}: exporting {'whole' if percentile is None else f'at {percentile:g} %'}")
        whole, example, _ = served(source.kind, network)
        look, head = FramePart(network), HeadPart(network)
        stream_macs = multiply_accumulates(look, example[0, :LOOK])
        stream_macs += multiply_accumulates(head, torch.zeros(1, sum(head.sizes)))
        macs = {"": multiply_accumulates(whole, example[:1]), STREAM: stream_macs}
        export = export_network(source.kind, network)
        made = {}
        for precision in precisions:
            if precision == INT8:
                export = set_network_in_integers(export, calibration_sets(self.calibration))
            variant = Variant(source.name, percentile, precision)
            folders = write_gait(export, self.repository, variant.model, replace=True)
            for form, folder in zip(("", STREAM), folders, strict=True):
                each = Variant(source.name, percentile, precision, form)
                made[each] = _figures(network, macs[form], folder, weights)
        return made

    def _single(
        self, source: Source, percentile: float | None, network: nn.Module, weights: str, precisions: Sequence[str]
    ) -> dict[Variant, Figures]:
        self.progress(f"{source.name}: exporting {'whole' if percentile is None else f'at {percentile:g} %'}")
        whole, example, _ = served(source.kind, network)
        macs = multiply_accumulates(whole, example[:1])
        made = {}
        for precision in precisions:
            variant = Variant(source.name, percentile, precision)
            if isinstance(network, FlowNetwork):
                export = export_flow_network(source.kind, network)
                if precision == INT8:
                    export = flow_network_in_integers(export, self._windows(source))
                folder = write_flow(export, self.repository, variant.model, replace=True)
            else:
                pose = export_pose_network(source.kind, network, variant.model)
                model = in_integers(pose.model, self._images(pose.size)) if precision == INT8 else pose.model
                folder = write_model(self.repository, pose.spec, model, MAX_BATCH, True)
            made[variant] = _figures(network, macs, folder, weights)
        return made

    def _windows(self, source: Source) -> list[np.ndarray]:
        if self.calibration is None and source.weights == RANDOM:  # whose ranges are nobody's: they cost time alone
            return [window.numpy() for window in example_frames(LEAST)]
        return calibration_sets(self.calibration, "flow")

    def _images(self, size: int) -> list[np.ndarray]:
        """For the ranges of pose networks, which cost time alone: their accuracy is not in the table."""
        random = np.random.default_rng(0)
        return [random.integers(0, 256, (1, size, size, 3), np.uint8) for _ in range(LEAST)]


def _figures(network: nn.Module, macs: int, folder: Path, weights: str) -> Figures:
    size = (folder / "1" / "model.onnx").stat().st_size
    return {"parameters": count_parameters(network), "macs": macs, "bytes": size, "weights": weights}


def _is_pose(path: Path) -> bool:
    return any(name.startswith("1.cmap_conv") for name in read_state(path))


def _digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()[:16]
