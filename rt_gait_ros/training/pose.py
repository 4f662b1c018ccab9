"""Training of part affinity field networks, as trt_pose trains them."""

import random
import signal
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader

from rt_gait_ros.datasets.coco import KeypointDataset
from rt_gait_ros.errors import UsageError
from rt_gait_ros.networks.checkpoint import load_strictly
from rt_gait_ros.networks.narrowed import is_pruned, marked, narrow
from rt_gait_ros.networks.trt_pose import ARCHITECTURES, FromPixels, architecture, trt_pose_network
from rt_gait_ros.pose.topology import Topology
from rt_gait_ros.settings import check, setting
from rt_gait_ros.training.coco_evaluation import keypoint_precision
from rt_gait_ros.training.pose_samples import Augmentation, PoseSamples
from rt_gait_ros.training.run_folder import RunFolder, going_on, started_from

Report = Callable[[str], None]

# Layers of the head whose size is the number of parts and links.
_OUTPUTS = ("1.cmap_conv.", "1.paf_conv.")
_PROGRESS_PERIOD = 30.0  # seconds between two words on a long epoch


@dataclass(frozen=True, slots=True)
class PoseTraining:
    """A training run; the defaults are those of trt_pose's resnet18_baseline_att_224x224_A.

    decay: shares of all epochs after each of which learning_rate falls to a tenth. Raises UsageError.
    """

    network: str = "resnet18_baseline_att"
    size: int = setting(224, "Pixels of the square input, a multiple of 32.", 32)
    epochs: int = setting(250, "Rounds over the data set.", 1)
    batch: int = setting(64, "Images of a batch.", 1)
    deviation: float = setting(0.025, "Of the targets, as a share of the map.", above=0.0)
    learning_rate: float = setting(1e-3, "At the beginning.", above=0.0)
    decay: tuple[float, ...] = (0.3, 0.6)
    evaluate_every: int = setting(10, "Epochs between two evaluations on the validation set; 0: only the last one.", 0)
    workers: int = setting(0, "Processes that read images; 0: none.", 0)
    seed: int = setting(0, "Of everything drawn by chance.", 0)

    def __post_init__(self) -> None:
        """Refuse what no run can have."""
        architecture(self.network)
        check(self, "training")
        if self.size % 32:
            raise UsageError(f"training: size is {self.size}; set it to a multiple of 32")


def start_from(network: nn.Module, name: str, state: dict[str, Tensor], source: str) -> None:
    """Fill a pose network from a checkpoint of the same architecture, before training.

    name: the architecture. state: of a trt_pose network, whose output layers may be of another topology and then do not
    count; or of torchvision's backbone alone, as trained on ImageNet.
    The network takes the widths of a pruned one. Raises CheckpointError naming the first layer that differs.
    """
    if not any(key.startswith("0.") for key in state):
        backbone = network.get_submodule(f"0.{ARCHITECTURES[name].prefix}")
        load_strictly(backbone, state, source)
        return
    if is_pruned(state):
        state = narrow(network, state, keep=_OUTPUTS)
    own = network.state_dict()
    fitting = {
        key: own[key] if key.startswith(_OUTPUTS) and key in own and own[key].shape != value.shape else value
        for key, value in state.items()
    }
    load_strictly(network, fitting, source)


def masked_loss(network: nn.Module, batch: list[Tensor]) -> Tensor:
    """Mean squared error of both maps where the mask is 1, trt_pose's loss. batch: image, cmap, paf, mask."""
    image, cmap, paf, mask = batch
    cmap_out, paf_out = network(image)
    return (mask * (cmap_out - cmap) ** 2).mean() + (mask * (paf_out - paf) ** 2).mean()


