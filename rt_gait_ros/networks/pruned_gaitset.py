"""GaitSet after filters were removed: each layer is as narrow as what is left of it."""

import copy
from collections.abc import Mapping

import torch
from torch import Tensor, nn
from torch.nn import functional

from rt_gait_ros.networks.checkpoint import CheckpointError, load_strictly
from rt_gait_ros.networks.set_networks import (
    PYRAMID,
    SLOPE,
    Centred,
    GaitSet,
    SetNetwork,
    horizontal_pooling,
    separate_maps,
    slope_buffer,
    slope_of,
)

# Convolutions in the order of the computation, each with the one that it stands behind.
INPUTS = {
    "set_layer1": None,
    "set_layer2": "set_layer1",
    "set_layer3": "set_layer2",
    "set_layer4": "set_layer3",
    "set_layer5": "set_layer4",
    "set_layer6": "set_layer5",
    "gl_layer1": "set_layer2",
    "gl_layer2": "gl_layer1",
    "gl_layer3": "sum2",
    "gl_layer4": "gl_layer3",
}
# Where the set branch is added to a frame maximum.
SUMS = {"sum2": ("gl_layer2", "set_layer4"), "sum3": ("gl_layer4", "set_layer6")}


def gaitset_convolutions(network: GaitSet) -> dict[str, nn.Conv2d]:
    """The ten convolutions by the names of INPUTS."""
    layers = {name: getattr(network, name) for name in INPUTS}
    return {name: getattr(layer, "forward_block", layer).conv for name, layer in layers.items()}


def channels_of(source: str | None, kept: Mapping[str, Tensor]) -> Tensor:
    """Channels (N,) that come out of a convolution or of one of SUMS, by their index in the whole network."""
    if source is None:
        return torch.zeros(1, dtype=torch.int64)  # the silhouette
    if source in SUMS:
        return torch.unique(torch.cat([kept[name] for name in SUMS[source]]))
    return kept[source]


class _Sum(nn.Module):
    """Adds two feature maps that have lost different channels: what one lacks is zero there, as without a bias it is.

    first, second: (N,) for each channel that either has, its place in the one and in the other; a place behind the
    last for none.
    """

    first: Tensor
    second: Tensor

    def __init__(self, first: Tensor, second: Tensor):
        super().__init__()
        either = torch.unique(torch.cat([first, second]))
        for name, kept in (("first", first), ("second", second)):
            place = torch.searchsorted(kept, either)
            there = torch.isin(either, kept)
            self.register_buffer(name, torch.where(there, place, len(kept)), persistent=False)

    def forward(self, first: Tensor, second: Tensor) -> Tensor:
        """(B, C1, H, W) and (B, C2, H, W) to (B, N, H, W)."""
        first, second = (functional.pad(x, (0, 0, 0, 0, 0, 1)) for x in (first, second))
        return first[:, self.first] + second[:, self.second]


