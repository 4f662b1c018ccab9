"""A set network cut in two for streaming, and put together again as one ONNX graph that carries its own state.

    gait_frames ─▶ frame part ─▶ features ─▶ maximum over the set (the state) ─▶ head ─▶ embedding

Whoever keeps the state in its own memory (the embedded server, the in-process client) runs the two parts apart. A stock
Triton runs the one graph, whose state Triton itself carries from request to request (implicit state).
"""

from dataclasses import dataclass

import numpy as np
import onnx
import torch
from onnx import TensorProto, compose, helper, numpy_helper
from torch import Tensor, nn

from rt_gait_ros.networks.export import to_onnx
from rt_gait_ros.networks.set_networks import COLUMNS, ROWS, SetNetwork
from rt_gait_ros.silhouette.gaitset import SIZE

# GaitSet's pre-processing makes 64 x 64 silhouettes and shows columns 10:54 to the network.
FIRST_COLUMN = (SIZE - COLUMNS) // 2


def _normalised(frames: Tensor) -> Tensor:
    """(..., 64, 64) uint8 to (..., 64, 44) float32 in 0..1."""
    return frames[..., FIRST_COLUMN : FIRST_COLUMN + COLUMNS].to(torch.float32) / 255


class WholeSet(nn.Module):
    """A set network from gait frames as they travel: (B, S, 64, 64) uint8 to embeddings (B, P, C)."""

    def __init__(self, network: SetNetwork):
        super().__init__()
        self.network = network

    def forward(self, gait_frames: Tensor) -> Tensor:
        """See the class."""
        return self.network(_normalised(gait_frames))


class FramePart(nn.Module):
    """What every frame goes through alone: (N, 64, 64) uint8 to features (N, F), one flat row a frame."""

    def __init__(self, network: SetNetwork):
        super().__init__()
        self.network = network

    def forward(self, gait_frames: Tensor) -> Tensor:
        """See the class."""
        return torch.cat([x.flatten(1) for x in self.network.frame_features(_normalised(gait_frames))], 1)


class HeadPart(nn.Module):
    """What a set goes through once: the maximum of its frames' features (B, F) to embeddings (B, P, C)."""

    def __init__(self, network: SetNetwork):
        super().__init__()
        self.network = network
        with torch.no_grad():
            features = network.eval().frame_features(torch.zeros(1, ROWS, COLUMNS))
        self.shapes = [tuple(x.shape[1:]) for x in features]
        self.sizes = [x[0].numel() for x in features]

    def forward(self, features: Tensor) -> Tensor:
        """See the class."""
        parts = torch.split(features, self.sizes, 1)
        return self.network.head(*(part.unflatten(1, shape) for part, shape in zip(parts, self.shapes, strict=True)))


@dataclass(frozen=True, slots=True)
class StreamParts:
    """The two ONNX files. frames: gait_frames (N, 64, 64) uint8 to features (N, F). head: features to embedding."""

    frames: bytes
    head: bytes


def stream_parts(network: SetNetwork) -> StreamParts:
    """Export both parts of a set network. Raises ExportError."""
    head = HeadPart(network)
    frames = torch.zeros(2, SIZE, SIZE, dtype=torch.uint8)
    return StreamParts(
        to_onnx(FramePart(network), frames, "gait_frames", ["features"]),
        to_onnx(head, torch.zeros(2, sum(head.sizes)), "features", ["embedding"]),
    )


def feature_type(parts: StreamParts) -> tuple[int, int]:
    """Number of features of a frame, and their ONNX data type: that of the state."""
    tensor = onnx.load_from_string(parts.frames).graph.output[0].type.tensor_type
    return tensor.shape.dim[1].dim_value, tensor.elem_type


def stateful_graph(parts: StreamParts, window: int) -> bytes:
    """One ONNX graph of both parts with the state as input and output.

    Inputs: gait_frames (B, S, 64, 64) uint8, answer (B, 1) uint8, seen_in (B, 1) int32, state_in; outputs: embedding
    (B, P, C), NaN where no answer was asked for by anybody in the batch; frames (B, 1) int32, those of the sequence so
    far; seen_out, state_out. state: features (B, F) of a growing set for window 0, else those of the last `window`
    frames (B, window, F): a graph has no cheap way to branch as the two-stack maximum does. Zeros begin a sequence.
    """
    frames = compose.add_prefix(onnx.load_from_string(parts.frames), "frames/")
    head = compose.add_prefix(onnx.load_from_string(parts.head), "head/")
    count, dtype = feature_type(parts)
    nodes = [
        *_frame_nodes(frames, count),
        *(_window_nodes(window, dtype) if window else _growing_nodes()),
        *_answer_nodes(head),
    ]
    state = [None, window, count] if window else [None, count]
    embedding = [None, *(d.dim_value for d in head.graph.output[0].type.tensor_type.shape.dim[1:])]
    graph = helper.make_graph(
        nodes,
        "stream",
        [
            helper.make_tensor_value_info("gait_frames", TensorProto.UINT8, [None, None, SIZE, SIZE]),
            helper.make_tensor_value_info("answer", TensorProto.UINT8, [None, 1]),
            helper.make_tensor_value_info("seen_in", TensorProto.INT32, [None, 1]),
            helper.make_tensor_value_info("state_in", dtype, state),
        ],
        [
            helper.make_tensor_value_info("embedding", TensorProto.FLOAT, embedding),
            helper.make_tensor_value_info("frames", TensorProto.INT32, [None, 1]),
            helper.make_tensor_value_info("seen_out", TensorProto.INT32, [None, 1]),
            helper.make_tensor_value_info("state_out", dtype, state),
        ],
        [*frames.graph.initializer, *_constants(count, window, dtype)],
    )
    opsets = {entry.domain: entry.version for model in (frames, head) for entry in model.opset_import}
    model = helper.make_model(
        graph,
        opset_imports=[helper.make_opsetid(domain, version) for domain, version in opsets.items()],
        ir_version=frames.ir_version,
        functions=list({function.name: function for m in (frames, head) for function in m.functions}.values()),
    )
    onnx.checker.check_model(model)
    return bytes(model.SerializeToString())


