"""The model repository: one folder per network, described by its config.pbtxt alone.

Here it is read and checked, and turned into what a server that has only the Python backend can serve.
"""

import logging
import shutil
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
from google.protobuf import text_format
from tritonclient.grpc.model_config_pb2 import DataType, ModelConfig, ModelInstanceGroup
from tritonclient.utils import triton_to_np_dtype

from rt_gait_ros.errors import UsageError
from rt_gait_ros.serving.inference import ModelSpec, TensorSpec
from rt_gait_ros.serving.network_files import ADVICE, listed_files

CONFIG_FILE = "config.pbtxt"
# Triton's stub starts an isolated Python that ignores PYTHONPATH, where the server's environment has our sys.path.
_BACKEND_SCRIPT = """\
import os
import sys

sys.path[:0] = os.environ["PYTHONPATH"].split(os.pathsep)
from rt_gait_ros.serving.python_backend import TritonPythonModel
"""
# Triton's backends that are understood here, the platforms that are their older names, and the files they serve.
_PLATFORMS = {"onnxruntime_onnx": "onnxruntime", "tensorrt_plan": "tensorrt"}
_MODEL_FILES = {"onnxruntime": "model.onnx", "tensorrt": "model.plan"}
# Triton's ONNX Runtime backend reads this parameter; so does our Python backend, for the same purpose.
_THREADS_PARAMETER = "intra_op_thread_count"

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class RepositoryModel:
    """One checked network of a repository. folder: holds config.pbtxt; model_file: what the newest version serves."""

    config: ModelConfig
    folder: Path
    model_file: Path

    @cached_property
    def spec(self) -> ModelSpec:
        """Tensors with their batch axis, and the free-form parameters, as a server describes them."""
        return spec_from_config(self.config)

    @property
    def onnx_file(self) -> Path | None:
        """What runs without a stock Triton: the served file, or the model.onnx beside a TensorRT engine, if there."""
        if _backend(self.config) != "tensorrt":
            return self.model_file
        path = self.model_file.with_name(_MODEL_FILES["onnxruntime"])
        return path if path.is_file() else None

    @property
    def streams(self) -> bool:
        """Whether it keeps a state from request to request (see rt_gait_ros.serving.streaming)."""
        return bool(self.config.HasField("sequence_batching"))

    @property
    def threads(self) -> int:
        """Threads that ONNX Runtime uses for one inference on a CPU."""
        return int(self.spec.parameters.get(_THREADS_PARAMETER, "1"))


def read_repository(folder: Path) -> dict[str, RepositoryModel]:
    """Every network of a repository by name, without those of which a listed file has still to be fetched.

    Raises UsageError naming the first thing that is wrong.
    """
    if not folder.is_dir():
        raise UsageError(f"no model repository: {folder} is not a folder")
    folders = sorted(path for path in folder.iterdir() if path.is_dir() and not path.name.startswith("."))
    if not folders:
        raise UsageError(f"the model repository {folder} is empty: it needs a folder with a {CONFIG_FILE} per network")
    absent = absent_networks(folder)
    if absent.issuperset(path.name for path in folders):
        raise UsageError(f"the networks of {folder} are not there: {ADVICE} brings them")
    return {path.name: read_model(path) for path in folders if path.name not in absent}


def absent_networks(folder: Path) -> set[str]:
    """Networks of a repository that have to be fetched: a listed file that their config.pbtxt needs is not there.

    A network of the user's own in the place of one of the release may lack parts that only that one has.
    Raises UsageError (the list).
    """
    missing = (name for name in listed_files(folder) if not (folder / name).is_file())
    return {network for network, _, file in (name.partition("/") for name in missing) if _needs(folder / network, file)}


def _needs(folder: Path, file: str) -> bool:
    """Whether a network needs VERSION/FILE: what it serves, or, if it keeps a state, a part that lies beside that."""
    try:
        config = read_config(folder)
    except UsageError:
        return True
    path, served = folder / file, _served_file(folder, config)
    return path == served or (path.parent == served.parent and config.HasField("sequence_batching"))


def why_not_there(folder: Path, name: str, present: Iterable[str]) -> str:
    """What to say of a network that `read_repository` does not give."""
    if name in absent_networks(folder):
        return f"network '{name}' is not there: {ADVICE} brings it into {folder}"
    return f"no network '{name}' in {folder}: it holds {', '.join(present)}"


def read_model(folder: Path) -> RepositoryModel:
    """Read and check one network's folder. Raises UsageError when a server could not serve it."""
    config = read_config(folder)
    return RepositoryModel(config, folder, _newest_model_file(folder, config))


def read_config(folder: Path) -> ModelConfig:
    """Read and check one network's description, whether its files are there or not. Raises UsageError."""
    path = folder / CONFIG_FILE
    try:
        config = text_format.Parse(path.read_text(encoding="utf-8"), ModelConfig())
    except FileNotFoundError:
        raise UsageError(f"{path} is not there: every network of a model repository needs one") from None
    except (OSError, UnicodeDecodeError, text_format.ParseError) as error:
        raise UsageError(f"{path} cannot be read: {' '.join(str(error).split())}") from None
    if config.name != folder.name:
        raise UsageError(f'{path} says name: "{config.name}", but its folder is "{folder.name}": make them equal')
    if not config.input or not config.output:
        raise UsageError(f"{path} names no {'input' if not config.input else 'output'}: describe every tensor")
    for tensor in (*config.input, *config.output):
        if not tensor.name or not tensor.dims or _numpy_dtype(tensor.data_type) is None:
            raise UsageError(f'{path}: tensor "{tensor.name}" needs a name, dims and a numeric data_type')
    threads = config.parameters[_THREADS_PARAMETER].string_value if _THREADS_PARAMETER in config.parameters else "1"
    if not threads.isdecimal():
        raise UsageError(f'{path}: parameter {_THREADS_PARAMETER} is "{threads}", not a whole number')
    return config


