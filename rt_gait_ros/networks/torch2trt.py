"""trt_pose's own way to TensorRT: torch2trt, and the state file that its programs load."""

import importlib
import importlib.util
import io

import torch
from torch import nn

from rt_gait_ros.networks.export import ExportError

# trt_pose's live demo converts with this workspace (bytes).
WORKSPACE = 1 << 25


def require_torch2trt() -> None:
    """Raise ExportError, with what to do, where torch2trt cannot convert."""
    if importlib.util.find_spec("torch2trt") is None:
        raise ExportError(
            "torch2trt is not installed: see https://github.com/NVIDIA-AI-IOT/torch2trt, or use --tensorrt"
        )
    if not torch.cuda.is_available():
        raise ExportError(
            f"torch {torch.__version__} finds no GPU: install the torch that NVIDIA offers for this JetPack"
        )


def torch2trt_state(network: nn.Module, size: int) -> bytes:
    """The state of a TRTModule that computes the network in fp16, as torch.save writes it.

    network: takes (1, 3, size, size) float32, normalised RGB. Batch 1. Raises ExportError where require_torch2trt does.
    """
    require_torch2trt()
    data = torch.zeros((1, 3, size, size)).cuda()
    converter = importlib.import_module("torch2trt").torch2trt
    module = converter(network.cuda().eval(), [data], fp16_mode=True, max_workspace_size=WORKSPACE)
    network.cpu()
    buffer = io.BytesIO()
    torch.save(module.state_dict(), buffer)
    return buffer.getvalue()
