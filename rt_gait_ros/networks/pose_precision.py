"""An exported pose network in the precision that is asked for, on a CPU, or in the fastest that moves few parts."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import onnxruntime
from onnxruntime.quantization import QuantType

from rt_gait_ros.errors import UsageError
from rt_gait_ros.evaluation.bench import median_seconds
from rt_gait_ros.networks.precision import BEST_LOSS, PRECISIONS, RUNS, halved
from rt_gait_ros.networks.quantisation import quantise_static
from rt_gait_ros.pose.paf import PafParser

# Images of the calibration folder that are used: ranges settle early, and each is computed in every precision.
IMAGES = 100
# Transposed convolutions stay in float: there are four of them, in front of the maps.
_OPERATORS = ["Conv", "Relu", "MaxPool", "Add"]


@dataclass(frozen=True, slots=True)
class PoseVariant:
    """A network in one precision. model: ONNX. loss: share (0..1) of the parts seen in the calibration images whose
    highest place on the confidence map lies more than a cell from that in fp32; NaN where no part is seen. seconds:
    median of one image on this machine with one thread, where several were compared."""

    precision: str
    model: bytes
    loss: float = 0.0
    seconds: float | None = None


def in_precision(
    model: bytes, precision: str, images: Sequence[np.ndarray], most: float | None = None
) -> tuple[PoseVariant, list[PoseVariant]]:
    """The network in one of PRECISIONS, and all variants that were compared for it.

    model: ONNX, uint8 images to `cmap` and `paf`. images: (1, size, size, 3) uint8 each; fp32 needs none. most:
    greatest loss allowed; None for any, and for 0.01 with "best". Raises UsageError for a variant that loses more, and
    where a limit is to be kept and no part is seen.
    """
    limit = BEST_LOSS if precision == "best" and most is None else most
    places = _places(model, images)
    if limit is not None and precision != "fp32" and not any(seen.any() for _, seen in places):
        raise UsageError(
            "no part of anybody is seen in the calibration images, so that nothing tells what is lost: give images of "
            "people, or leave --max-loss out"
        )
    if precision != "best":
        variant = _variant(model, precision, images, places)
        if limit is not None and variant.loss > limit:
            raise UsageError(
                f"{precision} moves {100 * variant.loss:.1f} % of the parts in {len(images)} images, more than the "
                f"{100 * limit:g} % allowed: nothing was written; take another --precision, or a greater --max-loss"
            )
        return variant, [variant]
    assert limit is not None
    made = [_variant(model, each, images, places) for each in PRECISIONS[:-1]]
    variants = [PoseVariant(each.precision, each.model, each.loss, _seconds(each.model, images[0])) for each in made]
    allowed = [variant for variant in variants if variant.loss <= limit]
    return min(allowed, key=lambda variant: variant.seconds or 0.0), variants


def in_integers(model: bytes, images: Sequence[np.ndarray]) -> bytes:
    """The network in int8 for a CPU, its ranges by these images. Weights have 7 bits, as those of gait networks: right
    on every x86 processor."""
    return quantise_static(model, _OPERATORS, images, QuantType.QUInt8, weight_bits=7)


_Places = list[tuple[np.ndarray, np.ndarray]]  # of each image: highest cell (parts, 2) of each map, and if it is a part


def _variant(model: bytes, precision: str, images: Sequence[np.ndarray], places: _Places) -> PoseVariant:
    if precision == "fp32":
        return PoseVariant(precision, model)
    smaller = halved(model) if precision == "fp16" else in_integers(model, images)
    moved: list[bool] = []
    for (cells, seen), (found, _) in zip(places, _places(smaller, images), strict=True):
        moved += (np.abs(cells - found).max(axis=1) > 1)[seen].tolist()
    return PoseVariant(precision, smaller, float(np.mean(moved)) if moved else float("nan"))


def _places(model: bytes, images: Sequence[np.ndarray]) -> _Places:
    session, found = _session(model), []
    for image in images:
        (maps,) = session.run(["cmap"], {"image": image})[0]
        flat = maps.reshape(len(maps), -1)
        cells = np.stack(np.unravel_index(flat.argmax(axis=1), maps.shape[1:]), axis=1)
        found.append((cells, flat.max(axis=1) >= PafParser.threshold))
    return found


def _seconds(model: bytes, image: np.ndarray) -> float:
    session = _session(model, threads=1)
    return median_seconds(lambda: session.run(None, {"image": image}), RUNS)


def _session(model: bytes, threads: int = 0) -> onnxruntime.InferenceSession:
    """threads: 0 for as many as ONNX Runtime takes."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = threads
    return onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
