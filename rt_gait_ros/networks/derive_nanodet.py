"""NanoDet as it is shipped: of its eighty classes the person is kept, and the graph gives boxes."""

from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from rt_gait_ros.networks.graph_edits import drop_unused, finish, replace_constant, store_as_half

# The last convolution of each level, and pixels of the image that a cell of it is wide. Of its channels the first 80
# are COCO's classes, of which the person is the first; 44 are the four sides' distances, each as a distribution over
# 0 to 10 cells (generalised focal loss, Li et al. 2020).
_LEVELS = (("Conv__176:0", 8), ("Conv__178:0", 16), ("Conv__180:0", 32))
_CLASSES, _PERSON, _STEPS = 80, 0, 11
# People that the graph gives for each image.
MOST_PEOPLE = 64
# NanoDet's normalisation of BGR images.
_MEAN, _DEVIATION = (103.53, 116.28, 123.675), (57.375, 57.12, 58.395)


def build_nanodet(source: onnx.ModelProto | None) -> onnx.ModelProto:
    """NanoDet-g: `image` uint8 BGR [B, H, W, 3] → `boxes` float32 [B, 64, 5], the surest first.

    A box is left, top, right, bottom in pixels of the image, and a score, 0..1; those who are no peak among their
    neighbours score 0. H and W are multiples of 32, from 64 on. The other 79 classes' weights are cut out; batch and
    size of the image are free.
    """
    assert source is not None
    graph = source.graph
    constants = {tensor.name: numpy_helper.to_array(tensor) for tensor in graph.initializer}
    tail: list[onnx.NodeProto] = []
    for output, cell in _LEVELS:
        head = next(node for node in graph.node if output in node.output)
        for name in head.input[1:]:
            kept = np.r_[_PERSON : _PERSON + 1, _CLASSES : len(constants[name])]
            replace_constant(graph, name, constants[name][kept])
        tail += _level(output, cell)
    made: dict[str, np.ndarray] = {
        "mean": np.array(_MEAN, np.float32).reshape(3, 1, 1),
        "deviation": np.array(_DEVIATION, np.float32).reshape(3, 1, 1),
        "parts": np.array([1, 4 * _STEPS], np.int64),
        "sides": np.array([0, 4, _STEPS, -1], np.int64),
        "steps": np.arange(_STEPS, dtype=np.float32).reshape(1, 1, _STEPS, 1),
        "one_row": np.array([0, 1, -1], np.int64),
        "second_axis": np.array([2], np.int64),
        "row_axis": np.array([0], np.int64),
        "zero": np.array(0, np.int64),
        "one": np.array(1, np.int64),
        "height_at": np.array(2, np.int64),
        "width_at": np.array(3, np.int64),
        "half": np.array(0.5, np.float32),
        "signs": np.array([-1.0, -1.0, 1.0, 1.0], np.float32).reshape(1, 4, 1),
        "most": np.array([MOST_PEOPLE], np.int64),
        "five": np.array([1, 5, 1], np.int64),
        **{f"cell_{cell}": np.array(cell, np.float32) for _, cell in _LEVELS},
    }
    graph.initializer.extend(numpy_helper.from_array(value, name) for name, value in made.items())
    make = helper.make_node
    rows = [f"rows_{cell}" for _, cell in _LEVELS]
    first = [
        make("Cast", ["image"], ["image_float"], to=TensorProto.FLOAT),
        # the planes first: by three numbers for each pixel ONNX Runtime takes 1.5 ms more, on one thread
        make("Transpose", ["image_float"], ["planes"], perm=[0, 3, 1, 2]),
        make("Sub", ["planes", "mean"], ["planes_centred"]),
        make("Div", ["planes_centred", "deviation"], ["input_1:0"]),
    ]
    last = [
        make("Concat", rows, ["rows"], axis=2),
        make("Concat", [f"scores_{cell}" for _, cell in _LEVELS], ["scores"], axis=2),
        make("TopK", ["scores", "most"], ["best_scores", "best"], axis=2),
        make("Tile", ["best", "five"], ["best_5"]),
        make("GatherElements", ["rows", "best_5"], ["best_rows"], axis=2),
        make("Transpose", ["best_rows"], ["boxes"], perm=[0, 2, 1]),
    ]
    kept_nodes = list(graph.node)
    del graph.node[:], graph.input[:], graph.output[:]
    graph.node.extend([*first, *kept_nodes, *tail, *last])
    shape: list[str | int] = ["batch", "height", "width", 3]
    graph.input.append(helper.make_tensor_value_info("image", TensorProto.UINT8, shape))
    graph.output.append(helper.make_tensor_value_info("boxes", TensorProto.FLOAT, ["batch", MOST_PEOPLE, 5]))
    drop_unused(graph)
    store_as_half(graph)  # as they were published
    return finish(source, "nanodet")


def _level(output: str, cell: int) -> list[onnx.NodeProto]:
    """Nodes from one level's maps [B, 45, h, w] to `rows_CELL` [B, 5, h*w] and `scores_CELL` [B, 1, h*w]."""

    def make(kind: str, inputs: list[str], name: str, more: tuple[str, ...] = (), **attributes: Any) -> onnx.NodeProto:
        return helper.make_node(kind, inputs, [f"{name}_{cell}", *(f"{other}_{cell}" for other in more)], **attributes)

    def own(*names: str) -> list[str]:
        return [f"{name}_{cell}" for name in names]

    return [
        make("Split", [output, "parts"], "logit", ("distances",), axis=1),
        make("Sigmoid", own("logit"), "heat"),
        make("MaxPool", own("heat"), "highest", kernel_shape=[3, 3], pads=[1, 1, 1, 1], strides=[1, 1]),
        make("Equal", own("heat", "highest"), "is_peak"),
        make("Cast", own("is_peak"), "peak", to=TensorProto.FLOAT),
        make("Mul", own("heat", "peak"), "peaks"),
        make("Reshape", [*own("peaks"), "one_row"], "scores"),
        make("Reshape", [*own("distances"), "sides"], "sides_of"),
        make("Softmax", own("sides_of"), "shares", axis=2),
        make("Mul", [*own("shares"), "steps"], "weighted"),
        make("ReduceSum", [*own("weighted"), "second_axis"], "reach", keepdims=0),
        make("Mul", [*own("reach"), "signs"], "signed"),
        make("Shape", [output], "shape"),
        make("Gather", [*own("shape"), "height_at"], "height", axis=0),
        make("Gather", [*own("shape"), "width_at"], "width", axis=0),
        make("Mul", own("height", "width"), "count"),
        make("Range", ["zero", *own("count"), "one"], "numbers"),
        make("Div", own("numbers", "width"), "row_of"),
        make("Mod", own("numbers", "width"), "column_of"),
        make("Unsqueeze", [*own("row_of"), "row_axis"], "row"),
        make("Unsqueeze", [*own("column_of"), "row_axis"], "column"),
        make("Concat", own("column", "row", "column", "row"), "places", axis=0),
        make("Cast", own("places"), "places_float", to=TensorProto.FLOAT),
        make("Add", [*own("places_float"), "half"], "middles"),
        make("Add", own("middles", "signed"), "corners"),
        make("Mul", own("corners", "cell"), "corners_in_pixels"),
        make("Concat", own("corners_in_pixels", "scores"), "rows", axis=1),
    ]
