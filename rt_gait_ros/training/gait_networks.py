"""Which networks `rt-gait train gait` trains: GaitSet of three sizes, and any GaitSet that there is, pruned or not."""

import copy
import hashlib

from rt_gait_ros.errors import UsageError
from rt_gait_ros.networks.checkpoint import CheckpointError
from rt_gait_ros.networks.kinds import PRUNED, WIDTHS
from rt_gait_ros.networks.pruned_gaitset import INPUTS, CentredPrunedGaitSet, PrunedGaitSet
from rt_gait_ros.networks.set_networks import Centred, CentredGaitSet, GaitSet, SetNetwork


def name_of(network: SetNetwork, source: str) -> str:
    """One of kinds.TRAINED_NETWORKS. source: where it is from. Raises CheckpointError for what cannot be trained on."""
    if isinstance(network, PrunedGaitSet):
        return PRUNED
    if not isinstance(network, GaitSet):
        raise CheckpointError(f"{source} is a {type(network).__name__}: only GaitSet can be trained on")
    for name, width in WIDTHS.items():
        if width == network.width:
            return name
    known = ", ".join(f"{name} {width}" for name, width in WIDTHS.items())
    raise CheckpointError(f"{source} has {network.width} filters in its first layer, which no network has: {known}")


def trainable(name: str, initial: tuple[SetNetwork, str] | None) -> Centred:
    """The network to train: a new one of that name, or a copy of a given one, centred.

    initial: the network to start from and where it is from; its prior is zero where it has none. Raises UsageError.
    """
    if initial is None:
        if name == PRUNED:
            raise UsageError(f"{PRUNED} is trained on from a checkpoint: name that of `rt-gait prune gait` with --init")
        return CentredGaitSet(WIDTHS[name]).normalise()
    network, source = initial
    if name_of(network, source) != name:
        raise CheckpointError(f"{source} is a {name_of(network, source)} and not a {name}: leave --network out")
    if isinstance(network, Centred):
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
    if not isinstance(network, PrunedGaitSet):
        return {}
    kept = [network.kept.get_buffer(name) for name in INPUTS]
    digest = hashlib.sha256(b"".join(filters.cpu().numpy().tobytes() for filters in kept)).hexdigest()
    return {"filters": f"{sum(map(len, kept))} ({digest[:8]})"}
