import csv
from dataclasses import replace

import pytest
import torch
from torch import nn

from rt_gait_ros.datasets.coco import read_keypoints
from rt_gait_ros.errors import UsageError
from rt_gait_ros.networks.checkpoint import CheckpointError
from rt_gait_ros.networks.trt_pose import AttentionHead, trt_pose_network
from rt_gait_ros.pose.topology import Topology
from rt_gait_ros.training.pose import PoseTraining, settings_of, start_from, train_pose
from rt_gait_ros.training.pose_samples import NO_AUGMENTATION
from rt_gait_ros.training.run_folder import RunFolder

# Wide targets on a small map.
TRAINING = PoseTraining(size=64, epochs=14, batch=4, deviation=0.08, decay=(0.8,), evaluate_every=0, seed=1)


@pytest.fixture(autouse=True)
def narrow_head(monkeypatch):
    """A quarter of the head's channels: the head takes nine tenths of a step, and four figures need no more."""

    def network(name, parts, links):
        whole = trt_pose_network(name, parts, links)
        return nn.Sequential(whole[0], AttentionHead(512, parts, 2 * links, channels=64))

    monkeypatch.setattr("rt_gait_ros.training.pose.trt_pose_network", network)


@pytest.fixture
def figures(stick_figures):
    topology = Topology.load(stick_figures / "topology.json")
    return read_keypoints(stick_figures / "annotations.json", stick_figures / "images", topology)


def run(training, figures, folder, validation=None):
    lines: list[str] = []
    network = train_pose(
        training,
        figures,
        validation,
        NO_AUGMENTATION,
        RunFolder(folder, settings_of(training, figures.topology)),
        lines.append,
    )
    return network, lines


@pytest.mark.slow
def test_a_small_set_is_learned_by_heart(figures, tmp_path):
    # eight steps an epoch: each epoch also writes its state
    repeated = replace(figures, images=figures.images * 8)
    _, lines = run(TRAINING, repeated, tmp_path / "run", validation=figures)
    rows = list(csv.DictReader((tmp_path / "run/log.csv").open()))
    assert len(rows) == TRAINING.epochs
    assert float(rows[-1]["loss"]) < float(rows[0]["loss"]) / 10
    assert float(rows[-1]["ap"]) > 0.5
    assert "AP" in lines[-1]


def test_an_interrupted_run_goes_on_to_the_same_end(figures, tmp_path):
    short = replace(TRAINING, epochs=2)
    whole, _ = run(short, figures, tmp_path / "whole")
    folder = RunFolder(tmp_path / "parts", settings_of(short, figures.topology))

    def interrupt(line: str) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        train_pose(short, figures, None, NO_AUGMENTATION, folder, interrupt)
    resumed, lines = run(short, figures, tmp_path / "parts")
    assert "going on after epoch 1" in lines[0]
    for name, value in whole.state_dict().items():
        torch.testing.assert_close(resumed.state_dict()[name], value)


def test_another_runs_folder_is_refused(figures, tmp_path):
    run(replace(TRAINING, epochs=1), figures, tmp_path / "run")
    with pytest.raises(CheckpointError, match="seed 1, not 2"):
        run(replace(TRAINING, epochs=1, seed=2), figures, tmp_path / "run")


def test_a_run_of_another_topology_is_refused(figures, tmp_path):
    run(replace(TRAINING, epochs=1), figures, tmp_path / "run")
    links = figures.topology.links[:-1]
    other = replace(figures, topology=replace(figures.topology, links=links))
    with pytest.raises(CheckpointError, match="links"):
        run(replace(TRAINING, epochs=1), other, tmp_path / "run")


def test_another_tasks_checkpoint_gives_all_but_the_outputs():
    human, hand = (trt_pose_network("resnet18_baseline_att", *counts) for counts in ((18, 21), (5, 4)))
    outputs = hand.get_parameter("1.cmap_conv.weight").clone()
    start_from(hand, "resnet18_baseline_att", human.state_dict(), "human.pth")
    for name in ("0.resnet.conv1.weight", "1.paf_att.bias"):
        torch.testing.assert_close(hand.get_parameter(name), human.get_parameter(name))
    torch.testing.assert_close(hand.get_parameter("1.cmap_conv.weight"), outputs)


def test_a_backbone_of_torchvision_is_a_beginning():
    trained, network = (trt_pose_network("resnet18_baseline_att", 5, 4) for _ in range(2))
    start_from(network, "resnet18_baseline_att", trained.get_submodule("0.resnet").state_dict(), "resnet18.pth")
    torch.testing.assert_close(*(each.get_parameter("0.resnet.fc.weight") for each in (network, trained)))
    with pytest.raises(CheckpointError, match="another network"):
        start_from(network, "resnet18_baseline_att", {"conv1.weight": torch.zeros(1)}, "other.pth")


@pytest.mark.parametrize(
    "setting", [{"size": 100}, {"epochs": 0}, {"batch": -1}, {"learning_rate": 0.0}, {"workers": -1}]
)
def test_impossible_settings_are_refused(setting):
    with pytest.raises(UsageError, match=next(iter(setting))):
        PoseTraining(**setting)
