import pytest
import torch

from rt_gait_ros.errors import GaitError, UsageError
from rt_gait_ros.training.run_folder import RunFolder

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
