"""Gait networks that see a walk as a set of silhouettes: GaitSet and GaitBase.

Both meet each frame alone and pool the frames with a maximum. So each is two functions, `frame_features` and `head`,
with a maximum between them, and a set can grow one frame at a time with exactly the result of the whole set.
"""

from abc import ABC, abstractmethod
from collections.abc import Mapping

import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.nn.utils import fuse_conv_bn_eval

from rt_gait_ros.networks.backbones import BasicBlock

# Silhouettes are 64 rows by 44 columns (GaitSet, AAAI 2019).
ROWS, COLUMNS = 64, 44

# Horizontal pyramid of GaitSet: the feature map is cut into 1, 2, 4, 8 and 16 bands.
PYRAMID = (1, 2, 4, 8, 16)
# LeakyReLU's slope below zero in GaitSet (PyTorch's default).
SLOPE = 0.01


def horizontal_pooling(x: Tensor, bins: int) -> Tensor:
    """(N, C, H, W) to (N, bins, C): in each of the horizontal bands, mean plus maximum."""
    bands = x.reshape(x.shape[0], x.shape[1], bins, -1)
    return (bands.mean(3) + bands.amax(3)).permute(0, 2, 1)


def separate_maps(x: Tensor, weight: Tensor) -> Tensor:
    """(N, P, C) through a linear map of its own for each part, weight (P, C, D), to (N, P, D)."""
    return torch.matmul(x.permute(1, 0, 2), weight).permute(1, 0, 2)


class SetNetwork(nn.Module, ABC):
    """A gait network that pools its frames with a maximum. parts x channels: shape of the embedding."""

    parts: int
    channels: int

    @abstractmethod
    def frame_features(self, frames: Tensor) -> tuple[Tensor, ...]:
        """(N, 64, 44) float32 in 0..1 to the features of each frame, whose maximum over a set is what `head` takes."""

    @abstractmethod
    def head(self, *pooled: Tensor) -> Tensor:
        """Features pooled over the set, one row a set, to embeddings (B, parts, channels)."""

    def forward(self, silhouettes: Tensor) -> Tensor:
        """(B, S, 64, 44) float32 in 0..1 to embeddings (B, parts, channels)."""
        sets, frames = silhouettes.shape[:2]
        features = self.frame_features(silhouettes.flatten(0, 1))
        return self.head(*(value.unflatten(0, (sets, frames)).amax(1) for value in features))


class _Convolution(nn.Module):
    """Convolution and LeakyReLU (GaitSet's BasicConv2d, which has no bias)."""

    def __init__(self, inputs: int, outputs: int, kernel: int, padding: int, slope: float):
        super().__init__()
        self.conv = nn.Conv2d(inputs, outputs, kernel, padding=padding, bias=False)
        self.bn: nn.Module = nn.Identity()
        self.slope = slope

    def forward(self, x: Tensor) -> Tensor:
        return functional.leaky_relu(self.bn(self.conv(x)), self.slope)

    def normalise(self) -> None:
        """Put batch normalisation behind the convolution."""
        self.bn = nn.BatchNorm2d(self.conv.out_channels)

    def add_bias(self) -> None:
        """Give the convolution a bias, zero at first."""
        self.conv.bias = nn.Parameter(torch.zeros(self.conv.out_channels))

    def fold(self) -> None:
        """Turn batch normalisation into weights and bias of the convolution, which computes the same in use."""
        if isinstance(self.bn, nn.BatchNorm2d):
            self.conv = fuse_conv_bn_eval(self.conv.eval(), self.bn.eval())
            self.bn = nn.Identity()


def width_of(first: Tensor | None) -> int:
    """Channels of GaitSet's first convolution; all others follow. 32 of CASIA-B's where a state has no such layer."""
    return 32 if first is None or first.ndim == 0 or not len(first) else len(first)


def slope_of(state: Mapping[str, Tensor]) -> float:
    """LeakyReLU's slope in a state: SLOPE where it does not say."""
    return float(state["slope"]) if "slope" in state else SLOPE


def slope_buffer(slope: float) -> Tensor | None:
    """What a state says of the slope: nothing where it is GaitSet's own, as its authors' files do not."""
    return None if slope == SLOPE else torch.tensor(slope, dtype=torch.float64)


class _SetLayer(nn.Module):
    """GaitSet's SetBlock: the same convolution for every frame, a max-pool behind every second one."""

    def __init__(self, convolution: _Convolution, pool: bool = False):
        super().__init__()
        self.forward_block = convolution
        self.pool = pool

    def forward(self, x: Tensor) -> Tensor:
        x = self.forward_block(x)
        return functional.max_pool2d(x, 2) if self.pool else x


