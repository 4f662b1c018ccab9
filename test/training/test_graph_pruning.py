"""Networks with residual sums, dense blocks and attention: the narrow one computes what the whole does with zeros."""

import copy

import numpy as np
import pytest
import torch
from torch import nn

from rt_gait_ros.errors import UsageError
from rt_gait_ros.networks.checkpoint import CheckpointError
from rt_gait_ros.networks.gait_checkpoints import load_gait_network
from rt_gait_ros.networks.pose_export import load_pose_network
from rt_gait_ros.networks.set_networks import GaitBase
from rt_gait_ros.networks.trt_pose import trt_pose_network
from rt_gait_ros.training.graph_pruning import norms_of
from rt_gait_ros.training.pruning import prune, write_pruned


def gaitbase():
    torch.manual_seed(2)
    network = GaitBase(3).eval()
    _unlike(network)
    return network


def pose(name):
    torch.manual_seed(2)
    network = trt_pose_network(name).eval()
    _unlike(network)
    return network


def _unlike(network):
    """Filters of every layer around the same strength, so that all layers lose some, and statistics that count."""
    for module in network.modules():
        if isinstance(module, nn.Conv2d | nn.ConvTranspose2d):
            norms = norms_of(module)
            wanted = 1 + torch.rand(len(norms))
            shape = (1, -1, 1, 1) if isinstance(module, nn.ConvTranspose2d) else (-1, 1, 1, 1)
            module.weight.data *= (wanted / norms).view(shape)
        if isinstance(module, nn.BatchNorm2d):
            module.running_mean.normal_(std=0.1)
            module.running_var.uniform_(0.001, 0.01)
            module.bias.data.normal_(std=0.1)


NETWORKS = {
    "gaitbase": (gaitbase, lambda: torch.rand(1, 2, 64, 44)),
    "resnet18_baseline_att": (lambda: pose("resnet18_baseline_att"), lambda: torch.rand(1, 3, 64, 64)),
    "densenet121_baseline_att": (lambda: pose("densenet121_baseline_att"), lambda: torch.rand(1, 3, 64, 64)),
}


def answers(network, example):
    with torch.no_grad():
        found = network(example)
    return found if isinstance(found, tuple) else (found,)


@pytest.mark.parametrize(
    "kind",
    [pytest.param(kind, marks=[pytest.mark.slow] if kind.startswith("densenet") else []) for kind in NETWORKS],
)
def test_filters_are_gone_from_every_layer_and_the_file_is_read_back(kind, tmp_path):
    make, example = NETWORKS[kind]
    network = make()
    before = copy.deepcopy(network.state_dict())
    pruned = prune(kind, network, 0.3)
    assert 0.2 * sum(pruned.filters.values()) < pruned.removed < 0.4 * sum(pruned.filters.values())
    assert pruned.parameters == sum(p.numel() for p in pruned.network.parameters()) < 0.75 * pruned.parameters_before
    assert all(torch.equal(value, before[name]) for name, value in network.state_dict().items()), "it was changed"
    shapes = [tuple(value.shape) for value in answers(network, example())]
    assert [tuple(value.shape) for value in answers(pruned.network, example())] == shapes
    write_pruned(tmp_path / "pruned.pth", pruned)
    load = load_gait_network if kind == "gaitbase" else load_pose_network
    found, again = load(tmp_path / "pruned.pth")
    assert found == kind
    item = example()
    for one, other in zip(answers(pruned.network, item), answers(again, item), strict=True):
        np.testing.assert_allclose(one, other, atol=1e-6)
    state = torch.load(tmp_path / "pruned.pth", weights_only=True)
    del state["pruned"]
    torch.save(state, tmp_path / "unmarked.pth")
    with pytest.raises(CheckpointError, match="is of another network"):
        load(tmp_path / "unmarked.pth")


@pytest.mark.parametrize("kind", ["gaitbase", "resnet18_baseline_att"])
def test_what_is_left_computes_what_the_whole_does_with_those_filters_zero(kind):
    make, example = NETWORKS[kind]
    network, item = make(), example()
    pruned = prune(kind, network, 0.3)
    before = answers(network, item)
    silence(network, pruned.network)
    zeroed = answers(network, item)
    for one, other, whole in zip(answers(pruned.network, item), zeroed, before, strict=True):
        np.testing.assert_allclose(one, other, atol=1e-4 * float(other.abs().max()))
        assert not torch.allclose(other, whole, atol=1e-3 * float(whole.abs().max())), "the filters did something"


def silence(network, pruned):
    """Set to zero what the other lacks: filters of convolutions, scale and shift of the normalisation behind them."""
    left = dict(pruned.named_modules())
    for name, module in network.named_modules():
        if isinstance(module, nn.BatchNorm2d):
            gone = missing(module.running_mean, left[name].running_mean)
            module.weight.data[gone] = module.bias.data[gone] = 0.0
        elif isinstance(module, nn.Conv2d) and module.bias is not None and len(module.bias) != len(left[name].bias):
            gone = missing(module.bias.data, left[name].bias.data)
            module.weight.data[gone] = module.bias.data[gone] = 0.0


def missing(whole, kept):
    """Which of `whole`'s values, all of them different, are not among `kept`."""
    return torch.nonzero(~torch.isin(whole, kept)).flatten()


@pytest.mark.parametrize("share", [0.0, 1.0, -0.1, float("nan")])
def test_a_percentile_is_above_0_and_below_100(share):
    with pytest.raises(UsageError, match="above 0 and below 100"):
        prune("gaitbase", gaitbase(), share)
