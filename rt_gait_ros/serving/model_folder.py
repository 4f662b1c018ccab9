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


def write_model(repository: Path, spec: ModelSpec, model: bytes, max_batch_size: int, replace: bool = False) -> Path:
    """Put an ONNX network into a repository as `NAME/config.pbtxt` and `NAME/1/model.onnx`, and return its folder.

    spec: tensors with their batch axis first, as clients will see them. Raises UsageError when the name is taken and
    `replace` is not given, and when the folder cannot be written; whatever stood there before is then untouched.
    """
    target = repository / spec.name
    if target.exists() and not replace:
        raise UsageError(f"{target} is there already: choose another --name, or replace it with --force")
    temporary = repository / f".{spec.name}.new"
    try:
        shutil.rmtree(temporary, ignore_errors=True)
        (temporary / "1").mkdir(parents=True)
        (temporary / "1" / "model.onnx").write_bytes(model)
        (temporary / CONFIG_FILE).write_text(text_format.MessageToString(_config(spec, max_batch_size)))
        if target.exists():
            shutil.rmtree(target)
        temporary.rename(target)
    except OSError as error:
        raise UsageError(f"cannot write {target}: {error.strerror}") from error
    read_model(target)
    return target


def _config(spec: ModelSpec, max_batch_size: int) -> ModelConfig:
    config = ModelConfig(
        name=spec.name, backend="onnxruntime", default_model_filename="model.onnx", max_batch_size=max_batch_size
    )
    for tensors, entries in ((spec.inputs, config.input), (spec.outputs, config.output)):
        for tensor in tensors:
            entries.add(name=tensor.name, data_type=_data_type(tensor), dims=tensor.shape[1:])
    for key, value in sorted(_strings(spec.parameters).items()):
        config.parameters[key].string_value = value
    return config


def _data_type(tensor: TensorSpec) -> int:
    return DataType.Value(f"TYPE_{np_to_triton_dtype(np.dtype(tensor.dtype).type)}")


def _strings(parameters: Mapping[str, str]) -> dict[str, str]:
    return {key: str(value) for key, value in parameters.items()}
