"""Training of GaitSet and GaitBase on cohorts of people: scene-centred contrastive learning, or their own recipes."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from rt_gait_ros.errors import UsageError
from rt_gait_ros.networks.kinds import GAITBASE, TRAINED_SETS
from rt_gait_ros.networks.narrowed import is_narrowed, marked
from rt_gait_ros.networks.set_networks import Centred, GaitBase, SetNetwork
from rt_gait_ros.settings import setting
from rt_gait_ros.training.cohorts import Cohorts
from rt_gait_ros.training.epochs import Course, Report, Trainer, best_device, mixed_precision, run_epochs
from rt_gait_ros.training.gait_losses import centred, circle, contrastive, triplet
from rt_gait_ros.training.gait_networks import described, trainable
from rt_gait_ros.training.run_folder import RunFolder, started_from

TRIPLET = "triplet"
LOSSES = {"contrastive": contrastive, TRIPLET: triplet, "circle": circle}
# What the loss of scene-centred embeddings counts beside that of embeddings centred on everybody: the second teaches
# the network to leave views and clothes out, the first keeps what is left when the recogniser takes a scene out.
SCENE_WEIGHT = 0.5
_PRIOR_MOMENTUM = 0.02  # of the running mean of embeddings
_VALIDATION_DRAWS, _VALIDATION_SCENES = 8, 3  # fewer scenes where somebody has fewer walks: no walk finds itself


@dataclass(frozen=True, slots=True)
class GaitTraining(Course):
    """A training run; a batch is (P, C, S) gait frames of people, scenes and frames.

    network: PRUNED and GAITBASE start from a given one; GaitBase's embeddings are of any length, so its loss is the one
    that OpenGait trains them by, the triplet's. Raises UsageError.
    """

    network: str = setting("centred-gaitset", "What is trained.", choices=TRAINED_SETS)
    loss: str = setting("contrastive", "What is minimised.", choices=LOSSES)
    people: int = setting(16, "Persons of a batch.", 2)
    scenes: int = setting(6, "Scenes of a batch, in each of which every person walks.", 2)
    frames: int = setting(3, "Gait frames of a walk of a batch.", 1)

    def __post_init__(self) -> None:
        Course.__post_init__(self)
        if self.network == GAITBASE and self.loss != TRIPLET:
            raise UsageError(f"loss {self.loss} is of embeddings of length 1, which {GAITBASE}'s are not: {TRIPLET} is")


def settings_of(training: GaitTraining, data: str, initial: SetNetwork | None = None) -> dict[str, Any]:
    """What a resumed run must have in common with the one it goes on from. data: what it is trained on, in words.

    initial: the network that it started from.
    """
    settings = training.settings(data)
    if initial is None:
        return settings | started_from(None)
    return settings | described(initial) | started_from(initial.state_dict())


def train_gait(
    training: GaitTraining,
    cohorts: Cohorts,
    validation: Cohorts,
    folder: RunFolder,
    report: Report,
    initial: tuple[SetNetwork, str] | None = None,
) -> SetNetwork:
    """Train, or go on training, and return the network.

    After each epoch the folder holds all that is needed to go on; a finished run of which more epochs are asked for is
    trained on with a new cycle of the learning rate. initial: network to start from, and where it is from. report:
    takes a line of progress. Uses a GPU with mixed precision when there is one.
    """
    torch.manual_seed(training.seed)
    device = best_device()
    network = trainable(training.network, initial)
    trainer: _SetTrainer
    if isinstance(network, Centred):
        trainer = _CentredTrainer(training, network.to(device), device, cohorts, validation)
    else:
        trainer = _GaitBaseTrainer(training, network.to(device), device, cohorts, validation)
    run_epochs(trainer, folder, report)
    return trainer.finished().eval()


def accuracy(network: SetNetwork, cohorts: Cohorts, training: GaitTraining) -> dict[str, float]:
    """Rank-1 of people in one scene searched among the same people in another, as embedded and scene-centred; 0..1.

    As many people as in a batch of the training, walks of four times its frames.
    """
    random = np.random.default_rng((0xACC, training.seed))
    hits: dict[str, list[float]] = {"rank1": [], "rank1_scene": []}
    device = next(network.parameters()).device
    network.eval()
    for _ in range(_VALIDATION_DRAWS):
        batch = cohorts.draw(random, training.people, min(_VALIDATION_SCENES, cohorts.walks), 4 * training.frames)
        with torch.no_grad(), mixed_precision(device):
            embedded = _embed(network, batch, device).float()
        for name, embeddings in (("rank1", embedded), ("rank1_scene", centred(embedded))):
            for probe in range(embeddings.shape[1]):
                for gallery in range(embeddings.shape[1]):
                    if probe != gallery:
                        apart = torch.cdist(embeddings[:, probe].flatten(1), embeddings[:, gallery].flatten(1))
                        right = apart.argmin(1).cpu() == torch.arange(len(apart))
                        hits[name].append(float(right.float().mean()))
    return {name: float(np.mean(values)) for name, values in hits.items()}


class _SetTrainer(Trainer):
    """A set network and its people. embed: (B, S, 64, 44) silhouettes to embeddings, as they are trained."""

    columns: ClassVar[Mapping[str, str]] = {"rank1": "rank-1", "rank1_scene": "scene-centred"}
    embed: Callable[[Tensor], Tensor]

    def __init__(
        self, training: GaitTraining, network: SetNetwork, device: torch.device, cohorts: Cohorts, validation: Cohorts
    ) -> None:
        super().__init__(training, network, device)
        self.batches, self.cohorts, self.validation = training, cohorts, validation
        self.loss = LOSSES[training.loss]

    def embeddings_of_batch(self, random: np.random.Generator) -> Tensor:
        """(P, C, parts, channels) float32."""
        batch = self.cohorts.draw(random, self.batches.people, self.batches.scenes, self.batches.frames)
        with mixed_precision(self.device):
            embedded = _embed(self.embed, _mirror_some(batch, random), self.device)
        return embedded.float()

    def figures(self) -> dict[str, float]:
        """As Trainer.figures."""
        return accuracy(self.finished(), self.validation, self.batches)

    def finished(self) -> SetNetwork:
        """As Trainer.finished."""
        network: SetNetwork = super().finished()  # type: ignore[assignment]
        return network


class _GaitBaseTrainer(_SetTrainer):
    """GaitBase, whole or pruned. The classifier that its file carries stays as it is: its people are not here."""

    def __init__(
        self, training: GaitTraining, network: SetNetwork, device: torch.device, cohorts: Cohorts, validation: Cohorts
    ) -> None:
        super().__init__(training, network, device, cohorts, validation)
        self.embed = network

    def loss_of_batch(self, random: np.random.Generator) -> Tensor:
        """As Trainer.loss_of_batch."""
        return self.loss(self.embeddings_of_batch(random))

    def weights(self) -> dict[str, Tensor]:
        """As Trainer.weights; those of a pruned network say so."""
        network = self.finished()
        return marked(network.state_dict()) if is_narrowed(network, GaitBase(1)) else network.state_dict()


class _CentredTrainer(_SetTrainer):
    """A centred GaitSet, and the running mean of its embeddings."""

    def __init__(
        self, training: GaitTraining, network: Centred, device: torch.device, cohorts: Cohorts, validation: Cohorts
    ) -> None:
        super().__init__(training, network, device, cohorts, validation)
        self.embed = network.one_sided
        self.prior = network.prior.clone()

    def loss_of_batch(self, random: np.random.Generator) -> Tensor:
        """As Trainer.loss_of_batch."""
        embedded = self.embeddings_of_batch(random)
        everybody = embedded.mean((0, 1))
        plain = functional.normalize(embedded - everybody, dim=-1)
        self.prior += _PRIOR_MOMENTUM * (everybody.detach() - self.prior)
        return SCENE_WEIGHT * self.loss(centred(embedded)) + self.loss(plain)

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
