import numpy as np
import pytest
import torch

from rt_gait_ros.errors import UsageError
from rt_gait_ros.networks.checkpoint import CheckpointError
from rt_gait_ros.networks.gait_checkpoints import load_gait_network, opengait_part_order
from rt_gait_ros.networks.set_networks import GaitBase, GaitSet


def embed(network, silhouettes):
    with torch.no_grad():
        return network(torch.from_numpy(silhouettes / np.float32(255))[None])[0].numpy()


@pytest.fixture
def saved(listed_state, tmp_path):
    """Writes a checkpoint as its program would: saved(list name, seed, wrap) is its path."""

    def save(name, seed, wrap=lambda state: state):
        torch.save(wrap(listed_state(name, seed)), tmp_path / f"{name}.pt")
        return tmp_path / f"{name}.pt"

    return save


def parallel(state):
    return {f"module.{name}": value for name, value in state.items()}


def opengait(state):
    return {"model": state, "optimizer": {}, "iteration": 60000}


@pytest.mark.parametrize("wrap", [dict, parallel])
def test_gaitset_encoder_is_read_with_and_without_module(wrap, saved, golden):
    kind, network = load_gait_network(saved("gaitset_encoder", 7, wrap))
    reference = golden("gaitset")
    assert kind == "gaitset"
    np.testing.assert_allclose(embed(network, reference["silhouettes"]), reference["feature"], atol=1e-4)


def test_opengait_gaitset_is_the_same_network_in_another_order(saved, golden):
    kind, network = load_gait_network(saved("opengait_gaitset_casiab", 13, opengait))
    reference = golden("opengait_gaitset_casiab")
    assert kind == "opengait-gaitset"
    theirs = reference["embedding"].T[opengait_part_order()]
    np.testing.assert_allclose(embed(network, reference["silhouettes"]), theirs, atol=1e-4)


def test_opengait_gaitbase_is_read(saved, golden):
    kind, network = load_gait_network(saved("opengait_gaitbase_casiab", 13, opengait))
    reference = golden("opengait_gaitbase_casiab")
    assert kind == "gaitbase"
    np.testing.assert_allclose(embed(network, reference["silhouettes"]).T, reference["embedding"], atol=1e-4)


def as_opengait(state):
    """A state of GaitSet under the names, and with the order of parts, of OpenGait."""
    blocks = [(f"set_block{1 + n // 2}.forward_block.{n % 2 * 2}", f"set_layer{n + 1}.forward_block") for n in range(6)]
    blocks += [(f"gl_block{2 + n // 2}.{n % 2 * 2}", f"gl_layer{n + 1}") for n in range(4)]
    named = {f"{theirs}.conv.weight": state[f"{ours}.conv.weight"] for theirs, ours in blocks}
    return opengait(named | {"Head.fc_bin": state["fc_bin.0"][np.argsort(opengait_part_order())]})


@pytest.mark.parametrize("width", [8, 32, 64])
@pytest.mark.parametrize(("kind", "wrap"), [("gaitset", parallel), ("opengait-gaitset", as_opengait)])
def test_gaitset_of_any_width_is_read(kind, wrap, width, tmp_path):
    """OU-MVLP's has 64, 128 and 256 channels."""
    network = GaitSet(width)
    torch.save(wrap(network.state_dict()), tmp_path / "gaitset.pt")
    found, read = load_gait_network(tmp_path / "gaitset.pt")
    assert found == kind
    torch.testing.assert_close(read.state_dict(), network.state_dict())


@pytest.mark.parametrize("people", [74, 5153])
def test_gaitbase_of_any_training_set_is_read(people, tmp_path):
    network = GaitBase(people)
    torch.save(opengait(network.state_dict()), tmp_path / "gaitbase.pt")
    _, read = load_gait_network(tmp_path / "gaitbase.pt")
    torch.testing.assert_close(read.state_dict(), network.state_dict())


def test_part_order_is_a_permutation_that_swaps_levels_and_branches():
    order = opengait_part_order()
    assert sorted(order) == list(range(62))
    assert order[:2] == [30, 61]  # the whole body, of both branches
    assert order[-16:] == list(range(31, 47))  # sixteen bands of the set branch


@pytest.mark.parametrize(
    ("name", "change", "message"),
    [
        ("gaitset_encoder", lambda s: s.pop("gl_layer3.conv.weight"), "no 'gl_layer3.conv.weight'"),
        ("opengait_gaitset_casiab", lambda s: s.pop("gl_block3.0.conv.weight"), "'gl_block3.0.conv.weight' is nothing"),
        (
            "opengait_gaitset_casiab",
            lambda s: s.update({"Head.fc_bin": torch.zeros(31, 128, 256)}),
            r"'Head.fc_bin' is \(31, 128, 256\), not \(62, 128, 256\)",
        ),
        ("opengait_gaitset_casiab", lambda s: s.update(extra=torch.zeros(1)), "it has 'extra'"),
        ("opengait_gaitbase_casiab", lambda s: s.pop("BNNecks.fc_bin"), "no 'BNNecks.fc_bin'|'BNNecks.fc_bin'"),
        ("opengait_gaitbase_casiab", lambda s: s.pop("FCs.fc_bin"), "no 'FCs.fc_bin'"),
    ],
)
def test_the_first_layer_that_differs_is_named(name, change, message, saved):
    def damaged(state):
        change(state)
        return {"model": state}

    with pytest.raises(CheckpointError, match=message):
        load_gait_network(saved(name, 1, damaged))


def test_another_network_is_refused(tmp_path, saved):
    torch.save({"backbone.weight": torch.zeros(1)}, tmp_path / "foreign.pt")
    with pytest.raises(CheckpointError, match=r"begins with 'backbone\.weight'"):
        load_gait_network(tmp_path / "foreign.pt")
    with pytest.raises(CheckpointError, match="no 'set_layer1"):
        load_gait_network(saved("opengait_gaitset_casiab", 1, opengait), kind="gaitset")
    with pytest.raises(UsageError, match=r"'gaitgl': choose one of gaitset, opengait-gaitset, .*gaitbase"):
        load_gait_network(tmp_path / "foreign.pt", kind="gaitgl")
