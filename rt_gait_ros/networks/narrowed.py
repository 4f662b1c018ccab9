"""Networks of residual and dense blocks after filters were removed: layers as wide as a state says.

A pruned state has the names of the whole network's and other shapes, and says so itself by PRUNED_MARK: a file whose
shapes differ by accident is still refused.
"""

from collections.abc import Mapping

import torch
from torch import Tensor, nn

PRUNED_MARK = "pruned"


def is_pruned(state: Mapping[str, Tensor]) -> bool:
    """Whether a state is of a network whose filters `rt-gait prune` removed."""
    return PRUNED_MARK in state


def marked(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The state of such a network, as it is written."""
    return {**state, PRUNED_MARK: torch.tensor(1, dtype=torch.uint8)}


def is_narrowed(network: nn.Module, whole: nn.Module) -> bool:
    """Whether a network has fewer filters than the whole one of its kind."""
    widths = [[len(part.weight) for part in each.modules() if isinstance(part, nn.Conv2d)] for each in (network, whole)]
    return widths[0] != widths[1]


def narrow(network: nn.Module, state: Mapping[str, Tensor], keep: tuple[str, ...] = ()) -> dict[str, Tensor]:
    """Give the network's layers the shapes of a pruned state, and return the state without its mark.

    keep: beginnings of the names of convolutions that keep their number of filters: outputs of another topology. Shapes
    alone are taken over; `load_strictly` fills them and refuses what is missing, superfluous or not finite.
    """
    for name, module in network.named_modules():
        for key, parameter in list(module.named_parameters(recurse=False)):
            whole = f"{name}.{key}" if name else key
            found = state.get(whole)
            if found is None or found.ndim != parameter.ndim or found.shape == parameter.shape:
                continue
            if not whole.startswith(keep):
                setattr(module, key, nn.Parameter(torch.zeros(found.shape)))
            elif parameter.ndim > 1:
                fewer = parameter.detach()[:, : found.shape[1]].clone()
                setattr(module, key, nn.Parameter(fewer))
        for key, buffer in list(module.named_buffers(recurse=False)):
            found = state.get(f"{name}.{key}" if name else key)
            if found is not None and found.ndim == buffer.ndim == 1:
                setattr(module, key, torch.zeros(len(found), dtype=buffer.dtype))
        _count(module)
    return {name: value for name, value in state.items() if name != PRUNED_MARK}


def _count(module: nn.Module) -> None:
    """Have a layer say how wide it is."""
    if isinstance(module, nn.ConvTranspose2d):
        module.in_channels, module.out_channels = module.weight.shape[:2]
    elif isinstance(module, nn.Conv2d):
        module.out_channels, module.in_channels = module.weight.shape[:2]
    elif isinstance(module, nn.BatchNorm2d):
        module.num_features = len(module.weight)
    elif isinstance(module, nn.Linear):
        module.out_features, module.in_features = module.weight.shape
