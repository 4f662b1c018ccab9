"""The mean of several trained networks, which often knows people nobody trained on better than any one of them.

Means of weights work where all of them went on from the same network (Wortsman et al., "Model soups", ICML 2022):
networks that were trained from nothing lie too far apart.
"""

from collections.abc import Sequence
from pathlib import Path

import torch
from torch import Tensor

from rt_gait_ros.errors import UsageError
from rt_gait_ros.networks.gait_checkpoints import load_gait_network
from rt_gait_ros.networks.pruned_gaitset import PrunedGaitSet
from rt_gait_ros.networks.set_networks import GaitSet
from rt_gait_ros.training.gait_networks import described


def mean_network(checkpoints: Sequence[Path]) -> GaitSet | PrunedGaitSet:
    """The GaitSet whose weights are the mean of those of several checkpoints of PyTorch, as they were trained.

    Raises UsageError where they are fewer than two, one is named twice, or they are no GaitSets of the same layers.
    """
    if len(checkpoints) < 2:
        raise UsageError("a mean is of two checkpoints or more")
    places = [file.resolve() for file in checkpoints]
    if twice := [file for number, file in enumerate(checkpoints) if places[number] in places[:number]]:
        raise UsageError(f"{twice[0]} is named twice: name each network once, so that all count alike")
    networks = [_gaitset(file) for file in checkpoints]
    first = networks[0]
    for file, network in zip(checkpoints[1:], networks[1:], strict=True):
        if difference := _difference(network, first):
            raise UsageError(
                f"{file} has other layers than {checkpoints[0]} ({difference}): "
                "a mean is of networks that were trained on from the same one"
            )
    states = [network.state_dict() for network in networks]
    first.load_state_dict({name: _mean([state[name] for state in states]) for name in states[0]})
    return first


def _gaitset(checkpoint: Path) -> GaitSet | PrunedGaitSet:
    network = load_gait_network(checkpoint, as_trained=True)[1]
    if not isinstance(network, GaitSet | PrunedGaitSet):
        raise UsageError(f"{checkpoint} is no GaitSet: means are of those alone")
    return network


def _difference(network: GaitSet | PrunedGaitSet, other: GaitSet | PrunedGaitSet) -> str:
    """The first layer in which they are not the same, in words; "" where there is none."""
    shapes, others = ({n: str(tuple(v.shape)) for n, v in each.state_dict().items()} for each in (network, other))
    for name in others | shapes:
        if shapes.get(name) != others.get(name):
            return f"'{name}' is {shapes.get(name, 'not there')}, and {others.get(name, 'not there')} in the other"
    return "" if described(network) == described(other) else "which of its filters are left"


def _mean(values: Sequence[Tensor]) -> Tensor:
    """Of what is counted (batches, filters that were kept), the first."""
    return torch.stack(list(values)).mean(dim=0) if values[0].is_floating_point() else values[0]
