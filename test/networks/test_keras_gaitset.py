"""Embedded-Gait's GaitSet files, generated: names, numbers and order as Keras 2 writes them."""

import json

import h5py
import numpy as np
import pytest
import torch

from rt_gait_ros.errors import UsageError
from rt_gait_ros.networks.checkpoint import CheckpointError
from rt_gait_ros.networks.gait_checkpoints import load_gait_network
from rt_gait_ros.networks.keras_gaitset import is_keras_gaitset
from rt_gait_ros.networks.pruned_gaitset import INPUTS, PrunedGaitSet, gaitset_convolutions, part_halves
from rt_gait_ros.networks.set_networks import GaitSet
from rt_gait_ros.training.pruning import load_prunable, prune

# Layer names in the order in which they stand in the file, with the convolution that each is.
WRAPPED = [
    ("time_distributed", "set_layer1"), ("time_distributed_2", "set_layer2"), ("time_distributed_5", "set_layer3"),
    ("conv2d_2", "gl_layer1"), ("time_distributed_7", "set_layer4"), ("conv2d_3", "gl_layer2"),
    ("time_distributed_10", "set_layer5"), ("conv2d_6", "gl_layer3"), ("time_distributed_12", "set_layer6"),
    ("conv2d_7", "gl_layer4"), ("mat_mul", None),
]  # fmt: skip
UNROLLED = [
    ("conv2d", "set_layer1"), ("conv2d_1", "set_layer2"), ("conv2d_4", "set_layer3"), ("conv2d_5", "set_layer4"),
    ("conv2d_2", "gl_layer1"), ("conv2d_3", "gl_layer2"), ("conv2d_8", "set_layer5"), ("conv2d_9", "set_layer6"),
    ("conv2d_6", "gl_layer3"), ("conv2d_7", "gl_layer4"), ("encode", None),
]  # fmt: skip


@pytest.fixture
def gaitset():
    torch.manual_seed(4)
    return GaitSet(width=4, slope=0.3).eval()


def weights(network):
    """(rows, columns, in, out) of every convolution, and the separate maps under None."""
    if isinstance(network, GaitSet):
        convolutions, maps = gaitset_convolutions(network), network.fc_bin[0]
    else:
        convolutions, maps = dict(network.convolutions.items()), torch.zeros(62, *network.fc_frames.shape[1:])
        for places, values in zip(part_halves(), (network.fc_frames, network.fc_branch), strict=True):
            maps[places] = values.detach()
    kernels = {name: layer.weight.detach().permute(2, 3, 1, 0).numpy() for name, layer in convolutions.items()}
    return kernels | {None: maps.detach().numpy()}


def write(path, layers, values, slope=0.3, whole_model=True, classifier=False):
    """As model.save(path) does, or as model.save_weights(path), which says nothing of slopes."""
    entries = [(name, {f"{name}/kernel:0" if of else "MatMul_kernel[56]:0": values[of]}) for name, of in layers]
    if classifier:
        entries.append(("dense", {"dense/kernel:0": np.zeros((8, 3), "f"), "dense/bias:0": np.zeros(3, "f")}))
    with h5py.File(path, "w") as file:
        root = file.create_group("model_weights") if whole_model else file
        root.attrs["layer_names"] = [name.encode() for name, _ in [("input_1", {}), *entries]]
        root.create_group("input_1").attrs["weight_names"] = np.zeros(0, "S1")
        for name, members in entries:
            group = root.create_group(name)
            group.attrs["weight_names"] = [member.encode() for member in members]
            for member, value in members.items():
                group[member] = value
        if whole_model:
            leaky = {"class_name": "LeakyReLU", "config": {"name": "leaky_re_lu", "alpha": slope}}
            wrapped = {"class_name": "TimeDistributed", "config": {"name": "time_distributed_1", "layer": leaky}}
            file.attrs["model_config"] = json.dumps(
                {"class_name": "Functional", "config": {"layers": [leaky, wrapped]}}
            )
    return path