def train_pose(
    training: PoseTraining,
    dataset: KeypointDataset,
    validation: KeypointDataset | None,
    augmentation: Augmentation,
    folder: RunFolder,
    report: Report,
    initial: tuple[dict[str, Tensor], str] | None = None,
) -> nn.Module:
    """Train, or go on training, and return the network.

    After each epoch the folder holds all that is needed to go on; a finished run of which more epochs are asked for is
    trained on at the learning rate that it ended with. initial: state to start from and where it is from, see
    start_from. report: takes a line of progress. Uses a GPU with mixed precision when there is one.
    """
    _seed(training.seed)
    topology = dataset.topology
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    network = trt_pose_network(training.network, len(topology.parts), len(topology.links))
    pruned = initial is not None and is_pruned(initial[0])
    if initial is not None:
        start_from(network, training.network, *initial)
    model = FromPixels(network).to(device)
    optimizer = torch.optim.Adam(network.parameters(), lr=training.learning_rate)
    milestones = [round(share * training.epochs) for share in training.decay]
    schedule = torch.optim.lr_scheduler.MultiStepLR(optimizer, milestones, gamma=0.1)
    scaler = torch.amp.GradScaler(device.type, enabled=device.type == "cuda")
    parts: dict[str, Any] = {"network": network, "optimizer": optimizer, "schedule": schedule, "scaler": scaler}
    first = _resume(folder, parts, training.epochs, report)
    samples = PoseSamples(dataset, training.size, augmentation, training.deviation, training.seed)
    for epoch in range(first, training.epochs):
        started = time.monotonic()
        samples.epoch = epoch
        title = f"epoch {epoch + 1}/{training.epochs}"
        loss = _epoch(model, optimizer, scaler, _loader(samples, training, epoch), partial(_say, report, title))
        schedule.step()
        seconds = time.monotonic() - started
        line = f"{title}  loss {loss:.5f}  {seconds:.1f} s"
        row: dict[str, float | int] = {"epoch": epoch + 1, "loss": loss, "seconds": seconds, "ap": float("nan")}
        if validation is not None and _is_due(epoch, training):
            row["ap"] = keypoint_precision(model.eval(), validation, training.size)["ap"]
            line += f"  AP {row['ap']:.3f}"
        weights = marked(network.state_dict()) if pruned else network.state_dict()
        folder.save({"epoch": epoch + 1, **{name: part.state_dict() for name, part in parts.items()}}, weights, row)
        report(line)
    return network.eval()


def settings_of(
    training: PoseTraining,
    topology: Topology,
    dataset: KeypointDataset | None = None,
    initial: Mapping[str, Tensor] | None = None,
) -> dict[str, Any]:
    """What a resumed run must have in common with the one it goes on from.

    dataset: what it is trained on. initial: the state that it started from.
    """
    names = ("network", "size", "deviation", "batch", "learning_rate", "epochs", "seed")
    links = [f"{topology.parts[first]}-{topology.parts[second]}" for _, _, first, second in topology.links]
    settings = {**{name: getattr(training, name) for name in names}, "parts": list(topology.parts), "links": links}
    settings |= started_from(initial)
    if dataset is None:
        return settings
    people = sum(len(image.people) for image in dataset.images)
    return settings | {"data": f"{people} people in {len(dataset.images)} images of {dataset.annotations.name}"}


def _epoch(
    model: nn.Module, optimizer: torch.optim.Optimizer, scaler: torch.amp.GradScaler, loader: DataLoader, report: Report
) -> float:
    """One pass over the data. Returns the mean loss."""
    model.train()
    device = next(model.parameters()).device
    total = 0.0
    spoken = time.monotonic()
    for number, batch in enumerate(loader, start=1):
        batch = [value.to(device, non_blocking=True) for value in batch]
        optimizer.zero_grad(set_to_none=True)
        with torch.autocast(device.type, enabled=device.type == "cuda"):
            loss = masked_loss(model, batch)
        scaler.scale(loss).backward()
        scaler.step(optimizer)
        scaler.update()
        total += float(loss.detach())
        if time.monotonic() - spoken > _PROGRESS_PERIOD:
            spoken = time.monotonic()
            report(f"batch {number}/{len(loader)}  loss {total / number:.5f}")
    return total / len(loader)


def _say(report: Report, title: str, line: str) -> None:
    report(f"{title}  {line}")


def _ignore_interrupt(worker: int) -> None:
    """Ctrl-C is for the process that trains; its workers end with it, by SIGTERM and without a word."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)


def _loader(samples: PoseSamples, training: PoseTraining, epoch: int) -> DataLoader:
    order = torch.Generator().manual_seed(training.seed * 100_003 + epoch)
    return DataLoader(
        samples,
        training.batch,
        shuffle=True,
        generator=order,
        num_workers=training.workers,
        worker_init_fn=_ignore_interrupt,
    )


def _resume(folder: RunFolder, parts: dict[str, Any], epochs: int, report: Report) -> int:
    state = folder.resume()
    if state is None:
        return 0
    for name, part in parts.items():
        part.load_state_dict(state[name])
    done = int(state["epoch"])
    report(going_on(done, epochs, folder.path))
    return done


def _is_due(epoch: int, training: PoseTraining) -> bool:
    last = epoch + 1 == training.epochs
    return last or (training.evaluate_every > 0 and (epoch + 1) % training.evaluate_every == 0)


def _seed(seed: int) -> None:
    random.seed(seed)
    np.random.seed(seed)
    torch.manual_seed(seed)
