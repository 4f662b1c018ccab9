"""Changes to ONNX graphs that the recipes of the shipped networks are made of."""

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from rt_gait_ros.errors import UsageError

# Of tf2onnx 1.16 at opset 13: every server takes it.
IR_VERSION = 7


def take_uint8(
    graph: onnx.GraphProto,
    old: str,
    new: str,
    shape: list[str | int],
    kind: int = TensorProto.FLOAT,
    scale: float | None = None,
) -> None:
    """Let input `new` take uint8 and become what `old` was: cast to `kind`, divided by `scale`."""
    if scale is None:
        nodes = [helper.make_node("Cast", [new], [old], name=f"{new}_cast", to=kind)]
    else:
        graph.initializer.append(numpy_helper.from_array(np.array(scale, np.float32), f"{new}_scale"))
        nodes = [
            helper.make_node("Cast", [new], [f"{new}_float"], name=f"{new}_cast", to=kind),
            helper.make_node("Div", [f"{new}_float", f"{new}_scale"], [old], name=f"{new}_normalise"),
        ]
    for node in reversed(nodes):
        graph.node.insert(0, node)
    del graph.input[:]
    graph.input.append(helper.make_tensor_value_info(new, TensorProto.UINT8, shape))


def rename_output(graph: onnx.GraphProto, old: str, new: str, shape: list[str | int]) -> None:
    """Call output `old` `new`, float32 of `shape`."""
    for node in graph.node:
        node.output[:] = [new if name == old else name for name in node.output]
        node.input[:] = [new if name == old else name for name in node.input]
    kept = [output for output in graph.output if output.name != old]
    del graph.output[:]
    graph.output.extend([*kept, helper.make_tensor_value_info(new, TensorProto.FLOAT, shape)])


def reshape_anew(graph: onnx.GraphProto, output: str, shape: tuple[int, ...]) -> None:
    """Give the Reshape node that makes `output` another target shape."""
    node = next(node for node in graph.node if output in node.output)
    if node.op_type != "Reshape":
        raise UsageError(f"output {output} is made by {node.op_type}, not Reshape: this is not the expected network")
    node.input[1] = f"{output}_shape"
    graph.initializer.append(numpy_helper.from_array(np.array(shape, np.int64), f"{output}_shape"))


def drop_output(graph: onnx.GraphProto, name: str) -> None:
    """Remove an output, and what nothing needs any more then."""
    outputs = [output for output in graph.output if output.name != name]
    del graph.output[:]
    graph.output.extend(outputs)
    drop_unused(graph)


def replace_constant(graph: onnx.GraphProto, name: str, value: np.ndarray) -> None:
    """Give the constant `name` another value."""
    tensor = next(tensor for tensor in graph.initializer if tensor.name == name)
    tensor.CopyFrom(numpy_helper.from_array(np.ascontiguousarray(value), name))


def drop_unused(graph: onnx.GraphProto) -> None:
    """Remove every node and constant that no output needs."""
    needed = {output.name for output in graph.output}
    nodes = []
    for node in reversed(graph.node):
        if needed.intersection(node.output):
            nodes.append(node)
            needed.update(node.input)
    constants = [constant for constant in graph.initializer if constant.name in needed]
    for field, kept in ((graph.node, nodes[::-1]), (graph.initializer, constants)):
        del field[:]
        field.extend(kept)


def store_as_half(graph: onnx.GraphProto) -> None:
    """Store kernels whose values all are 16-bit numbers as such, with a cast before their use: half the file."""
    casts = []
    for tensor in graph.initializer:
        values = numpy_helper.to_array(tensor)
        half = values.astype(np.float16) if values.dtype == np.float32 and values.ndim > 1 else None
        if half is not None and np.array_equal(half.astype(np.float32), values):
            name = tensor.name
            tensor.CopyFrom(numpy_helper.from_array(half, f"{name}_half"))
            casts.append(helper.make_node("Cast", [f"{name}_half"], [name], to=TensorProto.FLOAT))
    nodes = [*casts, *graph.node]
    del graph.node[:]
    graph.node.extend(nodes)


def finish(model: onnx.ModelProto, name: str) -> onnx.ModelProto:
    """Drop what depends on the converter (inner shapes, its version): the bytes shall depend on the graph alone."""
    model.graph.name = name
    del model.graph.value_info[:]
    del model.metadata_props[:]
    model.graph.doc_string = ""
    model.doc_string = ""
    model.producer_name = "rt_gait_ros"
    model.producer_version = ""
    model.ir_version = IR_VERSION
    return model