@pytest.mark.parametrize("layers", [WRAPPED, UNROLLED], ids=["wrapped", "unrolled"])
@pytest.mark.parametrize("whole_model", [True, False])
@pytest.mark.parametrize("classifier", [True, False])
def test_both_layouts_give_the_network(gaitset, tmp_path, layers, whole_model, classifier):
    path = write(tmp_path / "model-state-1300.hdf5", layers, weights(gaitset), 0.3, whole_model, classifier)
    assert is_keras_gaitset(path)
    kind, network = load_gait_network(path)
    silhouettes = torch.rand(2, 3, 64, 44)
    with torch.no_grad():
        assert (kind, type(network)) == ("keras-gaitset", GaitSet)
        assert torch.equal(network(silhouettes), gaitset(silhouettes))


def test_the_slope_is_the_files(gaitset, tmp_path):
    path = write(tmp_path / "model.hdf5", WRAPPED, weights(gaitset), slope=0.1)
    assert load_gait_network(path)[1].slope_below_zero == pytest.approx(0.1)


def test_a_pruned_file_gives_the_narrow_network(tmp_path):
    widths = dict.fromkeys(INPUTS, 8) | {"set_layer1": 1, "set_layer3": 5, "gl_layer1": 7, "gl_layer3": 3}
    torch.manual_seed(2)
    narrow = PrunedGaitSet({name: torch.arange(width) for name, width in widths.items()}, 0.3).eval()
    for maps in (narrow.fc_frames, narrow.fc_branch):
        torch.nn.init.normal_(maps)
    path = write(tmp_path / "model_gaitset_without_83_filters.h5", UNROLLED, weights(narrow))
    kind, network = load_gait_network(path)
    silhouettes = torch.rand(2, 3, 64, 44)
    with torch.no_grad():
        assert (kind, type(network)) == ("keras-gaitset", PrunedGaitSet)
        assert torch.equal(network(silhouettes), narrow(silhouettes))


def test_it_is_pruned_like_any_other(gaitset, tmp_path):
    pruned = prune(*load_prunable(write(tmp_path / "model.hdf5", WRAPPED, weights(gaitset))), 0.2)
    assert pruned.kind == "pruned-gaitset"
    torch.save(pruned.network.state_dict(), tmp_path / "pruned.ptm")
    _, read = load_gait_network(tmp_path / "pruned.ptm")
    silhouettes = torch.rand(1, 3, 64, 44)
    with torch.no_grad():
        assert torch.equal(read(silhouettes), pruned.network(silhouettes))


@pytest.mark.parametrize(
    ("spoil", "says"),
    [
        (lambda v: v.update({"gl_layer2": v["gl_layer2"][..., :-1]}), r"'conv2d_3/kernel' is \(3, 3, 8, 7\), not"),
        (lambda v: v.update({"set_layer5": v["set_layer5"][:1]}), "'conv2d_8/kernel' is"),
        (lambda v: v.update({None: v[None][:, :-1]}), "'encode/kernel' is"),
        (lambda v: v.update({None: np.full_like(v[None], np.nan)}), "'encode/kernel' holds NaN"),
    ],
)
def test_the_first_layer_that_differs_is_named(gaitset, tmp_path, spoil, says):
    values = weights(gaitset)
    spoil(values)
    with pytest.raises(CheckpointError, match=says):
        load_gait_network(write(tmp_path / "model.hdf5", UNROLLED, values))


def test_files_of_other_networks_are_refused(gaitset, tmp_path):
    values = weights(gaitset)
    with pytest.raises(CheckpointError, match="6 convolutions of frames and 3 others"):
        load_gait_network(
            write(tmp_path / "short.hdf5", [layer for layer in WRAPPED if layer[0] != "conv2d_6"], values)
        )
    with pytest.raises(CheckpointError, match="0 layers of separate maps"):
        load_gait_network(write(tmp_path / "headless.hdf5", WRAPPED[:-1], values))
    assert not is_keras_gaitset(tmp_path / "headless.hdf5")
    with pytest.raises(UsageError, match="not a readable PyTorch checkpoint"):
        load_gait_network(write(tmp_path / "model.hdf5", WRAPPED, values), "gaitset")
