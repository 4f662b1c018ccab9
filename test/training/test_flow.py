import copy
from dataclasses import replace

import numpy as np
import pytest
import torch

from rt_gait_ros.errors import UsageError
from rt_gait_ros.evaluation.tum_gaid import GALLERY
from rt_gait_ros.networks.checkpoint import CheckpointError
from rt_gait_ros.networks.flow_networks import NETWORKS, FactorisedFlowNet3D, FlowNet2D, FlowNet3D, example_frames
from rt_gait_ros.networks.keras_checkpoints import load_flow_network
from rt_gait_ros.training.flow import FlowTraining, accuracy, settings_of, train_flow
from rt_gait_ros.training.flow_windows import FlowPeople, FlowWalk
from rt_gait_ros.training.pruning import prune
from rt_gait_ros.training.run_folder import RunFolder

TRAINING = FlowTraining("flow2d", epochs=2, steps=2, people=3, scenes=2, evaluate_every=2, learning_rate=3e-3, seed=3)
CPU = torch.device("cpu")


def network(kind="flow2d", classes=3):
    """As narrow as it can be and learn."""
    torch.manual_seed(1)
    if kind != "flow2d":
        made = NETWORKS[kind]
        return made((4,) * made.DEPTH, 8, 8, classes)
    return FlowNet2D((4,) * 4, 8, 8, 8, classes)


def walks(people=3):
    """People whose legs move at their own pace, each in two walks of the gallery and one that asks for them."""
    random = np.random.default_rng(5)
    found = []
    for who in range(people):
        for condition, name in ((GALLERY, "n01"), (GALLERY, "n02"), ("N#5-6", "n05")):
            windows = random.integers(-40, 41, (2, 25, 60, 60, 2)).astype(np.int16)
            windows[:, :, 30:55, 20:40, 1] += 900 * (who - 1)
            found.append(FlowWalk(f"{condition}/p{who:03d}/{name}", windows))
    return found


def run(folder, training=TRAINING, initial=None, report=lambda line: None, people=3):
    own = walks(people)
    initial = initial or (network(training.network), "narrow.hdf5")
    run_folder = RunFolder(folder, settings_of(training, "made-up people", initial[0]))
    return train_flow(training, FlowPeople(own), own, run_folder, report, initial)


def same(first, second):
    frames = example_frames(2)
    with torch.no_grad():
        torch.testing.assert_close(first(frames), second(frames), rtol=0, atol=1e-6)


@pytest.fixture
def narrow(monkeypatch):
    """New networks are narrow ones."""

    class Narrow2D(FlowNet2D):
        def __init__(self, classes):
            super().__init__((4,) * 4, 8, 8, 8, classes)

    class Narrow3D(FlowNet3D):
        def __init__(self, classes):
            super().__init__((4,) * 6, 8, 8, classes)

    class NarrowFactorised(FactorisedFlowNet3D):
        def __init__(self, classes):
            super().__init__((4,) * 11, 8, 8, classes)

    narrow = {"flow2d": Narrow2D, "flow3d": Narrow3D, "flow3d-factorised": NarrowFactorised}
    monkeypatch.setattr("rt_gait_ros.training.flow.NETWORKS", narrow)


@pytest.mark.usefixtures("narrow")
@pytest.mark.parametrize("kind", NETWORKS)
def test_training_tells_people_apart(tmp_path, kind):
    training, lines = replace(TRAINING, network=kind, steps=20, learning_rate=0.01, seed=4), []
    for _ in range(2):  # the second time there is nothing left to do
        folder = RunFolder(tmp_path / "run", settings_of(training, "made-up people"))
        trained = train_flow(training, FlowPeople(walks()), walks(), folder, lines.append)
    rows = folder.rows()
    assert rows[1]["loss"] < 0.8 * rows[0]["loss"]
    assert rows[1]["rank1"] == accuracy(trained, walks(), CPU)
    assert lines[0].startswith("before training: rank-1 ")
    assert lines[-1].endswith("has its 2 epochs; more --epochs extend it")
    found, read = load_flow_network(tmp_path / "run/network.hdf5")
    assert found == kind
    same(read, trained)