def _frame_nodes(frames: onnx.ModelProto, count: int) -> list[onnx.NodeProto]:
    """gait_frames to features_by_set (B, S, F) and seen_out."""
    source, result = frames.graph.input[0].name, frames.graph.output[0].name
    return [
        helper.make_node("Reshape", ["gait_frames", "one_frame"], [source]),
        *frames.graph.node,
        helper.make_node("Shape", ["gait_frames"], ["sets_and_frames"], start=0, end=2),
        helper.make_node("Concat", ["sets_and_frames", "feature_count"], ["by_set"], axis=0),
        helper.make_node("Reshape", [result, "by_set"], ["features_by_set"]),
        helper.make_node("Shape", ["gait_frames"], ["new_frames"], start=1, end=2),
        helper.make_node("Cast", ["new_frames"], ["new_frames32"], to=TensorProto.INT32),
        helper.make_node("Add", ["seen_in", "new_frames32"], ["seen_out"]),
        helper.make_node("Identity", ["seen_out"], ["frames"]),
    ]


def _growing_nodes() -> list[onnx.NodeProto]:
    """pooled (B, F): the maximum of all frames; features may be negative, so that zeros do not begin a maximum."""
    return [
        helper.make_node("ReduceMax", ["features_by_set", "axis"], ["newest"], keepdims=0),
        helper.make_node("Equal", ["seen_in", "zero"], ["first"]),
        helper.make_node("Max", ["state_in", "newest"], ["grown"]),
        helper.make_node("Where", ["first", "newest", "grown"], ["pooled"]),
        helper.make_node("Identity", ["pooled"], ["state_out"]),
    ]


def _window_nodes(window: int, dtype: int) -> list[onnx.NodeProto]:
    """pooled (B, F): the maximum of the last `window` frames; places that no frame has filled yet do not count."""
    return [
        helper.make_node("Concat", ["state_in", "features_by_set"], ["longer"], axis=1),
        helper.make_node("Slice", ["longer", "window_start", "window_end", "axis"], ["state_out"]),
        helper.make_node("Sub", ["window", "seen_out"], ["empty"]),
        helper.make_node("GreaterOrEqual", ["places", "empty"], ["filled"]),
        helper.make_node("Unsqueeze", ["filled", "last_axis"], ["filled_features"]),
        helper.make_node("Where", ["filled_features", "state_out", "lowest"], ["present"]),
        helper.make_node("ReduceMax", ["present", "axis"], ["pooled"], keepdims=0),
    ]


def _answer_nodes(head: onnx.ModelProto) -> list[onnx.NodeProto]:
    """embedding (B, P, C), by the head only where somebody in the batch asked for an answer."""
    graph = head.graph
    source, result = graph.input[0].name, graph.output[0].name
    shape = [dim.dim_value for dim in graph.output[0].type.tensor_type.shape.dim[1:]]
    answer = helper.make_graph(
        [helper.make_node("Identity", ["pooled"], [source]), *graph.node],
        "answer",
        [],
        [helper.make_tensor_value_info(result, TensorProto.FLOAT, [None, *shape])],
        list(graph.initializer),
    )
    silence = helper.make_graph(
        [
            helper.make_node("Concat", ["sets", "embedding_shape"], ["silent_shape"], axis=0),
            helper.make_node(
                "ConstantOfShape",
                ["silent_shape"],
                ["silent"],
                value=helper.make_tensor("nan", TensorProto.FLOAT, [1], [np.nan]),
            ),
        ],
        "silence",
        [],
        [helper.make_tensor_value_info("silent", TensorProto.FLOAT, [None, *shape])],
        [numpy_helper.from_array(np.array(shape, np.int64), "embedding_shape")],
    )
    return [
        helper.make_node("Shape", ["gait_frames"], ["sets"], start=0, end=1),
        helper.make_node("ReduceMax", ["answer"], ["anybody"], keepdims=0),
        helper.make_node("Cast", ["anybody"], ["due"], to=TensorProto.BOOL),
        helper.make_node("If", ["due"], ["embedding"], then_branch=answer, else_branch=silence),
    ]


def _constants(count: int, window: int, dtype: int) -> list[onnx.TensorProto]:
    kind = helper.tensor_dtype_to_np_dtype(dtype)
    lowest = 0 if kind.kind == "u" else np.finfo(kind).min
    named: dict[str, np.ndarray] = {
        "one_frame": np.array([-1, SIZE, SIZE], np.int64),
        "feature_count": np.array([count], np.int64),
        "axis": np.array([1], np.int64),
    }
    if window:
        named |= {
            "window": np.array(window, np.int32),
            "window_start": np.array([-window], np.int64),
            "window_end": np.array([np.iinfo(np.int64).max], np.int64),
            "places": np.arange(window, dtype=np.int32)[None],
            "last_axis": np.array([2], np.int64),
            "lowest": np.array(lowest, kind),
        }
    else:
        named["zero"] = np.array(0, np.int32)
    return [numpy_helper.from_array(value, name) for name, value in named.items()]
