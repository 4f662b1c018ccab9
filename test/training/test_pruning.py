import numpy as np
import pytest
import torch

from rt_gait_ros.errors import GaitError, UsageError
from rt_gait_ros.networks.checkpoint import read_served_state
from rt_gait_ros.networks.flow_networks import FactorisedFlowNet3D, FlowNet2D, FlowNet3D, example_frames
from rt_gait_ros.networks.gait_checkpoints import load_gait_network
from rt_gait_ros.networks.gait_export import export_network, write_gait
from rt_gait_ros.networks.keras_checkpoints import load_flow_network
from rt_gait_ros.networks.pruned_gaitset import gaitset_convolutions
from rt_gait_ros.networks.set_networks import CentredGaitSet, GaitSet, slope_of
from rt_gait_ros.serving.onnx_client import OnnxClient
from rt_gait_ros.training.pruning import prune, strongest, write_pruned


@pytest.mark.parametrize(
    ("kind", "make", "removed"),
    [("flow2d", FlowNet2D, 132), ("flow3d", FlowNet3D, 198), ("gaitset", GaitSet, 83)],
)
def test_ten_percent_are_the_counts_of_embedded_gait(kind, make, removed):
    torch.manual_seed(0)
    pruned = prune(kind, make(), 0.1)
    assert pruned.removed == removed
    left = sum(parameter.numel() for parameter in pruned.network.parameters())
    assert pruned.parameters == left < pruned.parameters_before


def test_one_line_is_drawn_through_all_layers_and_none_loses_everything():
    norms = {"a": torch.tensor([5.0, 1.0, 9.0, 2.0]), "b": torch.tensor([0.3, 0.4]), "c": torch.arange(10.0, 14.0)}
    kept = strongest(norms, 0.35)  # the line is at 3.35 of 0..9, between 2 and 5
    assert {name: filters.tolist() for name, filters in kept.items()} == {"a": [0, 2], "b": [1], "c": [0, 1, 2, 3]}


@pytest.fixture(params=["plain", "steeper", "centred"])
def gaitset(request):
    """A narrow GaitSet whose layers lose different channels."""
    torch.manual_seed(3)
    if request.param == "plain":
        return GaitSet(width=8).eval()
    if request.param == "steeper":
        return GaitSet(width=8, slope=0.3).eval()
    network = CentredGaitSet(width=8).eval()
    network.prior.normal_(std=0.05)
    return network


@pytest.mark.parametrize("share", [0.1, 0.45])
def test_gaitset_gives_what_it_gives_with_those_filters_zero(gaitset, share):
    pruned = prune("gaitset", gaitset, share)
    silhouettes = torch.rand(2, 3, 64, 44)
    with torch.no_grad():
        before = gaitset(silhouettes)
        for name, convolution in gaitset_convolutions(gaitset).items():
            kept = getattr(pruned.network.kept, name)
            gone = np.setdiff1d(np.arange(len(convolution.weight)), kept)
            convolution.weight[gone] = 0.0
            assert pruned.kept[name] == len(convolution.weight) - len(gone)
        zeroed = gaitset(silhouettes)
        np.testing.assert_allclose(pruned.network(silhouettes), zeroed, atol=1e-5)
        assert not torch.allclose(before, zeroed, atol=1e-3), "the filters did something"


@pytest.mark.parametrize(
    ("kind", "network"),
    [
        ("flow2d", lambda: FlowNet2D((8, 12, 8, 6), 16, 12, 10, 3)),
        ("flow3d", lambda: FlowNet3D((6, 8, 8, 6, 6, 6), 12, 10, 3)),
        ("flow3d-factorised", lambda: FactorisedFlowNet3D((6, 8, 8, 6, 6, 6, 8, 6, 6, 8, 6), 12, 10, 3)),
    ],
)
def test_networks_on_flow_give_what_they_give_with_those_filters_zero(kind, network, tmp_path):
    torch.manual_seed(5)
    whole = network().eval()
    pruned = prune(kind, whole, 0.3)
    frames = example_frames(2)
    with torch.no_grad():
        norms = {f"conv{n + 1}": c.weight.abs().flatten(1).sum(1) for n, c in enumerate(whole.convolutions)}
        for convolution, kept in zip(whole.convolutions, strongest(norms, 0.3).values(), strict=True):
            gone = np.setdiff1d(np.arange(len(convolution.weight)), kept)
            convolution.weight[gone] = 0.0
            convolution.bias[gone] = 0.0
        np.testing.assert_allclose(pruned.network(frames), whole(frames), atol=1e-5)
        write_pruned(tmp_path / "pruned.hdf5", pruned)
        found, read = load_flow_network(tmp_path / "pruned.hdf5")
        assert found == kind
        np.testing.assert_array_equal(read.eval()(frames), pruned.network(frames))
        np.testing.assert_array_equal(read.logits(frames), pruned.network.logits(frames))


