"""Users' trt_pose checkpoints, made ready to serve."""

from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor, nn

from rt_gait_ros.errors import UsageError
from rt_gait_ros.networks.checkpoint import CheckpointError, load_strictly, read_state
from rt_gait_ros.networks.export import Agreement, agreement, to_onnx
from rt_gait_ros.networks.trt_pose import ARCHITECTURES, FromPixels, trt_pose_network
from rt_gait_ros.serving.inference import ModelSpec, TensorSpec

# The networks answer at a quarter of their input's size.
STRIDE = 4


@dataclass(frozen=True, slots=True)
class PoseExport:
    """A pose network as a model repository takes it, and the PyTorch network it was made from."""

    network: nn.Module
    spec: ModelSpec
    model: bytes
    agreement: Agreement


def architecture_of(state: dict[str, Tensor], source: str) -> str:
    """Which of ARCHITECTURES a checkpoint belongs to, by the names in it. Raises CheckpointError for none."""
    for name, architecture in ARCHITECTURES.items():
        if any(parameter.startswith(f"0.{architecture.prefix}.") for parameter in state):
            return name
    first = next(iter(state), "nothing")
    raise CheckpointError(f"{source} is no checkpoint of {' or '.join(ARCHITECTURES)}: it begins with '{first}'")


def load_pose_network(checkpoint: Path) -> tuple[str, nn.Module]:
    """Name of the architecture and the filled network of a trt_pose checkpoint; parts and links as the file has them.

    Raises CheckpointError naming the first layer that differs.
    """
    state = read_state(checkpoint)
    name = architecture_of(state, str(checkpoint))
    counts = [len(state[key]) if key in state else 0 for key in ("1.cmap_conv.bias", "1.paf_conv.bias")]
    network = trt_pose_network(name, counts[0] or 18, counts[1] // 2 or 21)
    load_strictly(network, state, str(checkpoint))
    return name, network.eval()


def export_pose(checkpoint: Path, name: str, size: int | None = None) -> PoseExport:
    """Read a checkpoint and export it with uint8 RGB in, cmap and paf out, any batch.

    size: pixels of the square input, a multiple of 32; the architecture's own when None.
    """
    architecture, network = load_pose_network(checkpoint)
    size = size or ARCHITECTURES[architecture].size
    if size % 32 or size <= 0:
        raise UsageError(f"size {size} does not fit the network: give a multiple of 32")
    model = FromPixels(network).eval()
    generator = torch.Generator().manual_seed(0)
    images = torch.randint(0, 256, (2, size, size, 3), dtype=torch.uint8, generator=generator)
    exported = to_onnx(model, images, "image", ["cmap", "paf"])
    cells = size // STRIDE
    parts, fields = (network.get_parameter(f"1.{key}_conv.bias").shape[0] for key in ("cmap", "paf"))
    spec = ModelSpec(
        name=name,
        inputs=(TensorSpec("image", "uint8", (-1, size, size, 3)),),
        outputs=(
            TensorSpec("cmap", "float32", (-1, parts, cells, cells)),
            TensorSpec("paf", "float32", (-1, fields, cells, cells)),
        ),
        parameters={"colour_order": "RGB", "architecture": architecture},
    )
    return PoseExport(model, spec, exported, agreement(model, exported, [images, images[:1]]))
