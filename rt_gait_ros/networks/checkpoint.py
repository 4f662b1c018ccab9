"""Reading weights from users' checkpoint files, strictly, and writing such files."""

import io
import re
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import onnx
import torch
from google.protobuf.message import DecodeError
from torch import Tensor, nn

from rt_gait_ros.errors import GaitError, UsageError
from rt_gait_ros.networks.set_networks import slope_buffer
from rt_gait_ros.paths import replace_file

# How networks.gait_export.WholeSet calls the network inside it.
_SERVED = "network."

# How torch names a class or function in a file that it does not unpickle.
_FOREIGN = re.compile(r"GLOBAL ([A-Za-z_][\w.]*)")


class CheckpointError(UsageError):
    """The checkpoint file is unreadable or belongs to another network."""


# Entries of a file's dictionary under which programs keep the parameters: OpenGait, Lightning and many others.
_WRAPPERS = ("model", "state_dict", "model_state_dict", "network")
# What data-parallel training and torch.compile put before every name.
_PREFIXES = ("module.", "_orig_mod.")


def read_state(path: Path) -> dict[str, Tensor]:
    """The parameters in a PyTorch checkpoint, whatever it is wrapped in, and without prefixes of parallel training.

    Nothing but tensors is unpickled, so a hostile file cannot run code. Raises CheckpointError.
    """
    content = _read_tensors(path)
    while isinstance(content, Mapping) and not _is_state(content):
        inner = next((content[key] for key in _WRAPPERS if isinstance(content.get(key), Mapping)), None)
        if inner is None:
            break
        content = inner
    if not isinstance(content, Mapping) or not _is_state(content):
        raise CheckpointError(f"{path} holds no dictionary of parameters: is it a checkpoint of another program?")
    state = {str(name): value for name, value in content.items()}
    while prefix := next((each for each in _PREFIXES if state and all(key.startswith(each) for key in state)), None):
        state = {name.removeprefix(prefix): value for name, value in state.items()}
    return state


def write_state(path: Path, state: Mapping[str, Tensor]) -> None:
    """Write parameters as PyTorch does. The file is whole or what it was before.

    Raises UsageError for a file of another ending, GaitError where it cannot be written.
    """
    if path.suffix not in (".pth", ".ptm", ".pt"):
        raise UsageError(f"{path}: name a file that ends in .ptm or .pth")
    content = io.BytesIO()
    torch.save(dict(state), content)
    try:
        replace_file(path, content.getvalue())
    except OSError as error:
        raise GaitError(f"{path} cannot be written: {error.strerror}") from error


def _is_state(content: Mapping[Any, Any]) -> bool:
    return all(isinstance(value, Tensor) for value in content.values())


def _read_tensors(path: Path) -> Any:
    """What torch.load gives. Its own messages are not passed on: they tell how to run what a file holds."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of TorchScript, which is refused below
            return torch.load(path, map_location="cpu", weights_only=True)
    except FileNotFoundError as error:
        raise CheckpointError(f"{path} is not there: give the path of a checkpoint file") from error
    except OSError as error:
        raise CheckpointError(f"{path} cannot be read: {error.strerror or error}") from error
    except Exception as error:  # torch raises a different class for every kind of damage
        if found := _FOREIGN.search(str(error)):
            raise CheckpointError(
                f"{path} holds {found[1]} beside parameters and is refused, since reading that can run a program: "
                "save the network's state_dict() alone"
            ) from None
        if "TorchScript" in str(error):
            raise CheckpointError(f"{path} is a TorchScript program: save the network's state_dict() instead") from None
        raise CheckpointError(
            f"{path} is not a readable PyTorch checkpoint: it is damaged, or of another kind"
        ) from None


def read_served_state(model: Path) -> dict[str, Tensor]:
    """The parameters in a model.onnx that `rt-gait export gait` wrote from a network.pth. Raises CheckpointError.

    LeakyReLU's slope is among them as "slope", where it is not GaitSet's.
    """
    try:
        graph = onnx.load(model).graph
    except FileNotFoundError as error:
        raise CheckpointError(f"{model} is not there: give the path of a checkpoint file") from error
    except (OSError, DecodeError) as error:
        raise CheckpointError(f"{model} is not a readable ONNX file") from error
    own = {entry.name.removeprefix(_SERVED): entry for entry in graph.initializer if entry.name.startswith(_SERVED)}
    if not own:
        raise CheckpointError(
            f"{model} holds no parameters under their names: name a network.pth, or a network of ours without _stream"
        )
    state = {name: torch.from_numpy(onnx.numpy_helper.to_array(entry).copy()) for name, entry in own.items()}
    leaky = (node.attribute for node in graph.node if node.op_type == "LeakyRelu")
    slopes = {round(one.f, 6) for attributes in leaky for one in attributes if one.name == "alpha"}
    if len(slopes) == 1 and (slope := slope_buffer(slopes.pop())) is not None:
        state["slope"] = slope
    return state


def load_strictly(network: nn.Module, state: Mapping[str, Tensor], source: str) -> None:
    """Fill the network from the state; every name and shape must be the same, and every number finite.

    Raises CheckpointError that names the first layer that differs, in the order of the network.
    """
    expected = network.state_dict()
    for name, value in expected.items():
        if name not in state:
            raise CheckpointError(f"{source} is of another network: it has no '{name}' {tuple(value.shape)}")
        if state[name].shape != value.shape:
            raise CheckpointError(
                f"{source} is of another network: '{name}' is {tuple(state[name].shape)}, not {tuple(value.shape)}"
            )
        require_finite(state[name], name, source)
    for name in state:
        if name not in expected:
            raise CheckpointError(f"{source} is of another network: it has '{name}', which this one does not")
    network.load_state_dict(dict(state))


def require_finite(values: Tensor, name: str, source: str) -> None:
    """Raise CheckpointError for parameters that are NaN or infinite, as a training that diverged leaves them."""
    if not values.isfinite().all():
        raise CheckpointError(f"{source} is useless: '{name}' holds NaN or infinite values; its training diverged")
