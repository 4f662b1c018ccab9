"""Gait networks on optical flow: the 2D-CNN and 3D-CNN of Embedded-Gait (Ruiz-Barroso et al., SUSCOM 36:100814, 2022),
and the latter with its convolutions in two.

Both see 25 flow frames of 60x60 (Castro et al., "Automatic learning of gait signatures", 2016) and give a descriptor of
1024 channels. They are fed what the pose node publishes: hundredths of a pixel, int16.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from itertools import chain
from typing import ClassVar

import torch
from torch import Tensor, nn
from torch.nn.functional import max_pool2d, normalize, relu
from torch.nn.utils import fuse_conv_bn_eval, fuse_linear_bn_eval

from rt_gait_ros.silhouette.flow import SIZE, UNITS, WINDOW

Shape = tuple[int, int, int]  # frames, rows, columns

CODE = 1024  # channels of the descriptor
CLASSES = 150  # people of TUM-GAID's training part


class FlowNetwork(nn.Module, ABC):
    """Convolutions down to one cell, linear layers to the descriptor, and the classifier that training needs.

    There is no activation between linear layers, in the authors' program neither. `layers` lists every layer with
    weights under its Keras name (convolutions: None, Keras numbers them) in Keras's order.
    """

    # attributes of the layers behind the convolutions, without the classifier
    LINEAR: ClassVar[tuple[str, ...]]
    DEPTH: ClassVar[int]  # convolutions
    convolutions: nn.ModuleList
    code: int
    probs: nn.Linear | None

    @classmethod
    def of_widths(cls, widths: Sequence[int], classes: int) -> "FlowNetwork":
        """The network of these outputs of every layer but the classifier, in the order of `layers`."""
        return cls(widths[: cls.DEPTH], *widths[cls.DEPTH :], classes)

    @abstractmethod
    def features(self, flow: Tensor) -> Tensor:
        """Flow in pixels (N, 25, 60, 60, 2) to the descriptor (N, code), not normalised."""

    @property
    @abstractmethod
    def layers(self) -> list[tuple[str | None, nn.Conv2d | nn.Conv3d | nn.Linear]]:
        """Layers with weights, in the order of the computation."""

    def forward(self, flow: Tensor) -> Tensor:
        """(N, 25, 60, 60, 2) int16 in hundredths of a pixel to (N, 1, code), of length 1."""
        return normalize(self.features(flow.float() / UNITS), dim=1)[:, None]

    def logits(self, flow: Tensor) -> Tensor:
        """(N, 25, 60, 60, 2) int16 to one figure for every person of the training set (N, classes)."""
        if self.probs is None:
            raise ValueError("this network has no classifier")
        return self.probs(self.features(flow.float() / UNITS))

    def normalise(self) -> None:
        """Put batch normalisation behind every layer but the classifier, for training: without it, next to nothing is
        learnt for hundreds of batches. `layers` is not to be asked for until it was folded."""
        self._replace(_normalised)

    def fold(self) -> None:
        """Make weights and biases of the layers of their batch normalisation, where they have one.

        The convolutions' filters then have norms of one size in all layers, so that pruning can compare them: behind
        normalisation the size of a layer's weights says nothing, and those of the first were a quarter of the others'.
        """
        self.eval()
        normalised = any(isinstance(layer, nn.Sequential) for layer in self.convolutions)
        self._replace(_folded)
        if normalised:
            self._balance()

    @torch.no_grad()
    def _balance(self) -> None:
        """Scale the convolutions to one median L1 norm of a filter, the geometric mean of all layers', so that what
        they give together stays: ReLU and maxima of a positive multiple are that multiple of theirs.

        Filters of zeros do not count, as a network has that was pruned by weights elsewhere.
        """
        weights = [layer.get_parameter("weight") for layer in self.convolutions]
        norms = [weight.abs().flatten(1).sum(1) for weight in weights]
        medians = torch.stack([each[each > 0].median() if each.any() else each.new_tensor(torch.nan) for each in norms])
        known = ~medians.isnan()
        scales = torch.ones_like(medians)
        scales[known] = medians[known].log().mean().exp() / medians[known]
        for layer, weight, scale, input_and_own in zip(
            self.convolutions, weights, scales, scales.cumprod(0), strict=True
        ):
            weight.mul_(scale)
            layer.get_parameter("bias").mul_(input_and_own)

    def _replace(self, change: Callable[[nn.Module], nn.Module]) -> None:
        self.convolutions = nn.ModuleList(change(layer) for layer in self.convolutions)
        for name in self.LINEAR:
            setattr(self, name, change(getattr(self, name)))

    def _head(self) -> list[tuple[str | None, nn.Conv2d | nn.Conv3d | nn.Linear]]:
        return [] if self.probs is None else [("probs", self.probs)]


def _normalised(layer: nn.Module) -> nn.Module:
    """The layer and batch normalisation of its channels behind it."""
    if isinstance(layer, nn.Linear):
        return nn.Sequential(layer, nn.BatchNorm1d(layer.out_features))
    if isinstance(layer, nn.Conv3d):
        return nn.Sequential(layer, nn.BatchNorm3d(layer.out_channels))
    assert isinstance(layer, nn.Conv2d)
    return nn.Sequential(layer, nn.BatchNorm2d(layer.out_channels))


def _folded(layer: nn.Module) -> nn.Module:
    """One layer that computes, in use, what a normalised one does; others as they are."""
    if not isinstance(layer, nn.Sequential):
        return layer
    first, normalisation = layer
    assert isinstance(normalisation, nn.BatchNorm1d | nn.BatchNorm2d | nn.BatchNorm3d)
    if isinstance(first, nn.Linear):
        return fuse_linear_bn_eval(first, normalisation)
    assert isinstance(first, nn.Conv2d | nn.Conv3d)
    return fuse_conv_bn_eval(first, normalisation)


def _classifier(code: int, classes: int) -> nn.Linear | None:
    return nn.Linear(code, classes) if classes else None


class FlowNet2D(FlowNetwork):
    """The 2D-CNN: horizontal and vertical flow of all frames are 50 channels of one picture. 6.98 M parameters.

    widths: filters of the four convolutions (pruned networks have fewer). hidden, code: channels of the linear layers.
    classes: people of the training set, 0 for a network without its classifier.
    """

    KERNELS = (7, 5, 3, 2)
    DEPTH = len(KERNELS)
    LINEAR = ("dense", "inner", "outer")

    def __init__(
        self,
        widths: Sequence[int] = (96, 192, 512, 512),
        hidden: int = 2048,
        inner: int = CODE,
        code: int = CODE,
        classes: int = CLASSES,
    ) -> None:
        super().__init__()
        inputs = (2 * WINDOW, *widths)
        self.convolutions = nn.ModuleList(
            nn.Conv2d(i, o, k) for i, o, k in zip(inputs, widths, self.KERNELS, strict=False)
        )
        self.dense, self.inner, self.outer = (
            nn.Linear(widths[-1], hidden),
            nn.Linear(hidden, inner),
            nn.Linear(inner, code),
        )
        self.code, self.probs = code, _classifier(code, classes)

    def features(self, flow: Tensor) -> Tensor:
        """As FlowNetwork.features."""
        # even channels horizontal, odd channels vertical
        values = flow.permute(0, 1, 4, 2, 3).reshape(-1, 2 * WINDOW, SIZE, SIZE)
        for convolution in self.convolutions:
            values = max_pool2d(relu(convolution(values)), 2)
        return self.outer(self.inner(self.dense(values.flatten(1))))

    @property
    def layers(self) -> list[tuple[str | None, nn.Conv2d | nn.Conv3d | nn.Linear]]:
        """As FlowNetwork.layers."""
        linear = [("dense", self.dense), ("code", self.inner), ("code_1", self.outer)]
        return [*((None, layer) for layer in self.convolutions), *linear, *self._head()]  # type: ignore[list-item]


class FlowNet3D(FlowNetwork):
    """The 3D-CNN: convolutions over time, rows and columns. 10.06 M parameters. Arguments as those of FlowNet2D."""

    LINEAR = ("gray_code", "outer")
    # kernel and stride: frames, rows, columns
    SHAPES: ClassVar[tuple[tuple[Shape, Shape], ...]] = (
        ((3, 5, 5), (1, 2, 2)),
        ((3, 3, 3), (1, 2, 2)),
        ((3, 3, 3), (2, 2, 2)),
        ((3, 3, 3), (2, 2, 2)),
        ((3, 2, 2), (1, 1, 1)),
        ((2, 1, 1), (1, 1, 1)),
    )
    DEPTH = len(SHAPES)

    def __init__(
        self,
        widths: Sequence[int] = (64, 128, 256, 512, 512, 512),
        inner: int = CODE,
        code: int = CODE,
        classes: int = CLASSES,
    ) -> None:
        super().__init__()
        inputs = (2, *widths)
        self.convolutions = nn.ModuleList(
            nn.Conv3d(i, o, kernel, stride) for i, o, (kernel, stride) in zip(inputs, widths, self.SHAPES, strict=False)
        )
        # the authors write this linear layer as a convolution of one cell
        self.gray_code, self.outer = nn.Conv3d(widths[-1], inner, 1), nn.Linear(inner, code)
        self.code, self.probs = code, _classifier(code, classes)

    def features(self, flow: Tensor) -> Tensor:
        """As FlowNetwork.features."""
        values = flow.permute(0, 4, 1, 2, 3)
        for convolution in self.convolutions:
            values = relu(convolution(values))
        return self.outer(self.gray_code(values).flatten(1))

    @property
    def layers(self) -> list[tuple[str | None, nn.Conv2d | nn.Conv3d | nn.Linear]]:
        """As FlowNetwork.layers."""
        last = [("grayCode", self.gray_code), ("code_1", self.outer)]
        return [*((None, layer) for layer in self.convolutions), *last, *self._head()]  # type: ignore[list-item]


def _in_two(kernel: Shape, stride: Shape) -> list[tuple[Shape, Shape]]:
    """Kernel and stride of the convolution over rows and columns and the one over time that follows it."""
    (frames, *place), (step, *pace) = kernel, stride
    over_place = ((1, place[0], place[1]), (1, pace[0], pace[1]))
    return [shape for shape in (over_place, ((frames, 1, 1), (step, 1, 1))) if shape != ((1, 1, 1), (1, 1, 1))]


class FactorisedFlowNet3D(FlowNet3D):
    """The 3D-CNN in which each convolution is one over rows and columns and, behind its activation, one over time, as
    R(2+1)D has them (Tran et al., CVPR 2018). 6.69 M parameters.

    Both of a pair have the filters of the convolution that they replace, which saves work; R(2+1)D widens the first
    until it has the parameters of the whole. The last convolution is over time alone, and stays.
    """

    SHAPES = tuple(chain.from_iterable(_in_two(*shape) for shape in FlowNet3D.SHAPES))
    DEPTH = len(SHAPES)

    def __init__(
        self,
        widths: Sequence[int] = (64, 64, 128, 128, 256, 256, 512, 512, 512, 512, 512),
        inner: int = CODE,
        code: int = CODE,
        classes: int = CLASSES,
    ) -> None:
        super().__init__(widths, inner, code, classes)


# By their names in kinds.FLOW_NETWORKS.
NETWORKS: dict[str, type[FlowNetwork]] = {
    "flow2d": FlowNet2D,
    "flow3d": FlowNet3D,
    "flow3d-factorised": FactorisedFlowNet3D,
}


def kind_of(network: FlowNetwork) -> str:
    """One of kinds.FLOW_NETWORKS."""
    return next(name for name, kind in NETWORKS.items() if type(network) is kind)


def example_frames(count: int) -> Tensor:
    """Random flow frames (count, 25, 60, 60, 2) int16, the same each time: to compare networks with."""
    generator = torch.Generator().manual_seed(0)
    return torch.randint(-500, 501, (count, WINDOW, SIZE, SIZE, 2), generator=generator).to(torch.int16)
