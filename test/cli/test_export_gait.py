"""`rt-gait export gait`, run as a user runs it."""

import json
from pathlib import Path

import pytest

from rt_gait_ros.cli.main import main
from rt_gait_ros.serving.repository import read_model

torch = pytest.importorskip("torch", reason="needs the extra [train]")

from rt_gait_ros.networks.set_networks import GaitSet  # noqa: E402


def test_a_checkpoint_becomes_two_folders(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    torch.manual_seed(2)
    checkpoint = tmp_path / "GaitSet-encoder.ptm"
    torch.save({f"module.{name}": value for name, value in GaitSet().state_dict().items()}, checkpoint)
    repository = tmp_path / "repository"
    command = ["export", "gait", str(checkpoint), "--repository", str(repository), "--window", "12", "--json"]
    assert main(command) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["network"] == "gaitset"
    assert told["folders"] == [str(repository / name) for name in ("gaitset", "gaitset_stream")]
    assert all(check["difference"] < 1e-4 for check in told["agreement"].values())
    assert read_model(repository / "gaitset_stream").spec.parameters["stream_window"] == "12"
    assert main(command) != 0
    assert "there already" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "message"),
    [(["absent.ptm"], "absent.ptm is not there"), (["absent.ptm", "--window", "-1"], "--window -1")],
)
def test_what_cannot_be_is_one_line(arguments: list[str], message: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["export", "gait", *arguments]) != 0
    error = capsys.readouterr().err
    assert message in error
    assert "Traceback" not in error
