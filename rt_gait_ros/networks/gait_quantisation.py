"""The two parts of a streaming network in 8-bit integers for a CPU, calibrated on silhouettes.

Features leave the frame part as uint8: a maximum does not mind a scale, so the set is pooled as exactly as in float32
at a quarter of the memory. Each block of features has a scale of its own, which the head knows.
"""

import logging
import tempfile
from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
from onnx import TensorProto, helper, numpy_helper
from onnxruntime.quantization import CalibrationDataReader, QuantFormat, QuantType, quantize_static

from rt_gait_ros.networks.stream_graphs import StreamParts

_FRAME_OPERATORS = ["Conv", "LeakyRelu", "MaxPool", "Relu", "Add"]
# The separate maps (MatMul) stay float32: they are the embedding's last step, and what it gains has not been measured.
_HEAD_OPERATORS = ["Conv", "LeakyRelu", "MaxPool", "Relu"]


class _Reader(CalibrationDataReader):
    def __init__(self, name: str, batches: Iterable[np.ndarray]) -> None:
        self._batches: Iterator[np.ndarray] = iter(batches)
        self._name = name

    def get_next(self) -> dict[str, np.ndarray] | None:
        """The next calibration input."""
        batch = next(self._batches, None)
        return None if batch is None else {self._name: batch}


def quantise_parts(parts: StreamParts, sets: list[np.ndarray]) -> StreamParts:
    """Both parts with int8 convolutions and uint8 features between them.

    sets: some tens of (S, 64, 64) uint8 sequences as the camera gives them; the ranges of activations are theirs.
    """
    float_frames = onnxruntime.InferenceSession(parts.frames, providers=["CPUExecutionProvider"])
    features = [float_frames.run(None, {"gait_frames": frames})[0] for frames in sets]
    pooled = [block.max(axis=0, keepdims=True) for block in features]
    frames, scales = _with_integer_features(_quantised(parts.frames, _FRAME_OPERATORS, _Reader("gait_frames", sets)))
    head = _quantised(parts.head, _HEAD_OPERATORS, _Reader("features", pooled))
    return StreamParts(frames, _from_integer_features(head, scales))


def quantise_whole(whole: bytes, sets: list[np.ndarray]) -> bytes:
    """The whole-set network with int8 convolutions; sets as for quantise_parts."""
    return _quantised(whole, _FRAME_OPERATORS, _Reader("gait_frames", [frames[None] for frames in sets]))


def _quantised(model: bytes, operators: list[str], reader: CalibrationDataReader) -> bytes:
    with tempfile.TemporaryDirectory() as folder:
        source, target = Path(folder, "model.onnx"), Path(folder, "quantised.onnx")
        source.write_bytes(model)
        # it advises a preparation that the exporter has done already
        logging.disable(logging.WARNING)
        try:
            quantize_static(
                source,
                target,
                reader,
                quant_format=QuantFormat.QDQ,
                op_types_to_quantize=operators,
                per_channel=True,
                activation_type=QuantType.QUInt8,
                weight_type=QuantType.QInt8,
            )
        finally:
            logging.disable(logging.NOTSET)
        return target.read_bytes()


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