def test_an_interrupted_run_goes_on_to_the_same_end(tmp_path):
    whole = run(tmp_path / "whole")

    def interrupt(line):
        if line.startswith("epoch 1/2"):
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run(tmp_path / "parts", report=interrupt)
    first = load_flow_network(tmp_path / "parts/network.hdf5")[1]
    lines = []
    resumed = run(tmp_path / "parts", report=lines.append)
    assert lines[0] == "going on from narrow.hdf5 with its classifier, which is of as many people"
    assert any(line.startswith("going on after epoch 1") for line in lines)
    for name, value in whole.state_dict().items():
        assert torch.equal(value, resumed.state_dict()[name]), name
    second = load_flow_network(tmp_path / "parts/network.hdf5")[1]
    same(second, whole)
    assert not torch.equal(first.outer.weight, second.outer.weight)
    assert sorted(path.name for path in (tmp_path / "parts").iterdir()) == [
        "log.csv",
        "network.hdf5",
        "network.pth",
        "state.pt",
    ]


@pytest.mark.parametrize("kind", NETWORKS)
def test_a_pruned_network_keeps_its_widths(tmp_path, kind):
    pruned = prune(kind, network(kind, 7), 0.2).network
    training = replace(TRAINING, network=kind, epochs=1, steps=1)
    lines = []
    trained = run(tmp_path / "run", training, (pruned, "pruned.hdf5"), lines.append)
    assert lines[0] == "going on from pruned.hdf5 with a new classifier: it has 7 people, 3 are trained on"
    assert [len(layer.weight) for layer in trained.convolutions] == [len(layer.weight) for layer in pruned.convolutions]
    assert not torch.equal(trained.convolutions[0].weight, pruned.convolutions[0].weight)
    with pytest.raises(CheckpointError, match="holds a run with widths"):
        run(tmp_path / "run", training, (network(kind), "whole.hdf5"))


def test_a_network_of_another_kind_is_refused(tmp_path):
    with pytest.raises(CheckpointError, match=r"a\.hdf5 is a flow3d and not a flow2d: leave --network out"):
        run(tmp_path / "run", initial=(network("flow3d"), "a.hdf5"))


@pytest.mark.parametrize("made", NETWORKS.values())
def test_batch_normalisation_becomes_weights_and_biases(made):
    torch.manual_seed(1)
    narrow = made((4,) * made.DEPTH, 8, classes=3)
    names = list(narrow.state_dict())
    narrow.normalise()
    for layer in [*narrow.convolutions, *(getattr(narrow, name) for name in narrow.LINEAR)]:
        layer[1].running_mean.normal_()
        layer[1].running_var.uniform_(0.5, 2.0)
    narrow.convolutions[0][1].running_var.mul_(100.0)  # as behind an input that is large
    folded = copy.deepcopy(narrow)
    folded.fold()
    same(narrow.eval(), folded)
    assert list(folded.state_dict()) == names
    norms = [float(layer.weight.detach().abs().flatten(1).sum(1).median()) for layer in folded.convolutions]
    assert norms == pytest.approx([norms[0]] * len(norms), rel=1e-4), "one percentile compares them when it prunes"
    before = copy.deepcopy(folded.state_dict())
    folded.fold()  # once is enough
    assert all(torch.equal(before[name], value) for name, value in folded.state_dict().items())


@pytest.mark.parametrize("zeros", [3, 4])
def test_filters_of_zeros_keep_no_layer_from_the_norm_of_the_others(zeros):
    """Before, a layer of which half were zeros left the whole network as it was."""
    torch.manual_seed(1)
    narrow = FlowNet2D((4,) * FlowNet2D.DEPTH, 8, classes=3)
    narrow.normalise()
    with torch.no_grad():
        narrow.convolutions[1][0].weight[:zeros] = 0.0
        narrow.convolutions[0][0].weight.mul_(100.0)
    folded = copy.deepcopy(narrow)
    folded.fold()
    same(narrow.eval(), folded)
    norms = [layer.weight.detach().abs().flatten(1).sum(1) for layer in folded.convolutions]
    medians = [float(each[each > 0].median()) for each in norms if each.any()]
    assert len(medians) == len(norms) - (zeros == 4)
    assert medians == pytest.approx([medians[0]] * len(medians), rel=1e-4)


@pytest.mark.parametrize("wrong", [{"network": "gaitset"}, {"people": 1}, {"scenes": 0}, {"epochs": 0}])
def test_what_no_run_can_have_is_refused(wrong):
    with pytest.raises(UsageError, match=next(iter(wrong))):
        FlowTraining(**wrong)
