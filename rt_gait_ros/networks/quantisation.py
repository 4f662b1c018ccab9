"""Networks in 8-bit integers, after training, as TensorRT and ONNX Runtime both take them."""

import logging
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import onnx
import onnxruntime
from onnxruntime.quantization import CalibrationDataReader, QuantFormat, QuantType, create_calibrator, quantize_static

from rt_gait_ros.errors import UsageError
from rt_gait_ros.image_files import read_image
from rt_gait_ros.networks.export import Agreement

_SUFFIXES = {".bmp", ".jpeg", ".jpg", ".png", ".webp"}
# What TensorRT asks of a quantised ONNX network: symmetric values, a quantise-dequantise pair for each consumer and
# around the weights, and biases left alone (onnxruntime #14229). Transposed convolutions stay as they are: TensorRT
# takes their channels' scales on another axis than ONNX Runtime writes them (TensorRT #2380).
_FOR_TENSORRT = {
    "ActivationSymmetric": True,
    "WeightSymmetric": True,
    "AddQDQPairToWeight": True,
    "DedicatedQDQPair": True,
    "QuantizeBias": False,
}
# Answers that are kept before their ranges are taken together: memory alone depends on it.
_KEPT = 16


def find_images(folder: Path) -> list[Path]:
    """The images of a folder. Raises UsageError when there is none."""
    if not folder.is_dir():
        raise UsageError(f"no calibration images: {folder} is not a folder")
    paths = sorted(path for path in folder.iterdir() if path.suffix.lower() in _SUFFIXES)
    if not paths:
        raise UsageError(f"no calibration images: {folder} holds none; give some hundred of what the camera will see")
    return paths


def read_images(folder: Path, size: int, most: int = 500) -> list[np.ndarray]:
    """Images of a folder, each (1, size, size, 3) uint8 RGB, evenly chosen where there are more than `most`.

    Raises UsageError when there is none or one cannot be read.
    """
    paths = find_images(folder)
    images = []
    for path in paths[:: -(-len(paths) // most)]:
        pixels = read_image(path)
        if pixels is None:
            raise UsageError(f"{path} is not an image: remove it")
        images.append(np.ascontiguousarray(cv2.resize(pixels, (size, size))[None, :, :, ::-1]))
    return images


def quantised(model: bytes, images: Sequence[np.ndarray]) -> bytes:
    """The ONNX network with its convolutions, but for the transposed ones, in int8, as TensorRT takes it.

    images: for the network's one input, with their batch axis; the ranges of values are those that they lead to.
    """
    return quantise_static(model, ["Conv"], images, QuantType.QInt8, _FOR_TENSORRT)


def ranges(model: bytes, images: Iterable[np.ndarray]) -> dict[str, float]:
    """The largest absolute value of each tensor of an ONNX network by name, of those that are not always 0.

    images: as for `quantised`, which takes the largest values as well. This is what a calibration cache of TensorRT
    holds (`rt_gait_ros.serving.calibration_cache`), and no GPU is needed for it.
    """
    name = _session(model).get_inputs()[0].name
    with tempfile.TemporaryDirectory() as folder:
        source = Path(folder, "model.onnx")
        source.write_bytes(model)
        calibrator = create_calibrator(
            source,
            augmented_model_path=str(Path(folder, "augmented.onnx")),
            extra_options={"symmetric": True, "max_intermediate_outputs": _KEPT},
        )
        calibrator.collect_data(_Reader(name, images))
        found = {tensor: float(np.max(data.range_value[1])) for tensor, data in calibrator.compute_data().items()}
    return {tensor: most for tensor, most in found.items() if most > 0}


def tensors(model: bytes) -> set[str]:
    """The names of all tensors of an ONNX network that its inputs and nodes give."""
    graph = onnx.load_from_string(model).graph
    return {each.name for each in graph.input} | {name for node in graph.node for name in node.output}


def quantise_static(
    model: bytes,
    operators: list[str],
    batches: Iterable[np.ndarray],
    activations: QuantType,
    options: dict[str, bool] | None = None,
    *,
    leave: Sequence[str] = (),
    weight_bits: int = 8,
) -> bytes:
    """The ONNX network with those operators in int8, a scale for each channel of the weights, as Q/DQ nodes.

    batches: values of the network's one input, from which the ranges of the activations come. options: ONNX Runtime's.
    leave: names of nodes that stay as they are. weight_bits: 8, or 7 for x86 processors without VNNI: their only fast
    instruction (VPMADDUBSW) adds two products of a uint8 and an int8 in 16 bits, which 8-bit weights overflow.
    """
    name = _session(model).get_inputs()[0].name
    with tempfile.TemporaryDirectory() as folder:
        source, target = Path(folder, "model.onnx"), Path(folder, "quantised.onnx")
        source.write_bytes(model)
        # it advises a preparation that the exporter has done already
        logging.disable(logging.WARNING)
        try:
            quantize_static(
                source,
                target,
                _Reader(name, batches),
                quant_format=QuantFormat.QDQ,
                op_types_to_quantize=operators,
                per_channel=True,
                activation_type=activations,
                weight_type=QuantType.QInt8,
                nodes_to_exclude=list(leave),
                reduce_range=weight_bits == 7,
                extra_options=options,
            )
        finally:
            logging.disable(logging.NOTSET)
        return target.read_bytes()


class _Reader(CalibrationDataReader):
    def __init__(self, name: str, batches: Iterable[np.ndarray]) -> None:
        self._inputs: Iterator[dict[str, Any]] = ({name: batch} for batch in batches)

    def get_next(self) -> dict[str, Any] | None:
        """The next calibration input."""
        return next(self._inputs, None)


def difference(model: bytes, other: bytes, images: Sequence[np.ndarray]) -> Agreement:
    """How far two ONNX networks are apart on the images."""
    sessions = [_session(model), _session(other)]
    name = sessions[0].get_inputs()[0].name
    answers = ([session.run(None, {name: image}) for session in sessions] for image in images)
    return Agreement.of(pair for both in answers for pair in zip(*both, strict=True))


def _session(model: bytes) -> onnxruntime.InferenceSession:
    return onnxruntime.InferenceSession(model, providers=["CPUExecutionProvider"])
