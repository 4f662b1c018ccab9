"""Exported gait networks in 8-bit integers, with what that changes in embeddings and rankings beside it."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import onnxruntime
from onnxruntime.quantization import QuantType
from scipy.stats import rankdata

from rt_gait_ros.gallery.distance import distance, distances
from rt_gait_ros.networks.flow_export import FlowExport
from rt_gait_ros.networks.gait_export import GaitExport
from rt_gait_ros.networks.gait_quantisation import quantise_parts, quantise_whole
from rt_gait_ros.networks.quantisation import quantise_static
from rt_gait_ros.networks.stream_graphs import StreamParts, stateful_graph

# Linear layers stay float32 here, too: in integers they would move the descriptor twice as far (random weights).
_FLOW_OPERATORS = ["Conv", "Relu", "MaxPool"]


@dataclass(frozen=True, slots=True)
class Change:
    """What integers change in the embeddings of some sequences, each asked for among all others.

    shift: median distance of a sequence's two embeddings. between: median distance of two sequences in float32.
    nearest: share of sequences (0..1) whose nearest other one stays the same. ranking: mean rank correlation (Spearman)
    of the order in which the others stand.
    """

    shift: float
    between: float
    nearest: float
    ranking: float


def change(exact: np.ndarray, moved: np.ndarray) -> Change:
    """Compare embeddings (N, P, C) of N >= 3 sequences in float32 and in integers."""
    others = ~np.eye(len(exact), dtype=bool)
    tables = [distances(values, values)[others].reshape(len(exact), -1) for values in (exact, moved)]
    ranks = np.stack([rankdata(table, axis=1) for table in tables])
    ranks -= ranks.mean(axis=2, keepdims=True)
    spread = np.linalg.norm(ranks, axis=2).prod(axis=0)
    alike = np.divide(ranks.prod(axis=0).sum(axis=1), spread, out=np.ones_like(spread), where=spread > 0)
    return Change(
        float(np.median(distance(exact, moved))),
        float(np.median(tables[0])),
        float((tables[0].argmin(axis=1) == tables[1].argmin(axis=1)).mean()),
        float(alike.mean()),
    )


def quantise_set_network(export: GaitExport, sets: Sequence[np.ndarray]) -> tuple[GaitExport, dict[str, Change]]:
    """The export with int8 convolutions, and what that changes for "whole" and "stream" on the sets.

    sets: as for quantise_parts, three or more; agreements of the export stay those of its float32 network.
    """
    quantised = set_network_in_integers(export, sets)
    return quantised, compare_set_networks(export, quantised, sets)


def set_network_in_integers(export: GaitExport, sets: Sequence[np.ndarray]) -> GaitExport:
    """The same without a comparison."""
    sets = list(sets)
    parts, whole = quantise_parts(export.parts, sets), quantise_whole(export.whole, sets)
    return replace(export, whole=whole, parts=parts, stateful=stateful_graph(parts, export.window))


def compare_set_networks(exact: GaitExport, other: GaitExport, sets: Sequence[np.ndarray]) -> dict[str, Change]:
    """What another precision changes for "whole" and "stream" on the sets."""
    requests = [frames[None] for frames in sets]
    known = embed_whole(exact.whole, requests)
    return {
        "whole": change(known, embed_whole(other.whole, requests)),
        "stream": change(known, _embed_stream(other.parts, sets)),
    }


def compare_flow_networks(exact: FlowExport, other: FlowExport, windows: Sequence[np.ndarray]) -> dict[str, Change]:
    """What another precision changes for "whole" on the windows."""
    requests = [window[None] for window in windows]
    return {"whole": change(embed_whole(exact.model, requests), embed_whole(other.model, requests))}


def quantise_flow_network(export: FlowExport, windows: Sequence[np.ndarray]) -> tuple[FlowExport, dict[str, Change]]:
    """As quantise_set_network, of a network on flow. windows: (25, 60, 60, 2) int16 each."""
    quantised = flow_network_in_integers(export, windows)
    return quantised, compare_flow_networks(export, quantised, windows)


def flow_network_in_integers(export: FlowExport, windows: Sequence[np.ndarray]) -> FlowExport:
    """The same without a comparison."""
    batches = [window[None] for window in windows]
    # of 7 bits, as the weights of set networks: right on every x86 processor
    model = quantise_static(export.model, _FLOW_OPERATORS, batches, QuantType.QUInt8, weight_bits=7)
    return replace(export, model=model)


def embed_whole(model: bytes, requests: Sequence[np.ndarray]) -> np.ndarray:
    """Embeddings (N, P, C) by an ONNX network of requests (1, S, H, W) or (1, S, H, W, C) of its own type."""
    session = onnxruntime.InferenceSession(model, providers=["CPUExecutionProvider"])
    return np.concatenate([session.run(None, {"gait_frames": frames})[0] for frames in requests])


def _embed_stream(parts: StreamParts, sets: Sequence[np.ndarray]) -> np.ndarray:
    frames, head = (
        onnxruntime.InferenceSession(part, providers=["CPUExecutionProvider"]) for part in (parts.frames, parts.head)
    )
    pooled = [frames.run(None, {"gait_frames": each})[0].max(axis=0, keepdims=True) for each in sets]
    return np.concatenate([head.run(None, {"features": features})[0] for features in pooled])
