"""TensorRT in process, through ONNX Runtime: it builds each network's engine on the machine itself and keeps it.

ONNX Runtime's TensorRT provider is the whole client: an engine file made elsewhere runs on one TensorRT release and one
GPU alone, and a network that TensorRT knows only in part still runs, its rest on CUDA.
"""

import ctypes.util
import hashlib

import onnxruntime

from rt_gait_ros.errors import UsageError
from rt_gait_ros.serving.cache import cache_folder
from rt_gait_ros.serving.calibration_cache import CACHE_FILE
from rt_gait_ros.serving.repository import RepositoryModel
from rt_gait_ros.serving.session import Providers

PROVIDER = "TensorrtExecutionProvider"
# A network's parameter that says in what TensorRT computes it: fp32 (without it), fp16, or int8 for a quantised one.
PRECISION_PARAMETER = "tensorrt_precision"
# And the DLA core that computes it, the rest on the GPU: its number; the GPU alone without it.
DLA_PARAMETER = "tensorrt_dla_core"


def tensorrt_providers(model: RepositoryModel) -> Providers:
    """TensorRT for a network, as its parameters say, with its engine kept in the cache folder.

    A calibration cache beside model.onnx has the ranges of an int8 network without Q/DQ nodes. Raises UsageError for
    any other DLA core than 0: the provider tells its runtime no core, so that engines run on core 0 whatever they were
    built for (microsoft/onnxruntime 26680, 28364; ONNX Runtime 1.24.2).
    """
    parameters = model.spec.parameters
    precision, core = parameters.get(PRECISION_PARAMETER, "fp32"), parameters.get(DLA_PARAMETER)
    if core not in (None, "0"):
        raise UsageError(
            f"{model.folder} says {DLA_PARAMETER} {core!r}, and ONNX Runtime runs engines on DLA core 0 alone: export "
            "it with --dla 0, or serve its model.plan by NVIDIA's Triton"
        )
    assert model.onnx_file is not None
    calibration = model.onnx_file.with_name(CACHE_FILE)
    # the provider's own file names do not tell apart what differs in weights, ranges, or options alone
    content = model.onnx_file.read_bytes() + f"{precision} {core}".encode()
    options: dict[str, object] = {}
    if precision == "int8" and calibration.is_file():
        content += calibration.read_bytes()
        # a whole path takes the place of the folder of engines, in which the provider looks for it
        options["trt_int8_calibration_table_name"] = str(calibration.absolute())
        options["trt_int8_use_native_calibration_table"] = True
    if core is not None:  # the provider lets the GPU do what the core cannot
        options |= {"trt_dla_enable": True, "trt_dla_core": 0}
    folder = cache_folder() / "tensorrt" / hashlib.sha256(content).hexdigest()[:16]
    options |= {
        "trt_engine_cache_enable": True,
        "trt_engine_cache_path": str(folder),
        "trt_fp16_enable": precision != "fp32",
        "trt_int8_enable": precision == "int8",
        **_profile(model),
    }
    return ((PROVIDER, options), ("CUDAExecutionProvider", {}), ("CPUExecutionProvider", {}))


def why_not() -> str | None:
    """Why TensorRT cannot run in process here, and what to do; None when nothing stands against it."""
    if PROVIDER not in onnxruntime.get_available_providers():
        return (
            f"onnxruntime {onnxruntime.__version__} is built without TensorRT: install onnxruntime-gpu (on a Jetson "
            "the wheel that NVIDIA offers for its JetPack)"
        )
    if ctypes.util.find_library("nvinfer") is None:
        return "TensorRT's library libnvinfer is not installed: install TensorRT (on a Jetson it comes with JetPack)"
    return None


def _profile(model: RepositoryModel) -> dict[str, str]:
    """Sizes to build the engine for at once: where the batch alone is free. Others are built for at the first run."""
    tensors, most = model.spec.inputs, model.config.max_batch_size
    if most < 1 or any(-1 in tensor.shape[1:] for tensor in tensors):
        return {}
    return {
        f"trt_profile_{name}_shapes": ",".join(
            f"{tensor.name}:{'x'.join(map(str, (batch, *tensor.shape[1:])))}" for tensor in tensors
        )
        for name, batch in (("min", 1), ("opt", most), ("max", most))
    }
