import os

import pytest
import torch

from rt_gait_ros.networks.checkpoint import CheckpointError, load_strictly, read_state


@pytest.fixture
def network() -> torch.nn.Module:
    return torch.nn.Sequential(torch.nn.Linear(2, 3), torch.nn.Linear(3, 1))


def test_reads_what_was_saved_with_and_without_module(tmp_path, network):
    state = network.state_dict()
    torch.save({f"module.{name}": value for name, value in state.items()}, tmp_path / "parallel.pth")
    assert list(read_state(tmp_path / "parallel.pth")) == list(state)
    load_strictly(network, read_state(tmp_path / "parallel.pth"), "file")


@pytest.mark.parametrize("wrapper", ["model", "state_dict", "model_state_dict", "network"])
@pytest.mark.parametrize("prefix", ["", "module.", "_orig_mod.", "module._orig_mod.", "_orig_mod.module."])
def test_what_programs_wrap_parameters_in_is_taken_off(tmp_path, network, wrapper, prefix):
    state = network.state_dict()
    named = {prefix + name: value for name, value in state.items()}
    torch.save({"epoch": 3, wrapper: named, "optimizer": {"state": {}}}, tmp_path / "run.pth")
    read = read_state(tmp_path / "run.pth")
    assert list(read) == list(state)
    load_strictly(network, read, "file")


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_parameters_that_are_no_numbers_are_refused(network, value):
    state = network.state_dict() | {"1.weight": torch.full((1, 3), value)}
    with pytest.raises(CheckpointError, match=r"file\.pth is useless: '1\.weight' holds NaN or infinite values"):
        load_strictly(network, state, "file.pth")


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
        assert "weights_only" not in str(caught.value)


class Hostile:
    def __init__(self, function, *arguments):
        self.call = function, arguments

    def __reduce__(self):
        return self.call


@pytest.mark.parametrize("zipped", [True, False])
@pytest.mark.parametrize(("function", "named"), [(print, "print"), (os.system, r"posix\.system")])
def test_a_checkpoint_cannot_run_code_and_nobody_is_told_how_to_let_it(tmp_path, capfd, zipped, function, named):
    content = {"model": {"weight": torch.zeros(1)}, "more": Hostile(function, "echo ran")}
    torch.save(content, tmp_path / "hostile.pth", _use_new_zipfile_serialization=zipped)
    with pytest.raises(CheckpointError, match=f"holds {named} beside parameters and is refused") as refused:
        read_state(tmp_path / "hostile.pth")
    assert "ran" not in capfd.readouterr().out
    assert "\n" not in str(refused.value)
    for advice in ("weights_only", "Weights only", "trust", "torch.load", "safe_globals"):
        assert advice not in str(refused.value)


@pytest.mark.filterwarnings("ignore:.*torch.jit.*:DeprecationWarning", "error::UserWarning")
def test_a_program_is_no_checkpoint(tmp_path, network):
    torch.jit.script(network).save(tmp_path / "program.pt")
    with pytest.raises(CheckpointError, match="is a TorchScript program") as refused:
        read_state(tmp_path / "program.pt")
    assert "weights_only" not in str(refused.value)
