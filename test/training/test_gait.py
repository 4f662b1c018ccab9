from dataclasses import replace

import numpy as np
import pytest
import torch

from rt_gait_ros.errors import GaitError, UsageError
from rt_gait_ros.networks.checkpoint import CheckpointError
from rt_gait_ros.networks.gait_checkpoints import load_gait_network
from rt_gait_ros.networks.set_networks import CentredGaitSet, GaitBase, GaitSet
from rt_gait_ros.training.gait import GaitTraining, accuracy, settings_of, train_gait
from rt_gait_ros.training.pruning import prune
from rt_gait_ros.training.run_folder import RunFolder

TRAINING = GaitTraining(
    "centred-gaitset-small", epochs=2, steps=2, people=4, scenes=2, frames=2, evaluate_every=1, seed=3
)


@pytest.fixture(autouse=True)
def _one_look(monkeypatch):
    """At people who are not trained on: how well they are told apart is asked of few tests here."""
    monkeypatch.setattr("rt_gait_ros.training.gait._VALIDATION_DRAWS", 1)


class Bars:
    """People who are bars of their own width, a little brighter or darker by the scene."""

    people, walks = 8, 100

    def draw(self, random, people, scenes, frames):
        batch = np.zeros((people, scenes, frames, 64, 44), np.uint8)
        for place, width in enumerate(random.choice(self.people, people, replace=people > self.people)):
            batch[place, :, :, 8 * (place % 2) :, 20 - 2 * width : 24 + 2 * width] = 200
        return batch + random.integers(0, 50, (1, scenes, 1, 1, 1), dtype=np.uint8)


class Broken(Bars):
    """Silhouettes that are no numbers, as a loss that overflows makes weights."""

    def draw(self, random, people, scenes, frames):
        return super().draw(random, people, scenes, frames).astype(np.float32) * np.float32("nan")


def run(folder, training=TRAINING, lines=None, cohorts=None, **more):
    report = (lambda line: None) if lines is None else lines.append
    cohorts = cohorts or Bars()
    return train_gait(training, cohorts, Bars(), RunFolder(folder, settings_of(training, "bars")), report, **more)


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
        torch.testing.assert_close(read(silhouettes), network(silhouettes), rtol=0, atol=1e-5)
    _, as_trained = load_gait_network(tmp_path / "run/network.pth", as_trained=True)
    tuned = run(tmp_path / "tuned", initial=(as_trained, "network.pth"))
    assert isinstance(tuned.set_layer1.forward_block.bn, torch.nn.BatchNorm2d), "it is trained on as it was trained"
    assert isinstance(read.set_layer1.forward_block.bn, torch.nn.Identity)
    with pytest.raises(CheckpointError, match="is a centred-gaitset-small and not a centred-gaitset"):
        run(tmp_path / "full", replace(TRAINING, network="centred-gaitset"), initial=(read, "network.pth"))


def test_a_finished_run_is_extended_and_an_extension_goes_on_after_a_break(tmp_path):
    run(tmp_path / "run")
    lines: list[str] = []
    run(tmp_path / "run", lines=lines)
    assert lines == [f"the run in {tmp_path / 'run'} has its 2 epochs; more --epochs extend it"]
    with pytest.raises(CheckpointError, match="epochs 2, not 1: give another folder, or epochs above 2 to extend it"):
        run(tmp_path / "run", replace(TRAINING, epochs=1))

    longer = replace(TRAINING, epochs=4)

    def interrupt(line: str) -> None:
        if line.startswith("epoch 3/4"):
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        train_gait(longer, Bars(), Bars(), RunFolder(tmp_path / "run", settings_of(longer, "bars")), interrupt)
    with pytest.raises(CheckpointError, match="epochs 4, not 6: give another folder, or finish its 4 first"):
        run(tmp_path / "run", replace(TRAINING, epochs=6))
    extended = run(tmp_path / "run", longer, lines)
    assert "going on after epoch 3" in lines[1]
    epochs = [row.split(",")[0] for row in (tmp_path / "run/log.csv").read_text().splitlines()]
    assert epochs == ["epoch", "1", "2", "3", "4"]
    run(tmp_path / "at once")
    same = run(tmp_path / "at once", longer)
    for name, value in same.state_dict().items():
        assert torch.equal(value, extended.state_dict()[name]), name
    rates = torch.load(tmp_path / "run/state.pt", weights_only=True)["state"]["schedule"]
    assert rates["total_steps"] == 2 * TRAINING.steps + 1, "a cycle of its own"


@pytest.mark.parametrize("slope", [0.01, 0.3])
def test_gaitset_as_its_authors_train_it_is_trained_on(tmp_path, slope):
    torch.manual_seed(1)
    whole = GaitSet(16, slope)
    network = run(tmp_path / "run", initial=(whole, "encoder.ptm"))
    assert not torch.equal(network.set_layer1.forward_block.conv.weight, whole.set_layer1.forward_block.conv.weight)
    kind, read = load_gait_network(tmp_path / "run/network.pth")
    assert (kind, read.slope_below_zero) == ("centred-gaitset", slope)
    assert read.prior.norm() > 0


