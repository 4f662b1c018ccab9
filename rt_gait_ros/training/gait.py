"""Training of GaitSet on cohorts of people: scene-centred contrastive learning, or GaitSet's own recipe."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from rt_gait_ros.networks.kinds import TRAINED_SETS
from rt_gait_ros.networks.set_networks import Centred, SetNetwork
from rt_gait_ros.settings import setting
from rt_gait_ros.training.cohorts import Cohorts
from rt_gait_ros.training.epochs import Course, Report, Trainer, best_device, mixed_precision, run_epochs
from rt_gait_ros.training.gait_losses import centred, circle, contrastive, triplet
from rt_gait_ros.training.gait_networks import described, trainable
from rt_gait_ros.training.run_folder import RunFolder

LOSSES = {"contrastive": contrastive, "triplet": triplet, "circle": circle}
# What the loss of scene-centred embeddings counts beside that of embeddings centred on everybody: the second teaches
# the network to leave views and clothes out, the first keeps what is left when the recogniser takes a scene out.
SCENE_WEIGHT = 0.5
_PRIOR_MOMENTUM = 0.02  # of the running mean of embeddings
_VALIDATION_DRAWS = 8


@dataclass(frozen=True, slots=True)
class GaitTraining(Course):
    """A training run; a batch is (P, C, S) gait frames of people, scenes and frames.

    network: PRUNED starts from a given one. Raises UsageError.
    """

    network: str = setting("centred-gaitset", "What is trained.", choices=TRAINED_SETS)
    loss: str = setting("contrastive", "What is minimised.", choices=LOSSES)
    people: int = setting(16, "Persons of a batch.", 2)
    scenes: int = setting(6, "Scenes of a batch, in each of which every person walks.", 2)
    frames: int = setting(3, "Gait frames of a walk of a batch.", 1)


def settings_of(training: GaitTraining, data: str, initial: SetNetwork | None = None) -> dict[str, Any]:
    """What a resumed run must have in common with the one it goes on from. data: what it is trained on, in words.

    initial: the network that it started from.
    """
    settings = training.settings(data)
    return settings if initial is None else settings | described(initial)


def train_gait(
    training: GaitTraining,
    cohorts: Cohorts,
    validation: Cohorts,
    folder: RunFolder,
    report: Report,
    initial: tuple[SetNetwork, str] | None = None,
) -> Centred:
    """Train, or go on training, and return the network.

    After each epoch the folder holds all that is needed to go on; a finished run of which more epochs are asked for is
    trained on with a new cycle of the learning rate. initial: network to start from, and where it is from. report:
    takes a line of progress. Uses a GPU with mixed precision when there is one.
    """
    torch.manual_seed(training.seed)
    device = best_device()
    network = trainable(training.network, initial)
    trainer = _Trainer(training, network.to(device), device, cohorts, validation)
    run_epochs(trainer, folder, report)
    return trainer.finished().eval()


def accuracy(network: Centred, cohorts: Cohorts, training: GaitTraining) -> dict[str, float]:
    """Rank-1 of people in one scene searched among the same people in another, as embedded and scene-centred; 0..1.

    As many people as in a batch of the training, walks of four times its frames.
    """
    random = np.random.default_rng((0xACC, training.seed))
    hits: dict[str, list[float]] = {"rank1": [], "rank1_scene": []}
    device = next(network.parameters()).device
    network.eval()
    for _ in range(_VALIDATION_DRAWS):
        batch = cohorts.draw(random, training.people, 3, 4 * training.frames)
        with torch.no_grad(), mixed_precision(device):
            embedded = _embed(network, batch, device).float()
        for name, embeddings in (("rank1", embedded), ("rank1_scene", centred(embedded))):
            for probe in range(embeddings.shape[1]):
                for gallery in range(embeddings.shape[1]):
                    if probe != gallery:
                        likeness = embeddings[:, probe].flatten(1) @ embeddings[:, gallery].flatten(1).T
                        right = likeness.argmax(1).cpu() == torch.arange(len(likeness))
                        hits[name].append(float(right.float().mean()))
    return {name: float(np.mean(values)) for name, values in hits.items()}


class _Trainer(Trainer):
    """A set network, and the running mean of its embeddings."""

    columns: ClassVar[Mapping[str, str]] = {"rank1": "rank-1", "rank1_scene": "scene-centred"}

    def __init__(
        self, training: GaitTraining, network: Centred, device: torch.device, cohorts: Cohorts, validation: Cohorts
    ) -> None:
        super().__init__(training, network, device)
        self.batches, self.cohorts, self.validation = training, cohorts, validation
        self.one_sided = network.one_sided
        self.loss = LOSSES[training.loss]
        self.prior = network.prior.clone()

    def loss_of_batch(self, random: np.random.Generator) -> Tensor:
        """As Trainer.loss_of_batch."""
        batch = self.cohorts.draw(random, self.batches.people, self.batches.scenes, self.batches.frames)
        with mixed_precision(self.device):
            embedded = _embed(self.one_sided, _mirror_some(batch, random), self.device)
        embedded = embedded.float()
        everybody = embedded.mean((0, 1))
        plain = functional.normalize(embedded - everybody, dim=-1)
        self.prior += _PRIOR_MOMENTUM * (everybody.detach() - self.prior)
        return SCENE_WEIGHT * self.loss(centred(embedded)) + self.loss(plain)

    def figures(self) -> dict[str, float]:
        """As Trainer.figures."""
        return accuracy(self.finished(), self.validation, self.batches)

    def finished(self) -> Centred:
        """A copy of the network as it is used: the mean of its weights, with its prior."""
        used: Centred = super().finished()  # type: ignore[assignment]
        used.prior = self.prior.clone()
        return used

    def state(self) -> dict[str, Any]:
        """As Trainer.state."""
        return {"prior": self.prior, **super().state()}

    def restore(self, state: dict[str, Any] | None) -> int:
        """As Trainer.restore."""
        if state is not None:
            self.prior = state["prior"].to(self.device)
        return super().restore(state)


def _mirror_some(batch: np.ndarray, random: np.random.Generator) -> np.ndarray:
    """Every other walk of (P, C, S, 64, 44), by chance, as seen in a mirror."""
    return np.where(random.random(batch.shape[:2])[..., None, None, None] < 0.5, batch, batch[..., ::-1])


def _embed(network: Callable[[Tensor], Tensor], batch: np.ndarray, device: torch.device) -> Tensor:
    """(P, C, S, 64, 44) uint8 to embeddings (P, C, parts, channels)."""
    people, scenes = batch.shape[:2]
    silhouettes = torch.from_numpy(batch.reshape(people * scenes, *batch.shape[2:])).to(device).float() / 255.0
    return network(silhouettes).unflatten(0, (people, scenes))