@pytest.mark.slow
@pytest.mark.parametrize("gaitset", ["steeper", "centred"], indirect=True)
def test_zeroed_filters_do_what_removed_ones_do_and_are_read_as_the_whole_network(gaitset, tmp_path):
    removed, zeroed = prune("gaitset", gaitset, 0.3), prune("gaitset", gaitset, 0.3, keep_widths=True)
    assert zeroed.kept == removed.kept
    assert zeroed.zeroed
    assert not removed.zeroed
    assert not prune("gaitset", gaitset, 1e-6).zeroed  # nothing went
    write_pruned(tmp_path / "zeroed.ptm", zeroed)
    kind, read = load_gait_network(tmp_path / "zeroed.ptm")
    assert kind in ("gaitset", "centred-gaitset")
    silhouettes = torch.rand(2, 3, 64, 44)
    with torch.no_grad():
        np.testing.assert_allclose(read(silhouettes), removed.network(silhouettes), atol=1e-5)
    assert prune(kind, read, 0.4).removed > removed.removed, "it can be pruned further"
    with pytest.raises(UsageError, match="flow2d cannot keep its widths"):
        prune("flow2d", FlowNet2D((8, 12, 8, 6), 16, 12, 10, 3), 0.3, keep_widths=True)


def test_a_pruned_gaitset_is_read_exported_and_streams(gaitset, tmp_path):
    pruned = prune("gaitset", gaitset, 0.3)
    write_pruned(tmp_path / "pruned.ptm", pruned)
    kind, read = load_gait_network(tmp_path / "pruned.ptm")
    assert kind == "pruned-gaitset"
    write_gait(export_network(kind, read, 4), tmp_path / "repository", "pruned")  # refuses what differs from PyTorch
    served = read_served_state(tmp_path / "repository" / "pruned" / "1" / "model.onnx")
    assert slope_of(served) == pytest.approx(gaitset.slope_below_zero)
    client = OnnxClient(tmp_path / "repository", timeout=600.0)
    frames = np.random.default_rng(0).integers(0, 256, (1, 3, 64, 64), dtype=np.uint8)
    try:
        embedding = client.submit("pruned", {"gait_frames": frames}).result()["embedding"]
    finally:
        client.close()
    with torch.no_grad():
        expected = pruned.network(torch.from_numpy(frames[..., 10:54] / np.float32(255)))
    np.testing.assert_allclose(embedding, expected, atol=1e-4)


def test_a_pruned_file_is_the_old_one_or_the_whole_new_one(tmp_path, full_disk):
    path = tmp_path / "pruned.ptm"
    small = prune("gaitset", GaitSet(width=2), 0.1)
    write_pruned(path, small)
    before = path.read_bytes()
    line = r"pruned\.ptm cannot be written: No space left on device$"
    with full_disk("pruned.ptm"), pytest.raises(GaitError, match=line):
        write_pruned(path, prune("gaitset", GaitSet(width=2), 0.2))
    assert path.read_bytes() == before
    assert [each.name for each in tmp_path.iterdir()] == ["pruned.ptm"]
    with pytest.raises(GaitError, match=r"nowhere/pruned\.ptm cannot be written: No such file or directory$"):
        write_pruned(tmp_path / "nowhere/pruned.ptm", small)


def test_what_cannot_be_pruned_is_refused(tmp_path):
    small = prune("gaitset", GaitSet(width=2), 0.1)
    with pytest.raises(UsageError, match="cannot be pruned"):
        prune(small.kind, small.network, 0.1)
    for share in (0.0, 1.0, float("nan")):
        with pytest.raises(UsageError, match="above 0 and below 100"):
            prune("gaitset", GaitSet(width=2), share)
    with pytest.raises(UsageError, match=r"ends in \.ptm"):
        write_pruned(tmp_path / "pruned.hdf5", small)
    torch.save(small.network.state_dict() | {"kept.gl_layer1": torch.tensor([1, 0])}, tmp_path / "damaged.ptm")
    with pytest.raises(UsageError, match=r"is damaged: 'kept\.gl_layer1'"):
        load_gait_network(tmp_path / "damaged.ptm")
