import csv
from dataclasses import replace

import pytest
import torch

from rt_gait_ros.networks.checkpoint import CheckpointError
from rt_gait_ros.pose.topology import Topology
from rt_gait_ros.training.coco import read_keypoints
from rt_gait_ros.training.pose import PoseTraining, settings_of, train_pose
from rt_gait_ros.training.pose_samples import NO_AUGMENTATION
from rt_gait_ros.training.run_folder import RunFolder

# Wide targets on a small map: learned by heart in a hundred-odd steps.
TRAINING = PoseTraining(size=64, epochs=160, batch=4, deviation=0.08, decay=(0.85,), evaluate_every=0, seed=1)


@pytest.fixture
def figures(stick_figures):
    topology = Topology.load(stick_figures / "topology.json")
    return read_keypoints(stick_figures / "annotations.json", stick_figures / "images", topology)


def run(training, figures, folder, validation=None):
    lines: list[str] = []
    network = train_pose(
        training, figures, validation, NO_AUGMENTATION, RunFolder(folder, settings_of(training)), lines.append
    )
    return network, lines


def test_a_small_set_is_learned_by_heart(figures, tmp_path):
    _, lines = run(TRAINING, figures, tmp_path / "run", validation=figures)
    rows = list(csv.DictReader((tmp_path / "run/log.csv").open()))
    assert len(rows) == TRAINING.epochs
    assert float(rows[-1]["loss"]) < float(rows[0]["loss"]) / 10
    assert float(rows[-1]["ap"]) > 0.7
    assert "AP" in lines[-1]


def test_an_interrupted_run_goes_on_to_the_same_end(figures, tmp_path):
    short = replace(TRAINING, epochs=2)
    whole, _ = run(short, figures, tmp_path / "whole")
    folder = RunFolder(tmp_path / "parts", settings_of(short))

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
