"""Keras's .hdf5 files, and those of the flow networks: 2D-CNN and 3D-CNN of Embedded-Gait, whole or factorised."""

import contextlib
import io
import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import torch
from torch import nn

from rt_gait_ros.errors import UsageError
from rt_gait_ros.networks.checkpoint import CheckpointError, require_finite
from rt_gait_ros.networks.flow_networks import NETWORKS, FlowNetwork
from rt_gait_ros.networks.kinds import FLOW_NETWORKS
from rt_gait_ros.paths import replace_file

# Keras's LeakyReLU where nothing else is said.
KERAS_SLOPE = 0.3
# How the weights of the separate maps of Embedded-Gait's GaitSet are called, before a random number.
MAPS = "MatMul_kernel"
# The layer that gives the descriptor of the networks on flow.
_DESCRIPTOR = "code_1"

# Keras numbers layers without a name of their own: conv2d, conv2d_1, ... from wherever the session stood.
_AUTOMATIC = {nn.Conv2d: "conv2d", nn.Conv3d: "conv3d", nn.Linear: "dense"}


@dataclass(frozen=True, slots=True)
class KerasLayer:
    """A layer with weights. kernel: as Keras keeps it, (rows, columns, in, out) or (in, out). bias: (out,) or None.

    group: the model's own layer that it is in or is: a wrapper's name, as time_distributed, or a branch's.
    """

    name: str
    kernel: np.ndarray
    bias: np.ndarray | None
    group: str


def read_layers(path: Path) -> list[KerasLayer]:
    """All layers with weights in a Keras file (model.save or save_weights, .hdf5), in Keras's order.

    Raises CheckpointError where it is not there, not HDF5, or not Keras's.
    """
    with _opened(path) as root:
        return list(_layers(root, str(path)))


def weight_names(path: Path) -> list[str]:
    """Names of all weights in a Keras file. Raises CheckpointError."""
    with _opened(path) as root:
        groups = (root.get(name) for name in _texts(root.attrs["layer_names"]))
        return [name for group in groups if group is not None for name in _texts(group.attrs.get("weight_names", ()))]


def leaky_slopes(path: Path) -> set[float]:
    """Slopes of all LeakyReLU layers, as far as the file describes its layers; save_weights's files do not."""
    with _opened(path) as root:
        described = root.file.attrs.get("model_config", "{}")
    try:
        return set(_slopes(json.loads(described)))
    except (ValueError, TypeError, AttributeError, RecursionError) as error:
        raise CheckpointError(f"{path} is damaged: its model_config does not describe layers") from error


def _slopes(described: Any) -> Iterator[float]:
    parts = described.values() if isinstance(described, dict) else described if isinstance(described, list) else ()
    if isinstance(described, dict) and described.get("class_name") == "LeakyReLU":
        config = described.get("config", {})
        yield round(float(config.get("alpha", config.get("negative_slope", KERAS_SLOPE))), 6)
    for part in parts:
        yield from _slopes(part)


@contextlib.contextmanager
def _opened(path: Path) -> Iterator[h5py.Group]:
    """The group of a Keras file that holds the layers. Raises CheckpointError."""
    if not path.is_file():
        raise CheckpointError(f"{path} is not there: give the path of a checkpoint file")
    try:
        with h5py.File(path, "r") as file:
            root = file.get("model_weights", file)
            if "layer_names" not in root.attrs:
                raise CheckpointError(f"{path} has no layer_names: it is not a Keras model")
            yield root
    except OSError as error:  # h5py's own messages end with the name of a C function
        raise CheckpointError(f"{path} is not a readable HDF5 file: is it whole?") from error


def _layers(root: h5py.Group, source: str) -> Iterator[KerasLayer]:
    weights: dict[str, dict[str, np.ndarray]] = {}
    for group_name in _texts(root.attrs["layer_names"]):
        group = root.get(group_name)
        if not isinstance(group, h5py.Group) or "weight_names" not in group.attrs:
            raise CheckpointError(f"{source} is damaged: it names the layer '{group_name}' and does not have it")
        for name in _texts(group.attrs["weight_names"]):
            if not isinstance(group.get(name), h5py.Dataset):
                raise CheckpointError(f"{source} is damaged: it names the weights '{name}' and does not have them")
            # "conv2d/kernel:0", also with the enclosing model's name in front; "MatMul_kernel[56]:0" of a layer's own
            *path, layer, kind = name.split(":")[0].split("/") if "/" in name else (group_name, name.split(":")[0])
            kind = "kernel" if kind.startswith(MAPS) else kind
            weights.setdefault("/".join([group_name, *path, layer]), {})[kind] = np.asarray(group[name])
    for full_name, kinds in weights.items():
        group_name, name = full_name.partition("/")[0], full_name.rpartition("/")[2]
        if not {"kernel"} <= set(kinds) <= {"kernel", "bias"}:
            raise CheckpointError(f"{source} is of another network: '{name}' has {', '.join(kinds)}, not kernel, bias")
        for kind, values in kinds.items():
            require_finite(torch.from_numpy(values), f"{name}/{kind}", source)
        yield KerasLayer(name, kinds["kernel"], kinds.get("bias"), group_name)


def _texts(names: Iterable[Any]) -> list[str]:
    return [name.decode() if isinstance(name, bytes) else str(name) for name in names]


