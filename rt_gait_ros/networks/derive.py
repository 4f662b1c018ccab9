"""The networks of the model repository, made from the weights that package registries carry.

Each shipped `model.onnx` is the converted network (`docs/models.md` says how it is converted) with four changes:
images come in as uint8, normalisation is part of the graph, tensors have clear names, and the batch axis is free where
the graph allows it. The same converted file always gives the same bytes. Another version of the converter names inner
tensors otherwise, so a converted file is known by its fingerprint, which only operations and weights change.
"""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import onnx
from google.protobuf.message import DecodeError
from onnx import TensorProto, helper, numpy_helper

from rt_gait_ros.errors import UsageError
from rt_gait_ros.networks.derive_nanodet import build_nanodet
from rt_gait_ros.networks.graph_edits import drop_output, finish, rename_output, reshape_anew, take_uint8

# What tf2onnx wrote the pretrained networks with; the gait energy image keeps to it: every server takes all of them.
OPSET = 13

# GaitSet's silhouettes (Chao et al. 2019): 64 rows, 64 columns, of which columns 10:54 are looked at.
SILHOUETTE_SIZE = 64
FIRST_COLUMN, END_COLUMN = 10, 54
EMBEDDING_LENGTH = SILHOUETTE_SIZE * (END_COLUMN - FIRST_COLUMN)


@dataclass(frozen=True, slots=True)
class Recipe:
    """How one shipped network is made.

    source: file name of the converted network, or None where there is nothing to convert.
    fingerprint: of that network. sha256: of the shipped `model.onnx`.
    """

    build: Callable[[onnx.ModelProto | None], onnx.ModelProto]
    sha256: str
    source: str | None = None
    fingerprint: str | None = None


def sha256(path: Path) -> str:
    """Hexadecimal SHA-256 of a file's bytes."""
    return hashlib.sha256(path.read_bytes()).hexdigest()


def fingerprint(model: onnx.ModelProto) -> str:
    """SHA-256 of what a network computes: its operations in order, how they are connected, and its weights.

    Names of inner tensors and nodes play no part; those of inputs and outputs do.
    """
    graph = model.graph
    outer = {tensor.name for tensor in (*graph.input, *graph.output)}
    weights = {tensor.name: tensor for tensor in graph.initializer}
    numbers: dict[str, str] = {}
    digest = hashlib.sha256()

    def say(text: str) -> None:
        digest.update(f"{text}\n".encode())

    for node in graph.node:
        say(node.op_type)
        for attribute in sorted(node.attribute, key=lambda attribute: attribute.name):
            digest.update(attribute.SerializeToString(deterministic=True))
        for tensor in (*node.input, *node.output):
            if tensor in weights:
                array = numpy_helper.to_array(weights[tensor])
                say(f"{array.dtype} {array.shape}")
                digest.update(array.tobytes())
            else:
                say(tensor if tensor in outer else numbers.setdefault(tensor, str(len(numbers))))
    return digest.hexdigest()


def derive(name: str, sources: Path) -> bytes:
    """The bytes of the shipped `model.onnx` of network `name`, made from the converted networks in folder `sources`.

    Raises UsageError for an unknown network, and for a source file that is missing or not the expected one.
    """
    if name not in RECIPES:
        raise UsageError(f"no recipe for network '{name}': choose from {', '.join(RECIPES)}")
    recipe = RECIPES[name]
    source = None
    if recipe.source is not None:
        path = sources / recipe.source
        if not path.is_file():
            raise UsageError(f"{path} is not there: convert it as docs/models.md says, or name another folder")
        source = _load(path)
        if fingerprint(source) != recipe.fingerprint:
            raise UsageError(
                f"{path} is not the network that docs/models.md describes (other fingerprint): convert again"
            )
    model = recipe.build(source)
    onnx.checker.check_model(model)
    return bytes(model.SerializeToString(deterministic=True))


def is_same(content: bytes, path: Path) -> bool:
    """Whether the file at `path` is there and holds the network of `content`; see fingerprint."""
    return path.is_file() and fingerprint(_load(path)) == fingerprint(onnx.load_from_string(content))


