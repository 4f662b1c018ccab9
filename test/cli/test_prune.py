"""`rt-gait prune gait`, run as a user runs it."""

import json
from pathlib import Path

import keras_files
import pytest

from rt_gait_ros.cli.main import main

pytest.importorskip("torch", reason="needs the extra [train]")


def test_a_pruned_checkpoint_exports_like_any_other(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    layers = keras_files.weights("flow2d", keras_files.NARROW["flow2d"], 6)
    checkpoint, pruned = keras_files.write(tmp_path / "model.hdf5", layers), tmp_path / "pruned.hdf5"
    assert main(["prune", "gait", str(checkpoint), "--share", "0.2", "--output", str(pruned), "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["network"] == "flow2d"
    assert 0 < told["removed"] == sum(layer["filters"] - layer["kept"] for layer in told["layers"].values())
    repository = tmp_path / "repository"
    assert main(["export", "gait", str(pruned), "--repository", str(repository), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["folders"] == [str(repository / "flow2d")]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["absent.ptm", "--output", "p.ptm"], "absent.ptm is not there"),
        (["absent.hdf5", "--output", "p.hdf5"], "absent.hdf5 is not there"),
    ],
)
def test_what_cannot_be_is_one_line(arguments: list[str], message: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["prune", "gait", *arguments]) != 0
    error = capsys.readouterr().err
    assert message in error
    assert "Traceback" not in error
