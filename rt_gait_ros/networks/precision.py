"""An exported gait network in the precision that is asked for, or in the fastest that loses no more than allowed."""

import logging
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Generic, TypeVar

import numpy as np
import onnx
import onnxruntime

from rt_gait_ros.errors import UsageError
from rt_gait_ros.evaluation.bench import median_seconds
from rt_gait_ros.networks.flow_export import FlowExport
from rt_gait_ros.networks.gait_export import GaitExport
from rt_gait_ros.networks.gait_integers import (
    Change,
    compare_flow_networks,
    compare_set_networks,
    quantise_flow_network,
    quantise_set_network,
)
from rt_gait_ros.networks.stream_graphs import StreamParts, stateful_graph

PRECISIONS = ("fp32", "fp16", "int8", "best")
# Runs of which the median decides between variants, and the greatest loss of the one that is chosen, if none is said.
RUNS, BEST_LOSS = 5, 0.01

Export = TypeVar("Export", GaitExport, FlowExport)


@dataclass(frozen=True, slots=True)
class Variant(Generic[Export]):
    """An export in one precision. changes: by what it differs from fp32, nothing for fp32 itself. seconds: median of
    one sequence on this machine with one thread, where several were compared."""

    precision: str
    export: Export
    changes: dict[str, Change]
    seconds: float | None = None

    @property
    def loss(self) -> float:
        """Share (0..1) of sequences whose nearest other one is another than in fp32: the worse of whole and stream."""
        return max((1.0 - changed.nearest for changed in self.changes.values()), default=0.0)


def in_precision(
    export: Export, precision: str, sets: Sequence[np.ndarray], most: float | None = None
) -> tuple[Variant[Export], list[Variant[Export]]]:
    """The export in one of PRECISIONS, and all variants that were compared for it.

    sets: sequences as for quantise_set_network or quantise_flow_network; fp32 needs none. most: greatest loss allowed;
    None for any, and for 0.01 with "best". Raises UsageError for a variant that loses more.
    """
    if precision != "best":
        variant = _variant(export, precision, sets)
        if most is not None and variant.loss > most:
            raise UsageError(
                f"{precision} changes the nearest of {100 * variant.loss:.1f} % of {len(sets)} sequences, more than "
                f"the {100 * most:g} % allowed: nothing was written; take another --precision, or a greater --max-loss"
            )
        return variant, [variant]
    limit = BEST_LOSS if most is None else most
    variants = []
    for each in PRECISIONS[:-1]:
        variant = _variant(export, each, sets)
        variants.append(replace(variant, seconds=_seconds(variant.export, sets[0])))
    allowed = [variant for variant in variants if variant.loss <= limit]
    return min(allowed, key=lambda variant: variant.seconds or 0.0), variants


def _variant(export: Export, precision: str, sets: Sequence[np.ndarray]) -> Variant[Export]:
    if precision == "fp32":
        return Variant(precision, export, {})
    if isinstance(export, GaitExport):
        if precision == "int8":
            return Variant(precision, *quantise_set_network(export, sets))
        parts = StreamParts(halved(export.parts.frames), halved(export.parts.head))
        stateful = stateful_graph(parts, export.window)
        smaller = replace(export, whole=halved(export.whole), parts=parts, stateful=stateful)
        return Variant(precision, smaller, compare_set_networks(export, smaller, sets))
    if precision == "int8":
        return Variant(precision, *quantise_flow_network(export, sets))
    half = replace(export, model=halved(export.model))
    return Variant(precision, half, compare_flow_networks(export, half, sets))


def halved(model: bytes) -> bytes:
    """The ONNX network with its weights and arithmetic in float16; its inputs and outputs stay as they are."""
    from onnxruntime.transformers.float16 import convert_float_to_float16

    # it tells of every constant that is nearer to zero than float16 goes
    logging.disable(logging.WARNING)
    try:
        smaller = convert_float_to_float16(onnx.load_from_string(model), keep_io_types=True, disable_shape_infer=False)
    finally:
        logging.disable(logging.NOTSET)
    _sort(smaller.graph)
    return bytes(smaller.SerializeToString())


def _sort(graph: onnx.GraphProto) -> None:
    """Put each node behind those whose outputs it takes: the conversion adds its casts at the end."""
    made = {entry.name for entry in (*graph.input, *graph.initializer)} | {""}
    waiting, ordered = list(graph.node), []
    while waiting:
        ready = next(node for node in waiting if made.issuperset(node.input))
        waiting.remove(ready)
        ordered.append(ready)
        made.update(ready.output)
    del graph.node[:]
    graph.node.extend(ordered)


def _seconds(export: GaitExport | FlowExport, frames: np.ndarray) -> float:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    model = export.whole if isinstance(export, GaitExport) else export.model
    session = onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
    item = {"gait_frames": frames[None]}
    return median_seconds(lambda: session.run(None, item), RUNS)
