"""Which networks on silhouettes `rt-gait train gait` trains: GaitSet of three sizes, and any GaitSet and GaitBase that
there is, pruned or not."""

import copy
import hashlib

from torch import nn

from rt_gait_ros.errors import UsageError
from rt_gait_ros.networks.checkpoint import CheckpointError
from rt_gait_ros.networks.kinds import GAITBASE, PRUNED, WIDTHS
from rt_gait_ros.networks.pruned_gaitset import INPUTS, CentredPrunedGaitSet, PrunedGaitSet
from rt_gait_ros.networks.set_networks import Centred, CentredGaitSet, GaitBase, GaitSet, SetNetwork


def name_of(network: SetNetwork, source: str) -> str:
    """One of kinds.TRAINED_NETWORKS. source: where it is from. Raises CheckpointError for what cannot be trained on."""
    if isinstance(network, PrunedGaitSet):
        return PRUNED
    if isinstance(network, GaitBase):
        return GAITBASE
    assert isinstance(network, GaitSet)
    for name, width in WIDTHS.items():
        if width == network.width:
            return name
    known = ", ".join(f"{name} {width}" for name, width in WIDTHS.items())
    raise CheckpointError(f"{source} has {network.width} filters in its first layer, which no network has: {known}")


def trainable(name: str, initial: tuple[SetNetwork, str] | None) -> Centred | GaitBase:
    """The network to train: a new one of that name, or a copy of a given one; GaitSet is centred.

    initial: the network to start from and where it is from; its prior is zero where it has none. Raises UsageError.
    """
    if initial is None:
        if name in (PRUNED, GAITBASE):
            whose = "that of `rt-gait prune gait`" if name == PRUNED else "OpenGait's"
            raise UsageError(f"{name} is trained on from a checkpoint: name {whose} with --init")
        return CentredGaitSet(WIDTHS[name]).normalise()
    network, source = initial
    if name_of(network, source) != name:
        raise CheckpointError(f"{source} is a {name_of(network, source)} and not a {name}: leave --network out")
    if isinstance(network, Centred | GaitBase):
        return copy.deepcopy(network)
    centred: CentredGaitSet | CentredPrunedGaitSet
    if isinstance(network, PrunedGaitSet):
        kept = {name: network.kept.get_buffer(name) for name in INPUTS}
        centred = CentredPrunedGaitSet(kept, network.slope_below_zero, network.biased)
    else:
        centred = CentredGaitSet.shaped_as(network.state_dict())
    centred.load_state_dict({**network.state_dict(), "prior": centred.prior})
    return centred


def described(network: SetNetwork) -> dict[str, str]:
    """What tells a network's layers from those of others of its name: of a pruned one, the filters it has kept."""
    if isinstance(network, GaitBase):
        return {"widths": ", ".join(str(len(part.weight)) for part in network.modules() if isinstance(part, nn.Conv2d))}
    if not isinstance(network, PrunedGaitSet):
        return {}
    kept = [network.kept.get_buffer(name) for name in INPUTS]
    digest = hashlib.sha256(b"".join(filters.cpu().numpy().tobytes() for filters in kept)).hexdigest()
    return {"filters": f"{sum(map(len, kept))} ({digest[:8]})"}
