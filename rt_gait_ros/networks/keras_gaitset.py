"""GaitSet as Embedded-Gait's program writes it: a Keras .hdf5 file, whole or with filters removed.

Its frame branch is wrapped in TimeDistributed, or unrolled, which pruning needs. Keras numbers the layers in the order
in which the program makes them; the order in the file is another one.
"""

from pathlib import Path

import numpy as np
import torch
from torch import nn

from rt_gait_ros.networks.checkpoint import CheckpointError
from rt_gait_ros.networks.keras_checkpoints import (
    KERAS_SLOPE,
    MAPS,
    KerasLayer,
    fill,
    leaky_slopes,
    read_layers,
    weight_names,
)
from rt_gait_ros.networks.pruned_gaitset import INPUTS, PrunedGaitSet, gaitset_convolutions, part_halves
from rt_gait_ros.networks.set_networks import GaitSet, SetNetwork

KIND = "keras-gaitset"

_WRAPPER = "time_distributed"
_FRAME = ("set_layer1", "set_layer2", "set_layer3", "set_layer4", "set_layer5", "set_layer6")
_BRANCH = ("gl_layer1", "gl_layer2", "gl_layer3", "gl_layer4")
# Unrolled, in the order of their numbers.
_UNROLLED = (*_FRAME[:2], *_BRANCH[:2], *_FRAME[2:4], *_BRANCH[2:], *_FRAME[4:])
# Two layers whose outputs are added have as many filters.
_TIED = {"gl_layer2": "set_layer4", "gl_layer4": "set_layer6"}


def is_keras_gaitset(path: Path) -> bool:
    """Whether a Keras file has GaitSet's separate maps. Raises CheckpointError where it is none."""
    return any(MAPS in name for name in weight_names(path))


def load_keras_gaitset(path: Path) -> SetNetwork:
    """The filled network: a GaitSet, or a PrunedGaitSet where the layers have other widths than a whole one.

    A classifier that training needs is left out. LeakyReLU's slope is the one that the file tells, else Keras's 0.3.
    Raises CheckpointError naming the first layer that differs.
    """
    source = str(path)
    layers = read_layers(path)
    convolutions = _convolutions(layers, source)
    maps = [layer for layer in layers if layer.kernel.ndim == 3]
    if len(maps) != 1:
        raise CheckpointError(f"{source} is of another network: it has {len(maps)} layers of separate maps, not 1")
    network = _empty({name: layer.kernel.shape[-1] for name, layer in convolutions.items()}, _slope(path))
    filled = gaitset_convolutions(network) if isinstance(network, GaitSet) else dict(network.convolutions.items())
    with torch.no_grad():
        for name, module in filled.items():
            assert isinstance(module, nn.Conv2d)
            fill(module, convolutions[name], source)
        _fill_maps(network, maps[0], source)
    return network.eval()


def _convolutions(layers: list[KerasLayer], source: str) -> dict[str, KerasLayer]:
    """The ten convolutions by the names of INPUTS."""
    found = sorted((layer for layer in layers if layer.kernel.ndim == 4), key=_number)
    wrapped = [layer for layer in found if layer.group.startswith(_WRAPPER)]
    bare = [layer for layer in found if not layer.group.startswith(_WRAPPER)]
    for names, ordered in ((_FRAME + _BRANCH, wrapped + bare), (_UNROLLED, bare)):
        if len(wrapped) == (len(_FRAME) if names != _UNROLLED else 0) and len(ordered) == len(names):
            named = dict(zip(names, ordered, strict=True))
            return {name: named[name] for name in INPUTS}
    raise CheckpointError(
        f"{source} is of another network: it has {len(wrapped)} convolutions of frames and {len(bare)} others, "
        "GaitSet has 6 and 4, or 10 where it is unrolled"
    )


def _number(layer: KerasLayer) -> int:
    """The number that Keras gave the layer; the first one has none."""
    number = layer.group.rpartition("_")[2]
    return int(number) if number.isdecimal() else 0


def _slope(path: Path) -> float:
    slopes = leaky_slopes(path) or {KERAS_SLOPE}
    if len(slopes) > 1:
        raise CheckpointError(f"{path} is of another network: its LeakyReLU layers have {len(slopes)} different slopes")
    return slopes.pop()


def _empty(widths: dict[str, int], slope: float) -> GaitSet | PrunedGaitSet:
    """The network with so many filters in each convolution."""
    widths |= {name: widths[other] for name, other in _TIED.items()}
    whole = GaitSet(widths["set_layer1"], slope)
    if widths == {name: layer.out_channels for name, layer in gaitset_convolutions(whole).items()}:
        return whole
    return PrunedGaitSet({name: torch.arange(width) for name, width in widths.items()}, slope)


def _fill_maps(network: GaitSet | PrunedGaitSet, layer: KerasLayer, source: str) -> None:
    last = network.set_layer6.forward_block.conv if isinstance(network, GaitSet) else network.convolutions["set_layer6"]
    wanted = (network.parts, last.out_channels, network.channels)
    if layer.kernel.shape != wanted:
        raise CheckpointError(
            f"{source} is of another network: '{layer.name}/kernel' is {layer.kernel.shape}, not {wanted}"
        )
    weight = torch.from_numpy(np.asarray(layer.kernel, np.float32))
    if isinstance(network, GaitSet):
        network.fc_bin[0].copy_(weight)
        return
    frames, branch = part_halves()
    network.fc_frames.copy_(weight[frames])
    network.fc_branch.copy_(weight[branch])
