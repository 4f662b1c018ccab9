"""Training of GaitSet on cohorts of people: scene-centred contrastive learning, or GaitSet's own recipe."""

import copy
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional
from torch.optim.lr_scheduler import LinearLR, LRScheduler, OneCycleLR
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

from rt_gait_ros.networks.kinds import TRAINED_NETWORKS
from rt_gait_ros.networks.set_networks import Centred, SetNetwork
from rt_gait_ros.settings import check, setting
from rt_gait_ros.training.cohorts import Cohorts
from rt_gait_ros.training.gait_losses import centred, circle, contrastive, triplet
from rt_gait_ros.training.gait_networks import described, trainable
from rt_gait_ros.training.run_folder import RunFolder, going_on

Report = Callable[[str], None]

SCHEDULES = ("cycle", "constant")
LOSSES = {"contrastive": contrastive, "triplet": triplet, "circle": circle}
# What the loss of scene-centred embeddings counts beside that of embeddings centred on everybody: the second teaches
# the network to leave views and clothes out, the first keeps what is left when the recogniser takes a scene out.
SCENE_WEIGHT = 0.5
_LARGEST_GRADIENT = 5.0
_PRIOR_MOMENTUM = 0.02  # of the running mean of embeddings
_VALIDATION_DRAWS = 8
_WARM_UP = 50  # batches until a constant learning rate is reached


@dataclass(frozen=True, slots=True)
class GaitTraining:
    """A training run; a batch is (P, C, S) gait frames of people, scenes and frames.

    network: PRUNED starts from a given one. Raises UsageError.
    """

    network: str = setting("centred-gaitset", "What is trained.", choices=TRAINED_NETWORKS)
    loss: str = setting("contrastive", "What is minimised.", choices=LOSSES)
    epochs: int = setting(20, "Rounds.", 1)
    steps: int = setting(50, "Batches of an epoch.", 1)
    people: int = setting(16, "Persons of a batch.", 2)
    scenes: int = setting(6, "Scenes of a batch, in each of which every person walks.", 2)
    frames: int = setting(3, "Gait frames of a walk of a batch.", 1)
    learning_rate: float = setting(1e-3, "The highest of the cycle.", above=0.0)
    evaluate_every: int = setting(5, "Epochs between two evaluations on people who are not trained on.", 1)
    schedule: str = setting("cycle", "Of the learning rate.", choices=SCHEDULES)
    average: float = setting(0.0, "Of the running mean of weights, what stays at each batch.", 0.0, 0.99999)
    seed: int = setting(0, "Of everything drawn by chance.", 0)

    def __post_init__(self) -> None:
        check(self, "training")


def settings_of(training: GaitTraining, data: str, initial: SetNetwork | None = None) -> dict[str, Any]:
    """What a resumed run must have in common with the one it goes on from. data: what it is trained on, in words.

    initial: the network that it started from.
    """
    settings = {name: value for name, value in asdict(training).items() if name != "evaluate_every"} | {"data": data}
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
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    network = trainable(training.network, initial)
    trainer = _Trainer(training, network.to(device), device)
    first = trainer.restore(folder.resume())
    if first:
        report(going_on(first, training.epochs, folder.path))
    for epoch in range(first, training.epochs):
        started = time.monotonic()
        loss = trainer.epoch(cohorts, epoch)
        row: dict[str, float | int] = {"epoch": epoch + 1, "loss": loss, "seconds": time.monotonic() - started}
        row |= {"rank1": float("nan"), "rank1_scene": float("nan")}
        line = f"epoch {epoch + 1}/{training.epochs}  loss {loss:.4f}  {row['seconds']:.0f} s"
        if (epoch + 1) % training.evaluate_every == 0 or epoch + 1 == training.epochs:
            row |= accuracy(trainer.finished(), validation, training)
            line += f"  rank-1 {100 * row['rank1']:.1f} %, scene-centred {100 * row['rank1_scene']:.1f} %"
        folder.save({"epoch": epoch + 1, **trainer.state()}, trainer.finished().state_dict())
        folder.log(row)
        report(line)
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
        with torch.no_grad(), _mixed_precision(device):
            embedded = _embed(network, batch, device).float()
        for name, embeddings in (("rank1", embedded), ("rank1_scene", centred(embedded))):
            for probe in range(embeddings.shape[1]):
                for gallery in range(embeddings.shape[1]):
                    if probe != gallery:
                        likeness = embeddings[:, probe].flatten(1) @ embeddings[:, gallery].flatten(1).T
                        right = likeness.argmax(1).cpu() == torch.arange(len(likeness))
                        hits[name].append(float(right.float().mean()))
    return {name: float(np.mean(values)) for name, values in hits.items()}


