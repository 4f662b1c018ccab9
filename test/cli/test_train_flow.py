import json
from contextlib import closing

import cv2
import numpy as np
import pytest

pytest.importorskip("torch", reason="needs the extra [train]")

import h5py
import torch

from rt_gait_ros.cli.main import main
from rt_gait_ros.networks.flow_networks import FlowNet2D, FlowNet3D, example_frames
from rt_gait_ros.networks.keras_checkpoints import load_flow_network, write_flow_network
from rt_gait_ros.networks.set_networks import GaitSet
from rt_gait_ros.serving.onnx_client import OnnxClient

BRIEF = ["--epochs", "1", "--steps", "1", "--batch-people", "2", "--scenes", "1"]


@pytest.fixture(scope="module")
def data_set(tmp_path_factory):
    """Nine people of TUM-GAID as Embedded-Gait prepares it, two videos of each."""
    folder = tmp_path_factory.mktemp("tum_gaid")
    random = np.random.default_rng(0)
    for part, sequence in (("ft", "n01"), ("test_n05-06", "n05")):
        (folder / f"tfimdb_tum_gaid_N155_{part}_of25_60x60").mkdir()
        for who in range(1, 10):
            path = folder / f"tfimdb_tum_gaid_N155_{part}_of25_60x60" / f"p{who:03}-{sequence}-01.h5"
            with h5py.File(path, "w") as file:
                file["data"] = random.integers(-200 * who, 200 * who, (60, 60, 50)).astype(np.int16)
    return folder


@pytest.fixture(scope="module")
def narrow(tmp_path_factory):
    """A Keras file of a 2D-CNN that is quickly trained."""
    torch.manual_seed(1)
    path = tmp_path_factory.mktemp("narrow") / "narrow.hdf5"
    write_flow_network(path, FlowNet2D((8,) * 4, 8, 8, 8, 150))
    return path


def widths(path):
    return [len(layer.weight) for layer in load_flow_network(path)[1].convolutions]


def test_a_network_is_pruned_trained_and_served(data_set, narrow, tmp_path, capsys):
    pruned, run = tmp_path / "pruned.hdf5", tmp_path / "run"
    assert main(["prune", "gait", str(narrow), "--percentile", "20", "--output", str(pruned)]) == 0
    command = ["train", "gait", "--data", str(data_set), "--init", str(pruned), *BRIEF, "--output", str(run), "--json"]
    capsys.readouterr()
    assert main(command) == 0
    said = capsys.readouterr()
    figures = json.loads(said.out)
    assert (figures["network"], 0.0 <= figures["rank1"] <= 1.0) == (str(run / "network.hdf5"), True)
    assert f"training on 7 people of {data_set.name}" in said.err
    assert "with a new classifier: it has 150 people, 7 are trained on" in said.err
    assert cv2.imread(str(run / "curve.png")) is not None
    assert widths(run / "network.hdf5") == widths(pruned) != widths(narrow)
    assert main(command) == 0
    assert "has its 1 epochs; more --epochs extend it" in capsys.readouterr().err

    repository = tmp_path / "repository"
    assert main(["export", "gait", str(run / "network.hdf5"), "--name", "ours", "--repository", str(repository)]) == 0
    network, frames = load_flow_network(run / "network.hdf5")[1], example_frames(2)
    with closing(OnnxClient(repository, timeout=60.0)) as client, torch.no_grad():
        served = client.submit("ours", {"gait_frames": frames.numpy()}).result()["embedding"]
        np.testing.assert_allclose(served, network(frames).numpy(), atol=1e-4)


@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        (["--loss", "triplet"], "--loss does not go with a network on flow"),
        (["--recipe", "gaitset"], "--recipe does not go with a network on flow: it is of GaitSet"),
        (["--frames", "9"], "a window has 25 frames"),
        (["--filmed", "2"], "--filmed does not go with a network on flow"),
        (["--alike", "2"], "--alike does not go with a network on flow"),
        (["--init", "network.pth"], "networks on flow start from a Keras file (.hdf5)"),
        (["--init", "none.hdf5"], "none.hdf5 is not there"),
        (["--people", "1-4"], "name it with --data"),
        (["--schedule", "steps"], "schedule is 'steps'"),
        (["--data", "nowhere"], "nowhere is not a folder: expected are PERSON/WALK.avi"),
    ],
)
def test_what_does_not_go_with_flow_is_one_line(tmp_path, capsys, words, complaint):
    command = ["train", "gait", "--network", "flow2d", *BRIEF, *words, "--output", str(tmp_path / "run")]
    assert main(command) != 0
    assert sum(complaint in line for line in capsys.readouterr().err.splitlines()) == 1
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        (["--people", "1"], "holds 1 people to train on: 2 are the least"),
        (["--people", "50-60"], "holds 0 people to train on: 2 are the least"),
        (["--people", "1-4", "--test-people", "4-6"], "both have 4"),
        (["--people", "1-4", "--test-people", "90"], "0 of them walk in the folder"),
        (["--people", "80-90", "--test-people", "91"], "holds nobody's walks of the people asked for"),
        (["--network", "flow3d"], "is of another network: it has 'conv2d_0' where flow3d has 'conv3d'"),
        (["--network", "centred-gaitset"], "is of another network"),
    ],
)
def test_people_and_weights_that_do_not_fit_are_one_line(data_set, narrow, tmp_path, capsys, words, complaint):
    command = ["train", "gait", "--data", str(data_set), "--init", str(narrow), *BRIEF, *words]
    assert main([*command, "--output", str(tmp_path / "run")]) != 0
    assert sum(complaint in line for line in capsys.readouterr().err.splitlines()) == 1
    assert not (tmp_path / "run").exists()


def test_other_kinds_of_weights_are_refused(data_set, tmp_path, capsys):
    torch.save(GaitSet(16).state_dict(), tmp_path / "gaitset.ptm")
    write_flow_network(tmp_path / "flow3d.hdf5", FlowNet3D((2,) * 6, 2, 2, 2))
    command = ["train", "gait", "--data", str(data_set), "--network", "flow2d", *BRIEF]
    command += ["--output", str(tmp_path / "run")]
    assert main([*command, "--init", str(tmp_path / "gaitset.ptm")]) == 2
    assert "networks on flow start from a Keras file" in capsys.readouterr().err
    assert main([*command, "--init", str(tmp_path / "flow3d.hdf5")]) == 2
    assert "it has 'conv3d_0' where flow2d has 'conv2d'" in capsys.readouterr().err


def test_weights_of_other_widths_do_not_go_on_with_a_run(data_set, narrow, tmp_path, capsys):
    command = ["train", "gait", "--data", str(data_set), *BRIEF, "--output", str(tmp_path / "run"), "--init"]
    assert main([*command, str(narrow)]) == 0
    write_flow_network(tmp_path / "other.hdf5", FlowNet2D((8, 8, 8, 4), 8, 8, 8, 150))
    capsys.readouterr()
    assert main([*command, str(tmp_path / "other.hdf5")]) != 0
    assert "holds a run with widths 8, 8, 8, 8, 8, 8, 8, not 8, 8, 8, 4, 8, 8, 8" in capsys.readouterr().err