class GaitSet(SetNetwork):
    """GaitSet (Chao et al., AAAI 2019), its parameters named as in the authors' `-encoder.ptm` files.

    Order of the 62 parts: for each level of the pyramid (1, 2, 4, 8, 16), first the bands of the frame-maximum branch,
    then those of the set branch. width: of the first convolutions, 32 for CASIA-B and 64 for OU-MVLP. slope: of
    LeakyReLU below zero.
    """

    parts = 2 * sum(PYRAMID)
    channels = 256

    def __init__(self, width: int = 32, slope: float = SLOPE):
        super().__init__()
        self.width, self.slope_below_zero = width, slope
        self.register_buffer("slope", slope_buffer(slope))
        first, second, third = width, 2 * width, 4 * width
        self.set_layer1 = _SetLayer(_Convolution(1, first, 5, 2, slope))
        self.set_layer2 = _SetLayer(_Convolution(first, first, 3, 1, slope), pool=True)
        self.set_layer3 = _SetLayer(_Convolution(first, second, 3, 1, slope))
        self.set_layer4 = _SetLayer(_Convolution(second, second, 3, 1, slope), pool=True)
        self.set_layer5 = _SetLayer(_Convolution(second, third, 3, 1, slope))
        self.set_layer6 = _SetLayer(_Convolution(third, third, 3, 1, slope))
        self.gl_layer1 = _Convolution(first, second, 3, 1, slope)
        self.gl_layer2 = _Convolution(second, second, 3, 1, slope)
        self.gl_layer3 = _Convolution(second, third, 3, 1, slope)
        self.gl_layer4 = _Convolution(third, third, 3, 1, slope)
        bound = (6.0 / (third + self.channels)) ** 0.5  # Xavier uniform, as the authors initialise
        self.fc_bin = nn.ParameterList(
            [nn.Parameter(torch.empty(self.parts, third, self.channels).uniform_(-bound, bound))]
        )

    def frame_features(self, frames: Tensor) -> tuple[Tensor, ...]:
        """(N, 64, 44) to (N, 32, 32, 22), (N, 64, 16, 11) and (N, 128, 16, 11): one for each block."""
        first = self.set_layer2(self.set_layer1(frames.unsqueeze(1)))
        second = self.set_layer4(self.set_layer3(first))
        third = self.set_layer6(self.set_layer5(second))
        return first, second, third

    def head(self, *pooled: Tensor) -> Tensor:
        """The set branch and the horizontal pyramid: embeddings (B, 62, 256)."""
        first, second, third = pooled
        branch = functional.max_pool2d(self.gl_layer2(self.gl_layer1(first)), 2)
        branch = self.gl_layer4(self.gl_layer3(branch + second)) + third
        bands = [horizontal_pooling(x, bins) for bins in PYRAMID for x in (third, branch)]
        return separate_maps(torch.cat(bands, 1), self.fc_bin[0])


class Centred(SetNetwork):
    """A set network as `rt-gait train gait` trains it: seen from both sides, relative to what everybody has in common.

    A mixin before the network's own class. The embedding is the mean of that of the set and that of its mirror image,
    each part of length 1; so it is the same whichever way somebody walks past. prior: (parts, channels), the mean of
    everybody's, a buffer, is taken from it, and each part is scaled to length 1 again.
    mirrored: may be set to False, for half of the work per frame and an embedding that knows left from right.
    """

    prior: Tensor
    mirrored = True

    def one_sided(self, silhouettes: Tensor) -> Tensor:
        """(B, S, 64, 44) float32 in 0..1 to embeddings (B, parts, channels) of these sets alone, parts of length 1.

        Half the work, for training on sets of which every other one is mirrored.
        """
        sets, frames = silhouettes.shape[:2]
        features = super().frame_features(silhouettes.flatten(0, 1))  # type: ignore[safe-super]
        return self._side(*(value.unflatten(0, (sets, frames)).amax(1) for value in features))

    def frame_features(self, frames: Tensor) -> tuple[Tensor, ...]:
        """The network's features of each frame, and those of its mirror image."""
        features = super().frame_features(frames)  # type: ignore[safe-super]
        return features + super().frame_features(frames.flip(2)) if self.mirrored else features  # type: ignore[safe-super]

    def head(self, *pooled: Tensor) -> Tensor:
        """Mean of the sides' embeddings without the prior, parts scaled to length 1."""
        count = len(pooled) // 2 if self.mirrored else len(pooled)
        sides = [self._side(*pooled[start : start + count]) for start in range(0, len(pooled), count)]
        return functional.normalize(sum(sides) / len(sides) - self.prior, dim=2)

    def _side(self, *pooled: Tensor) -> Tensor:
        return functional.normalize(super().head(*pooled), dim=2)  # type: ignore[safe-super]


