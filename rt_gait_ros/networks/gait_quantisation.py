"""The two parts of a streaming network in 8-bit integers for a CPU, calibrated on silhouettes.

Features leave the frame part as uint8: a maximum does not mind a scale, so the set is pooled as exactly as in float32
at a quarter of the memory. Each block of features has a scale of its own, which the head knows.
"""

from collections.abc import Sequence

import numpy as np
import onnx
import onnxruntime
from onnx import TensorProto, helper, numpy_helper
from onnxruntime.quantization import QuantType

from rt_gait_ros.networks.quantisation import quantise_static
from rt_gait_ros.networks.stream_graphs import StreamParts

_FRAME_OPERATORS = ["Conv", "LeakyRelu", "MaxPool", "Relu", "Add"]
# The separate maps (MatMul) stay float32: they are the embedding's last step, and what it gains has not been measured.
_HEAD_OPERATORS = ["Conv", "LeakyRelu", "MaxPool", "Relu"]
# Right on every x86 processor, whoever quantises: with 8 bits the features of GaitSet were off by a quarter of their
# spread on one without VNNI, with 7 by 2 %.
_WEIGHT_BITS = 7


def quantise_parts(parts: StreamParts, sets: list[np.ndarray]) -> StreamParts:
    """Both parts with int8 convolutions, but for the first, and uint8 features between them.

    sets: some tens of (S, 64, 64) uint8 sequences as the camera gives them; the ranges of activations are theirs.
    """
    float_frames = onnxruntime.InferenceSession(parts.frames, providers=["CPUExecutionProvider"])
    features = [float_frames.run(None, {"gait_frames": frames})[0] for frames in sets]
    pooled = [block.max(axis=0, keepdims=True) for block in features]
    frames, scales = _with_integer_features(_quantise(parts.frames, _FRAME_OPERATORS, sets, _entry(parts.frames)))
    head = _quantise(parts.head, _HEAD_OPERATORS, pooled)
    return StreamParts(frames, _from_integer_features(head, scales))


def quantise_whole(whole: bytes, sets: list[np.ndarray]) -> bytes:
    """The whole-set network with int8 convolutions, but for the first; sets as for quantise_parts."""
    return _quantise(whole, _FRAME_OPERATORS, [frames[None] for frames in sets], _entry(whole))


def _quantise(model: bytes, operators: list[str], batches: list[np.ndarray], leave: Sequence[str] = ()) -> bytes:
    return quantise_static(
        _pooled_first(model), operators, batches, QuantType.QUInt8, leave=leave, weight_bits=_WEIGHT_BITS
    )


def _entry(model: bytes) -> list[str]:
    """Names of the first convolution and its activation, which stay float32.

    A convolution of one channel has too few products for integers to pay (0.1 ms a frame on two x86 cores, where int8
    takes 0.2), and its input, the silhouette, has the whole range of a byte.
    """
    nodes = onnx.load_from_string(model).graph.node
    first = next(node for node in nodes if node.op_type == "Conv")
    return [first.name, *(node.name for node in nodes if first.output[0] in node.input)]


def _pooled_first(model: bytes) -> bytes:
    """The same network with each LeakyRelu behind the MaxPool that it stood before: exact, for it keeps the order.

    In integers an activation is a pass of its own over the values, here over a quarter as many.
    """
    network = onnx.load_from_string(model)
    nodes = network.graph.node
    for relu in nodes:
        takers = [node for node in nodes if relu.output[0] in node.input]
        if relu.op_type == "LeakyRelu" and len(takers) == 1 and takers[0].op_type == "MaxPool":
            (pool,) = takers
            relu.op_type, pool.op_type = pool.op_type, relu.op_type
            relu_attributes, pool_attributes = list(relu.attribute), list(pool.attribute)
            del relu.attribute[:], pool.attribute[:]
            relu.attribute.extend(pool_attributes)
            pool.attribute.extend(relu_attributes)
    del network.graph.value_info[:]  # they tell of sizes before the pool still
    onnx.checker.check_model(network)
    return bytes(network.SerializeToString())


def _with_integer_features(frames: bytes) -> tuple[bytes, list[list[onnx.TensorProto]]]:
    """The frame part without its last dequantisations, and for each block of features their scale and zero point."""
    model = onnx.load_from_string(frames)
    graph = model.graph
    producers = {name: node for node in graph.node for name in node.output}
    constants = {tensor.name: tensor for tensor in graph.initializer}
    scales = []
    last = producers[graph.output[0].name]
    for name in last.input if last.op_type == "Concat" else last.output:
        flatten = producers[name]
        dequantise = producers[flatten.input[0]]
        flatten.input[0] = dequantise.input[0]
        scales.append([constants[constant] for constant in dequantise.input[1:3]])
    graph.output[0].type.tensor_type.elem_type = TensorProto.UINT8
    del graph.value_info[:]  # they tell of float features still
    _drop_unused(graph)
    onnx.checker.check_model(model)
    return bytes(model.SerializeToString()), scales


def _from_integer_features(head: bytes, scales: list[list[onnx.TensorProto]]) -> bytes:
    """The head taking uint8 features: each block is dequantised behind the split into blocks."""
    model = onnx.load_from_string(head)
    graph = model.graph
    del graph.value_info[:]
    features = graph.input[0]
    features.type.tensor_type.elem_type = TensorProto.UINT8
    split = next((node for node in graph.node if node.op_type == "Split" and features.name in node.input), None)
    blocks = [features.name] if split is None else list(split.output)
    added = []
    for name, (scale, zero) in zip(blocks, scales, strict=True):
        for node in graph.node:
            node.input[:] = [f"{name}_float" if entry == name and node is not split else entry for entry in node.input]
        for key, tensor in (("scale", scale), ("zero", zero)):
            graph.initializer.append(numpy_helper.from_array(numpy_helper.to_array(tensor), f"{name}_{key}"))
        added.append(helper.make_node("DequantizeLinear", [name, f"{name}_scale", f"{name}_zero"], [f"{name}_float"]))
    rest = [node for node in graph.node if node is not split]
    del graph.node[:]
    graph.node.extend([*([] if split is None else [split]), *added, *rest])
    onnx.checker.check_model(model)
    return bytes(model.SerializeToString())


def _drop_unused(graph: onnx.GraphProto) -> None:
    """Remove nodes whose outputs nobody takes any more."""
    while True:
        used = {name for node in graph.node for name in node.input} | {output.name for output in graph.output}
        idle = [node for node in graph.node if not used.intersection(node.output)]
        if not idle:
            return
        for node in idle:
            graph.node.remove(node)
