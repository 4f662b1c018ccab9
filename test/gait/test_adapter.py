"""What a network declares of its tensors, and what is refused; networks run in test/networks/test_foreign_gait.py."""

import numpy as np
import pytest

from rt_gait_ros.gait.embedder import read_embedding
from rt_gait_ros.gait.model import GaitModel
from rt_gait_ros.serving.inference import InferenceError, ModelMismatch, ModelSpec, TensorSpec

ASCEND = {
    "gait_frame_kind": "silhouette",
    "gait_frames_tensor": "image_seq",
    "gait_frames_columns": "10:54",
    "gait_frames_scale": "1/255",
    "gait_frames_fill": "repeat",
    "embedding_tensor": "feature",
}
FLOW = {
    "gait_frame_kind": "flow",
    "gait_frames_tensor": "input",
    "gait_frames_layout": "B (S C) H W",
    "gait_frames_scale": "1/100",
    "embedding_tensor": "code",
    "embedding_normalise": "l2",
}


def spec(parameters, given=(-1, 100, 64, 44), made=(-1, 62, 256), dtype="float32"):
    frames = TensorSpec(parameters.get("gait_frames_tensor", "gait_frames"), dtype, given)
    embedding = TensorSpec(parameters.get("embedding_tensor", "embedding"), "float32", made)
    return ModelSpec("theirs", (frames,), (embedding,), parameters)


def test_a_whole_sequence_of_the_ascend_guide():
    model = GaitModel.from_spec(spec(ASCEND))
    assert (model.frame_shape, model.min_frames, model.max_frames) == ((64, 64), 1, 100)
    assert model.embedding_shape == (62, 256)
    frames = np.random.default_rng(1).integers(0, 256, (30, 64, 64)).astype(np.uint8)
    (tensor,) = model.adapter.request(frames).values()
    assert (tensor.shape, tensor.dtype) == ((1, 100, 64, 44), np.float32)
    np.testing.assert_allclose(tensor[0, 35], frames[5, :, 10:54] / 255, rtol=1e-6)


def test_flow_as_fifty_channels_and_a_descriptor_of_length_one():
    model = GaitModel.from_spec(spec(FLOW, (-1, 50, 60, 60), (-1, 4)))
    assert (model.min_frames, model.max_frames, model.embedding_shape) == (25, 25, (1, 4))
    frames = np.random.default_rng(1).integers(-900, 900, (25, 60, 60, 2)).astype(np.int16)
    tensor = model.adapter.request(frames)["input"]
    np.testing.assert_allclose(tensor[0, 2 * 7 + 1], frames[7, ..., 1] / 100, rtol=1e-6)
    found = read_embedding({"code": np.array([[3.0, 0, 4, 0]], np.float32)}, model)
    np.testing.assert_allclose(found, [[0.6, 0, 0.8, 0]], rtol=1e-6)
    assert not read_embedding({"code": np.zeros((1, 4), np.float32)}, model).any()


@pytest.mark.parametrize(
    ("layout", "shape"),
    [("B C S H W", (-1, 1, -1, 64, 64)), ("B S H W C", (-1, -1, 64, 64, 1)), ("(S C) B W H", (-1, 1, 64, 64))],
)
def test_gait_frames_go_into_any_declared_order_of_axes(layout, shape):
    model = GaitModel.from_spec(spec({"gait_frame_kind": "silhouette", "gait_frames_layout": layout}, shape))
    frames = np.arange(5 * 64 * 64).reshape(5, 64, 64).astype(np.uint8)
    tensor = model.adapter.request(frames)["gait_frames"]
    assert tensor.size == frames.size
    axes = [axis for axis, size in enumerate(tensor.shape) if size > 1]
    flat = tensor.reshape([tensor.shape[axis] for axis in axes])
    np.testing.assert_array_equal(flat if "W H" not in layout else flat.swapaxes(1, 2), frames)


def test_parts_behind_channels_come_to_their_place():
    declared = ASCEND | {"embedding_layout": "B C P"}
    model = GaitModel.from_spec(spec(declared, made=(-1, 256, 16)))
    assert model.embedding_shape == (16, 256)
    values = np.random.default_rng(2).random((1, 256, 16)).astype(np.float32)
    np.testing.assert_array_equal(read_embedding({"feature": values}, model), values[0].T)


@pytest.mark.parametrize(
    ("change", "shape", "words"),
    [
        ({"gait_frames_tensor": "sils"}, None, "names? .*image_seq|has image_seq"),
        ({"gait_frames_columns": "54:10"}, None, "FIRST:END within 0:64"),
        ({"gait_frames_columns": "0:64"}, None, "does not fit frames of H=64 W=64"),
        ({"gait_frames_scale": "1/0"}, None, "a number above 0"),
        ({"gait_frames_scale": "soft"}, None, "a number above 0"),
        ({"gait_frames_layout": "B S H"}, None, "each of the axes B, H, S, W once"),
        ({"gait_frames_layout": "(B S) H W"}, None, "with B on its own"),
        ({"gait_frames_layout": "B H W S"}, None, "does not fit"),
        ({"gait_frames_fill": "zeros"}, None, "'repeat' is the one"),
        ({"gait_frames_fill": "repeat"}, (-1, -1, 64, 44), "any number of frames"),
        ({"embedding_layout": "B C"}, None, "name its 3 axes"),
        ({"min_frames": "101"}, None, "takes 100 frames at most"),
        ({"stream_window": "30"}, None, "a streaming network"),
    ],
)
def test_what_does_not_fit_is_named(change, shape, words):
    description = spec(ASCEND | change, shape or (-1, 100, 64, 44))
    description = ModelSpec(
        "theirs",
        (TensorSpec("image_seq", "float32", description.inputs[0].shape),),
        description.outputs,
        description.parameters,
    )
    with pytest.raises(ModelMismatch, match=words) as refused:
        GaitModel.from_spec(description)
    assert "\n" not in str(refused.value)


def test_flow_is_never_repeated_and_integers_are_never_scaled():
    with pytest.raises(ModelMismatch, match="follow one another"):
        GaitModel.from_spec(spec(FLOW | {"gait_frames_fill": "repeat"}, (-1, 50, 60, 60), (-1, 4)))
    with pytest.raises(ModelMismatch, match="cannot hold"):
        GaitModel.from_spec(spec(FLOW, (-1, 50, 60, 60), (-1, 4), "int16"))
    with pytest.raises(ModelMismatch, match="cannot hold"):
        GaitModel.from_spec(
            spec({k: v for k, v in FLOW.items() if k != "gait_frames_scale"}, (-1, 50, 60, 60), (-1, 4), "uint8")
        )


def test_a_network_of_other_tensors_is_told_how_to_declare_them():
    with pytest.raises(ModelMismatch, match=r"no tensor gait_frames, but image_seq .*gait_frames_tensor"):
        GaitModel.from_spec(
            ModelSpec(
                "theirs",
                (TensorSpec("image_seq", "float32", (-1, 100, 64, 44)),),
                (TensorSpec("feature", "float32", (-1, 62, 256)),),
                {"gait_frame_kind": "silhouette"},
            )
        )
    with pytest.raises(ModelMismatch, match="gait_frames_layout, gait_frames_scale"):
        GaitModel.from_spec(spec({"gait_frame_kind": "silhouette"}))


def test_a_network_that_gives_another_rank_than_declared():
    model = GaitModel.from_spec(spec(ASCEND))
    with pytest.raises(InferenceError, match=r"gave embedding \[1, 256\] where"):
        read_embedding({"feature": np.zeros((1, 256), np.float32)}, model)
