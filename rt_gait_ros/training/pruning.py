"""Structured pruning as Embedded-Gait does it: the weakest filters of a gait network are removed for good.

A filter is as strong as its L1 norm; one percentile is drawn over the filters of all convolutions together, and those
below it go. The classifier's and the descriptor's layers lose their inputs alone.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from rt_gait_ros.errors import GaitError, UsageError
from rt_gait_ros.networks.flow_networks import FlowNet2D, FlowNet3D, FlowNetwork
from rt_gait_ros.networks.gait_checkpoints import load_gait_network
from rt_gait_ros.networks.keras_checkpoints import load_flow_network, write_flow_network
from rt_gait_ros.networks.keras_gaitset import is_keras_gaitset
from rt_gait_ros.networks.kinds import FLOW_NETWORKS, KERAS_ENDINGS, PRUNED
from rt_gait_ros.networks.pruned_gaitset import cut_gaitset, gaitset_convolutions
from rt_gait_ros.networks.set_networks import GaitSet


@dataclass(frozen=True, slots=True)
class Pruned:
    """A network after pruning. kept, filters: by convolution, how many are left and were there."""

    kind: str
    network: nn.Module
    kept: dict[str, int]
    filters: dict[str, int]
    parameters: int
    parameters_before: int

    @property
    def removed(self) -> int:
        """Filters removed from all convolutions together."""
        return sum(self.filters.values()) - sum(self.kept.values())


def prune_checkpoint(checkpoint: Path, share: float, kind: str | None = None) -> Pruned:
    """Read a checkpoint of GaitSet, the 2D-CNN or the 3D-CNN and prune it. share: of all filters, 0..1.

    kind: as `rt-gait export gait --network`. Raises CheckpointError, UsageError for another network.
    """
    keras = kind is None and checkpoint.suffix in KERAS_ENDINGS
    if kind in FLOW_NETWORKS or (keras and not is_keras_gaitset(checkpoint)):
        return prune(*load_flow_network(checkpoint, kind), share)
    return prune(*load_gait_network(checkpoint, kind), share)


def prune(kind: str, network: nn.Module, share: float) -> Pruned:
    """The network without its weakest filters; the one that is given stays as it is. Raises UsageError."""
    if not 0.0 < share < 1.0:
        raise UsageError(f"--share {share}: give the part of all filters to remove, between 0 and 1")
    if isinstance(network, FlowNet2D | FlowNet3D):
        convolutions: dict[str, nn.Module] = {f"conv{n + 1}": layer for n, layer in enumerate(network.convolutions)}
    elif isinstance(network, GaitSet):
        convolutions = dict(gaitset_convolutions(network))
    else:
        raise UsageError(f"{kind} cannot be pruned: only GaitSet, the 2D-CNN and the 3D-CNN, whole, can")
    kept = strongest({name: _norms(layer) for name, layer in convolutions.items()}, share)
    cut = cut_gaitset(network, kept) if isinstance(network, GaitSet) else cut_flow(network, list(kept.values()))
    return Pruned(
        PRUNED if isinstance(network, GaitSet) else kind,
        cut,
        {name: len(filters) for name, filters in kept.items()},
        {name: len(layer.weight) for name, layer in convolutions.items()},  # type: ignore[arg-type]
        *(sum(parameter.numel() for parameter in each.parameters()) for each in (cut, network)),
    )


def strongest(norms: Mapping[str, Tensor], share: float) -> dict[str, Tensor]:
    """Filters of each convolution that stay, ascending indices. norms: (N,) strengths of the filters of each.

    Those below the percentile go. A layer that would lose all keeps its strongest: so 10 % of GaitSet are 83 filters
    and not 84, for its first layer has the fewest weights and the smallest norms.
    """
    line = float(np.percentile(torch.cat(list(norms.values())).double().numpy(), 100 * share))
    kept = {}
    for name, values in norms.items():
        above = torch.nonzero(values.double() >= line).flatten()
        kept[name] = above if len(above) else values.argmax().reshape(1)
    return kept


def _norms(layer: nn.Module) -> Tensor:
    weight = layer.weight
    assert isinstance(weight, Tensor)
    return weight.detach().abs().flatten(1).sum(1)


def cut_flow(network: FlowNet2D | FlowNet3D, kept: list[Tensor]) -> FlowNetwork:
    """The network with these filters of its convolutions alone; what stands behind loses the inputs."""
    widths = [len(filters) for filters in kept]
    classes = 0 if network.probs is None else network.probs.out_features
    if isinstance(network, FlowNet2D):
        linear = network.dense.out_features, network.inner.out_features
        pruned: FlowNet2D | FlowNet3D = FlowNet2D(widths, *linear, network.code, classes)
    else:
        pruned = FlowNet3D(widths, network.gray_code.out_channels, network.code, classes)
    inputs: Tensor | None = None
    with torch.no_grad():
        for number, ((_, source), (_, target)) in enumerate(zip(network.layers, pruned.layers, strict=True)):
            weight, bias = source.weight, source.bias
            weight = weight if inputs is None else weight[:, inputs]
            inputs = kept[number] if number < len(kept) else None
            target.weight.copy_(weight if inputs is None else weight[inputs])
            if bias is not None and target.bias is not None:
                target.bias.copy_(bias if inputs is None else bias[inputs])
    return pruned.eval()


def write_pruned(path: Path, pruned: Pruned) -> None:
    """Write a checkpoint that `rt-gait export gait` reads: Keras's .hdf5 for networks on flow, else PyTorch's.

    Raises UsageError for a file of another ending, GaitError where it cannot be written.
    """
    flow = isinstance(pruned.network, FlowNetwork)
    if flow != (path.suffix in KERAS_ENDINGS):
        raise UsageError(f"{path}: name a file that ends in {'.hdf5' if flow else '.ptm'}")
    try:
        if isinstance(pruned.network, FlowNetwork):
            write_flow_network(path, pruned.network)
        else:
            torch.save(pruned.network.state_dict(), path)
    except (OSError, RuntimeError) as error:  # torch has the latter for a folder that is not there
        raise GaitError(f"{path} cannot be written: {str(error).splitlines()[0]}") from error
