import pytest
import torch

from rt_gait_ros.errors import GaitError, UsageError
from rt_gait_ros.networks.checkpoint import CheckpointError
from rt_gait_ros.training.run_folder import RunFolder, started_from

WEIGHTS = {"weight": torch.ones(2)}


def row(epoch: int) -> dict[str, float | int]:
    return {"epoch": epoch, "loss": 1.0 / epoch, "rank1": float("nan")}


@pytest.fixture
def folder(tmp_path):
    """A run with one epoch."""
    made = RunFolder(tmp_path / "run", {"epochs": 3})
    made.save({"epoch": 1}, WEIGHTS, row(1))
    return made


@pytest.mark.parametrize("name", ["network.pth", "log.csv", "state.pt"])
def test_a_disk_that_is_full_is_one_line_and_the_run_goes_on_from_the_last_epoch(folder, full_disk, name):
    line = rf"^[^\n]*{name} cannot be written: No space left on device$"
    with full_disk(name), pytest.raises(UsageError, match=line):
        folder.save({"epoch": 2}, WEIGHTS, row(2))
    assert sorted(path.name for path in folder.path.iterdir()) == ["log.csv", "network.pth", "state.pt"]
    assert folder.resume() == {"epoch": 1}
    folder.save({"epoch": 2}, WEIGHTS, row(2))
    folder.save({"epoch": 3}, WEIGHTS, row(3))
    assert [each["epoch"] for each in folder.rows()] == [1, 2, 3]


@pytest.mark.parametrize("torn", ["2,0.", "2,0.52,0.5,nan,nan\n", "epoch,loss,rank1\n", "2,0.20.5,nan\n"])
def test_a_row_that_is_not_whole_is_none(folder, torn):
    """As an earlier version that was killed left them, or two processes that wrote into one folder."""
    with (folder.path / "log.csv").open("a") as log:
        log.write(torn)
    assert [each["epoch"] for each in folder.rows()] == [1]
    folder.save({"epoch": 2}, WEIGHTS, row(2))
    assert folder.last_row()["loss"] == 0.5


def test_an_epoch_that_diverged_is_not_logged(folder):
    with pytest.raises(GaitError, match="diverged in epoch 2"):
        folder.save({"epoch": 2}, {"weight": torch.full((2,), float("nan"))}, row(2))
    assert [each["epoch"] for each in folder.rows()] == [1]


@pytest.mark.parametrize(
    ("before", "now", "said"),
    [
        ({"widths": "4, 8"}, {}, "widths 4, 8, not left out"),  # it went on from a network that is not named now
        ({}, {"widths": "4, 8"}, "widths left out, not 4, 8"),
        ({"data": "9 people"}, {"data": "8 people"}, "data 9 people, not 8 people"),
        ({"data": "9 people"}, {}, "data 9 people, not left out"),
    ],
)
def test_a_run_of_other_settings_is_not_gone_on_with(tmp_path, before, now, said):
    RunFolder(tmp_path / "run", {"epochs": 3, **before}).save({"epoch": 1}, WEIGHTS, row(1))
    with pytest.raises(CheckpointError, match=f"holds a run with {said}: give another folder"):
        RunFolder(tmp_path / "run", {"epochs": 3, **now}).resume()


def test_a_run_that_does_not_say_its_data_is_gone_on_with(folder):
    now = {"epochs": 3, "data": "9 people", **started_from(WEIGHTS)}
    assert RunFolder(folder.path, now).resume() == {"epoch": 1}


def test_a_run_is_gone_on_with_by_the_weights_that_it_began_with_alone(tmp_path):
    """Of one shape: nothing else tells them apart."""
    other = {"weight": torch.tensor([1.0, 2.0])}
    (begun,) = started_from(WEIGHTS).values()
    RunFolder(tmp_path, {"epochs": 3, **started_from(WEIGHTS)}).save({"epoch": 1}, WEIGHTS, row(1))
    assert RunFolder(tmp_path, {"epochs": 3, **started_from({"weight": torch.ones(2)})}).resume() == {"epoch": 1}
    for now in (None, other):
        (given,) = started_from(now).values()
        with pytest.raises(CheckpointError, match=f"with init weights {begun}, not {given}: give another folder$"):
            RunFolder(tmp_path, {"epochs": 3, **started_from(now)}).resume()


@pytest.mark.parametrize("value", [torch.tensor(3), torch.zeros(0, 2), torch.ones(2, 3).T, torch.ones(2).bfloat16()])
def test_every_kind_of_weights_is_told_from_others(value):
    others = [WEIGHTS, {"other": value}, {"weight": value, "more": torch.zeros(1)}, {"weight": value.double()}]
    assert started_from({"weight": value}) not in map(started_from, others)


@pytest.mark.parametrize(
    "held", [{"epoch": 1}, {"settings": {}, "state": {}}, {"settings": 3, "state": {"epoch": 1}}, [1]]
)
def test_a_state_of_something_else_is_said(folder, held):
    torch.save(held, folder.path / "state.pt")
    with pytest.raises(CheckpointError, match="is no state of a run"):
        folder.resume()
