"""Users' checkpoints of gait networks: which program wrote one, and the filled network."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from rt_gait_ros.errors import UsageError
from rt_gait_ros.networks import keras_gaitset
from rt_gait_ros.networks.checkpoint import CheckpointError, load_strictly, read_served_state, read_state
from rt_gait_ros.networks.kinds import KERAS_ENDINGS, KINDS, SET_NETWORKS
from rt_gait_ros.networks.narrowed import is_pruned, narrow
from rt_gait_ros.networks.pruned_gaitset import load_pruned_gaitset
from rt_gait_ros.networks.set_networks import PYRAMID, CentredGaitSet, GaitBase, GaitSet, SetNetwork, slope_of, width_of

# OpenGait (Fan et al., CVPR 2023) names the layers of its GaitSet so; ours are those of GaitSet's authors.
_OPENGAIT_LAYERS = {
    "set_block1.forward_block.0": "set_layer1.forward_block",
    "set_block1.forward_block.2": "set_layer2.forward_block",
    "set_block2.forward_block.0": "set_layer3.forward_block",
    "set_block2.forward_block.2": "set_layer4.forward_block",
    "set_block3.forward_block.0": "set_layer5.forward_block",
    "set_block3.forward_block.2": "set_layer6.forward_block",
    "gl_block2.0": "gl_layer1",
    "gl_block2.2": "gl_layer2",
    "gl_block3.0": "gl_layer3",
    "gl_block3.2": "gl_layer4",
}
_OPENGAIT_NAMES = {f"{theirs}.conv.weight": f"{ours}.conv.weight" for theirs, ours in _OPENGAIT_LAYERS.items()} | {
    "Head.fc_bin": "fc_bin.0"
}


def opengait_part_order() -> list[int]:
    """For each part of GaitSet, its place in OpenGait's order.

    GaitSet: by level 1, 2, 4, 8, 16, the bands of the frame-maximum branch and then of the set branch. OpenGait: all
    levels 16, 8, 4, 2, 1 of the frame-maximum branch, then all of the set branch.
    """
    order: list[int] = []
    for bins in PYRAMID:
        start = sum(larger for larger in PYRAMID if larger > bins)
        for branch in range(2):
            first = branch * sum(PYRAMID) + start
            order += range(first, first + bins)
    return order


def from_opengait(state: Mapping[str, Tensor], source: str) -> dict[str, Tensor]:
    """State of OpenGait's GaitSet under the names and in the order of parts of GaitSet's authors.

    Raises CheckpointError that names, as OpenGait does, the first layer that differs.
    """
    layers = {name: _OPENGAIT_NAMES.get(name) for name in state}
    first = state.get("set_block1.forward_block.0.conv.weight")
    for name, ours in layers.items():
        if ours is None:
            raise CheckpointError(f"{source} is of another network: it has '{name}', which OpenGait's GaitSet does not")
    expected = GaitSet(width_of(first)).state_dict()
    for name, ours in _OPENGAIT_NAMES.items():
        found = "nothing" if name not in state else str(tuple(state[name].shape))
        if found != str(tuple(expected[ours].shape)):
            raise CheckpointError(
                f"{source} is of another network: '{name}' is {found}, not {tuple(expected[ours].shape)}"
            )
    renamed = {_OPENGAIT_NAMES[name]: value for name, value in state.items()}
    renamed["fc_bin.0"] = renamed["fc_bin.0"][torch.tensor(opengait_part_order())]
    return renamed


@dataclass(frozen=True, slots=True)
class Loader:
    """How a kind of checkpoint of PyTorch is read. first: the parameter by which kinds are told apart."""

    first: str
    load: Callable[[dict[str, Tensor], str], SetNetwork]


def _centred(state: dict[str, Tensor], source: str) -> SetNetwork:
    network = CentredGaitSet.shaped_as(state)
    load_strictly(network, state, source)
    return network


def _gaitset(state: dict[str, Tensor], source: str) -> SetNetwork:
    network = GaitSet(width_of(state.get("set_layer1.forward_block.conv.weight")), slope_of(state))
    load_strictly(network, state, source)
    return network


def _opengait_gaitset(state: dict[str, Tensor], source: str) -> SetNetwork:
    return _gaitset(from_opengait(state, source), source)


def _gaitbase(state: dict[str, Tensor], source: str) -> SetNetwork:
    classifier = state.get("BNNecks.fc_bin")
    # people of the training set: every other shape in the file follows from the network
    classes = classifier.shape[-1] if classifier is not None and classifier.ndim == 3 else 1
    network = GaitBase(classes)
    if is_pruned(state):
        state = narrow(network, state)
    load_strictly(network, state, source)
    return network


# By key of kinds.KINDS; the first whose parameter is there is taken.
LOADERS = {
    "pruned-gaitset": Loader("kept.set_layer1", load_pruned_gaitset),
    "centred-gaitset": Loader("prior", _centred),
    "gaitset": Loader("set_layer1.forward_block.conv.weight", _gaitset),
    "opengait-gaitset": Loader("set_block1.forward_block.0.conv.weight", _opengait_gaitset),
    "gaitbase": Loader("Backbone.forward_block.conv1.conv.weight", _gaitbase),
}


def load_gait_network(checkpoint: Path, kind: str | None = None, as_trained: bool = False) -> tuple[str, SetNetwork]:
    """The kind, one of kinds.SET_NETWORKS, and the filled network of a checkpoint of PyTorch or Keras, or of a
    model.onnx that `rt-gait export gait` wrote from one.

    kind: what it must be; None to tell by the names in it. as_trained: with its batch normalisation, where it has one,
    and not with that as weights and biases. Raises CheckpointError naming the first layer that differs.
    """
    if kind is not None and kind not in SET_NETWORKS:
        raise UsageError(f"unknown gait network '{kind}': choose one of {', '.join(SET_NETWORKS)}")
    if kind == keras_gaitset.KIND or (kind is None and checkpoint.suffix in KERAS_ENDINGS):
        return keras_gaitset.KIND, keras_gaitset.load_keras_gaitset(checkpoint)
    state = read_served_state(checkpoint) if checkpoint.suffix == ".onnx" else read_state(checkpoint)
    return gait_network_of(state, str(checkpoint), kind, as_trained)


def gait_network_of(
    state: dict[str, Tensor], source: str, kind: str | None = None, as_trained: bool = False
) -> tuple[str, SetNetwork]:
    """As load_gait_network, from a state that was read from `source`."""
    kind = kind or _kind_of(state, source)
    network = LOADERS[kind].load(state, source).eval()
    if isinstance(network, CentredGaitSet) and not as_trained:
        network.fold()
    return kind, network


def _kind_of(state: Mapping[str, Tensor], source: str) -> str:
    for name, loader in LOADERS.items():
        if loader.first in state:
            return name
    known = ", ".join(KINDS[name].title for name in LOADERS)
    first = next(iter(state), "nothing")
    raise CheckpointError(f"{source} is none of {known}: it begins with '{first}'")