@pytest.mark.parametrize("whole", [GaitSet, CentredGaitSet])
def test_a_pruned_network_is_trained_on_and_keeps_its_widths(tmp_path, whole):
    torch.manual_seed(1)
    pruned = prune("gaitset", whole(8), 0.2).network
    training = replace(TRAINING, network="pruned-gaitset")
    settings = settings_of(training, "bars", pruned)
    for _ in range(2):  # the second time there is nothing left to do
        folder = RunFolder(tmp_path / "run", settings)
        trained = train_gait(training, Bars(), Bars(), folder, lambda line: None, (pruned, "pruned.ptm"))
    assert not torch.equal(trained.fc_frames, pruned.fc_frames)
    for name, filters in pruned.kept.named_buffers():
        assert torch.equal(getattr(trained.kept, name), filters)
    kind, read = load_gait_network(tmp_path / "run/network.pth")
    silhouettes = torch.rand(1, 3, 64, 44)
    assert kind == "pruned-gaitset"
    with torch.no_grad():
        torch.testing.assert_close(read(silhouettes), trained(silhouettes), rtol=0, atol=1e-5)
    other = prune("gaitset", whole(8), 0.3).network
    with pytest.raises(CheckpointError, match="holds a run with filters"):
        RunFolder(tmp_path / "run", settings_of(training, "bars", other)).resume()
    with pytest.raises(UsageError, match="is trained on from a checkpoint"):
        run(tmp_path / "new", training)


@pytest.mark.parametrize("share", [0.0, 0.9])
def test_gaitbase_is_trained_on_and_keeps_its_widths(tmp_path, share):
    """By its triplets; the classifier of its training set stays as it is, so that OpenGait reads the file."""
    torch.manual_seed(1)
    given = GaitBase(3)
    if share:
        given = prune("gaitbase", given, share).network
    training = replace(TRAINING, network="gaitbase", loss="triplet", epochs=1, steps=1, people=2)
    for _ in range(2):  # the second time there is nothing left to do
        folder = RunFolder(tmp_path / "run", settings_of(training, "bars", given))
        trained = train_gait(training, Bars(), Bars(), folder, lambda line: None, (given, "a.pt"))
    kind, read = load_gait_network(tmp_path / "run/network.pth")
    assert kind == "gaitbase"
    before, after = given.state_dict(), read.state_dict()
    assert {name: value.shape for name, value in after.items()} == {name: value.shape for name, value in before.items()}
    assert not torch.equal(after["FCs.fc_bin"], before["FCs.fc_bin"])
    assert torch.equal(after["BNNecks.fc_bin"], before["BNNecks.fc_bin"])
    silhouettes = torch.rand(1, 2, 64, 44)
    with torch.no_grad():
        torch.testing.assert_close(read(silhouettes), trained(silhouettes), rtol=0, atol=1e-5)
    other = GaitBase(3) if share else prune("gaitbase", GaitBase(3), 0.5).network
    with pytest.raises(CheckpointError, match="holds a run with widths"):
        RunFolder(tmp_path / "run", settings_of(training, "bars", other)).resume()


def test_what_cannot_be_trained_on_is_refused(tmp_path):
    with pytest.raises(UsageError, match="gaitbase is trained on from a checkpoint: name OpenGait's with --init"):
        run(tmp_path / "run", replace(TRAINING, network="gaitbase", loss="triplet"))
    with pytest.raises(UsageError, match="loss contrastive is of embeddings of length 1, which gaitbase's are not"):
        replace(TRAINING, network="gaitbase")
    with pytest.raises(CheckpointError, match=r"a\.pt has 5 filters in its first layer"):
        run(tmp_path / "run", initial=(GaitSet(5), "a.pt"))


def test_a_training_that_diverges_leaves_the_last_good_epoch(tmp_path):
    run(tmp_path / "run")
    before = (tmp_path / "run/network.pth").read_bytes()
    with pytest.raises(GaitError, match="training diverged in epoch 3: weights are NaN or infinite"):
        run(tmp_path / "run", replace(TRAINING, epochs=3), cohorts=Broken())
    assert (tmp_path / "run/network.pth").read_bytes() == before


def test_the_mean_of_weights_is_the_result_where_it_is_asked_for(tmp_path):
    constant = replace(TRAINING, schedule="constant")
    first, mean, last = (
        dict(run(tmp_path / str(number), settings).named_parameters())
        for number, settings in enumerate(
            (replace(constant, epochs=1, steps=1), replace(constant, average=0.9999), constant)
        )
    )
    with torch.no_grad():
        moved = [sum(float((value - first[name]).abs().sum()) for name, value in run.items()) for run in (mean, last)]
    assert moved[0] < 0.01 * moved[1]


@pytest.mark.parametrize("schedule", ["constant", "cycle"])
def test_a_run_of_either_schedule_goes_on(tmp_path, schedule):
    settings = replace(TRAINING, schedule=schedule, average=0.5)
    whole = run(tmp_path / "whole", settings).state_dict()
    run(tmp_path / "parts", replace(settings, epochs=1))
    assert all(torch.isfinite(value).all() for value in whole.values())
    more = run(tmp_path / "parts", settings)
    if schedule == "constant":  # the cycle of a shorter run is another one
        assert all(torch.equal(value, whole[name]) for name, value in more.state_dict().items())


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
    "wrong",
    [
        {"network": "gaitnet"},
        {"loss": "l2"},
        {"scenes": 1},
        {"epochs": 0},
        {"learning_rate": float("nan")},
        {"schedule": "steps"},
        {"average": 1.0},
    ],
)
def test_what_no_run_can_have_is_refused(wrong):
    with pytest.raises(UsageError, match=next(iter(wrong))):
        GaitTraining(**wrong)
