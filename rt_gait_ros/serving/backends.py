"""The three ways in which networks run, behind one interface: a Triton server, ONNX Runtime or TensorRT in process."""

from pathlib import Path
from typing import NamedTuple

import onnxruntime

from rt_gait_ros.errors import GaitError, UsageError
from rt_gait_ros.serving import tensorrt_provider
from rt_gait_ros.serving.inference import InferenceClient, ServerUnavailable
from rt_gait_ros.serving.installation import find_installation
from rt_gait_ros.serving.onnx_client import OnnxClient
from rt_gait_ros.serving.triton_client import TritonClient

BACKENDS = ("triton", "onnxruntime", "tensorrt")


class Backend(NamedTuple):
    """A way to run networks. reason: what is there, or why it is not available and what to do, one line."""

    name: str
    available: bool
    reason: str


def open_client(
    kind: str, url: str, repository: Path, *, timeout: float = 2.0, shared_memory: bool = False
) -> InferenceClient:
    """A client of one of BACKENDS.

    url: "host:port" of Triton's gRPC service, for triton. repository: model repository, for the other two. timeout:
    seconds, for calls without a deadline of their own. shared_memory: as TritonClient has it, for triton. Raises
    UsageError for another kind or a bad repository, and ServerUnavailable where TensorRT cannot run.
    """
    if kind == "triton":
        return TritonClient(url, timeout=timeout, shared_memory=shared_memory)
    if kind == "onnxruntime":
        return OnnxClient(repository, timeout=timeout)
    if kind == "tensorrt":
        if reason := tensorrt_provider.why_not():
            raise ServerUnavailable(reason)
        return OnnxClient(repository, timeout=timeout, providers=tensorrt_provider.tensorrt_providers)
    raise UsageError(f"networks cannot run on '{kind}': choose from {', '.join(BACKENDS)}")


def available_backends() -> list[Backend]:
    """Which of BACKENDS this machine has, and why it has not the others."""
    missing = tensorrt_provider.why_not()
    return [
        _triton(),
        Backend("onnxruntime", True, f"onnxruntime {onnxruntime.__version__}"),
        Backend("tensorrt", missing is None, missing or f"onnxruntime {onnxruntime.__version__} with TensorRT"),
    ]


def _triton() -> Backend:
    try:
        installation = find_installation()
    except GaitError as error:
        return Backend("triton", False, str(error))
    return Backend("triton", True, f"{installation.binary} ({installation.origin})")
