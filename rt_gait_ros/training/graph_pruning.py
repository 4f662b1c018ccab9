"""Pruning of networks whose blocks tie the widths of their layers together: residual, dense, and attention maps.

The definition is that of pruning.py: a filter is as strong as its L1 norm, and one line is drawn through the filters of
all convolutions. Filters whose outputs are added to or multiplied with one another go or stay together: their strength
is the mean of their norms. torch-pruning finds which these are, and removes them with all that stands behind.
"""

import copy
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

_CONVOLUTIONS = (nn.Conv2d, nn.ConvTranspose2d)


@dataclass(frozen=True, slots=True)
class Cut:
    """A network after filters were removed. network: a copy. kept, filters: by convolution, how many are left and were
    there. outputs: ascending indices of the channels that are left of the layer that was asked for."""

    network: nn.Module
    kept: dict[str, int]
    filters: dict[str, int]
    outputs: Tensor | None


def cut_graph(
    network: nn.Module, example: Tensor, share: float, whole: tuple[str, ...] = (), output: str | None = None
) -> Cut:
    """Remove the weakest filters of all convolutions but `whole`, whose filters are the network's answer.

    example: an input. share: percentile 0..1. whole, output: names of modules; the channels that are left of `output`
    are told.
    """
    import torch_pruning  # with the extra [train], and for these networks alone

    network = copy.deepcopy(network).eval()
    layers = {name: module for name, module in network.named_modules() if isinstance(module, _CONVOLUTIONS)}
    names: dict[nn.Module, str] = {module: name for name, module in layers.items()}
    protected = [layers[name] for name in whole]
    filters = {name: norms_of(layer) for name, layer in layers.items() if name not in whole}
    line = line_of(list(filters.values()), share)
    graph = torch_pruning.DependencyGraph().build_dependency(network, example_inputs=example, verbose=False)
    choices: list[tuple[nn.Module, Any, list[int]]] = []
    outputs: Tensor | None = None
    for group in graph.get_all_groups(ignored_layers=protected, root_module_types=_CONVOLUTIONS):
        root = group[0].dep.target.module
        tied = _tied(graph, group, names)
        strength = torch.zeros(len(filters[names[root]]), dtype=torch.float64)
        for name, own, roots in tied:
            strength.index_add_(0, roots, filters[name][own].double() / len(tied))
        weak = torch.nonzero(strength < line).flatten()
        if len(weak) == len(strength):  # no layer loses all that it has
            weak = weak[weak != strength.argmax()]
        if output in {name for name, _, _ in tied}:
            outputs = torch.tensor(sorted(set(range(len(strength))) - set(weak.tolist())))
        if len(weak):
            choices.append((root, group[0].dep.handler, weak.tolist()))
    for root, handler, weak_filters in choices:
        graph.get_pruning_group(root, handler, idxs=weak_filters).prune()
    return Cut(
        network.eval(),
        {name: len(norms_of(layers[name])) for name in filters},
        {name: len(norms) for name, norms in filters.items()},
        outputs,
    )


def _tied(graph: Any, group: Any, names: dict[nn.Module, str]) -> list[tuple[str, Tensor, Tensor]]:
    """Convolutions whose filters go together: name, indices of its filters, and those of the first one's filters."""
    found = {}
    for item in group:
        module = item.dep.target.module
        if module in names and graph.is_out_channel_pruning_fn(item.dep.handler):
            found[names[module]] = (torch.tensor(item.idxs), torch.tensor(item.root_idxs))
    return [(name, *indices) for name, indices in found.items()]


def norms_of(layer: nn.Module) -> Tensor:
    """(N,) L1 norms of a convolution's filters."""
    weight = layer.weight
    assert isinstance(weight, Tensor)
    if isinstance(layer, nn.ConvTranspose2d):
        weight = weight.transpose(0, 1)
    return weight.detach().abs().flatten(1).sum(1)


def line_of(norms: Sequence[Tensor], share: float) -> float:
    """The strength below which that share (0..1) of all filters is."""
    return float(np.percentile(torch.cat(list(norms)).double().numpy(), 100 * share))
