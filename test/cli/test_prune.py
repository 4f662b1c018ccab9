"""`rt-gait prune gait`, run as a user runs it."""

import json
from pathlib import Path

import cv2
import keras_files
import numpy as np
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


def test_a_shipped_network_is_pruned_by_its_name(
    all_networks: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    pruned = tmp_path / "pruned.pth"
    assert main(["prune", "gait", "gaitset", "--percentile", "50", "--output", str(pruned), "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["network"] == "pruned-gaitset"
    assert 0 < told["removed"] == sum(layer["filters"] - layer["kept"] for layer in told["layers"].values())
    assert pruned.is_file()


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


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["gait", "x.ptm", "--percentile", "0", "--output", "p.ptm"], "percentile 0: give the percentage"),
        (["gait", "x.ptm", "--percentile", "100", "--output", "p.ptm"], "above 0 and below 100"),
        (["pose", "x.pth", "--report", "10", "100"], "percentile 100: give"),
        (["pose", "x.pth"], "--output FILE for the pruned network, or --report"),
        (["gait", "x.ptm", "--data", "d", "--output", "p.ptm"], "--data goes with --report"),
        (["gait", "x.ptm", "--keep-widths", "--report"], "--keep-widths goes with --output"),
        (["pose", "x.pth", "--report", "--annotations", "a.json"], "--annotations and --images need each other"),
        (["pose", "x.pth", "--annotations", "a", "--images", "i", "--output", "p.pth"], "and go with --report"),
        (["pose", "x.pth", "--report", "--topology", "t.json"], "--topology says what --annotations label"),
    ],
)
def test_arguments_that_cannot_be_are_one_line_before_a_file_is_read(
    arguments: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["prune", *arguments]) != 0
    error = capsys.readouterr().err
    assert message in error
    assert len(error.strip().splitlines()) == 1


@pytest.mark.slow
def test_a_report_has_filters_work_time_and_accuracy(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    import torch

    from rt_gait_ros.networks.set_networks import GaitSet

    torch.manual_seed(0)
    checkpoint = tmp_path / "small.ptm"
    torch.save(GaitSet(width=4).state_dict(), checkpoint)
    _walks(tmp_path / "walks")
    arguments = ["prune", "gait", str(checkpoint), "--report", "30", "--data", str(tmp_path / "walks"), "--json"]
    assert main(arguments) == 0
    whole, pruned = json.loads(capsys.readouterr().out)["rows"]
    assert (whole["percentile"], whole["removed"], pruned["percentile"]) == (0.0, 0, 30.0)
    assert whole["filters"] == pruned["filters"] == 4 * (2 + 2 * 2 + 2 * 4 + 2 * 2 + 2 * 4)
    for figure in ("parameters", "macs"):
        assert 0 < pruned[figure] < whole[figure]
    assert whole["milliseconds"] > 0
    assert whole["accuracy"] == 1.0, "two walks of one person are the same but for a frame"
    assert main(["prune", "gait", str(checkpoint), "--report", "30", "--data", str(tmp_path / "nobody")]) != 0
    assert "is no folder" in capsys.readouterr().err


@pytest.mark.slow
def test_a_report_of_a_pose_network_has_cocos_ap(
    stick_figures: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    import torch

    from rt_gait_ros.networks.trt_pose import trt_pose_network
    from rt_gait_ros.pose.topology import Topology

    topology = Topology.load(stick_figures / "topology.json")
    torch.manual_seed(0)
    network = trt_pose_network("resnet18_baseline_att", len(topology.parts), len(topology.links))
    torch.save(network.state_dict(), tmp_path / "random.pth")
    command = ["prune", "pose", str(tmp_path / "random.pth"), "--report", "30", "--json"]
    command += ["--annotations", str(stick_figures / "annotations.json"), "--images", str(stick_figures / "images")]
    assert main([*command, "--topology", str(stick_figures / "topology.json")]) == 0
    whole, pruned = json.loads(capsys.readouterr().out)["rows"]
    assert pruned["removed"] > whole["removed"] == 0
    assert whole["accuracy"] == pruned["accuracy"] == 0.0, "random weights find nobody"
    assert main(command) == 2
    assert f"knows {len(topology.parts)} parts" in capsys.readouterr().err


def _walks(folder: Path) -> None:
    """Three people with two walks each, which differ in their last frame."""
    random = np.random.default_rng(1)
    for person in "abc":
        frames = random.integers(0, 2, (4, 64, 64)) * 255
        for sequence in ("nm-01", "nm-02"):
            target = folder / person / sequence / "090"
            target.mkdir(parents=True)
            frames[-1] = random.integers(0, 2, (64, 64)) * 255
            for number, frame in enumerate(frames):
                cv2.imwrite(str(target / f"{number}.png"), frame.astype(np.uint8))
