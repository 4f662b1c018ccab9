"""The shipped networks are what the recipes make, and compute what the published ones compute."""

import hashlib
from pathlib import Path

import cv2
import numpy as np
import onnx
import onnxruntime
import pytest

from rt_gait_ros.errors import UsageError
from rt_gait_ros.networks.derive import RECIPES, build_gait_energy_image, derive, fingerprint, sha256
from rt_gait_ros.synthesis.render import Renderer
from rt_gait_ros.synthesis.scenes import crowd
from rt_gait_ros.synthesis.sight import sight
from rt_gait_ros.synthesis.truth import truths


def run(path: Path, **inputs: np.ndarray) -> list[np.ndarray]:
    return onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"]).run(None, inputs)


def shipped(repository: Path, name: str) -> Path:
    return repository / name / "1" / "model.onnx"


@pytest.mark.parametrize("name", RECIPES)
def test_shipped_network_is_the_one_of_the_recipe(name: str, shared: Path, model_repository: Path) -> None:
    source = RECIPES[name].source
    if source is not None and not (shared / "models" / source).is_file():
        pytest.skip(f"no {source}: it is converted as docs/models.md says")
    content = derive(name, shared / "models")
    assert hashlib.sha256(content).hexdigest() == RECIPES[name].sha256
    assert content == shipped(model_repository, name).read_bytes()


@pytest.mark.parametrize("name", RECIPES)
def test_shipped_network_has_the_written_hash(name: str, model_repository: Path) -> None:
    assert sha256(shipped(model_repository, name)) == RECIPES[name].sha256
    assert RECIPES[name].sha256 in (model_repository.parent / "docs/models.md").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("name", "ours", "theirs", "dtype", "scale", "size"),
    [
        ("openpose_mobilenet_thin", "image", "image:0", np.float32, 1, (1, 64, 96, 3)),
        ("movenet_multipose", "image", "input:0", np.int32, 1, (1, 64, 96, 3)),
        ("blazepose_landmark_full", "crops", "input_1", np.float32, 255, (1, 256, 256, 3)),
    ],
)
def test_shipped_network_agrees_with_the_published_one(
    name: str,
    ours: str,
    theirs: str,
    dtype: type,
    scale: int,
    size: tuple[int, ...],
    shared: Path,
    model_repository: Path,
) -> None:
    pixels = np.random.default_rng(1).integers(0, 256, size).astype(np.uint8)
    published = run(shared / "models" / f"{name}.onnx", **{theirs: (pixels / scale).astype(dtype)})
    for output in run(shipped(model_repository, name), **{ours: pixels}):
        reference = next(other for other in published if other.size == output.size)
        if output.dtype == np.uint8:  # the mask: where the published logit is above 0
            np.testing.assert_array_equal(output.ravel(), np.where(reference.ravel() > 0, 255, 0))
            continue
        np.testing.assert_allclose(output.ravel(), reference.ravel(), rtol=1e-3, atol=1e-3 * np.abs(reference).max())


@pytest.mark.parametrize("name", ["blazepose_landmark_full", "blazepose_landmark_lite"])
def test_blazepose_answers_each_crop_of_a_batch_as_if_alone(name: str, model_repository: Path) -> None:
    crops = np.random.default_rng(2).integers(0, 256, (2, 256, 256, 3)).astype(np.uint8)
    path = shipped(model_repository, name)
    together = run(path, crops=crops)
    for i in range(2):
        for both, alone in zip(together, run(path, crops=crops[i : i + 1]), strict=True):
            np.testing.assert_allclose(both[i], alone[0], rtol=1e-4, atol=1e-3)


@pytest.mark.parametrize("name", ["blazepose_landmark_full", "blazepose_landmark_lite"])
def test_bytes_of_the_mask_are_not_around_0(name: str, model_repository: Path) -> None:
    """They were, and TensorRT's parser made signed bytes of them: 128 where nobody is (test_tensorrt_api)."""
    graph = onnx.load(shipped(model_repository, name)).graph
    (node,) = (node for node in graph.node if node.output == ["mask"])
    (zero,) = (each for each in graph.initializer if each.name == node.input[2])
    zero_point = onnx.numpy_helper.to_array(zero)
    assert (node.op_type, zero_point, zero_point.dtype) == ("QuantizeLinear", 1, np.uint8)