def load_flow_network(checkpoint: Path, kind: str | None = None) -> tuple[str, FlowNetwork]:
    """One of FLOW_NETWORKS and the filled network of a Keras file.

    kind: what it must be; None to tell by its convolutions. Networks whose filters were pruned away have their widths
    from the file; kernels and the order of layers are fixed. Raises CheckpointError naming the first layer that
    differs.
    """
    if kind is not None and kind not in FLOW_NETWORKS:
        raise UsageError(f"unknown flow network '{kind}': choose one of {', '.join(FLOW_NETWORKS)}")
    layers = read_layers(checkpoint)
    source = str(checkpoint)
    if kind is None:
        kind = _kind_of_first(layers[0].kernel.shape if layers else ())
    network = _empty(kind, layers, source)
    with torch.no_grad():
        for (_, module), layer in zip(network.layers, layers, strict=True):
            fill(module, layer, source)
    return kind, network.eval()


def _kind_of_first(kernel: tuple[int, ...]) -> str:
    """The network whose first convolution has such a kernel: over rows and columns, over time too, or with time for a
    convolution of its own."""
    if len(kernel) != 5:
        return "flow2d"
    return "flow3d-factorised" if kernel[0] == 1 else "flow3d"


def _empty(kind: str, layers: list[KerasLayer], source: str) -> FlowNetwork:
    """The network with as many filters as the file's layers have."""
    expected = _names(kind)
    for name, layer in zip(expected, layers, strict=False):
        if not _is_named(layer.name, name):
            raise CheckpointError(f"{source} is of another network: it has '{layer.name}' where {kind} has '{name}'")
    if len(layers) not in (len(expected) - 1, len(expected)):  # the classifier may be left out
        what = f"no '{expected[len(layers)]}'" if len(layers) < len(expected) else f"'{layers[len(expected)].name}'"
        raise CheckpointError(f"{source} is of another network: it has {what} after {len(layers)} layers")
    out = [layer.kernel.shape[-1] for layer in layers]
    classes = out.pop() if len(layers) == len(expected) else 0
    return NETWORKS[kind].of_widths(out, classes)


def _names(kind: str) -> list[str]:
    """Keras's names of the layers, those it numbers without their number."""
    made = NETWORKS[kind]
    network = made.of_widths((1,) * (made.DEPTH + len(made.LINEAR)), 1)
    return [name or _AUTOMATIC[type(layer)] for name, layer in network.layers]


def _is_named(found: str, expected: str) -> bool:
    stem, _, number = found.rpartition("_")
    if expected == _DESCRIPTOR and found == "code":
        return True  # so the authors' program calls it where the branch is unrolled, to be pruned
    return found == expected or (expected in _AUTOMATIC.values() and stem == expected and number.isdecimal())


def fill(module: nn.Conv2d | nn.Conv3d | nn.Linear, layer: KerasLayer, source: str) -> None:
    """A layer's weights into PyTorch's. Raises CheckpointError where they do not fit.

    Keras keeps (window..., in, out) and (in, out), PyTorch (out, in, window...) and (out, in).

    All channels meet in one cell before the first linear layer: flattening them has one order only.
    """
    wanted = (*module.weight.shape[2:], module.weight.shape[1], module.weight.shape[0])
    if layer.kernel.shape != wanted:
        raise CheckpointError(
            f"{source} is of another network: '{layer.name}/kernel' is {layer.kernel.shape}, not {wanted}"
        )
    if layer.bias is not None and layer.bias.shape != (wanted[-1],):
        raise CheckpointError(
            f"{source} is of another network: '{layer.name}/bias' is {layer.bias.shape}, not {(wanted[-1],)}"
        )
    if (layer.bias is None) != (module.bias is None):
        raise CheckpointError(
            f"{source} is of another network: '{layer.name}' has {'no' if layer.bias is None else 'a'} bias"
        )
    axes = (layer.kernel.ndim - 1, layer.kernel.ndim - 2, *range(layer.kernel.ndim - 2))
    module.weight.copy_(torch.from_numpy(np.ascontiguousarray(layer.kernel.transpose(axes), np.float32)))
    if module.bias is not None:
        module.bias.copy_(torch.from_numpy(np.ascontiguousarray(layer.bias, np.float32)))


def write_flow_network(path: Path, network: FlowNetwork) -> None:
    """Write a network's weights as Keras's save_weights does, for `load_flow_network` and for Keras itself.

    The file is whole or what it was before. Raises OSError.
    """
    replace_file(path, flow_network_bytes(network))


def flow_network_bytes(network: FlowNetwork) -> bytes:
    """What `write_flow_network` writes."""
    content = io.BytesIO()
    with h5py.File(content, "w") as file:
        _fill_file(file, network)
    return content.getvalue()


def _fill_file(file: h5py.File, network: FlowNetwork) -> None:
    names = []
    for number, (name, module) in enumerate(network.layers):
        stem = name or f"{_AUTOMATIC[type(module)]}_{number}"
        names.append(stem)
        window = range(2, module.weight.ndim)
        kernel = module.weight.detach().permute(*window, 1, 0)
        bias = torch.zeros(len(module.weight)) if module.bias is None else module.bias.detach()
        group = file.create_group(stem)
        for kind, values in (("kernel", kernel), ("bias", bias)):
            group.create_dataset(f"{stem}/{kind}:0", data=values.float().cpu().numpy())
        group.attrs["weight_names"] = [f"{stem}/kernel:0".encode(), f"{stem}/bias:0".encode()]
    file.attrs["layer_names"] = [name.encode() for name in names]
    file.attrs["backend"] = b"tensorflow"