class PrunedGaitSet(SetNetwork):
    """GaitSet with the filters `kept` alone; it computes what GaitSet does when the weights of all others are zero.

    kept: for each convolution of INPUTS the ascending indices (int64) of its filters in the network it came from.
    slope: as GaitSet. biased: whether its convolutions have a bias, as a network that was trained with batch
    normalisation has.
    """

    parts, channels = GaitSet.parts, GaitSet.channels

    def __init__(self, kept: Mapping[str, Tensor], slope: float = SLOPE, biased: bool = False):
        super().__init__()
        self.slope_below_zero, self.biased = slope, biased
        self.register_buffer("slope", slope_buffer(slope))
        self.kept = nn.Module()
        for name in INPUTS:
            self.kept.register_buffer(name, kept[name].to(torch.int64))
        self.sums = nn.ModuleDict({name: _Sum(kept[a], kept[b]) for name, (a, b) in SUMS.items()})
        self.convolutions = nn.ModuleDict()
        for name, source in INPUTS.items():
            inputs, kernel = len(channels_of(source, kept)), 5 if source is None else 3
            self.convolutions[name] = nn.Conv2d(inputs, len(kept[name]), kernel, padding=kernel // 2, bias=biased)
        half = sum(PYRAMID)
        self.fc_frames = nn.Parameter(torch.zeros(half, len(kept["set_layer6"]), self.channels))
        self.fc_branch = nn.Parameter(torch.zeros(half, len(channels_of("sum3", kept)), self.channels))

    def _layer(self, name: str, x: Tensor, pool: bool = False) -> Tensor:
        x = functional.leaky_relu(self.convolutions[name](x), self.slope_below_zero)
        return functional.max_pool2d(x, 2) if pool else x

    def frame_features(self, frames: Tensor) -> tuple[Tensor, ...]:
        """As GaitSet.frame_features, of the channels that are left."""
        first = self._layer("set_layer2", self._layer("set_layer1", frames.unsqueeze(1)), pool=True)
        second = self._layer("set_layer4", self._layer("set_layer3", first), pool=True)
        third = self._layer("set_layer6", self._layer("set_layer5", second))
        return first, second, third

    def head(self, *pooled: Tensor) -> Tensor:
        """As GaitSet.head."""
        first, second, third = pooled
        branch = self._layer("gl_layer2", self._layer("gl_layer1", first), pool=True)
        branch = self._layer("gl_layer4", self._layer("gl_layer3", self.sums["sum2"](branch, second)))
        branch = self.sums["sum3"](branch, third)
        halves = [
            separate_maps(torch.cat([horizontal_pooling(x, bins) for bins in PYRAMID], 1), weight).split(PYRAMID, 1)
            for x, weight in ((third, self.fc_frames), (branch, self.fc_branch))
        ]
        return torch.cat([bands for level in zip(*halves, strict=True) for bands in level], 1)


class CentredPrunedGaitSet(Centred, PrunedGaitSet):
    """PrunedGaitSet, centred: what is left of a CentredGaitSet, or a pruned GaitSet that is trained on."""

    def __init__(self, kept: Mapping[str, Tensor], slope: float = SLOPE, biased: bool = False):
        super().__init__(kept, slope, biased)
        self.register_buffer("prior", torch.zeros(self.parts, self.channels))


def part_halves() -> tuple[Tensor, Tensor]:
    """Places (31,) among GaitSet's 62 parts of the bands of the frame maximum, and of those of the set branch.

    Parts come level by level, first the bands of the frame maximum, then those of the set branch.
    """
    levels = torch.arange(GaitSet.parts).split([2 * bins for bins in PYRAMID])
    frames, branch = zip(*(level.chunk(2) for level in levels), strict=True)
    return torch.cat(frames), torch.cat(branch)


def cut_gaitset(network: GaitSet, kept: Mapping[str, Tensor]) -> PrunedGaitSet:
    """The network without all filters but `kept` (see PrunedGaitSet); centred, if it was."""
    kind = CentredPrunedGaitSet if isinstance(network, Centred) else PrunedGaitSet
    pruned = kind(kept, network.slope_below_zero, network.set_layer1.forward_block.conv.bias is not None)
    if isinstance(network, Centred):
        pruned.prior = network.prior.clone()
    frames, branch = part_halves()
    weight = network.fc_bin[0].detach()
    with torch.no_grad():
        for name, convolution in gaitset_convolutions(network).items():
            inputs = channels_of(INPUTS[name], kept)
            target: nn.Conv2d = pruned.convolutions[name]  # type: ignore[assignment]
            target.weight.copy_(convolution.weight[kept[name]][:, inputs])
            if convolution.bias is not None and target.bias is not None:
                target.bias.copy_(convolution.bias[kept[name]])
        pruned.fc_frames.copy_(weight[frames][:, kept["set_layer6"]])
        pruned.fc_branch.copy_(weight[branch][:, channels_of("sum3", kept)])
    return pruned.eval()


def silence_gaitset(network: GaitSet, kept: Mapping[str, Tensor]) -> GaitSet:
    """A copy whose filters outside `kept` (see PrunedGaitSet) are zero: it computes what cut_gaitset's network does.

    It has the widths of the whole network, so it is no faster, can be pruned further, and training brings filters back.
    """
    silent = copy.deepcopy(network)
    with torch.no_grad():
        for name, convolution in gaitset_convolutions(silent).items():
            gone = torch.ones(len(convolution.weight), dtype=torch.bool)
            gone[kept[name]] = False
            convolution.weight[gone] = 0.0
            if convolution.bias is not None:
                convolution.bias[gone] = 0.0
    return silent.eval()


def load_pruned_gaitset(state: Mapping[str, Tensor], source: str) -> PrunedGaitSet:
    """The network of a state that `rt-gait prune gait` wrote. Raises CheckpointError."""
    kept = {name: state.get(f"kept.{name}") for name in INPUTS}
    for name, filters in kept.items():
        if filters is None or filters.ndim != 1 or not len(filters) or not (filters.diff() > 0).all():
            raise CheckpointError(f"{source} is damaged: 'kept.{name}' is no ascending list of filters")
    kind = CentredPrunedGaitSet if "prior" in state else PrunedGaitSet
    left = {name: filters for name, filters in kept.items() if filters is not None}
    network = kind(left, slope_of(state), "convolutions.set_layer1.bias" in state)
    load_strictly(network, state, source)
    return network.eval()
