"""Reading a model repository, and turning it into one for the Python backend."""

import shutil
from pathlib import Path

import pytest
from google.protobuf import text_format
from tritonclient.grpc.model_config_pb2 import ModelConfig, ModelInstanceGroup

from rt_gait_ros.errors import UsageError
from rt_gait_ros.networks.derive import RECIPES
from rt_gait_ros.serving.inference import TensorSpec
from rt_gait_ros.serving.repository import read_model, read_repository, write_python_repository


def test_shipped_repository_is_good(model_repository: Path) -> None:
    trained = {"gaitset", "gaitset_stream", "gaitset_small_v5", "gaitset_small_v5_stream"}
    assert set(read_repository(model_repository)) == set(RECIPES) | trained


def test_description_has_the_batch_axis_and_the_parameters(model_repository: Path) -> None:
    spec = read_model(model_repository / "gait_energy_image").spec
    assert spec.inputs == (TensorSpec("gait_frames", "uint8", (-1, -1, 64, 64)),)
    assert spec.outputs == (TensorSpec("embedding", "float32", (-1, 1, 2816)),)
    assert spec.parameters["gait_frame_kind"] == "silhouette"


def test_network_without_batching_has_only_its_own_axes(model_repository: Path) -> None:
    assert read_model(model_repository / "movenet_multipose").spec.inputs[0].shape == (1, -1, -1, 3)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ('name: "gait_energy_image"', 'name: "other"', 'says name: "other", but its folder is "gait_energy_image"'),
        ("max_batch_size: 32", "max_batch_size: many", "cannot be read: .*many"),
        ('backend: "onnxruntime"', 'backend: "pytorch"', 'says backend: "pytorch": only'),
        ("TYPE_FP32 dims: [ 1, 2816 ]", "TYPE_FP32", 'tensor "embedding" needs'),
        ("TYPE_UINT8", "TYPE_STRING", 'tensor "gait_frames" needs'),
        ('{ string_value: "1" }', '{ string_value: "one" }', 'intra_op_thread_count is "one"'),
    ],
)
def test_wrong_config_is_one_clear_line(small_repository: Path, old: str, new: str, message: str) -> None:
    config = small_repository / "gait_energy_image/config.pbtxt"
    text = config.read_text()
    assert old in text
    config.write_text(text.replace(old, new))
    with pytest.raises(UsageError, match=message) as caught:
        read_repository(small_repository)
    assert "\n" not in str(caught.value)
    assert str(config) in str(caught.value)


def test_config_without_tensors_is_refused(small_repository: Path) -> None:
    config = small_repository / "gait_energy_image/config.pbtxt"
    config.write_text('name: "gait_energy_image" backend: "onnxruntime"')
    with pytest.raises(UsageError, match="names no input"):
        read_repository(small_repository)


@pytest.mark.parametrize("file", ["config.pbtxt", "1/model.onnx"])
def test_missing_file_is_named(small_repository: Path, file: str) -> None:
    (small_repository / "gait_energy_image" / file).unlink()
    with pytest.raises(UsageError, match=f"{file} is not there"):
        read_repository(small_repository)


def test_empty_model_file_is_refused(small_repository: Path) -> None:
    (small_repository / "gait_energy_image/1/model.onnx").write_bytes(b"")
    with pytest.raises(UsageError, match=r"model\.onnx is empty"):
        read_repository(small_repository)


def test_missing_and_empty_repositories_are_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no model repository"):
        read_repository(tmp_path / "nowhere")
    with pytest.raises(UsageError, match="is empty"):
        read_repository(tmp_path)


def test_newest_version_is_served(small_repository: Path) -> None:
    folder = small_repository / "gait_energy_image"
    (folder / "10").mkdir()
    (folder / "10/model.onnx").write_bytes((folder / "1/model.onnx").read_bytes())
    assert read_model(folder).model_file == folder / "10/model.onnx"


