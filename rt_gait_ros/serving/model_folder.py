"""Writing a network into a model repository."""

import shutil
from collections.abc import Mapping
from pathlib import Path

import numpy as np
from google.protobuf import text_format
from tritonclient.grpc.model_config_pb2 import DataType, ModelConfig
from tritonclient.utils import np_to_triton_dtype

from rt_gait_ros.errors import UsageError
from rt_gait_ros.serving.inference import ModelSpec, TensorSpec
from rt_gait_ros.serving.repository import CONFIG_FILE, read_model

ENGINE_FILE = "model.plan"


def require_free(repository: Path, name: str, replace: bool = False) -> None:
    """Raise UsageError where a network of this name is in the repository, unless it may be replaced."""
    if (target := repository / name).exists() and not replace:
        raise UsageError(f"{target} is there already: choose another --name, or replace it with --force")


def write_model(
    repository: Path,
    spec: ModelSpec,
    model: bytes,
    max_batch_size: int,
    replace: bool = False,
    others: Mapping[str, bytes] | None = None,
    more: ModelConfig | None = None,
) -> Path:
    """Put an ONNX network into a repository as `NAME/config.pbtxt` and `NAME/1/model.onnx`, and return its folder.

    spec: tensors with their batch axis first, as clients will see them. others: files to lie beside model.onnx, by
    name; with a model.plan (TensorRT engine) among them a stock Triton serves that. Raises UsageError when the name is
    taken and `replace` is not given, and when the folder cannot be written; whatever stood there before is then
    untouched.
    """
    files = {"model.onnx": model, **(others or {})}
    target = repository / spec.name
    require_free(repository, spec.name, replace)
    temporary = repository / f".{spec.name}.new"
    config = _config(spec, max_batch_size, "tensorrt" if ENGINE_FILE in files else "onnxruntime")
    config.MergeFrom(more or ModelConfig())
    try:
        shutil.rmtree(temporary, ignore_errors=True)
        (temporary / "1").mkdir(parents=True)
        for name, content in files.items():
            (temporary / "1" / name).write_bytes(content)
        (temporary / CONFIG_FILE).write_text(text_format.MessageToString(config))
        if target.exists():
            shutil.rmtree(target)
        temporary.rename(target)
    except OSError as error:
        raise UsageError(f"cannot write {target}: {error.strerror}") from error
    read_model(target)
    return target


def _config(spec: ModelSpec, max_batch_size: int, backend: str) -> ModelConfig:
    config = ModelConfig(
        name=spec.name,
        backend=backend,
        default_model_filename=ENGINE_FILE if backend == "tensorrt" else "model.onnx",
        max_batch_size=max_batch_size,
    )
    for tensors, entries in ((spec.inputs, config.input), (spec.outputs, config.output)):
        for tensor in tensors:
            entries.add(name=tensor.name, data_type=_data_type(tensor), dims=tensor.shape[1:])
    for key, value in sorted(spec.parameters.items()):
        config.parameters[key].string_value = value
    return config


def _data_type(tensor: TensorSpec) -> int:
    return DataType.Value(f"TYPE_{np_to_triton_dtype(np.dtype(tensor.dtype).type)}")
