"""Networks behind one interface: a Triton client, an embedded Triton server, ONNX Runtime in process."""

from typing import TYPE_CHECKING

from rt_gait_ros.lazy import exports

if TYPE_CHECKING:
    from rt_gait_ros.serving.backends import open_client as open_client
    from rt_gait_ros.serving.inference import DeadlineExceeded as DeadlineExceeded
    from rt_gait_ros.serving.inference import InferenceClient as InferenceClient
    from rt_gait_ros.serving.inference import InferenceError as InferenceError
    from rt_gait_ros.serving.inference import ModelMismatch as ModelMismatch
    from rt_gait_ros.serving.inference import ModelSpec as ModelSpec
    from rt_gait_ros.serving.inference import ModelUnavailable as ModelUnavailable
    from rt_gait_ros.serving.inference import ServerUnavailable as ServerUnavailable
    from rt_gait_ros.serving.inference import TensorSpec as TensorSpec
    from rt_gait_ros.serving.onnx_client import OnnxClient as OnnxClient
    from rt_gait_ros.serving.server import TritonServer as TritonServer
    from rt_gait_ros.serving.triton_client import TritonClient as TritonClient

__getattr__, __dir__ = exports(
    __name__,
    {
        "DeadlineExceeded": ".inference",
        "InferenceClient": ".inference",
        "InferenceError": ".inference",
        "ModelMismatch": ".inference",
        "ModelSpec": ".inference",
        "ModelUnavailable": ".inference",
        "OnnxClient": ".onnx_client",
        "ServerUnavailable": ".inference",
        "TensorSpec": ".inference",
        "TritonClient": ".triton_client",
        "TritonServer": ".server",
        "open_client": ".backends",
    },
)
