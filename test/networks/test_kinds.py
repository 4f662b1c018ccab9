"""One list of gait networks: what is imported, exported, pruned and trained is in it, and the commands offer it."""

import argparse
import json

import keras_files
import pytest

from rt_gait_ros.cli import export_gait, prune, train_gait
from rt_gait_ros.cli.main import main
from rt_gait_ros.networks import gait_checkpoints, keras_gaitset, kinds
from rt_gait_ros.networks.flow_networks import NETWORKS, kind_of
from rt_gait_ros.networks.set_networks import CentredGaitSet, GaitBase, GaitSet
from rt_gait_ros.silhouette.kinds import GAIT_FRAME_KINDS
from rt_gait_ros.training.gait import GaitTraining
from rt_gait_ros.training.gait_networks import name_of
from rt_gait_ros.training.pruning import prune as prune_network


def choices_of(add, *words: str) -> tuple[str, ...]:
    """Of the option --network of a command."""
    parser = argparse.ArgumentParser()
    add(parser.add_subparsers() if words else parser)
    for word in words or ("gait",):
        (commands,) = [each for each in parser._actions if isinstance(each, argparse._SubParsersAction)]
        parser = commands.choices[word]
    (option,) = [each for each in parser._actions if "--network" in each.option_strings]
    return tuple(option.choices)


def test_every_kind_has_its_loader_and_no_loader_is_of_another():
    assert {*gait_checkpoints.LOADERS, keras_gaitset.KIND} == set(kinds.SET_NETWORKS)
    assert set(kinds.KINDS) == {*kinds.SET_NETWORKS, *kinds.FLOW_NETWORKS}
    assert {kind.frames for kind in kinds.KINDS.values()} <= set(GAIT_FRAME_KINDS)


def test_the_commands_offer_what_is_in_the_list():
    assert choices_of(export_gait.add_gait, "gait") == tuple(kinds.KINDS)
    assert choices_of(prune.add_arguments) == kinds.PRUNABLE_NETWORKS
    assert choices_of(train_gait.add_gait, "gait") == kinds.TRAINED_NETWORKS


def test_what_training_writes_is_a_kind_of_that_name():
    for name, width in kinds.WIDTHS.items():
        assert name.removesuffix("-small").removesuffix("-large") in kinds.KINDS
        assert name_of(CentredGaitSet(width), "here") == name
    assert kinds.PRUNED in kinds.KINDS
    assert GaitTraining().network in kinds.TRAINED_SETS
    assert set(NETWORKS) == set(kinds.FLOW_NETWORKS) == set(kinds.TRAINED_NETWORKS) - set(kinds.TRAINED_SETS)


def test_what_can_be_pruned_and_trained_on_is_what_the_list_says():
    networks = {"gaitset": GaitSet(2), "centred-gaitset": CentredGaitSet(2), "gaitbase": GaitBase(1)}
    for name, network in networks.items():
        assert kinds.KINDS[name].prunable
        pruned = prune_network(name, network, 0.1)
        assert pruned.kind == (name if name == "gaitbase" else kinds.PRUNED)
    assert not kinds.KINDS[kinds.PRUNED].prunable
    with pytest.raises(Exception, match="cannot be pruned"):
        prune_network(kinds.PRUNED, prune_network("gaitset", networks["gaitset"], 0.1).network, 0.1)
    for name, made in NETWORKS.items():
        network = made.of_widths((2,) * (made.DEPTH + len(made.LINEAR)), 2)
        assert kinds.KINDS[name].prunable
        assert kinds.KINDS[name].trainable
        assert prune_network(name, network, 0.1).kind == kind_of(network) == name
    assert name_of(networks["gaitbase"], "here") == "gaitbase" in kinds.TRAINED_SETS
    assert all(kind.trainable for kind in kinds.KINDS.values())


@pytest.mark.parametrize(("other", "name"), [("gaitset_small", "centred-gaitset-small"), ("cnn2d", "flow2d")])
def test_other_names_of_trained_networks_are_understood(other, name, capsys):
    assert train_gait._network(other) == name
    assert f"network {other} is called {name} here" in capsys.readouterr().err
    assert set(kinds.FORMER_NAMES.values()) == set(kinds.WIDTHS)


@pytest.mark.parametrize("other", kinds.NAMES_ELSEWHERE)
def test_names_that_networks_on_flow_have_elsewhere_are_understood_by_every_command(other, tmp_path, capsys):
    name = kinds.kind_named(other)
    file = keras_files.write(tmp_path / "own.hdf5", keras_files.weights(name, keras_files.NARROW[name], 6))
    assert main(["prune", "gait", str(file), "--network", other, "--output", str(tmp_path / "less.hdf5")]) == 0
    command = ["export", "gait", str(tmp_path / "less.hdf5"), "--network", other, "--repository", str(tmp_path)]
    assert main([*command, "--json"]) == 0
    assert json.loads(capsys.readouterr().out.partition("less.hdf5\n")[2])["network"] == name
    assert main(["train", "gait", "--network", other, "--cohorts", "0", "--output", str(tmp_path / "run")]) == 2
    assert "--cohorts 0" in capsys.readouterr().err  # and nothing against its name
