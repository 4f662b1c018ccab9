"""ONNX files of other programs as networks of a model repository: tensors are read, and the file stays as it is."""

from dataclasses import dataclass, field
from math import prod
from pathlib import Path

import numpy as np
import onnxruntime
from tritonclient.grpc.model_config_pb2 import ModelConfig

from rt_gait_ros.errors import UsageError
from rt_gait_ros.gait.adapter import PARAMETERS
from rt_gait_ros.gait.embedder import read_embedding
from rt_gait_ros.gait.model import GaitModel
from rt_gait_ros.serving.inference import InferenceError, ModelSpec, TensorSpec
from rt_gait_ros.serving.model_folder import write_model
from rt_gait_ros.serving.session import OnnxSession
from rt_gait_ros.silhouette.kinds import GAIT_FRAME_KINDS

MAX_BATCH = 32
_KNOWN = (*PARAMETERS, "gait_frame_kind", "min_frames", "max_frames", "intra_op_thread_count")
# ONNX Runtime's names of element types that gait networks take and give
_TYPES = {"float": "float32", "float16": "float16", "uint8": "uint8", "int16": "int16", "int32": "int32"}


@dataclass(frozen=True, slots=True)
class ForeignNetwork:
    """A gait network as another program exported it. model: the file's bytes. fixed_batch: 0, or the only batch."""

    spec: ModelSpec
    model: bytes
    fixed_batch: int
    description: GaitModel


@dataclass(frozen=True, slots=True)
class _Form:
    """Shapes that say which gait frames a network takes. shape: of the input, 0 for the batch, -1 for the frames."""

    kind: str
    shape: tuple[int, ...]
    layout: str
    parameters: dict[str, str] = field(default_factory=dict)


_CUT = {"gait_frames_columns": "10:54"}  # OpenGait's and GaitSet's 64x44 of 64x64
# Silhouettes as GaitSet's Ascend guide and OpenGait export them, flow as Embedded-Gait and rt_gait_edge do.
_FORMS = (
    _Form("silhouette", (0, -1, 64, 44), "B S H W", _CUT),
    _Form("silhouette", (0, -1, 64, 64), "B S H W"),
    _Form("silhouette", (0, 1, -1, 64, 44), "B C S H W", _CUT),
    _Form("silhouette", (0, 1, -1, 64, 64), "B C S H W"),
    _Form("silhouette", (0, -1, 64, 44, 1), "B S H W C", _CUT),
    _Form("silhouette", (0, -1, 1, 64, 44), "B S C H W", _CUT),
    _Form("skeleton", (0, -1, 64, 44, 2), "B S H W C"),
    _Form("skeleton", (0, 2, -1, 64, 44), "B C S H W"),
    _Form("flow", (0, 50, 60, 60), "B (S C) H W"),
    _Form("flow", (0, 60, 60, 50), "B H W (S C)"),
    _Form("flow", (0, 25, 60, 60, 2), "B S H W C"),
    _Form("flow", (0, 2, 25, 60, 60), "B C S H W"),
)
# Of values that a network takes as floating point: bytes to 0..1; hundredths of a pixel to pixels.
_SCALES = {"silhouette": "1/255", "skeleton": "1/255", "flow": "1/100"}


def read_foreign(path: Path, name: str, parameters: dict[str, str]) -> ForeignNetwork:
    """Describe an ONNX file by its tensors.

    parameters: of gait/adapter.py, and gait_frame_kind, where the user says what the tensors cannot. Raises UsageError
    for a file that is no gait network, or of which too little is known, with what to say.
    """
    if unknown := [key for key in parameters if key not in _KNOWN]:
        raise UsageError(f"there is no parameter {unknown[0]}: there are {', '.join(_KNOWN)}")
    try:
        model = path.read_bytes()
    except OSError as error:
        raise UsageError(f"{path} cannot be read: {error.strerror}") from None
    try:
        session = onnxruntime.InferenceSession(model, providers=["CPUExecutionProvider"])
    except Exception as error:  # ONNX Runtime has a class for each way in which a file can be broken
        raise UsageError(f"{path} is no ONNX network: {' '.join(str(error).split())}") from None
    inputs = tuple(_spec(path, entry) for entry in session.get_inputs())
    outputs = tuple(_spec(path, entry) for entry in session.get_outputs())
    if len(inputs) != 1:
        raise UsageError(f"{path} takes {', '.join(tensor.name for tensor in inputs)}: only one tensor can be fed")
    (frames,) = inputs
    embedding = _embedding(path, outputs, parameters)
    found = _form(frames) | _output(path, embedding) | parameters
    if "gait_frame_kind" not in found:
        raise UsageError(
            f"{path} takes {frames.name} {list(frames.shape)}, which is no known form of gait frames: say "
            "gait_frame_kind and gait_frames_layout with --declare"
        )
    found = {"distance": "euclidean", "intra_op_thread_count": "1", **found}
    batch = max(frames.shape[0], 0)
    spec = ModelSpec(name, inputs, outputs, found)
    try:
        description = GaitModel.from_spec(spec)
        _try(path, spec, description)
    except InferenceError as error:
        raise UsageError(f"{path}: {error}") from None
    return ForeignNetwork(spec, model, batch, description)


