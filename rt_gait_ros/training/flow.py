"""Training of the 2D-CNN and the 3D-CNN on windows of optical flow: everybody of the training set is a class.

Embedded-Gait trains so, too (cross-entropy over the people of the set, k nearest neighbours over others' descriptors
afterwards); optimizer, learning rate and batches are ours.
"""

import copy
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from rt_gait_ros.evaluation.tum_gaid import evaluate
from rt_gait_ros.networks.checkpoint import CheckpointError
from rt_gait_ros.networks.flow_networks import NETWORKS, FlowNetwork, kind_of
from rt_gait_ros.networks.keras_checkpoints import flow_network_bytes
from rt_gait_ros.networks.kinds import FLOW_NETWORKS
from rt_gait_ros.settings import setting
from rt_gait_ros.training.epochs import Course, Report, Trainer, best_device, mixed_precision, run_epochs
from rt_gait_ros.training.flow_windows import FlowPeople, FlowWalk
from rt_gait_ros.training.run_folder import RunFolder, started_from

KERAS_FILE = "network.hdf5"  # beside network.pth: what `rt-gait export gait`, `rt-gait prune gait` and Keras read
_EMBEDDED_AT_ONCE = 32  # windows


@dataclass(frozen=True, slots=True)
class FlowTraining(Course):
    """A training run; a batch is one window of each of so many walks of so many people. Raises UsageError."""

    network: str = setting("flow2d", "What is trained.", choices=FLOW_NETWORKS)
    people: int = setting(16, "Persons of a batch.", 2)
    scenes: int = setting(4, "Walks of each person of a batch.", 1)


def settings_of(training: FlowTraining, data: str, initial: FlowNetwork | None = None) -> dict[str, Any]:
    """What a resumed run must have in common with the one it goes on from. data: what it is trained on, in words.

    initial: the network that it started from, of which it has the widths and the weights.
    """
    settings = training.settings(data)
    if initial is None:
        return settings | started_from(None)
    return settings | {"widths": _widths(initial)} | started_from(initial.state_dict())


def train_flow(
    training: FlowTraining,
    people: FlowPeople,
    tested: Sequence[FlowWalk],
    folder: RunFolder,
    report: Report,
    initial: tuple[FlowNetwork, str] | None = None,
) -> FlowNetwork:
    """Train, or go on training as run_epochs says, and return the network.

    tested: walks of others, who are told apart by tum_gaid's measure: 7 nearest neighbours, a vote per walk. initial:
    network to start from, and where it is from; it keeps its widths. The folder has network.hdf5 beside network.pth.
    Uses a GPU with mixed precision when there is one. Raises CheckpointError for an initial network of another kind.
    """
    torch.manual_seed(training.seed)
    network = _network(training.network, len(people.people), initial, report)
    trainer = _Trainer(training, network, people, tested)
    if folder.resume() is None:
        report(f"before training: rank-1 {100 * trainer.figures()['rank1']:.1f} %")
    run_epochs(trainer, folder, report)
    return trainer.finished().eval()


def accuracy(network: FlowNetwork, walks: Sequence[FlowWalk], device: torch.device) -> float:
    """Rank-1 of walks among the gallery's, 0..1, by tum_gaid's measure.

    Raises UsageError where less than two people have a walk in the gallery, or nobody has another one.
    """
    network.eval()
    embedded = {walk.name: {"embeddings": _embed(network, walk, device)} for walk in walks if len(walk.windows)}
    return evaluate(embedded, "network").videos.rate


def _embed(network: FlowNetwork, walk: FlowWalk, device: torch.device) -> np.ndarray:
    """Descriptors (N, 1, C) float32 of all windows of a walk."""
    made = []
    for first in range(0, len(walk.windows), _EMBEDDED_AT_ONCE):
        batch = np.stack([walk.windows[n] for n in range(first, min(first + _EMBEDDED_AT_ONCE, len(walk.windows)))])
        with torch.no_grad(), mixed_precision(device):
            made.append(network(torch.from_numpy(batch).to(device)).float().cpu().numpy())
    return np.concatenate(made)


def _network(kind: str, classes: int, initial: tuple[FlowNetwork, str] | None, report: Report) -> FlowNetwork:
    """A new network, or a copy of the given one with a classifier for so many people.

    A new one is trained with batch normalisation, which a network that is trained already does not need.
    """
    if initial is None:
        new = NETWORKS[kind](classes=classes)
        new.normalise()
        return new
    given, source = initial
    if kind_of(given) != kind:
        raise CheckpointError(f"{source} is a {kind_of(given)} and not a {kind}: leave --network out")
    network = copy.deepcopy(given)
    had = 0 if network.probs is None else network.probs.out_features
    if had == classes:
        report(f"going on from {source} with its classifier, which is of as many people")
    else:
        report(f"going on from {source} with a new classifier: it has {had or 'no'} people, {classes} are trained on")
        network.probs = nn.Linear(network.code, classes)
    return network


def _widths(network: FlowNetwork) -> str:
    return ", ".join(str(len(layer.weight)) for name, layer in network.layers if name != "probs")


class _Trainer(Trainer):
    """A flow network and the people it is trained and looked at on."""

    columns: ClassVar[Mapping[str, str]] = {"rank1": "rank-1"}

    def __init__(
        self, training: FlowTraining, network: FlowNetwork, people: FlowPeople, tested: Sequence[FlowWalk]
    ) -> None:
        device = best_device()
        super().__init__(training, network.to(device), device)
        self.batches, self.people, self.tested, self.logits = training, people, tested, network.logits

    def loss_of_batch(self, random: np.random.Generator) -> Tensor:
        """As Trainer.loss_of_batch."""
        windows, labels = self.people.draw(random, self.batches.people, self.batches.scenes)
        windows = _mirror_some(windows, random)
        with mixed_precision(self.device):
            logits = self.logits(torch.from_numpy(windows).to(self.device))
        return functional.cross_entropy(logits.float(), torch.from_numpy(labels).to(self.device))

    def figures(self) -> dict[str, float]:
        """As Trainer.figures."""
        return {"rank1": accuracy(self.finished(), self.tested, self.device)}

    def finished(self) -> FlowNetwork:
        """As Trainer.finished, with the batch normalisation of a new network in its weights."""
        network: FlowNetwork = super().finished()  # type: ignore[assignment]
        network.fold()
        return network

    def files(self) -> dict[str, bytes]:
        """The weights as Keras has them."""
        return {KERAS_FILE: flow_network_bytes(self.finished())}


def _mirror_some(windows: np.ndarray, random: np.random.Generator) -> np.ndarray:
    """Every other window of (N, 25, 60, 60, 2), by chance, as seen in a mirror: what moved right moves left."""
    mirrored = windows[:, :, :, ::-1] * np.array([-1, 1], np.int16)
    return np.where(random.random(len(windows))[:, None, None, None, None] < 0.5, windows, mirrored)
