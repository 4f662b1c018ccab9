"""Writing a network into a model repository."""

import os
import shutil
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from google.protobuf import text_format
from tritonclient.grpc.model_config_pb2 import DataType, ModelConfig
from tritonclient.utils import np_to_triton_dtype

from rt_gait_ros.errors import UsageError
from rt_gait_ros.serving.inference import ModelSpec, TensorSpec
from rt_gait_ros.serving.repository import CONFIG_FILE, absent_networks, read_model, why_not_there

ENGINE_FILE = "model.plan"


def network_or_file(word: Path, repository: Path) -> Path:
    """The model.onnx of the network that `word` names in a repository, else `word`, which names a file then.

    Raises UsageError for a network whose files have still to be fetched, and for a name of neither.
    """
    served = repository / word / "1" / "model.onnx"
    if served.is_file():
        return served
    if str(word) in absent_networks(repository):
        raise UsageError(why_not_there(repository, str(word), ()))
    if word.name == str(word) and not word.suffix and not word.exists():
        present = sorted(path.parents[1].name for path in repository.glob("*/1/model.onnx"))
        raise UsageError(f"there is no file {word}, and {why_not_there(repository, str(word), present)}")
    return word


def require_free(repository: Path, name: str, replace: bool = False) -> None:
    """Raise UsageError where a network of this name is in the repository, unless it may be replaced, and where nothing
    can be written there, or in the folder that the repository is still to be made in."""
    there = next(folder for folder in (repository, *repository.absolute().parents) if folder.exists())
    if not os.access(there, os.W_OK):
        raise UsageError(
            f"the model repository {repository} cannot be written: name one of yours with --repository, or run this as "
            "its owner"
        )
    if _is_there(target := repository / name) and not replace:
        raise UsageError(f"{target} is there already: choose another --name, or replace it with --force")


@dataclass(frozen=True, slots=True)
class NewModel:
    """An ONNX network to be written.

    spec: tensors with their batch axis first, as clients will see them. others: files to lie beside model.onnx, by
    name; with a model.plan (TensorRT engine) among them a stock Triton serves that. more: of its config.pbtxt.
    """

    spec: ModelSpec
    model: bytes
    max_batch_size: int
    others: Mapping[str, bytes] = field(default_factory=dict)
    more: ModelConfig | None = None


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

    The arguments are the fields of NewModel. Raises UsageError as `write_models`.
    """
    (folder,) = write_models(repository, [NewModel(spec, model, max_batch_size, others or {}, more)], replace)
    return folder


def write_models(repository: Path, models: Sequence[NewModel], replace: bool = False) -> list[Path]:
    """Put networks into a repository, all of them or none, and return their folders.

    Raises UsageError when a name is taken and `replace` is not given, and when a folder cannot be written; whatever
    stood there before is then untouched.
    """
    places = [_Place(repository, model.spec.name) for model in models]
    for place in places:
        place.mend()
        require_free(repository, place.target.name, replace)
    place = places[0]
    try:
        for place, model in zip(places, models, strict=True):
            _write(place.new, model)
        for place in places:
            place.put()
        for place in places:
            read_model(place.target)
    except BaseException as error:  # Ctrl-C as well
        for each in places:
            each.undo()
        if isinstance(error, OSError):
            raise UsageError(f"cannot write {place.target}: {error.strerror}") from error
        raise
    for each in places:
        _remove(each.old)
    return [each.target for each in places]


class _Place:
    """Where a network is to be: `target`; it is made as `new`, and what it replaces is `old` until all is well."""

    def __init__(self, repository: Path, name: str) -> None:
        self.target = repository / name
        self.new, self.old = (repository / f".{name}.{end}" for end in ("new", "old"))
        self._is_put = False

    def mend(self) -> None:
        """Put right what somebody left who was killed here."""
        with suppress(OSError):
            if _is_there(self.old) and not _is_there(self.target):
                self.old.rename(self.target)
        for left in (self.new, self.old):
            _remove(left)

    def put(self) -> None:
        """Raises OSError, after which `undo` is due."""
        if _is_there(self.target):
            self.target.rename(self.old)
        self.new.rename(self.target)
        self._is_put = True

    def undo(self) -> None:
        """What stood there before stands there again."""
        with suppress(OSError):
            if self._is_put:
                self.target.rename(self.new)
            if _is_there(self.old):
                self.old.rename(self.target)
        _remove(self.new)


def _is_there(path: Path) -> bool:
    """A link that leads nowhere is there as well."""
    return path.is_symlink() or path.exists()


def _remove(path: Path) -> None:
    """A folder with what is in it, or a link without what it leads to; nothing where that cannot be done."""
    if path.is_symlink():
        with suppress(OSError):
            path.unlink()
    else:
        shutil.rmtree(path, ignore_errors=True)


def _write(folder: Path, model: NewModel) -> None:
    config = _config(model.spec, model.max_batch_size, "tensorrt" if ENGINE_FILE in model.others else "onnxruntime")
    config.MergeFrom(model.more or ModelConfig())
    (folder / "1").mkdir(parents=True)
    for name, content in {"model.onnx": model.model, **model.others}.items():
        (folder / "1" / name).write_bytes(content)
    (folder / CONFIG_FILE).write_text(text_format.MessageToString(config))


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