class _Trainer:
    """Network, optimizer and schedule of a run, and the running mean of embeddings."""

    def __init__(self, training: GaitTraining, network: Centred, device: torch.device) -> None:
        # the layout that convolutions are fastest in, on a CPU with bfloat16 and on a GPU
        self.training, self.device = training, device
        self.network = network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        self.loss = LOSSES[training.loss]
        self.prior = network.prior.clone()
        self.optimizer = torch.optim.AdamW(network.parameters(), lr=training.learning_rate, weight_decay=1e-4)
        self.mean = AveragedModel(network, multi_avg_fn=get_ema_multi_avg_fn(training.average), use_buffers=True)
        self.schedule = self._cycle(training.epochs)
        self.scaler = torch.amp.GradScaler(device.type, enabled=device.type == "cuda")
        self._parts: dict[str, Any] = {
            "network": network,
            "mean": self.mean,
            "optimizer": self.optimizer,
            "schedule": self.schedule,
            "scaler": self.scaler,
        }

    def epoch(self, cohorts: Cohorts, epoch: int) -> float:
        """`steps` batches; the same ones whenever this epoch is run. Returns the mean loss."""
        random = np.random.default_rng((self.training.seed, epoch))
        self.network.train()
        total = 0.0
        for _ in range(self.training.steps):
            batch = cohorts.draw(random, self.training.people, self.training.scenes, self.training.frames)
            total += self._step(_mirror_some(batch, random))
        return total / self.training.steps

    def _step(self, batch: np.ndarray) -> float:
        self.optimizer.zero_grad(set_to_none=True)
        with _mixed_precision(self.device):
            embedded = _embed(self.network.one_sided, batch, self.device)
        embedded = embedded.float()
        everybody = embedded.mean((0, 1))
        plain = functional.normalize(embedded - everybody, dim=-1)
        loss = SCENE_WEIGHT * self.loss(centred(embedded)) + self.loss(plain)
        self.scaler.scale(loss).backward()
        self.scaler.unscale_(self.optimizer)
        torch.nn.utils.clip_grad_norm_(self.network.parameters(), _LARGEST_GRADIENT)
        self.scaler.step(self.optimizer)
        self.scaler.update()
        self.schedule.step()
        self.mean.update_parameters(self.network)
        self.prior += _PRIOR_MOMENTUM * (everybody.detach() - self.prior)
        return float(loss.detach())

    def finished(self) -> Centred:
        """A copy of the network as it is used: the mean of its weights, with its prior."""
        used: Centred = copy.deepcopy(self.mean.module)  # type: ignore[assignment]
        used.prior = self.prior.clone()
        return used

    def _cycle(self, epochs: int) -> LRScheduler:
        if self.training.schedule == "constant":
            return LinearLR(self.optimizer, 0.1, total_iters=_WARM_UP)
        steps = epochs * self.training.steps + 1
        return OneCycleLR(self.optimizer, self.training.learning_rate, total_steps=steps, pct_start=0.1)

    def state(self) -> dict[str, Any]:
        """All that is needed to go on."""
        return {"prior": self.prior, **{name: part.state_dict() for name, part in self._parts.items()}}

    def restore(self, state: dict[str, Any] | None) -> int:
        """Go on from a state; returns the epochs that are done."""
        if state is None:
            return 0
        self.prior = state["prior"].to(self.device)
        for name, part in self._parts.items():
            part.load_state_dict(state[name])
        done = int(state["epoch"])
        schedule = self.schedule
        ended = isinstance(schedule, OneCycleLR) and schedule.last_epoch + 1 >= schedule.total_steps
        if done < self.training.epochs and ended:
            self.schedule = self._parts["schedule"] = self._cycle(self.training.epochs - done)
        return done


def _mixed_precision(device: torch.device) -> torch.autocast:
    """Half precision where the machine computes it fast: on a GPU, and on a CPU with bfloat16 instructions."""
    if device.type == "cuda":
        return torch.autocast("cuda")
    return torch.autocast("cpu", torch.bfloat16, enabled=has_bfloat16())


@cache
def has_bfloat16(description: Path = Path("/proc/cpuinfo")) -> bool:
    """Whether the CPU multiplies in bfloat16, which triples a training's speed."""
    try:
        return "avx512_bf16" in description.read_text()
    except OSError:
        return False


def _mirror_some(batch: np.ndarray, random: np.random.Generator) -> np.ndarray:
    """Every other walk of (P, C, S, 64, 44), by chance, as seen in a mirror."""
    return np.where(random.random(batch.shape[:2])[..., None, None, None] < 0.5, batch, batch[..., ::-1])


def _embed(network: Callable[[Tensor], Tensor], batch: np.ndarray, device: torch.device) -> Tensor:
    """(P, C, S, 64, 44) uint8 to embeddings (P, C, parts, channels)."""
    people, scenes = batch.shape[:2]
    silhouettes = torch.from_numpy(batch.reshape(people * scenes, *batch.shape[2:])).to(device).float() / 255.0
    return network(silhouettes).unflatten(0, (people, scenes))
