"""Gait checkpoints to Triton model folders: the whole-set network, and the same network streaming."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import onnxruntime
import torch
from onnx import TensorProto
from torch import Tensor
from tritonclient.grpc.model_config_pb2 import DataType, ModelConfig

from rt_gait_ros.errors import UsageError
from rt_gait_ros.gait.model import FAMILY_PARAMETER
from rt_gait_ros.networks.export import Agreement, agreement, require, to_onnx
from rt_gait_ros.networks.gait_checkpoints import load_gait_network
from rt_gait_ros.networks.set_networks import Centred, SetNetwork
from rt_gait_ros.networks.stream_graphs import StreamParts, WholeSet, feature_type, stateful_graph, stream_parts
from rt_gait_ros.serving.inference import ModelSpec, TensorSpec
from rt_gait_ros.serving.model_folder import NewModel, write_models
from rt_gait_ros.serving.streaming import FRAMES_FILE, HEAD_FILE, WINDOW_PARAMETER
from rt_gait_ros.silhouette.gaitset import SIZE

# The streaming network stands beside the whole-set one under this ending.
STREAM_SUFFIX = "_stream"
# The recogniser's window; GaitSet (AAAI 2019) is trained on sets of this size.
WINDOW = 30
# Sequences that a server keeps at once, and the seconds after which it forgets one that sends nothing.
SEQUENCES, IDLE_SECONDS = 512, 30
# the largest batch of the field's throughput tables (GaitSet's Ascend guide)
MAX_BATCH = 64
# Frames of one whole set, more than two gait cycles at any camera's rate: what GaitSet's Ascend guide exports for.
# Whoever has more chooses that many evenly, so that memory is bounded on the server.
MAX_FRAMES = 100
_TRITON_TYPES: dict[int, int] = {TensorProto.FLOAT: DataType.TYPE_FP32, TensorProto.UINT8: DataType.TYPE_UINT8}


@dataclass(frozen=True, slots=True)
class GaitExport:
    """A set network as a model repository takes it.

    kind: one of kinds.SET_NETWORKS. whole, parts, stateful: the ONNX files. agreement, stream_agreement: of the
    whole set and of streams with the PyTorch network.
    """

    kind: str
    network: SetNetwork
    window: int
    whole: bytes
    parts: StreamParts
    stateful: bytes
    agreement: Agreement
    stream_agreement: Agreement


def read_gait(checkpoint: Path, kind: str | None = None, one_sided: bool = False) -> tuple[str, SetNetwork]:
    """The kind and the filled network of a checkpoint, to be exported.

    one_sided: leave the mirror image of a Centred network out. Raises UsageError where there is none, CheckpointError.
    """
    kind, network = load_gait_network(checkpoint, kind)
    if one_sided:
        if not isinstance(network, Centred):
            raise UsageError(f"{checkpoint} is {kind}, which sees no mirror image: leave --one-sided out")
        network.mirrored = False
    return kind, network


def export_network(kind: str, network: SetNetwork, window: int = WINDOW) -> GaitExport:
    """Export a filled network. window: frames of the stream's sliding window, 0 for a growing set.

    Raises ExportError where the export fails or computes something else than PyTorch.
    """
    whole_network = WholeSet(network).eval()
    generator = torch.Generator().manual_seed(0)
    frames = torch.randint(0, 256, (2, 8, SIZE, SIZE), dtype=torch.uint8, generator=generator)
    whole = to_onnx(whole_network, frames, "gait_frames", ["embedding"], {0: "batch", 1: "frames"})
    parts = stream_parts(network)
    # a window that these few frames pass over is checked; the shipped one differs in a number alone
    streamed = _stream_agreement(whole_network, stateful_graph(parts, min(window, 5)), min(window, 5), frames)
    checked = GaitExport(
        kind,
        network,
        window,
        whole,
        parts,
        stateful_graph(parts, window),
        agreement(whole_network, whole, [frames, frames[:1, :1]]),
        streamed,
    )
    require(checked.agreement)
    require(checked.stream_agreement)
    return checked


def write_gait(
    export: GaitExport,
    repository: Path,
    name: str,
    replace: bool = False,
    threads: int = 1,
    declared: Mapping[str, str] | None = None,
) -> tuple[Path, Path]:
    """Write NAME (whole sets) and NAME_stream into a model repository, and return their folders.

    threads: of ONNX Runtime on a CPU, for each of them. declared: further parameters of both. Raises UsageError.
    """
    embedding = TensorSpec("embedding", "float32", (-1, export.network.parts, export.network.channels))
    parameters = {
        "gait_frame_kind": "silhouette",
        "distance": "euclidean",
        "intra_op_thread_count": str(threads),
        FAMILY_PARAMETER: family_of(export.network),
        **(declared or {}),
    }
    frames = TensorSpec("gait_frames", "uint8", (-1, -1, SIZE, SIZE))
    whole = ModelSpec(name, (frames,), (embedding,), parameters | {"max_frames": str(MAX_FRAMES)})
    stream = ModelSpec(
        name + STREAM_SUFFIX,
        (frames, TensorSpec("answer", "uint8", (-1, 1))),
        (embedding, TensorSpec("frames", "int32", (-1, 1))),
        parameters | _stream_parameters(export.window),
    )
    others = {FRAMES_FILE: export.parts.frames, HEAD_FILE: export.parts.head}
    more = _sequence_batching(export.parts, export.window)
    first, second = write_models(
        repository,
        [
            NewModel(whole, export.whole, MAX_BATCH, more=ModelConfig(dynamic_batching={})),
            NewModel(stream, export.stateful, MAX_BATCH, others, more),
        ],
        replace,
    )
    return first, second


def family_of(network: SetNetwork) -> str:
    """A name for these weights, the same in whatever precision and form they are exported."""
    digest = hashlib.sha256()
    for name, tensor in sorted(network.state_dict().items()):
        digest.update(name.encode() + tensor.detach().cpu().contiguous().numpy().tobytes())
    return digest.hexdigest()[:16]


def _stream_parameters(window: int) -> dict[str, str]:
    # of a sequence longer than the window only the end would count: clients choose that many evenly
    return {WINDOW_PARAMETER: str(window)} | ({"max_frames": str(window)} if window else {})


def _sequence_batching(parts: StreamParts, window: int) -> ModelConfig:
    """What config.pbtxt says of the state: Triton carries it from request to request, zeros at first."""
    count, dtype = feature_type(parts)
    shape = [window, count] if window else [count]
    batching = ModelConfig()
    sequences = batching.sequence_batching
    sequences.max_sequence_idle_microseconds = IDLE_SECONDS * 1_000_000
    # the strategy that joins requests of whichever sequences wait, at once
    sequences.oldest.max_candidate_sequences = SEQUENCES
    for name, kind, dims in (("seen", DataType.TYPE_INT32, [1]), ("state", _TRITON_TYPES[dtype], shape)):
        state = sequences.state.add(input_name=f"{name}_in", output_name=f"{name}_out", data_type=kind, dims=dims)
        state.initial_state.add(name=f"{name}_zero", data_type=kind, dims=dims, zero_data=True)
    return batching


def _stream_agreement(network: WholeSet, model: bytes, window: int, frames: Tensor) -> Agreement:
    """Compare the stateful graph, fed (B, S, 64, 64) frames in requests of several lengths, with whole sets."""
    session = onnxruntime.InferenceSession(model, providers=["CPUExecutionProvider"])
    shapes = {entry.name: [len(frames), *entry.shape[1:]] for entry in session.get_inputs()}
    seen, state = np.zeros(shapes["seen_in"], np.int32), np.zeros(shapes["state_in"], np.float32)
    answer = np.ones((len(frames), 1), np.uint8)
    pairs = []
    ends = (1, 3, 4, frames.shape[1])
    for start, end in zip((0, *ends), ends, strict=False):
        inputs = {"gait_frames": frames[:, start:end].numpy(), "answer": answer, "seen_in": seen, "state_in": state}
        embedding, _, seen, state = session.run(None, inputs)
        with torch.no_grad():
            expected = network(frames[:, max(0, end - window) if window else 0 : end]).numpy()
        pairs.append((expected, embedding))
    return Agreement.of(pairs)
