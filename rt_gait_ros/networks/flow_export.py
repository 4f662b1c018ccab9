"""Checkpoints of the flow networks to Triton model folders."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from tritonclient.grpc.model_config_pb2 import ModelConfig

from rt_gait_ros.networks.export import Agreement, agreement, require, to_onnx
from rt_gait_ros.networks.flow_networks import FlowNetwork, example_frames
from rt_gait_ros.serving.inference import ModelSpec, TensorSpec
from rt_gait_ros.serving.model_folder import write_model
from rt_gait_ros.silhouette.flow import SIZE, WINDOW

MAX_BATCH = 32


@dataclass(frozen=True, slots=True)
class FlowExport:
    """A flow network as a model repository takes it.

    kind: one of kinds.FLOW_NETWORKS. model: the ONNX file. agreement: of that with PyTorch.
    """

    kind: str
    network: FlowNetwork
    model: bytes
    agreement: Agreement


def export_flow_network(kind: str, network: FlowNetwork) -> FlowExport:
    """Export a filled network. Raises ExportError where that fails or computes something else than PyTorch."""
    frames = example_frames(2)
    model = to_onnx(network.eval(), frames, "gait_frames", ["embedding"])
    return FlowExport(kind, network, model, require(agreement(network, model, [frames, frames[:1]])))


def write_flow(
    export: FlowExport, repository: Path, name: str, replace: bool = False, declared: Mapping[str, str] | None = None
) -> Path:
    """Write NAME into a model repository, and return its folder. declared: further parameters. Raises UsageError."""
    spec = ModelSpec(
        name,
        (TensorSpec("gait_frames", "int16", (-1, WINDOW, SIZE, SIZE, 2)),),
        (TensorSpec("embedding", "float32", (-1, 1, export.network.code)),),
        {
            "gait_frame_kind": "flow",
            "distance": "euclidean",
            "min_frames": str(WINDOW),
            "max_frames": str(WINDOW),
            "intra_op_thread_count": "1",
            **(declared or {}),
        },
    )
    return write_model(repository, spec, export.model, MAX_BATCH, replace, more=ModelConfig(dynamic_batching={}))
