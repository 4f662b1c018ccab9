"""What only the in-process client meets: model files it must load by itself."""

from pathlib import Path

import numpy as np
import pytest

from rt_gait_ros.errors import UsageError
from rt_gait_ros.serving.inference import ModelMismatch, ModelUnavailable
from rt_gait_ros.serving.onnx_client import OnnxClient

FRAMES = {"gait_frames": np.ones((1, 3, 64, 64), np.uint8)}


def test_bad_repository_is_refused_at_once(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no model repository"):
        OnnxClient(tmp_path / "nowhere")


def test_damaged_model_file_is_an_unavailable_model(small_repository: Path) -> None:
    (small_repository / "gait_energy_image/1/model.onnx").write_bytes(b"not a network")
    client = OnnxClient(small_repository)
    error = client.submit("gait_energy_image", FRAMES).exception()
    assert isinstance(error, ModelUnavailable)
    assert "cannot be loaded" in str(error)
    client.close()


def test_a_network_that_onnx_runtime_has_no_code_for_is_an_unavailable_model(small_repository: Path) -> None:
    """One of its errors that no other test meets: before, it ended the node that asked."""
    onnx = pytest.importorskip("onnx", reason="the extra [train] is not installed")
    helper, kind = onnx.helper, onnx.TensorProto
    frames = helper.make_tensor_value_info("gait_frames", kind.UINT8, ["n", "s", 64, 64])
    embedding = helper.make_tensor_value_info("embedding", kind.DOUBLE, ["n", "s", 64, 64])
    nodes = [helper.make_node("Cast", ["gait_frames"], ["double"], to=kind.DOUBLE)]
    nodes.append(helper.make_node("Erf", ["double"], ["embedding"]))
    graph = helper.make_graph(nodes, "erf", [frames], [embedding])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8)
    (small_repository / "gait_energy_image/1/model.onnx").write_bytes(model.SerializeToString())
    client = OnnxClient(small_repository)
    error = client.submit("gait_energy_image", FRAMES).exception()
    assert isinstance(error, ModelUnavailable)
    assert "cannot be loaded" in str(error)
    client.close()


def test_model_file_of_another_network_is_a_mismatch(small_repository: Path) -> None:
    config = small_repository / "gait_energy_image/config.pbtxt"
    config.write_text(config.read_text().replace('"embedding"', '"feature"'))
    client = OnnxClient(small_repository)
    error = client.submit("gait_energy_image", FRAMES).exception()
    assert isinstance(error, ModelMismatch)
    assert "'feature'" in str(error)
    assert "'embedding'" in str(error)
    client.close()