def test_python_repository_describes_the_same_networks(model_repository: Path, tmp_path: Path) -> None:
    write_python_repository(model_repository, tmp_path)
    for name, model in read_repository(model_repository).items():
        variant = text_format.Parse((tmp_path / name / "config.pbtxt").read_text(), ModelConfig())
        assert variant.backend == "python"
        assert variant.instance_group[0].kind == ModelInstanceGroup.KIND_CPU
        for tensor in variant.input:
            tensor.ClearField("allow_ragged_batch")  # a streaming network's Python variant takes runs of any lengths
        assert (list(variant.input), list(variant.output)) == (list(model.config.input), list(model.config.output))
        assert variant.max_batch_size == model.config.max_batch_size
        assert (tmp_path / name / "1/model.onnx").samefile(model.model_file)
        compile((tmp_path / name / "1/model.py").read_text(), "model.py", "exec")


def test_python_repository_replaces_an_older_one(small_repository: Path, tmp_path: Path) -> None:
    target = tmp_path / "run"
    (target / "gone/1").mkdir(parents=True)
    write_python_repository(small_repository, target)
    assert [path.name for path in target.iterdir()] == ["gait_energy_image"]


@pytest.mark.parametrize(
    ("group", "count", "line"),
    [
        ("", 1, None),
        ("instance_group { kind: KIND_CPU count: 3 }", 3, None),
        ("instance_group [ { count: 2 }, { kind: KIND_CPU } ]", 3, None),
        ("instance_group { kind: KIND_GPU count: 2 gpus: 0 }", 2, "gpus: 0"),
        ("instance_group { kind: KIND_CPU rate_limiter { priority: 2 } }", 1, "rate_limiter"),
    ],
)
def test_instance_groups_are_followed_or_said(
    small_repository: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture, group: str, count: int, line: str | None
) -> None:
    with (small_repository / "gait_energy_image/config.pbtxt").open("a") as config:
        config.write(f"\n{group}\n")
    write_python_repository(small_repository, tmp_path / "run")
    variant = text_format.Parse((tmp_path / "run/gait_energy_image/config.pbtxt").read_text(), ModelConfig())
    (served,) = variant.instance_group
    assert (served.kind, served.count) == (ModelInstanceGroup.KIND_CPU, count)
    assert [line in said for said in caplog.messages] == ([True] if line else [])


@pytest.fixture
def with_engine(small_repository: Path) -> Path:
    """A repository in which `engine` is a TensorRT engine with its ONNX file beside it."""
    shutil.copytree(small_repository / "gait_energy_image", small_repository / "engine")
    config = small_repository / "engine/config.pbtxt"
    text = config.read_text().replace('name: "gait_energy_image"', 'name: "engine"')
    config.write_text(text.replace('backend: "onnxruntime"', 'backend: "tensorrt"').replace("model.onnx", "model.plan"))
    (small_repository / "engine/1/model.plan").write_bytes(b"engine")
    return small_repository


def test_an_engine_is_served_by_the_onnx_file_beside_it(with_engine: Path, tmp_path: Path) -> None:
    model = read_repository(with_engine)["engine"]
    assert model.model_file == with_engine / "engine/1/model.plan"
    assert model.onnx_file == with_engine / "engine/1/model.onnx"
    write_python_repository(with_engine, tmp_path / "run")
    assert (tmp_path / "run/engine/1/model.onnx").samefile(model.onnx_file)
    variant = text_format.Parse((tmp_path / "run/engine/config.pbtxt").read_text(), ModelConfig())
    assert variant.backend == "python"


def test_an_engine_alone_is_left_out_with_one_line(
    with_engine: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (with_engine / "engine/1/model.onnx").unlink()
    write_python_repository(with_engine, tmp_path / "run")
    assert [path.name for path in (tmp_path / "run").iterdir()] == ["gait_energy_image"]
    (line,) = caplog.messages
    assert "model 'engine' is a TensorRT engine alone" in line
    shutil.rmtree(with_engine / "gait_energy_image")
    with pytest.raises(UsageError, match="holds TensorRT engines alone"):
        write_python_repository(with_engine, tmp_path / "run")


def test_an_engine_that_is_not_there_is_named(with_engine: Path) -> None:
    (with_engine / "engine/1/model.plan").unlink()
    with pytest.raises(UsageError, match=r"model\.plan is not there"):
        read_repository(with_engine)
