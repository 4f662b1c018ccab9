"""Reading weights from users' checkpoint files, strictly."""

from collections.abc import Mapping
from pathlib import Path

import onnx
import torch
from google.protobuf.message import DecodeError
from torch import Tensor, nn

from rt_gait_ros.errors import UsageError

# How networks.gait_export.WholeSet calls the network inside it.
_SERVED = "network."


class CheckpointError(UsageError):
    """The checkpoint file is unreadable or belongs to another network."""


def read_state(path: Path, key: str | None = None) -> dict[str, Tensor]:
    """The parameters in a PyTorch checkpoint, without a leading "module." that data-parallel training adds.

    key: entry of the file's dictionary that holds them, where there is one. Nothing but tensors is unpickled, so a
    hostile file cannot run code. Raises CheckpointError.
    """
    try:
        content = torch.load(path, map_location="cpu", weights_only=True)
    except FileNotFoundError as error:
        raise CheckpointError(f"{path} is not there: give the path of a checkpoint file") from error
    except Exception as error:  # torch raises a different class for every kind of damage
        raise CheckpointError(f"{path} is not a readable PyTorch checkpoint: {_first_line(error)}") from error
    if key is not None and isinstance(content, Mapping) and key in content:
        content = content[key]
    if not isinstance(content, Mapping) or not all(isinstance(value, Tensor) for value in content.values()):
        raise CheckpointError(f"{path} holds no dictionary of parameters: is it a checkpoint of another program?")
    return {str(name).removeprefix("module."): value for name, value in content.items()}


def read_served_state(model: Path) -> dict[str, Tensor]:
    """The parameters in a model.onnx that `rt-gait export gait` wrote from a network.pth. Raises CheckpointError."""
    try:
        stored = onnx.load(model).graph.initializer
    except (OSError, DecodeError) as error:
        raise CheckpointError(f"{model} is not a readable ONNX file") from error
    own = {entry.name.removeprefix(_SERVED): entry for entry in stored if entry.name.startswith(_SERVED)}
    if not own:
        raise CheckpointError(f"{model} holds no parameters under their names: start from a network.pth")
    return {name: torch.from_numpy(onnx.numpy_helper.to_array(entry).copy()) for name, entry in own.items()}


def load_strictly(network: nn.Module, state: Mapping[str, Tensor], source: str) -> None:
    """Fill the network from the state; every name and shape must be the same.

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
    for name in state:
        if name not in expected:
            raise CheckpointError(f"{source} is of another network: it has '{name}', which this one does not")
    network.load_state_dict(dict(state))


def _first_line(error: Exception) -> str:
    text = str(error).strip()
    return text.splitlines()[0] if text else type(error).__name__
