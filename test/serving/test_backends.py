"""The factory of clients, and what it says of this machine."""

from pathlib import Path

import numpy as np
import pytest

from rt_gait_ros.errors import UsageError
from rt_gait_ros.serving import tensorrt_provider
from rt_gait_ros.serving.backends import BACKENDS, available_backends, open_client
from rt_gait_ros.serving.inference import ModelUnavailable, ServerUnavailable
from rt_gait_ros.serving.onnx_client import OnnxClient
from rt_gait_ros.serving.repository import read_model
from rt_gait_ros.serving.tensorrt_provider import tensorrt_providers
from rt_gait_ros.serving.triton_client import TritonClient

NOBODY = "127.0.0.1:1"
FRAMES = {"gait_frames": np.ones((1, 3, 64, 64), np.uint8)}


def without_tensorrt() -> str:
    """Skip where it is installed. Returns what is missing."""
    reason = tensorrt_provider.why_not()
    if reason is None:
        pytest.skip("TensorRT is installed here")
    return reason


@pytest.mark.parametrize(("kind", "client"), [("triton", TritonClient), ("onnxruntime", OnnxClient)])
def test_each_kind_has_its_client(kind: str, client: type, small_repository: Path) -> None:
    opened = open_client(kind, NOBODY, small_repository)
    assert type(opened) is client
    opened.close()


def test_in_process_needs_no_server(small_repository: Path) -> None:
    client = open_client("onnxruntime", NOBODY, small_repository)
    assert client.submit("gait_energy_image", FRAMES).result()["embedding"].shape == (1, 1, 2816)
    client.close()


def test_an_unknown_kind_is_refused_with_the_known_ones(small_repository: Path) -> None:
    with pytest.raises(UsageError, match="choose from triton, onnxruntime, tensorrt"):
        open_client("tflite", NOBODY, small_repository)


def test_missing_tensorrt_is_said_and_not_replaced(small_repository: Path) -> None:
    reason = without_tensorrt()
    with pytest.raises(ServerUnavailable) as caught:
        open_client("tensorrt", NOBODY, small_repository)
    assert str(caught.value) == reason
    assert "install" in reason
    assert "\n" not in reason


def test_every_backend_is_told_of_in_one_line() -> None:
    backends = available_backends()
    assert tuple(backend.name for backend in backends) == BACKENDS
    assert backends[1].available
    assert backends[2].available is (tensorrt_provider.why_not() is None)
    assert all(backend.reason and "\n" not in backend.reason for backend in backends)


@pytest.mark.filterwarnings("ignore:Specified provider")
def test_a_provider_that_does_not_start_is_no_slow_network(small_repository: Path) -> None:
    without_tensorrt()
    providers = (("TensorrtExecutionProvider", {}), ("CPUExecutionProvider", {}))
    client = OnnxClient(small_repository, providers=lambda model: providers)
    error = client.submit("gait_energy_image", FRAMES).exception()
    assert isinstance(error, ModelUnavailable)
    assert "TensorrtExecutionProvider of ONNX Runtime does not start" in str(error)
    client.close()


def test_an_engine_alone_cannot_run_in_process(small_repository: Path) -> None:
    config = small_repository / "gait_energy_image/config.pbtxt"
    text = config.read_text().replace('backend: "onnxruntime"', 'backend: "tensorrt"')
    config.write_text(text.replace("model.onnx", "model.plan"))
    (small_repository / "gait_energy_image/1/model.onnx").rename(
        small_repository / "gait_energy_image/1/model.plan",
    )
    client = open_client("onnxruntime", NOBODY, small_repository)
    error = client.submit("gait_energy_image", FRAMES).exception()
    assert isinstance(error, ModelUnavailable)
    assert "engine alone" in str(error)
    client.close()


@pytest.mark.parametrize(
    ("precision", "fp16", "int8"), [("", False, False), ("fp16", True, False), ("int8", True, True)]
)
def test_the_networks_parameter_says_the_precision(
    small_repository: Path, precision: str, fp16: bool, int8: bool
) -> None:
    config = small_repository / "gait_energy_image/config.pbtxt"
    if precision:
        config.write_text(
            config.read_text() + f'parameters {{ key: "tensorrt_precision" value {{ string_value: "{precision}" }} }}\n'
        )
    (name, options), *_ = tensorrt_providers(read_model(config.parent))
    assert name == "TensorrtExecutionProvider"
    assert (options["trt_fp16_enable"], options["trt_int8_enable"]) == (fp16, int8)


