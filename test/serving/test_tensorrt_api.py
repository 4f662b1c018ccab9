"""Building engines by NVIDIA's own Python API: networks that we export, its parser, profiles, flags, an engine.

TensorRT's wheels bring no libraries. Those of TensorRT-RTX, of the same API, do, and build for a GPU that is not there:
`pip install tensorrt-rtx-cu12`. What RTX has no longer is stood in for: the flag of explicit batches, and the precision
flags, so that fp32 alone is asked for; its parser takes no uint8 either, so that networks are given float images.
"""

from enum import Enum
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from rt_gait_ros.serving import tensorrt_build
from rt_gait_ros.serving.inference import TensorSpec
from rt_gait_ros.serving.tensorrt_build import EngineOptions, TensorRTError, build_engine

rtx = pytest.importorskip(
    "tensorrt_rtx", reason="pip install tensorrt-rtx-cu12: TensorRT's API on a machine without GPU"
)
torch = pytest.importorskip("torch", reason="needs the extra [train]")

SIZE = 32
IMAGE = (TensorSpec("image", "float32", (-1, SIZE, SIZE, 3)),)


class Builder:
    """RTX's, for a GPU of that kind, since there is none."""

    configs: list[Any] = []  # noqa: RUF012 - a test looks at what it was asked

    def __init__(self, logger: Any) -> None:
        self._builder = rtx.Builder(logger)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._builder, name)

    def create_builder_config(self) -> Any:
        config = self._builder.create_builder_config()
        config.num_compute_capabilities = 1
        config.set_compute_capability(rtx.ComputeCapability.SM86, 0)
        self.configs.append(config)
        return config


@pytest.fixture
def api(monkeypatch: pytest.MonkeyPatch) -> type[Builder]:
    """RTX as the module tensorrt."""
    flags = Enum("NetworkDefinitionCreationFlag", {"EXPLICIT_BATCH": "0"}, type=str)
    kept = {name: getattr(rtx, name) for name in ("Logger", "OnnxParser", "BuilderFlag", "DeviceType")}
    module = SimpleNamespace(__version__="10.0", Builder=Builder, NetworkDefinitionCreationFlag=flags, **kept)
    monkeypatch.setattr(Builder, "configs", [])
    monkeypatch.setattr(tensorrt_build.importlib.util, "find_spec", lambda name: name)
    monkeypatch.setattr(tensorrt_build.importlib, "import_module", lambda name: module)
    return Builder


@pytest.fixture(scope="module")
def network() -> bytes:
    """The layers of trt_pose's networks behind our normalisation, few of each."""
    from rt_gait_ros.networks.export import to_onnx
    from rt_gait_ros.networks.trt_pose import AttentionHead, FromPixels

    torch.manual_seed(0)
    body = torch.nn.Sequential(torch.nn.Conv2d(3, 4, 3, 8, 1), AttentionHead(4, 3, 4, channels=4, upsamplings=1))
    return to_onnx(FromPixels(body).eval(), torch.rand(2, SIZE, SIZE, 3), "image", ["cmap", "paf"])


@pytest.fixture(scope="module", params=["gaitset", "flow2d", "flow3d"])
def gait_network(request: pytest.FixtureRequest, small_gaitset: Any) -> Any:
    """Small ones, as they are exported for engines."""
    from rt_gait_ros.networks.flow_networks import FlowNet2D, FlowNet3D
    from rt_gait_ros.networks.gait_engine import engine_network

    torch.manual_seed(0)
    networks = {
        "flow2d": FlowNet2D((4, 5, 6, 7), 9, 8, 10, 5),
        "flow3d": FlowNet3D((3, 4, 5, 6, 7, 8), 9, 10, 5),
        "gaitset": small_gaitset,
    }
    return engine_network(networks[request.param].eval(), request.param)


@pytest.mark.parametrize("in_integers", [False, True])
def test_an_engine_is_built(api: type[Builder], network: bytes, in_integers: bool) -> None:
    from rt_gait_ros.networks.quantisation import quantised

    if in_integers:
        random = np.random.default_rng(0)
        network = quantised(network, [random.random((1, SIZE, SIZE, 3), np.float32) for _ in range(4)])
        assert b"QuantizeLinear" in network
    assert len(build_engine(network, IMAGE, EngineOptions("fp32", max_batch=4))) > 1000
    (config,) = api.configs
    assert config.num_optimization_profiles == 1


def test_an_engine_is_tuned_to_several_batches(api: type[Builder], network: bytes) -> None:
    assert len(build_engine(network, IMAGE, EngineOptions("fp32", max_batch=4, batches=(1, 2, 4)))) > 1000
    (config,) = api.configs
    assert config.num_optimization_profiles == 3


@pytest.mark.parametrize("in_integers", [False, True])
@pytest.mark.usefixtures("api")
def test_an_engine_is_built_of_gait_networks(gait_network: Any, in_integers: bool) -> None:
    from rt_gait_ros.networks.quantisation import quantised

    inputs, model = gait_network.spec.inputs, gait_network.model
    if in_integers:
        model = quantised(model, [np.random.default_rng(0).random((1, *inputs[0].shape[1:]), np.float32)])
    assert len(build_engine(model, inputs, EngineOptions("fp32", max_batch=4, batches=(1, 4)))) > 1000


@pytest.mark.parametrize("name", ["blazepose_landmark_full", "blazepose_landmark_lite"])
def test_the_parser_leaves_the_bytes_of_a_mask_to_onnx_runtime(name: str, model_repository: Path) -> None:
    """It took them for signed ones while their zero point was 0: 128 where nobody is."""
    logger = rtx.Logger(rtx.Logger.INTERNAL_ERROR)
    definition = rtx.Builder(logger).create_network(0)
    parser = rtx.OnnxParser(definition, logger)
    assert not parser.supports_model_v2((model_repository / name / "1" / "model.onnx").read_bytes())
    assert [parser.get_error(number).node_operator() for number in range(parser.num_errors)] == ["QuantizeLinear"]


@pytest.mark.usefixtures("api")
def test_what_the_parser_says_is_passed_on() -> None:
    with pytest.raises(TensorRTError, match=r"TensorRT 10\.0 cannot read the network: .*Failed to parse") as caught:
        build_engine(b"no network", IMAGE, EngineOptions("fp32"))
    assert "\n" not in str(caught.value)


@pytest.mark.usefixtures("api")
def test_an_input_that_the_network_does_not_have_is_an_error(network: bytes) -> None:
    with pytest.raises(TensorRTError, match="cannot build the engine"):
        build_engine(network, (TensorSpec("picture", "float32", (-1, SIZE, SIZE, 3)),), EngineOptions("fp32"))


def test_a_dla_core_with_the_gpu_for_the_rest_is_asked_for_by_names_that_there_are() -> None:
    config = rtx.Builder(rtx.Logger()).create_builder_config()
    config.default_device_type = rtx.DeviceType.DLA
    config.DLA_core = 0
    config.set_flag(rtx.BuilderFlag.GPU_FALLBACK)
    assert (config.default_device_type, config.get_flag(rtx.BuilderFlag.GPU_FALLBACK)) == (rtx.DeviceType.DLA, True)
