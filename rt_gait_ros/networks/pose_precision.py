"""An exported pose network in the precision that is asked for, on a CPU, or in the fastest that loses few parts."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import onnxruntime
from onnxruntime.quantization import QuantType
from scipy.optimize import linear_sum_assignment

from rt_gait_ros.errors import UsageError
from rt_gait_ros.evaluation.bench import median_seconds
from rt_gait_ros.networks.precision import BEST_LOSS, PRECISIONS, RUNS, halved
from rt_gait_ros.networks.quantisation import quantise_static
from rt_gait_ros.pose.errors import PoseError
from rt_gait_ros.pose.paf import PafParser
from rt_gait_ros.pose.topology import Topology

# Images of the calibration folder that are used: ranges settle early, and each is computed in every precision.
IMAGES = 100
# Transposed convolutions stay in float: there are four of them, in front of the maps.
_OPERATORS = ["Conv", "Relu", "MaxPool", "Add"]

_NOBODY = (
    "nobody is found in the calibration images, so that nothing tells what is lost: give images of people, or leave "
    "--max-loss out"
)


@dataclass(frozen=True, slots=True)
class PoseVariant:
    """A network in one precision. model: ONNX. loss: share (0..1) of the parts of people that are not found in fp32 and
    here alike, which is on the same person and no more than a cell apart; NaN where nobody is found in fp32. seconds:
    median of one image on this machine with one thread, where several were compared."""

    precision: str
    model: bytes
    loss: float = 0.0
    seconds: float | None = None


def in_precision(
    model: bytes, precision: str, images: Sequence[np.ndarray], topology: Topology, most: float | None = None
) -> tuple[PoseVariant, list[PoseVariant]]:
    """The network in one of PRECISIONS, and all variants that were compared for it.

    model: ONNX, uint8 images to `cmap` and `paf`. images: (1, size, size, 3) uint8 each; fp32 needs none. Every second
    one is for the ranges of int8, and the others, which it was not made by, tell what is lost. topology: what the
    channels are. most: greatest loss allowed; None for any, and for 0.01 with "best". Raises UsageError for a variant
    that loses more, and where a limit is to be kept and nobody is found.
    """
    limit = BEST_LOSS if precision == "best" and most is None else most
    if precision == "fp32":
        variant = PoseVariant(precision, model)
        return variant, [variant]
    ranges, shown = images[::2], images[1::2] or images
    parser = _parser(topology)
    people = _people(model, shown, parser)
    if limit is not None and not any(len(found) for found in people):
        raise UsageError(_NOBODY)

    def variant_in(precision: str) -> PoseVariant:
        if precision == "fp32":
            return PoseVariant(precision, model)
        smaller = halved(model) if precision == "fp16" else in_integers(model, ranges)
        return PoseVariant(precision, smaller, _loss(people, _people(smaller, shown, parser)))

    if precision != "best":
        variant = variant_in(precision)
        if limit is not None and variant.loss > limit:
            raise UsageError(
                f"{precision} loses {100 * variant.loss:.1f} % of the parts in {len(shown)} images, more than the "
                f"{100 * limit:g} % allowed: nothing was written; take another --precision, or a greater --max-loss"
            )
        return variant, [variant]
    assert limit is not None
    made = [variant_in(each) for each in PRECISIONS[:-1]]
    variants = [PoseVariant(each.precision, each.model, each.loss, _seconds(each.model, images[0])) for each in made]
    allowed = [variant for variant in variants if variant.loss <= limit]
    return min(allowed, key=lambda variant: variant.seconds or 0.0), variants


def lost_parts(model: bytes, other: bytes, images: Sequence[np.ndarray], topology: Topology) -> float:
    """Share (0..1) of the parts of people in images that two ONNX networks do not find alike.

    Arguments as of `in_precision`. Raises UsageError where the first finds nobody.
    """
    parser = _parser(topology)
    people = _people(model, images, parser)
    if not any(len(found) for found in people):
        raise UsageError(_NOBODY)
    return _loss(people, _people(other, images, parser))


def in_integers(model: bytes, images: Sequence[np.ndarray]) -> bytes:
    """The network in int8 for a CPU, its ranges by these images. Weights have 7 bits, as those of gait networks: right
    on every x86 processor."""
    return quantise_static(model, _OPERATORS, images, QuantType.QUInt8, weight_bits=7)


def _parser(topology: Topology) -> PafParser:
    """As the pose node reads such a network; a part that is linked to no other is nobody."""
    return PafParser(topology, min_parts=min(2, len(topology.parts)), separate=True, bounded_centroids=True)


def _people(model: bytes, images: Sequence[np.ndarray], parser: PafParser) -> list[np.ndarray]:
    """Of each image: (P, K, 3), x and y in cells of the map, and confidence, 0 for a part that is missing."""
    session, found = _session(model), []
    for image in images:
        cmap, paf = (maps[0] for maps in session.run(["cmap", "paf"], {"image": image}))
        try:
            people = parser(cmap, paf).keypoints
        except PoseError:  # NaN, or peaks everywhere: no maps of people
            people = np.zeros((0, len(cmap), 3), np.float32)
        found.append(people * np.array([cmap.shape[2], cmap.shape[1], 1.0], np.float32))
    return found


def _loss(before: Sequence[np.ndarray], after: Sequence[np.ndarray]) -> float:
    """Of the parts of people as `_people` gives them, of whichever has more: the share that is not in both; NaN where
    nobody is in `before`."""
    kept, counts = 0, [0, 0]
    for first, second in zip(before, after, strict=True):
        counts[0] += int((first[..., 2] > 0).sum())
        counts[1] += int((second[..., 2] > 0).sum())
        # NaN, of a part that is missing, is near nothing
        near = np.abs(first[:, None, :, :2] - second[None, :, :, :2]).max(axis=3) <= 1.0
        alike = near.sum(axis=2)
        kept += int(alike[linear_sum_assignment(alike, maximize=True)].sum())
    return 1.0 - kept / max(counts) if counts[0] else float("nan")


def _seconds(model: bytes, image: np.ndarray) -> float:
    session = _session(model, threads=1)
    return median_seconds(lambda: session.run(None, {"image": image}), RUNS)


def _session(model: bytes, threads: int = 0) -> onnxruntime.InferenceSession:
    """threads: 0 for as many as ONNX Runtime takes."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = threads
    return onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