def test_an_engine_of_fixed_sizes_is_built_for_every_batch(model_repository: Path, small_repository: Path) -> None:
    (_, options), *_ = tensorrt_providers(read_model(model_repository / "blazepose_landmark_full"))
    assert options["trt_profile_min_shapes"] == "crops:1x256x256x3"
    assert options["trt_profile_max_shapes"] == "crops:8x256x256x3"
    (_, free), *_ = tensorrt_providers(read_model(small_repository / "gait_energy_image"))
    assert "trt_profile_min_shapes" not in free


def test_another_network_has_another_engine(small_repository: Path) -> None:
    model = read_model(small_repository / "gait_energy_image")
    (_, before), *_ = tensorrt_providers(model)
    model.model_file.write_bytes(model.model_file.read_bytes() + b"\0")
    (_, after), *_ = tensorrt_providers(model)
    assert before["trt_engine_cache_path"] != after["trt_engine_cache_path"]


@pytest.fixture
def with_ranges(small_repository: Path) -> Path:
    """A network in int8 by a calibration cache, for a DLA core."""
    folder = small_repository / "gait_energy_image"
    parameters = {"tensorrt_precision": "int8", "tensorrt_dla_core": "0"}
    lines = (
        f'parameters {{ key: "{key}" value {{ string_value: "{value}" }} }}\n' for key, value in parameters.items()
    )
    config = folder / "config.pbtxt"
    config.write_text(config.read_text() + "".join(lines))
    (folder / "1/calibration.cache").write_text("TRT-8600-EntropyCalibration2\na: 3f800000\n")
    return folder


# https://onnxruntime.ai/docs/execution-providers/TensorRT-ExecutionProvider.html, and the fields of
# OrtTensorRTProviderOptions in onnxruntime_c_api.h: the provider refuses to be made with any other.
DOCUMENTED = {
    "trt_dla_core",
    "trt_dla_enable",
    "trt_engine_cache_enable",
    "trt_engine_cache_path",
    "trt_fp16_enable",
    "trt_int8_calibration_table_name",
    "trt_int8_enable",
    "trt_int8_use_native_calibration_table",
    "trt_profile_max_shapes",
    "trt_profile_min_shapes",
    "trt_profile_opt_shapes",
}


def test_a_calibration_cache_and_a_dla_core_are_asked_for_by_documented_names(
    with_ranges: Path, model_repository: Path
) -> None:
    (_, options), *_ = tensorrt_providers(read_model(with_ranges))
    assert (options["trt_dla_enable"], options["trt_dla_core"], options["trt_int8_enable"]) == (True, 0, True)
    assert options["trt_int8_use_native_calibration_table"] is True
    table = options["trt_int8_calibration_table_name"]
    assert Path(options["trt_engine_cache_path"], table) == with_ranges / "1/calibration.cache"
    (_, fixed), *_ = tensorrt_providers(read_model(model_repository / "blazepose_landmark_full"))
    assert not any("dla" in name or "calibration" in name for name in fixed)
    assert options.keys() | fixed.keys() <= DOCUMENTED


def test_other_ranges_make_another_engine(with_ranges: Path) -> None:
    (_, before), *_ = tensorrt_providers(read_model(with_ranges))
    (with_ranges / "1/calibration.cache").write_text("TRT-8600-EntropyCalibration2\na: 40000000\n")
    (_, after), *_ = tensorrt_providers(read_model(with_ranges))
    assert before["trt_engine_cache_path"] != after["trt_engine_cache_path"]


def changed(folder: Path, key: str, before: str, after: str) -> None:
    """A parameter of a network has another value."""
    config = folder / "config.pbtxt"
    head, key, rest = config.read_text().partition(key)
    config.write_text(head + key + rest.replace(f'"{before}"', f'"{after}"', 1))


def test_a_calibration_cache_is_for_int8_alone_and_each_precision_has_engines_of_its_own(with_ranges: Path) -> None:
    (_, before), *_ = tensorrt_providers(read_model(with_ranges))
    changed(with_ranges, "tensorrt_precision", "int8", "fp16")
    (_, after), *_ = tensorrt_providers(read_model(with_ranges))
    assert not any("calibration" in name for name in after)
    changed(with_ranges, "tensorrt_precision", "fp16", "fp32")
    (_, last), *_ = tensorrt_providers(read_model(with_ranges))
    assert len({each["trt_engine_cache_path"] for each in (before, after, last)}) == 3


@pytest.mark.parametrize("core", ["1", "first"])
def test_a_dla_core_that_the_provider_would_not_run_on_is_refused(with_ranges: Path, core: str) -> None:
    changed(with_ranges, "tensorrt_dla_core", "0", core)
    with pytest.raises(UsageError, match=f"tensorrt_dla_core '{core}', and ONNX Runtime runs engines on DLA core 0"):
        tensorrt_providers(read_model(with_ranges))
