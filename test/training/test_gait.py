from dataclasses import replace

import numpy as np
import pytest
import torch

from rt_gait_ros.errors import UsageError
from rt_gait_ros.networks.checkpoint import CheckpointError
from rt_gait_ros.networks.gait_checkpoints import load_gait_network
from rt_gait_ros.training.gait import GaitTraining, accuracy, settings_of, train_gait
from rt_gait_ros.training.run_folder import RunFolder

TRAINING = GaitTraining("gaitset_small", epochs=2, steps=2, people=4, scenes=2, frames=2, evaluate_every=1, seed=3)


class Bars:
    """People who are bars of their own width, a little brighter or darker by the scene."""

    people = 8

    def draw(self, random, people, scenes, frames):
        batch = np.zeros((people, scenes, frames, 64, 44), np.uint8)
        for place, width in enumerate(random.choice(self.people, people, replace=people > self.people)):
            batch[place, :, :, 8 * (place % 2) :, 20 - 2 * width : 24 + 2 * width] = 200
        return batch + random.integers(0, 50, (1, scenes, 1, 1, 1), dtype=np.uint8)


def run(folder, training=TRAINING, lines=None, **more):
    report = (lambda line: None) if lines is None else lines.append
    return train_gait(training, Bars(), Bars(), RunFolder(folder, settings_of(training, "bars")), report, **more)


def test_training_pulls_walks_together(tmp_path):
    longer = replace(TRAINING, steps=12)
    network = run(tmp_path / "run", longer)
    rows = (tmp_path / "run/log.csv").read_text().splitlines()
    assert float(rows[2].split(",")[1]) < float(rows[1].split(",")[1])
    embedding = network(torch.rand(1, 3, 64, 44))
    assert torch.allclose(embedding.norm(dim=2), torch.ones(1, 62), atol=1e-5)


def test_an_interrupted_run_goes_on_to_the_same_end(tmp_path):
    whole = run(tmp_path / "whole")

    def interrupt(line: str) -> None:
        raise KeyboardInterrupt

    folder = RunFolder(tmp_path / "parts", settings_of(TRAINING, "bars"))
    with pytest.raises(KeyboardInterrupt):
        train_gait(TRAINING, Bars(), Bars(), folder, interrupt)
    lines: list[str] = []
    resumed = run(tmp_path / "parts", lines=lines)
    assert lines[0].startswith("going on after epoch 1")
    for name, value in whole.state_dict().items():
        assert torch.equal(value, resumed.state_dict()[name]), name
    assert whole.prior.norm() > 0


def test_the_checkpoint_is_read_back_and_started_from(tmp_path):
    network = run(tmp_path / "run")
    kind, read = load_gait_network(tmp_path / "run/network.pth")
    assert kind == "centred-gaitset"
    silhouettes = torch.rand(1, 2, 64, 44)
    with torch.no_grad():
        assert torch.equal(read(silhouettes), network(silhouettes))
    state = torch.load(tmp_path / "run/network.pth", weights_only=True)
    run(tmp_path / "tuned", initial=(state, "network.pth"))
    with pytest.raises(CheckpointError, match="set_layer1"):
        run(tmp_path / "full", replace(TRAINING, network="gaitset"), initial=(state, "network.pth"))


def test_whichever_way_somebody_walks_past_the_embedding_is_one(tmp_path):
    network = run(tmp_path / "run")
    silhouettes = torch.rand(2, 3, 64, 44)
    with torch.no_grad():
        assert torch.allclose(network(silhouettes), network(silhouettes.flip(3)), atol=1e-6)


def test_accuracy_of_a_network_that_cannot_tell_is_that_of_chance(tmp_path):
    class Nobody(Bars):
        def draw(self, random, people, scenes, frames):
            return random.integers(0, 255, (people, scenes, frames, 64, 44), dtype=np.uint8)

    many = replace(TRAINING, people=16)
    assert accuracy(run(tmp_path / "run"), Nobody(), many)["rank1"] < 0.4


@pytest.mark.parametrize(
    "wrong", [{"network": "gaitnet"}, {"loss": "l2"}, {"scenes": 1}, {"epochs": 0}, {"learning_rate": float("nan")}]
)
def test_what_no_run_can_have_is_refused(wrong):
    with pytest.raises(UsageError, match=next(iter(wrong))):
        GaitTraining(**wrong)
