"""What trainings of gait networks have in common: optimizer, learning rate, mean of weights, resumable epochs."""

import copy
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from functools import cache
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import torch
from torch import Tensor, nn
from torch.optim.lr_scheduler import LinearLR, LRScheduler, OneCycleLR
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

from rt_gait_ros.settings import check, setting
from rt_gait_ros.training.run_folder import RunFolder, going_on

Report = Callable[[str], None]

SCHEDULES = ("cycle", "constant")
_LARGEST_GRADIENT = 5.0
_WARM_UP = 50  # batches until a constant learning rate is reached


@dataclass(frozen=True, slots=True, kw_only=True)
class Course:
    """Settings that every training has. Raises UsageError."""

    epochs: int = setting(20, "Rounds.", 1)
    steps: int = setting(50, "Batches of an epoch.", 1)
    learning_rate: float = setting(1e-3, "The highest of the cycle.", above=0.0)
    evaluate_every: int = setting(5, "Epochs between two evaluations on people who are not trained on.", 1)
    schedule: str = setting("cycle", "Of the learning rate.", choices=SCHEDULES)
    average: float = setting(0.0, "Of the running mean of weights, what stays at each batch.", 0.0, 0.99999)
    seed: int = setting(0, "Of everything drawn by chance.", 0)

    def __post_init__(self) -> None:
        check(self, "training")

    def settings(self, data: str) -> dict[str, Any]:
        """What a resumed run must have in common with the one it goes on from. data: what it is trained on."""
        return {name: value for name, value in asdict(self).items() if name != "evaluate_every"} | {"data": data}


class Trainer(ABC):
    """Network, optimizer and schedule of a run. columns: names of the figures in log.csv, and as people read them."""

    columns: ClassVar[Mapping[str, str]]

    def __init__(self, course: Course, network: nn.Module, device: torch.device) -> None:
        self.course, self.device = course, device
        # the layout that convolutions are fastest in, on a CPU with bfloat16 and on a GPU
        spatial = any(isinstance(module, nn.Conv3d) for module in network.modules())
        layout = torch.channels_last_3d if spatial else torch.channels_last
        self.network: nn.Module = network.to(memory_format=layout)  # type: ignore[call-overload]
        self.optimizer = torch.optim.AdamW(network.parameters(), lr=course.learning_rate, weight_decay=1e-4)
        self.mean = AveragedModel(network, multi_avg_fn=get_ema_multi_avg_fn(course.average), use_buffers=True)
        self.schedule = self._cycle(course.epochs)
        self.scaler = torch.amp.GradScaler(device.type, enabled=device.type == "cuda")
        self._parts: dict[str, Any] = {
            "network": network,
            "mean": self.mean,
            "optimizer": self.optimizer,
            "schedule": self.schedule,
            "scaler": self.scaler,
        }

    @abstractmethod
    def loss_of_batch(self, random: np.random.Generator) -> Tensor:
        """The loss of a batch that is drawn by chance."""

    @abstractmethod
    def figures(self) -> dict[str, float]:
        """How well people who are not trained on are recognised, 0..1, by the names of `columns`."""

    def weights(self) -> dict[str, Tensor]:
        """What network.pth holds."""
        return self.finished().state_dict()

    def files(self) -> dict[str, bytes]:
        """What is written after each epoch beside the weights, by the name of the file."""
        return {}

    def epoch(self, epoch: int) -> float:
        """`steps` batches; the same ones whenever this epoch is run. Returns the mean loss."""
        random = np.random.default_rng((self.course.seed, epoch))
        self.network.train()
        total = 0.0
        for _ in range(self.course.steps):
            loss = self.loss_of_batch(random)
            self._step(loss)
            total += float(loss.detach())
        return total / self.course.steps

    def _step(self, loss: Tensor) -> None:
        self.optimizer.zero_grad(set_to_none=True)
        self.scaler.scale(loss).backward()
        self.scaler.unscale_(self.optimizer)
        torch.nn.utils.clip_grad_norm_(self.network.parameters(), _LARGEST_GRADIENT)
        self.scaler.step(self.optimizer)
        self.scaler.update()
        self.schedule.step()
        self.mean.update_parameters(self.network)

    def finished(self) -> nn.Module:
        """A copy of the network as it is used: the mean of its weights."""
        return copy.deepcopy(self.mean.module)

    def state(self) -> dict[str, Any]:
        """All that is needed to go on."""
        return {name: part.state_dict() for name, part in self._parts.items()}

    def restore(self, state: dict[str, Any] | None) -> int:
        """Go on from a state; returns the epochs that are done."""
        if state is None:
            return 0
        for name, part in self._parts.items():
            part.load_state_dict(state[name])
        done = int(state["epoch"])
        schedule = self.schedule
        ended = isinstance(schedule, OneCycleLR) and schedule.last_epoch + 1 >= schedule.total_steps
        if done < self.course.epochs and ended:
            self.schedule = self._parts["schedule"] = self._cycle(self.course.epochs - done)
        return done

    def _cycle(self, epochs: int) -> LRScheduler:
        if self.course.schedule == "constant":
            return LinearLR(self.optimizer, 0.1, total_iters=_WARM_UP)
        steps = epochs * self.course.steps + 1
        return OneCycleLR(self.optimizer, self.course.learning_rate, total_steps=steps, pct_start=0.1)


def run_epochs(trainer: Trainer, folder: RunFolder, report: Report) -> None:
    """Train, or go on training; after each epoch the folder holds all that is needed to go on.

    A finished run of which more epochs are asked for is trained on with a new cycle of the learning rate.
    """
    course = trainer.course
    first = trainer.restore(folder.resume())
    if first:
        report(going_on(first, course.epochs, folder.path))
    for epoch in range(first, course.epochs):
        started = time.monotonic()
        loss = trainer.epoch(epoch)
        row: dict[str, float | int] = {"epoch": epoch + 1, "loss": loss, "seconds": time.monotonic() - started}
        row |= dict.fromkeys(trainer.columns, float("nan"))
        line = f"epoch {epoch + 1}/{course.epochs}  loss {loss:.4f}  {row['seconds']:.0f} s"
        if (epoch + 1) % course.evaluate_every == 0 or epoch + 1 == course.epochs:
            row |= trainer.figures()
            line += "  " + ", ".join(f"{label} {100 * row[name]:.1f} %" for name, label in trainer.columns.items())
        folder.save({"epoch": epoch + 1, **trainer.state()}, trainer.weights(), row, trainer.files())
        report(line)


def best_device() -> torch.device:
    """A GPU where there is one."""
    return torch.device("cuda" if torch.cuda.is_available() else "cpu")


def mixed_precision(device: torch.device) -> torch.autocast:
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