def _load(path: Path) -> onnx.ModelProto:
    try:
        return onnx.load(path)
    except DecodeError:
        raise UsageError(f"{path} is no ONNX file: convert it as docs/models.md says") from None


def build_openpose_mobilenet_thin(source: onnx.ModelProto | None) -> onnx.ModelProto:
    """OpenPose with a thin MobileNet: `image` uint8 BGR [B, H, W, 3] → `maps` float32 [B, H/8, W/8, 57]."""
    assert source is not None
    graph = source.graph
    take_uint8(graph, "image:0", "image", ["batch", "height", "width", 3])
    rename_output(graph, "Openpose/concat_stage7:0", "maps", ["batch", "height_8", "width_8", 57])
    return finish(source, "openpose_mobilenet_thin")


def build_movenet_multipose(source: onnx.ModelProto | None) -> onnx.ModelProto:
    """MoveNet MultiPose: `image` uint8 RGB [1, H, W, 3] → `people` float32 [1, 6, 56]; written for one image."""
    assert source is not None
    graph = source.graph
    take_uint8(graph, "input:0", "image", [1, "height", "width", 3], TensorProto.INT32)
    rename_output(graph, "Identity:0", "people", [1, 6, 56])
    return finish(source, "movenet_multipose")


def build_blazepose_landmark_full(source: onnx.ModelProto | None) -> onnx.ModelProto:
    """BlazePose full, as `_build_blazepose`."""
    return _build_blazepose(source, "blazepose_landmark_full")


def build_blazepose_landmark_lite(source: onnx.ModelProto | None) -> onnx.ModelProto:
    """BlazePose lite, as `_build_blazepose`."""
    return _build_blazepose(source, "blazepose_landmark_lite")


def _build_blazepose(source: onnx.ModelProto | None, name: str) -> onnx.ModelProto:
    """BlazePose: `crops` uint8 RGB [B, 256, 256, 3] → landmarks, presence, mask and world landmarks of one person.

    The mask leaves as uint8, 255 where its logit is above 0: a quarter of what the logits are to send.
    """
    assert source is not None
    graph = source.graph
    take_uint8(graph, "input_1", "crops", ["batch", 256, 256, 3], scale=255.0)
    for old, new, shape in (
        ("Identity", "landmarks", (39, 5)),
        ("Identity_1", "presence", (1,)),
        ("Identity_2", "mask", (256, 256, 1)),
        ("Identity_4", "world_landmarks", (39, 3)),
    ):
        reshape_anew(graph, old, (-1, *shape))
        rename_output(graph, old, new, ["batch", *shape])
    drop_output(graph, "Identity_3")
    _mask_as_bytes(graph)
    return finish(source, name)


def _mask_as_bytes(graph: onnx.GraphProto) -> None:
    """Turn output `mask` from logits to uint8, 0 and 255.

    Quantising by a step that any logit is 255 times as large as saturates: to compare with 0 and to choose a byte takes
    ONNX Runtime 2 ms of 19, on one thread. The zero point is not 0, for of that TensorRT's parser makes signed bytes:
    -128 where nobody is, which is 128. It refuses any other one, and ONNX Runtime keeps the node. A logit of exactly 0
    gives 1.
    """
    rename_output(graph, "mask", "mask_logits", [])
    constants: dict[str, np.ndarray] = {"step": np.array(1e-30, np.float32), "zero": np.array(1, np.uint8)}
    graph.initializer.extend(numpy_helper.from_array(value, name) for name, value in constants.items())
    graph.node.append(helper.make_node("QuantizeLinear", ["mask_logits", "step", "zero"], ["mask"]))
    last = next(output for output in graph.output if output.name == "mask_logits")
    last.CopyFrom(helper.make_tensor_value_info("mask", TensorProto.UINT8, ["batch", 256, 256, 1]))


