"""trt_pose's pose networks: a backbone, and a head that makes confidence maps and part affinity fields.

Sizes, names and constants are those of the public checkpoints (NVIDIA trt_pose).
"""

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from rt_gait_ros.errors import UsageError
from rt_gait_ros.networks.backbones import DenseNet121, ResNet18

# ImageNet statistics of RGB in 0..1, with which trt_pose normalises its input.
MEAN = (0.485, 0.456, 0.406)
DEVIATION = (0.229, 0.224, 0.225)


@dataclass(frozen=True, slots=True)
class Architecture:
    """A network of trt_pose. size: square input it was trained for, pixels. checkpoint: the file users have."""

    backbone: type[ResNet18] | type[DenseNet121]
    prefix: str
    size: int
    checkpoint: str


ARCHITECTURES = {
    "resnet18_baseline_att": Architecture(ResNet18, "resnet", 224, "resnet18_baseline_att_224x224_A_epoch_249.pth"),
    "densenet121_baseline_att": Architecture(
        DenseNet121, "densenet", 256, "densenet121_baseline_att_256x256_B_epoch_160.pth"
    ),
}


def architecture(name: str) -> Architecture:
    """One of ARCHITECTURES. Raises UsageError for another name."""
    if name not in ARCHITECTURES:
        raise UsageError(f"unknown pose network '{name}': choose one of {', '.join(ARCHITECTURES)}")
    return ARCHITECTURES[name]


class Backbone(nn.Module):
    """A backbone under the name that it has in trt_pose's checkpoints."""

    def __init__(self, prefix: str, network: nn.Module):
        super().__init__()
        self.prefix = prefix
        self.add_module(prefix, network)

    def forward(self, x: Tensor) -> Tensor:
        """Feature maps at stride 32."""
        return self.get_submodule(self.prefix)(x)


def _upsample(inputs: int, channels: int, times: int) -> nn.Sequential:
    layers: list[nn.Module] = []
    for step in range(times):
        layers += [
            nn.ConvTranspose2d(inputs if step == 0 else channels, channels, kernel_size=4, stride=2, padding=1),
            nn.BatchNorm2d(channels),
            nn.ReLU(),
        ]
    return nn.Sequential(*layers)


class AttentionHead(nn.Module):
    """Stride 32 to stride 4 in two branches, each multiplied by an attention map of itself."""

    def __init__(self, inputs: int, parts: int, paf_channels: int, channels: int = 256, upsamplings: int = 3):
        super().__init__()
        self.cmap_up = _upsample(inputs, channels, upsamplings)
        self.paf_up = _upsample(inputs, channels, upsamplings)
        self.cmap_att = nn.Conv2d(channels, channels, 3, padding=1)
        self.paf_att = nn.Conv2d(channels, channels, 3, padding=1)
        self.cmap_conv = nn.Conv2d(channels, parts, 1)
        self.paf_conv = nn.Conv2d(channels, paf_channels, 1)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """(N, inputs, H, W) to cmap (N, parts, 8H, 8W) and paf (N, paf_channels, 8H, 8W)."""
        cmap, paf = self.cmap_up(x), self.paf_up(x)
        cmap = self.cmap_conv(cmap * torch.sigmoid(self.cmap_att(cmap)))
        paf = self.paf_conv(paf * torch.tanh(self.paf_att(paf)))
        return cmap, paf


def trt_pose_network(name: str, parts: int = 18, links: int = 21) -> nn.Sequential:
    """A network of ARCHITECTURES with random weights; its state has the names and shapes of trt_pose's checkpoints.

    It takes (N, 3, size, size) float32, normalised RGB, and gives cmap (N, parts, size / 4, size / 4) and
    paf (N, 2 * links, size / 4, size / 4). Raises UsageError for another name.
    """
    chosen = architecture(name)
    backbone = chosen.backbone()
    head = AttentionHead(backbone.channels, parts, 2 * links)
    return nn.Sequential(Backbone(chosen.prefix, backbone), head)


class FromPixels(nn.Module):
    """A pose network behind its own normalisation: takes the image as the camera gives it."""

    mean: Tensor
    deviation: Tensor

    def __init__(self, network: nn.Module):
        super().__init__()
        self.network = network
        self.register_buffer("mean", torch.tensor(MEAN).view(1, 3, 1, 1))
        self.register_buffer("deviation", torch.tensor(DEVIATION).view(1, 3, 1, 1))

    def forward(self, image: Tensor) -> tuple[Tensor, Tensor]:
        """(N, H, W, 3) uint8 RGB to cmap and paf."""
        # the cast comes first: TensorRT does nothing else with uint8
        x = image.to(self.mean.dtype).permute(0, 3, 1, 2) / 255
        return self.network((x - self.mean) / self.deviation)