class CentredGaitSet(Centred, GaitSet):
    """GaitSet, centred. width, slope: as GaitSet.

    It is trained with batch normalisation (`normalise`), which becomes a bias of each convolution in use (`fold`).
    """

    def __init__(self, width: int = 32, slope: float = SLOPE):
        super().__init__(width, slope)
        self.register_buffer("prior", torch.zeros(self.parts, self.channels))

    @classmethod
    def shaped_as(cls, state: Mapping[str, Tensor]) -> "CentredGaitSet":
        """An empty network that has the parameters of a state: with its biases or normalisation, and as wide."""
        first = "set_layer1.forward_block"
        network = cls(width_of(state.get(f"{first}.conv.weight")), slope_of(state))
        for layer in network.convolutions():
            if f"{first}.bn.weight" in state:
                layer.normalise()
            if f"{first}.conv.bias" in state:
                layer.add_bias()
        return network

    def convolutions(self) -> list[_Convolution]:
        """All ten."""
        return [module for module in self.modules() if isinstance(module, _Convolution)]

    def normalise(self) -> "CentredGaitSet":
        """Put batch normalisation behind every convolution, for training. Returns the network."""
        for layer in self.convolutions():
            layer.normalise()
        return self

    def fold(self) -> "CentredGaitSet":
        """Turn batch normalisation into weights and biases, for use. Returns the network."""
        for layer in self.convolutions():
            layer.fold()
        return self


class _ResNet9(nn.Module):
    """OpenGait's ResNet9: one BasicBlock a stage, strides 1, 2, 2, 1, no max-pool."""

    def __init__(self) -> None:
        super().__init__()
        self.conv1 = nn.Module()
        self.conv1.conv = nn.Conv2d(1, 64, 3, 1, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(64)
        self.layer1 = nn.Sequential(BasicBlock(64, 64))
        self.layer2 = nn.Sequential(BasicBlock(64, 128, 2))
        self.layer3 = nn.Sequential(BasicBlock(128, 256, 2))
        self.layer4 = nn.Sequential(BasicBlock(256, 512, 1))

    def forward(self, x: Tensor) -> Tensor:
        x = functional.relu(self.bn1(self.conv1.conv(x)))  # type: ignore[operator]
        return self.layer4(self.layer3(self.layer2(self.layer1(x))))


class _SeparateBNNecks(nn.Module):
    """Batch norm and a cosine classifier for each part; used in training only."""

    def __init__(self, parts: int, channels: int, classes: int):
        super().__init__()
        self.fc_bin = nn.Parameter(torch.empty(parts, channels, classes))
        nn.init.xavier_uniform_(self.fc_bin)
        self.bn1d = nn.BatchNorm1d(parts * channels)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """(N, P, C) to normalised features (N, P, C) and logits (N, P, classes)."""
        x = self.bn1d(x.flatten(1)).unflatten(1, x.shape[1:])
        x = functional.normalize(x, dim=2)
        return x, separate_maps(x, functional.normalize(self.fc_bin, dim=1))


class GaitBase(SetNetwork):
    """GaitBase (Fan et al., OpenGait, CVPR 2023), its parameters named as in OpenGait's checkpoints.

    classes: people of the training set, which sizes the classifier that OpenGait's files carry (74 for CASIA-B).
    """

    parts = 16
    channels = 256

    def __init__(self, classes: int = 74):
        super().__init__()
        self.Backbone = nn.Module()
        self.Backbone.forward_block = _ResNet9()
        self.FCs = nn.Module()
        self.FCs.fc_bin = nn.Parameter(torch.empty(self.parts, 512, self.channels))
        nn.init.xavier_uniform_(self.FCs.fc_bin)
        self.BNNecks = _SeparateBNNecks(self.parts, self.channels, classes)

    def frame_features(self, frames: Tensor) -> tuple[Tensor]:
        """(N, 64, 44) to (N, 512, 16, 11)."""
        return (self.Backbone.forward_block(frames.unsqueeze(1)),)  # type: ignore[operator]

    def head(self, *pooled: Tensor) -> Tensor:
        """Sixteen horizontal bands, each through its own map: embeddings (B, 16, 256)."""
        return separate_maps(horizontal_pooling(pooled[0], self.parts), self.FCs.fc_bin)  # type: ignore[arg-type]
