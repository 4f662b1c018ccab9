"""Users' trt_pose checkpoints, made ready to serve."""

import json
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor, nn

from rt_gait_ros.errors import UsageError
from rt_gait_ros.networks.checkpoint import CheckpointError, load_strictly, read_state
from rt_gait_ros.networks.export import Agreement, agreement, to_onnx
from rt_gait_ros.networks.narrowed import is_pruned, narrow
from rt_gait_ros.networks.trt_pose import ARCHITECTURES, FromPixels, trt_pose_network
from rt_gait_ros.pose.topology import Topology
from rt_gait_ros.serving.inference import ModelSpec, TensorSpec

# The networks answer at a quarter of their input's size.
STRIDE = 4


# The parameter that tells the pose node what the channels are: a COCO category as JSON. Without it they are trt_pose's.
TOPOLOGY_PARAMETER = "topology"
# trt_pose's human pose: parts and links.
HUMAN = (18, 21)


@dataclass(frozen=True, slots=True)
class PoseExport:
    """A pose network as a model repository takes it. network: what was exported, from uint8 pixels to maps; its
    `network` is trt_pose's own. size: pixels of its square input."""

    network: FromPixels
    size: int
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
    if is_pruned(state):
        state = narrow(network, state)
    load_strictly(network, state, str(checkpoint))
    return name, network.eval()


def export_pose(checkpoint: Path, name: str, size: int | None = None, topology: Topology | None = None) -> PoseExport:
    """Read a checkpoint and export it with uint8 RGB in, cmap and paf out, any batch.

    size: pixels of the square input, a multiple of 32; the architecture's own when None. topology: what the channels
    are; None for trt_pose's human pose. Raises UsageError for a size or a topology that does not fit.
    """
    return export_pose_network(*load_pose_network(checkpoint), name, size, topology, str(checkpoint))


def export_pose_network(
    architecture: str,
    network: nn.Module,
    name: str,
    size: int | None = None,
    topology: Topology | None = None,
    source: str = "the network",
) -> PoseExport:
    """As export_pose, from a filled network of one of ARCHITECTURES. source: what it was read from, for messages."""
    size = size or ARCHITECTURES[architecture].size
    if size % 32 or size <= 0:
        raise UsageError(f"size {size} does not fit the network: give a multiple of 32")
    check_topology(topology, network, source)
    parts, fields = _channels(network)
    model = FromPixels(network).eval()
    generator = torch.Generator().manual_seed(0)
    images = torch.randint(0, 256, (2, size, size, 3), dtype=torch.uint8, generator=generator)
    exported = to_onnx(model, images, "image", ["cmap", "paf"])
    cells = size // STRIDE
    spec = ModelSpec(
        name=name,
        inputs=(TensorSpec("image", "uint8", (-1, size, size, 3)),),
        outputs=(
            TensorSpec("cmap", "float32", (-1, parts, cells, cells)),
            TensorSpec("paf", "float32", (-1, fields, cells, cells)),
        ),
        parameters={"colour_order": "RGB", "architecture": architecture, **_described(topology)},
    )
    return PoseExport(model, size, spec, exported, agreement(model, exported, [images, images[:1]]))


def _channels(network: nn.Module) -> tuple[int, int]:
    """Of the confidence maps and of the part affinity fields, two for each link."""
    parts, fields = (network.get_parameter(f"1.{key}_conv.bias").shape[0] for key in ("cmap", "paf"))
    return parts, fields


def check_topology(topology: Topology | None, network: nn.Module, source: str) -> None:
    """Refuse a topology that a network was not made for. topology: None for trt_pose's human pose. source: where the
    network is from, for messages. Raises UsageError."""
    parts, fields = _channels(network)
    has = parts, fields // 2
    if topology is None and has != HUMAN:
        raise UsageError(f"{source} knows {has[0]} parts and {has[1]} links: say with --topology which they are")
    if topology is not None and (given := (len(topology.parts), len(topology.links))) != has:
        raise UsageError(
            f"the topology '{topology.name}' has {given[0]} parts and {given[1]} links, {source} has {has[0]} and "
            f"{has[1]}: give the one that it was trained with"
        )


def _described(topology: Topology | None) -> dict[str, str]:
    if topology is None:
        return {}
    skeleton = [[int(first) + 1, int(second) + 1] for _, _, first, second in topology.links]
    category = {"name": topology.name, "keypoints": list(topology.parts), "skeleton": skeleton}
    return {TOPOLOGY_PARAMETER: json.dumps(category)}
