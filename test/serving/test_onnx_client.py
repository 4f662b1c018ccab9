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


def test_model_file_of_another_network_is_a_mismatch(small_repository: Path) -> None:
    config = small_repository / "gait_energy_image/config.pbtxt"
    config.write_text(config.read_text().replace('"embedding"', '"feature"'))
    client = OnnxClient(small_repository)
    error = client.submit("gait_energy_image", FRAMES).exception()
    assert isinstance(error, ModelMismatch)
    assert "'feature'" in str(error)
    assert "'embedding'" in str(error)
    client.close()
