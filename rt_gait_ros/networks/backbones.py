"""ResNet-18 and DenseNet-121, named layer by layer as torchvision names them.

Checkpoints of trt_pose carry torchvision's parameter names. torchvision itself is no dependency: its wheels must match
the installed torch build to the patch release, which a Jetson's or a CPU-only torch never does.
"""

import torch
from torch import Tensor, nn


class BasicBlock(nn.Module):
    """Two 3x3 convolutions around an identity (He et al., CVPR 2016, figure 5 left)."""

    def __init__(self, inputs: int, outputs: int, stride: int = 1):
        super().__init__()
        self.conv1 = nn.Conv2d(inputs, outputs, 3, stride, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(outputs)
        self.relu = nn.ReLU(inplace=True)
        self.conv2 = nn.Conv2d(outputs, outputs, 3, 1, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(outputs)
        self.downsample: nn.Module | None = None
        if stride != 1 or inputs != outputs:
            self.downsample = nn.Sequential(nn.Conv2d(inputs, outputs, 1, stride, bias=False), nn.BatchNorm2d(outputs))

    def forward(self, x: Tensor) -> Tensor:
        """(N, inputs, H, W) to (N, outputs, H / stride, W / stride)."""
        identity = x if self.downsample is None else self.downsample(x)
        x = self.relu(self.bn1(self.conv1(x)))
        return self.relu(self.bn2(self.conv2(x)) + identity)


class ResNet18(nn.Module):
    """ResNet-18 down to stride 32, with the 1000-class layer that ImageNet checkpoints carry (unused here)."""

    channels = 512

    def __init__(self) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(3, 64, 7, 2, 3, bias=False)
        self.bn1 = nn.BatchNorm2d(64)
        self.relu = nn.ReLU(inplace=True)
        self.maxpool = nn.MaxPool2d(3, 2, 1)
        self.layer1 = nn.Sequential(BasicBlock(64, 64), BasicBlock(64, 64))
        self.layer2 = nn.Sequential(BasicBlock(64, 128, 2), BasicBlock(128, 128))
        self.layer3 = nn.Sequential(BasicBlock(128, 256, 2), BasicBlock(256, 256))
        self.layer4 = nn.Sequential(BasicBlock(256, 512, 2), BasicBlock(512, 512))
        self.fc = nn.Linear(512, 1000)

    def forward(self, x: Tensor) -> Tensor:
        """(N, 3, H, W) to feature maps (N, 512, H / 32, W / 32)."""
        x = self.maxpool(self.relu(self.bn1(self.conv1(x))))
        return self.layer4(self.layer3(self.layer2(self.layer1(x))))


class DenseLayer(nn.Module):
    """Bottleneck layer whose output is concatenated to its input (Huang et al., CVPR 2017)."""

    def __init__(self, inputs: int, growth: int, bottleneck: int = 4):
        super().__init__()
        self.norm1 = nn.BatchNorm2d(inputs)
        self.relu1 = nn.ReLU(inplace=True)
        self.conv1 = nn.Conv2d(inputs, bottleneck * growth, 1, bias=False)
        self.norm2 = nn.BatchNorm2d(bottleneck * growth)
        self.relu2 = nn.ReLU(inplace=True)
        self.conv2 = nn.Conv2d(bottleneck * growth, growth, 3, padding=1, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        """(N, inputs, H, W) to (N, inputs + growth, H, W)."""
        # not in place: x itself is passed on
        new = self.conv1(torch.relu(self.norm1(x)))
        return torch.cat([x, self.conv2(self.relu2(self.norm2(new)))], 1)


class Transition(nn.Sequential):
    """Halves channels and size between two dense blocks."""

    def __init__(self, inputs: int, outputs: int):
        super().__init__()
        self.norm = nn.BatchNorm2d(inputs)
        self.relu = nn.ReLU(inplace=True)
        self.conv = nn.Conv2d(inputs, outputs, 1, bias=False)
        self.pool = nn.AvgPool2d(2, 2)


def _densenet_features(growth: int, blocks: tuple[int, ...], channels: int) -> tuple[nn.Sequential, int]:
    features = nn.Sequential()
    features.add_module("conv0", nn.Conv2d(3, channels, 7, 2, 3, bias=False))
    features.add_module("norm0", nn.BatchNorm2d(channels))
    features.add_module("relu0", nn.ReLU(inplace=True))
    features.add_module("pool0", nn.MaxPool2d(3, 2, 1))
    for number, layers in enumerate(blocks, start=1):
        block = nn.Sequential()
        for layer in range(layers):
            block.add_module(f"denselayer{layer + 1}", DenseLayer(channels + layer * growth, growth))
        features.add_module(f"denseblock{number}", block)
        channels += layers * growth
        if number < len(blocks):
            features.add_module(f"transition{number}", Transition(channels, channels // 2))
            channels //= 2
    features.add_module("norm5", nn.BatchNorm2d(channels))
    return features, channels


class DenseNet121(nn.Module):
    """DenseNet-121 (growth 32, blocks 6, 12, 24, 16) down to stride 32, with its unused ImageNet classifier."""

    channels = 1024

    def __init__(self) -> None:
        super().__init__()
        self.features, channels = _densenet_features(growth=32, blocks=(6, 12, 24, 16), channels=64)
        self.classifier = nn.Linear(channels, 1000)

    def forward(self, x: Tensor) -> Tensor:
        """(N, 3, H, W) to feature maps (N, 1024, H / 32, W / 32)."""
        return self.features(x)