def write_foreign(network: ForeignNetwork, repository: Path, replace: bool = False) -> Path:
    """Write NAME into a model repository, and return its folder. Raises UsageError."""
    if network.fixed_batch:
        # the batch is part of the dims, as of every network that is written for one
        return write_model(repository, network.spec, network.model, 0, replace)
    more = ModelConfig(dynamic_batching={})
    return write_model(repository, network.spec, network.model, MAX_BATCH, replace, more=more)


def _spec(path: Path, entry: onnxruntime.NodeArg) -> TensorSpec:
    element = entry.type.removeprefix("tensor(").removesuffix(")")
    if element not in _TYPES or not entry.shape:
        raise UsageError(f"{path}: {entry.name} is {entry.type}{entry.shape}, which no gait network takes or gives")
    return TensorSpec(
        entry.name, _TYPES[element], tuple(size if isinstance(size, int) and size > 0 else -1 for size in entry.shape)
    )


def _form(frames: TensorSpec) -> dict[str, str]:
    """Parameters of the first form that the input has."""
    for form in _FORMS:
        if len(form.shape) == len(frames.shape) and all(
            wanted < 1 or size == wanted for size, wanted in zip(frames.shape, form.shape, strict=True)
        ):
            known = GAIT_FRAME_KINDS[form.kind]
            length = -1
            if "S" in form.layout.split():
                length = frames.shape[form.layout.split().index("S")]
            floating = frames.dtype.startswith("float")
            return {
                "gait_frame_kind": form.kind,
                "gait_frames_tensor": frames.name,
                "gait_frames_layout": form.layout,
                **form.parameters,
                **({"gait_frames_scale": _SCALES[form.kind]} if floating else {}),
                **({"gait_frames_fill": "repeat"} if length > 0 and np.dtype(known.dtype) == np.uint8 else {}),
            }
    return {"gait_frames_tensor": frames.name}


def _embedding(path: Path, outputs: tuple[TensorSpec, ...], parameters: dict[str, str]) -> TensorSpec:
    named = [tensor for tensor in outputs if tensor.name == parameters.get("embedding_tensor", "embedding")]
    if named or len(outputs) == 1:
        return (named or list(outputs))[0]
    listed = ", ".join(f"{tensor.name} {list(tensor.shape)}" for tensor in outputs)
    raise UsageError(f"{path} gives {listed}: say which is the embedding, with --declare embedding_tensor=NAME")


def _output(path: Path, embedding: TensorSpec) -> dict[str, str]:
    found = {"embedding_tensor": embedding.name}
    if len(embedding.shape) == 2:
        return found | {"embedding_layout": "B C", "embedding_normalise": "l2"}
    if len(embedding.shape) != 3:
        return found
    # GaitSet gives 62 parts of 256 channels, OpenGait's networks 256 channels of 16 or 64 parts
    opengait = 0 < embedding.shape[2] < embedding.shape[1]
    return found | {"embedding_layout": "B C P" if opengait else "B P C"}


def _try(path: Path, spec: ModelSpec, model: GaitModel) -> None:
    """Have the network embed a grey walk. Raises InferenceError."""
    session = OnnxSession(path, spec, 1)
    kind = GAIT_FRAME_KINDS[model.gait_frame_kind]
    frames = np.arange(model.min_frames * prod(kind.shape)).reshape(model.min_frames, *kind.shape) % 200
    read_embedding(session.run(model.adapter.request(frames.astype(kind.dtype))), model)
