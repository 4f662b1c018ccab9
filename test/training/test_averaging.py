import pytest

pytest.importorskip("torch", reason="needs the extra [train]")

import torch

from rt_gait_ros.cli.main import main
from rt_gait_ros.errors import UsageError
from rt_gait_ros.networks.checkpoint import write_state
from rt_gait_ros.networks.gait_checkpoints import load_gait_network
from rt_gait_ros.networks.set_networks import CentredGaitSet, GaitBase
from rt_gait_ros.training.averaging import mean_network
from rt_gait_ros.training.pruning import prune, write_pruned


@pytest.fixture
def runs(tmp_path):
    """Two networks of one width, with batch normalisation as while they are trained."""
    files = [tmp_path / "first.pth", tmp_path / "second.pth"]
    for seed, file in enumerate(files):
        torch.manual_seed(seed)
        network = CentredGaitSet(16).normalise()
        network.prior += seed
        write_state(file, network.state_dict())
    return files


def test_the_mean_has_the_mean_of_all_weights_and_of_what_was_learned_beside_them(runs, tmp_path):
    output = tmp_path / "mean.pth"
    assert main(["train", "mean", *map(str, runs), "--output", str(output)]) == 0
    first, second, mean = (torch.load(file) for file in (*runs, output))
    assert first.keys() == mean.keys()
    for name, value in mean.items():
        expected = (first[name] + second[name]) / 2 if value.is_floating_point() else first[name]
        torch.testing.assert_close(value, expected)
    assert load_gait_network(output)[0] == "centred-gaitset"


def test_networks_that_have_no_mean_are_refused(runs, tmp_path):
    with pytest.raises(UsageError, match="two checkpoints or more"):
        mean_network(runs[:1])
    with pytest.raises(UsageError, match=r"first\.pth is named twice"):
        mean_network([*runs, runs[0].parent / "." / ".." / runs[0].parent.name / "first.pth"])
    wider = tmp_path / "wider.pth"
    write_state(wider, CentredGaitSet(32).normalise().state_dict())
    with pytest.raises(UsageError, match=r"wider\.pth has other layers than .*first\.pth \('.*' is \(32, .*\(16, "):
        mean_network([runs[0], wider])
    folded = tmp_path / "folded.pth"
    write_state(folded, CentredGaitSet(16).state_dict())
    with pytest.raises(UsageError, match=r"folded\.pth has other layers than .*\('.*' is not there, and \("):
        mean_network([runs[0], folded])
    other = tmp_path / "other.pth"
    write_state(other, GaitBase(1).state_dict())
    with pytest.raises(UsageError, match=r"other\.pth is no GaitSet"):
        mean_network([runs[0], other])


def test_networks_that_lost_other_filters_have_no_mean(runs, tmp_path):
    files = [tmp_path / "one.ptm", tmp_path / "two.ptm"]
    for run, file in zip(runs, files, strict=True):
        write_pruned(file, prune(*load_gait_network(run), 0.1))
    with pytest.raises(UsageError, match="has other layers than"):
        mean_network(files)
    state = torch.load(files[0])
    state["kept.set_layer5"] += 1  # as many filters, but others
    write_state(files[1], state)
    with pytest.raises(UsageError, match="which of its filters are left"):
        mean_network(files)