def build_gait_energy_image(source: onnx.ModelProto | None = None) -> onnx.ModelProto:
    """Gait energy image (Han and Bhanu 2006): the mean silhouette; nothing in it is trained.

    `gait_frames` uint8 [B, S, 64, 64], 0 to 255 → `embedding` float32 [B, 1, 2816], of length 1 (0 for empty
    silhouettes). The length is taken out because it grows with the silhouette's area: clothes and a loose mask change
    that, and the person stays the same.
    """
    constants: dict[str, np.ndarray] = {
        "first": np.array([FIRST_COLUMN], np.int64),
        "end": np.array([END_COLUMN], np.int64),
        "columns": np.array([3], np.int64),
        "white": np.array(255.0, np.float32),
        "flat": np.array([0, 1, EMBEDDING_LENGTH], np.int64),
        "least": np.array(1e-6, np.float32),
    }
    nodes = [
        helper.make_node("Slice", ["gait_frames", "first", "end", "columns"], ["narrow"]),
        helper.make_node("Cast", ["narrow"], ["grey"], to=TensorProto.FLOAT),
        helper.make_node("ReduceMean", ["grey"], ["mean"], axes=[1], keepdims=1),
        helper.make_node("Div", ["mean", "white"], ["energy"]),
        helper.make_node("Reshape", ["energy", "flat"], ["vector"]),
        helper.make_node("ReduceL2", ["vector"], ["length"], axes=[2], keepdims=1),
        helper.make_node("Max", ["length", "least"], ["positive_length"]),
        helper.make_node("Div", ["vector", "positive_length"], ["embedding"]),
    ]
    frames: list[str | int] = ["batch", "frames", SILHOUETTE_SIZE, SILHOUETTE_SIZE]
    graph = helper.make_graph(
        nodes,
        "gait_energy_image",
        [helper.make_tensor_value_info("gait_frames", TensorProto.UINT8, frames)],
        [helper.make_tensor_value_info("embedding", TensorProto.FLOAT, ["batch", 1, EMBEDDING_LENGTH])],
        [numpy_helper.from_array(value, name) for name, value in constants.items()],
    )
    return finish(helper.make_model(graph, opset_imports=[helper.make_opsetid("", OPSET)]), "gait_energy_image")


RECIPES = {
    "openpose_mobilenet_thin": Recipe(
        build_openpose_mobilenet_thin,
        sha256="0c59a838061fada817033e93a2e28311035ad64c3b74ca48508518fd3e20d2dc",
        source="openpose_mobilenet_thin.onnx",
        fingerprint="a75891b3f44b7acf2fe1df0f6a59b9af122d586bcdb34c442a99be0f2b14d76d",
    ),
    "movenet_multipose": Recipe(
        build_movenet_multipose,
        sha256="bcda59470847ef057cf424fb3eb8059aa41711fad444521069f561cb0b69254e",
        source="movenet_multipose.onnx",
        fingerprint="e8757350b40e0d0e7fbc1bc8e8c7081142d522eec4af14076ee538ec9994c78d",
    ),
    "blazepose_landmark_full": Recipe(
        build_blazepose_landmark_full,
        sha256="3079c308b6399b0108280f3fdae843e20417c568c555e4cd4629916c6a777c7e",
        source="blazepose_landmark_full.onnx",
        fingerprint="281eb8aa2972a04dc64379ec8e6388657c63c5d62dada9aef065bc77f6a3a15a",
    ),
    "blazepose_landmark_lite": Recipe(
        build_blazepose_landmark_lite,
        sha256="db217edc82001ab6460a2db0914efb981b5dd33aebec527341bb892d79844c0a",
        source="blazepose_landmark_lite.onnx",
        fingerprint="65b1e0a3138bb4d07255a00aa96f43191f1112c4818dbfc76b1297bec18c5ff1",
    ),
    "nanodet": Recipe(
        build_nanodet,
        sha256="cdca98fe855943449085dd99d972a09ea878a3391c2228bfbd81cb8cac693ea0",
        source="nanodet.onnx",
        fingerprint="bda42eb9d51fd5bc8715b22b87760da3e0dcee739cc52d496b94a3241128577d",
    ),
    "gait_energy_image": Recipe(
        build_gait_energy_image, sha256="29700e1c6896cda88bb771dc9680a7e22ee91ff96c1d03dee6a0531f73d91dbb"
    ),
}