def test_nanodet_finds_the_pedestrian_at_any_size_and_in_any_batch(model_repository: Path) -> None:
    scene = crowd("crossing", people=1, seed=3)
    image = Renderer(scene).image(60)
    (truth,) = truths(scene, sight(scene, 60), 60)
    path = shipped(model_repository, "nanodet")
    left, top, width, height = truth.box
    for size in ((320, 256), (416, 320)):
        small = cv2.resize(image, size, interpolation=cv2.INTER_AREA)
        scale = np.array([640 / size[0], 480 / size[1]] * 2)
        (boxes,) = run(path, image=np.stack([small, small[:, ::-1]]))
        assert boxes.shape == (2, 64, 5)
        assert (np.diff(boxes[..., 4], axis=1) <= 0).all()
        np.testing.assert_allclose(
            boxes[0, 0, :4] * scale, [left, top, left + width, top + height], atol=0.1 * float(height)
        )
    (smallest,) = run(path, image=np.zeros((1, 64, 64, 3), np.uint8))
    assert np.isfinite(smallest).all()


def test_gait_energy_image_is_the_scaled_mean_of_the_middle_columns(model_repository: Path) -> None:
    frames = np.random.default_rng(4).integers(0, 256, (2, 5, 64, 64)).astype(np.uint8)
    (embedding,) = run(shipped(model_repository, "gait_energy_image"), gait_frames=frames)
    mean = frames[..., 10:54].astype(np.float64).mean(axis=1).reshape(2, 1, -1)
    assert embedding.shape == (2, 1, 2816)
    np.testing.assert_allclose(embedding, mean / np.linalg.norm(mean, axis=2, keepdims=True), atol=1e-6)


def test_gait_energy_image_of_nothing_is_zero(model_repository: Path) -> None:
    (embedding,) = run(shipped(model_repository, "gait_energy_image"), gait_frames=np.zeros((1, 3, 64, 64), np.uint8))
    assert not embedding.any()


def test_unknown_network_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no recipe for network 'nobody': choose from"):
        derive("nobody", tmp_path)


def test_missing_source_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="is not there: convert it as docs"):
        derive("movenet_multipose", tmp_path)


def test_source_that_is_no_network_is_refused(tmp_path: Path) -> None:
    (tmp_path / "movenet_multipose.onnx").write_bytes(b"something else")
    with pytest.raises(UsageError, match="is no ONNX file"):
        derive("movenet_multipose", tmp_path)


def test_other_network_as_source_is_refused(tmp_path: Path) -> None:
    (tmp_path / "movenet_multipose.onnx").write_bytes(build_gait_energy_image().SerializeToString())
    with pytest.raises(UsageError, match="other fingerprint"):
        derive("movenet_multipose", tmp_path)


def test_fingerprint_ignores_inner_names_alone() -> None:
    reference = fingerprint(build_gait_energy_image())
    renamed = build_gait_energy_image()
    for node in renamed.graph.node:
        node.name = "another"
        node.input[:] = ["other" if name == "energy" else name for name in node.input]
        node.output[:] = ["other" if name == "energy" else name for name in node.output]
    assert fingerprint(renamed) == reference

    for change in (_change_weight, _change_attribute, _change_operation, _change_output_name):
        changed = build_gait_energy_image()
        change(changed.graph)
        assert fingerprint(changed) != reference


def _change_weight(graph: onnx.GraphProto) -> None:
    white = next(tensor for tensor in graph.initializer if tensor.name == "white")
    white.CopyFrom(onnx.numpy_helper.from_array(np.array(254.0, np.float32), "white"))


def _change_attribute(graph: onnx.GraphProto) -> None:
    next(node for node in graph.node if node.op_type == "ReduceMean").attribute[0].ints[:] = [2]


def _change_operation(graph: onnx.GraphProto) -> None:
    next(node for node in graph.node if node.op_type == "ReduceMean").op_type = "ReduceMax"


def _change_output_name(graph: onnx.GraphProto) -> None:
    graph.node[-1].output[0] = graph.output[0].name = "feature"
