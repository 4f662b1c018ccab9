"""Structured pruning as Embedded-Gait does it: the weakest filters of a network are removed for good.

A filter is as strong as its L1 norm; one percentile is drawn over the filters of all convolutions together, and those
below it go. The classifier's and the descriptor's layers lose their inputs alone. Networks of residual and dense blocks
are cut by graph_pruning.py.
"""

import copy
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor, nn

from rt_gait_ros.errors import GaitError, UsageError
from rt_gait_ros.networks.checkpoint import write_state
from rt_gait_ros.networks.flow_networks import FlowNetwork
from rt_gait_ros.networks.gait_checkpoints import load_gait_network
from rt_gait_ros.networks.keras_checkpoints import load_flow_network, write_flow_network
from rt_gait_ros.networks.keras_gaitset import is_keras_gaitset
from rt_gait_ros.networks.kinds import FLOW_NETWORKS, KERAS_ENDINGS, PRUNED
from rt_gait_ros.networks.narrowed import marked
from rt_gait_ros.networks.pruned_gaitset import PrunedGaitSet, cut_gaitset, gaitset_convolutions, silence_gaitset
from rt_gait_ros.networks.set_networks import GaitBase, GaitSet
from rt_gait_ros.networks.stream_graphs import COLUMNS, ROWS
from rt_gait_ros.networks.trt_pose import ARCHITECTURES
from rt_gait_ros.training.graph_pruning import cut_graph, line_of, norms_of


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
    def zeroed(self) -> bool:
        """Whether the weak filters are zero and still there."""
        return self.removed > 0 and self.parameters == self.parameters_before

    @property
    def removed(self) -> int:
        """Filters removed from all convolutions together."""
        return sum(self.filters.values()) - sum(self.kept.values())


def load_prunable(checkpoint: Path, kind: str | None = None) -> tuple[str, nn.Module]:
    """The kind and the filled network of a gait checkpoint. kind: as `rt-gait export gait --network`.

    Raises CheckpointError.
    """
    keras = kind is None and checkpoint.suffix in KERAS_ENDINGS
    if kind in FLOW_NETWORKS or (keras and not is_keras_gaitset(checkpoint)):
        return load_flow_network(checkpoint, kind)
    return load_gait_network(checkpoint, kind)


def prune(kind: str, network: nn.Module, share: float, keep_widths: bool = False) -> Pruned:
    """The network without its weakest filters; the one that is given stays as it is. Raises UsageError.

    keep_widths: of GaitSet alone, set them to zero and remove none.
    """
    if not 0.0 < share < 1.0:
        raise UsageError(
            f"percentile {100 * share:g}: give the percentage of all filters to remove, above 0 and below 100"
        )
    if keep_widths and not isinstance(network, GaitSet):
        raise UsageError(f"{kind} cannot keep its widths: that is for GaitSet before it is pruned")
    if isinstance(network, GaitBase) or kind in ARCHITECTURES:
        return _prune_graph(kind, network, share)
    if isinstance(network, FlowNetwork):
        convolutions: dict[str, nn.Module] = {f"conv{n + 1}": layer for n, layer in enumerate(network.convolutions)}
    elif isinstance(network, GaitSet):
        convolutions = dict(gaitset_convolutions(network))
    else:
        raise UsageError(f"{kind} cannot be pruned: it has been already, so prune the whole network instead")
    kept = strongest({name: norms_of(layer) for name, layer in convolutions.items()}, share)
    cut: nn.Module
    if isinstance(network, GaitSet):
        cut = silence_gaitset(network, kept) if keep_widths else cut_gaitset(network, kept)
    else:
        cut = cut_flow(network, list(kept.values()))
    return Pruned(
        PRUNED if isinstance(network, GaitSet) and not keep_widths else kind,
        cut,
        {name: len(filters) for name, filters in kept.items()},
        {name: len(layer.weight) for name, layer in convolutions.items()},  # type: ignore[arg-type]
        *map(count_parameters, (cut, network)),
    )


def strongest(norms: Mapping[str, Tensor], share: float) -> dict[str, Tensor]:
    """Filters of each convolution that stay, ascending indices. norms: (N,) strengths of the filters of each.

    Those below the percentile go. A layer that would lose all keeps its strongest: so 10 % of GaitSet are 83 filters
    and not 84, for its first layer has the fewest weights and the smallest norms.
    """
    line = line_of(list(norms.values()), share)
    kept = {}
    for name, values in norms.items():
        above = torch.nonzero(values.double() >= line).flatten()
        kept[name] = above if len(above) else values.argmax().reshape(1)
    return kept


def _prune_graph(kind: str, network: nn.Module, share: float) -> Pruned:
    if isinstance(network, GaitBase):
        # the frame network alone: what pools its frames, and the maps behind, torch-pruning does not know
        last = "layer4.0.conv2"
        cut = cut_graph(network.Backbone.forward_block, torch.zeros(2, 1, ROWS, COLUMNS), share, output=last)  # type: ignore[arg-type]
        narrower: nn.Module = copy.deepcopy(network)
        narrower.Backbone.forward_block = cut.network  # type: ignore[union-attr]
        if cut.outputs is not None:
            weight: Tensor = network.FCs.fc_bin  # type: ignore[assignment]
            narrower.FCs.fc_bin = nn.Parameter(weight.detach()[:, cut.outputs].clone())  # type: ignore[union-attr]
    else:
        # of any size: the widths do not depend on it. The ImageNet classifier that these files carry is not run, and
        # stays as it is
        cut = cut_graph(network, torch.zeros(1, 3, 64, 64), share, whole=("1.cmap_conv", "1.paf_conv"))
        narrower = cut.network
    return Pruned(kind, narrower.eval(), cut.kept, cut.filters, *map(count_parameters, (narrower, network)))


def count_parameters(network: nn.Module) -> int:
    """Trainable numbers of a network."""
    return sum(parameter.numel() for parameter in network.parameters())


def cut_flow(network: FlowNetwork, kept: list[Tensor]) -> FlowNetwork:
    """The network with these filters of its convolutions alone; what stands behind loses the inputs."""
    classes = 0 if network.probs is None else network.probs.out_features
    widths = [len(filters) for filters in kept]
    widths += [len(getattr(network, name).weight) for name in network.LINEAR]
    pruned = network.of_widths(widths, classes)
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

    The file is whole or what it was before. Raises UsageError for a file of another ending, GaitError where it cannot
    be written.
    """
    if not isinstance(pruned.network, FlowNetwork):
        state = pruned.network.state_dict()
        write_state(path, state if isinstance(pruned.network, GaitSet | PrunedGaitSet) else marked(state))
        return
    if path.suffix not in KERAS_ENDINGS:
        raise UsageError(f"{path}: name a file that ends in .hdf5")
    try:
        write_flow_network(path, pruned.network)
    except OSError as error:
        raise GaitError(f"{path} cannot be written: {error.strerror}") from error
