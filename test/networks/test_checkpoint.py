import pytest
import torch

from rt_gait_ros.networks.checkpoint import CheckpointError, load_strictly, read_state


@pytest.fixture
def network() -> torch.nn.Module:
    return torch.nn.Sequential(torch.nn.Linear(2, 3), torch.nn.Linear(3, 1))


def test_reads_what_was_saved_with_and_without_module(tmp_path, network):
    state = network.state_dict()
    torch.save({f"module.{name}": value for name, value in state.items()}, tmp_path / "parallel.pth")
    torch.save({"model": state, "iteration": 3}, tmp_path / "opengait.pt")
    for read in (read_state(tmp_path / "parallel.pth"), read_state(tmp_path / "opengait.pt", key="model")):
        assert list(read) == list(state)
        load_strictly(network, read, "file")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda state: state.pop("0.bias"), "no '0.bias'"),
        (lambda state: state.update({"1.weight": torch.zeros(2, 3)}), r"'1.weight' is \(2, 3\), not \(1, 3\)"),
        (lambda state: state.update(extra=torch.zeros(1)), "it has 'extra'"),
    ],
)
def test_the_first_layer_that_differs_is_named(network, change, message):
    state = dict(network.state_dict())
    change(state)
    with pytest.raises(CheckpointError, match=message):
        load_strictly(network, state, "file.pth")


def test_absent_damaged_and_foreign_files_are_one_clear_line(tmp_path):
    (tmp_path / "damaged.pth").write_bytes(b"PK\x03\x04 not a checkpoint")
    torch.save([1, 2], tmp_path / "list.pth")
    for name in ("absent.pth", "damaged.pth", "list.pth"):
        with pytest.raises(CheckpointError, match=name) as caught:
            read_state(tmp_path / name)
        assert "\n" not in str(caught.value)


class Hostile:
    def __reduce__(self):
        return (print, ("run",))


def test_a_checkpoint_cannot_run_code(tmp_path, capsys):
    torch.save({"weight": Hostile()}, tmp_path / "hostile.pth")
    with pytest.raises(CheckpointError):
        read_state(tmp_path / "hostile.pth")
    assert "run" not in capsys.readouterr().out