def spec_from_config(config: ModelConfig) -> ModelSpec:
    """What clients are told about a model, from its Triton configuration."""
    batch = (-1,) if config.max_batch_size > 0 else ()

    def tensors(entries) -> tuple[TensorSpec, ...]:  # type: ignore[no-untyped-def]  # protobuf's repeated field
        return tuple(
            TensorSpec(entry.name, str(_numpy_dtype(entry.data_type)), (*batch, *entry.dims)) for entry in entries
        )

    parameters = {key: value.string_value for key, value in config.parameters.items()}
    return ModelSpec(config.name, tensors(config.input), tensors(config.output), parameters)


def link_repository(source: Path, target: Path, networks: Collection[str]) -> None:
    """Make `target` (replaced if there) a repository of links to the named networks of `source`."""
    shutil.rmtree(target, ignore_errors=True)
    target.mkdir(parents=True)
    for name in networks:
        (target / name).symlink_to((source / name).resolve())


def write_python_repository(source: Path, target: Path, networks: Collection[str] = ()) -> list[str]:
    """Write the repository `source` to `target` (replaced if there) for a server that has only the Python backend.

    networks: the ones that are written; none named: all. Returns the names of those that it can serve.

    Each network keeps its name, tensors, batching and parameters; its script runs ONNX Runtime on the linked file. A
    network that is a TensorRT engine alone is left out, and a warning says so.
    Raises UsageError when `source` is not a good repository, or holds nothing but such engines.
    """
    present = read_repository(source)
    files = {name: (model, model.onnx_file) for name, model in present.items() if not networks or name in networks}
    if all(file is None for _, file in files.values()):
        raise UsageError(f"{source} holds TensorRT engines alone: put each network's model.onnx beside its model.plan")
    shutil.rmtree(target, ignore_errors=True)
    for name, (model, file) in files.items():
        if file is None:
            _log.warning(
                "model '%s' is a TensorRT engine alone, which this server cannot run: left out; put its model.onnx "
                "beside %s",
                name,
                model.model_file,
            )
            continue
        version = target / name / "1"
        version.mkdir(parents=True)
        (target / name / CONFIG_FILE).write_text(text_format.MessageToString(_python_variant(model.config)))
        (version / "model.onnx").symlink_to(file.resolve())
        for part in sorted(file.parent.glob("*.onnx")):
            if part != file:
                (version / part.name).symlink_to(part.resolve())
        (version / "model.py").write_text(_BACKEND_SCRIPT)
    return [name for name, (_, file) in files.items() if file is not None]


def _python_variant(config: ModelConfig) -> ModelConfig:
    variant = ModelConfig()
    variant.CopyFrom(config)
    variant.backend = "python"
    variant.ClearField("platform")
    variant.ClearField("default_model_filename")
    variant.ClearField("instance_group")
    variant.instance_group.add(count=_instances(config), kind=ModelInstanceGroup.KIND_CPU)
    if variant.HasField("sequence_batching"):
        # the script keeps the state itself, and joins sequences with different numbers of new frames
        variant.sequence_batching.ClearField("state")
        for tensor in variant.input:
            tensor.allow_ragged_batch = True
    return variant


def _instances(config: ModelConfig) -> int:
    """Processes of a network on the embedded server: what its instance_group says, else one.

    One is the default because ONNX Runtime's own threads are the parallelism, and each process has its own copy of the
    network. What this server cannot follow (a GPU, rate limits) is said.
    """
    count = sum(max(1, group.count) for group in config.instance_group) or 1
    for group in config.instance_group:
        followed = ModelInstanceGroup(name=group.name, kind=group.kind, count=group.count)
        if group != followed or group.kind not in (ModelInstanceGroup.KIND_AUTO, ModelInstanceGroup.KIND_CPU):
            _log.warning(
                "model '%s' has an instance_group of %s: the embedded server has the CPU alone, and runs it in %d "
                "process%s there",
                config.name,
                " ".join(text_format.MessageToString(group).split()),
                count,
                "" if count == 1 else "es",
            )
    return count


def _backend(config: ModelConfig) -> str:
    return str(config.backend or _PLATFORMS.get(config.platform, ""))


def _newest_model_file(folder: Path, config: ModelConfig) -> Path:
    backend = _backend(config)
    if backend not in _MODEL_FILES:
        raise UsageError(
            f'{folder / CONFIG_FILE} says backend: "{backend}": only "onnxruntime" and "tensorrt" models can be served'
        )
    path = _served_file(folder, config)
    if folder.name in absent_networks(folder.parent):
        raise UsageError(why_not_there(folder.parent, folder.name, ()))
    if not path.is_file():
        raise UsageError(f"{path} is not there: fetch the repository anew, or put the network's file there")
    if path.stat().st_size == 0:
        raise UsageError(f"{path} is empty: fetch the repository anew, or put the network's file there")
    return path


def _served_file(folder: Path, config: ModelConfig) -> Path:
    """What the newest version serves, whether it is there or not."""
    versions = [path for path in folder.iterdir() if path.is_dir() and path.name.isdecimal()]
    newest = max(versions, key=lambda path: int(path.name), default=folder / "1")
    return newest / (config.default_model_filename or _MODEL_FILES.get(_backend(config), "model.onnx"))


def _numpy_dtype(data_type: int) -> np.dtype | None:
    name = DataType.Name(data_type).removeprefix("TYPE_")
    dtype = triton_to_np_dtype(name)
    return None if dtype is None or dtype is np.object_ else np.dtype(dtype)
