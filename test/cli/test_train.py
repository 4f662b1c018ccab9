"""`rt-gait train pose`, run as a user runs it: trained, interrupted, gone on with, exported, decoded."""

import json
import os
import signal
from pathlib import Path

import cv2
import numpy as np
import pytest

pytest.importorskip("torch", reason="needs the extra [train]")
pytest.importorskip("pycocotools", reason="needs the extra [train]")

from rt_gait_ros.cli import train
from rt_gait_ros.cli.main import main
from rt_gait_ros.cli.output import progress
from rt_gait_ros.pose.paf import PafParser
from rt_gait_ros.pose.topology import Topology
from rt_gait_ros.serving.onnx_client import OnnxClient


def request(figures: Path, output: Path, *others: object) -> list[str]:
    """The command's words, for a run that a CPU can do."""
    words = ["train", "pose", "--annotations", figures / "annotations.json", "--images", figures / "images"]
    words += ["--topology", figures / "topology.json", "--output", output]
    words += ["--size", 64, "--epochs", 2, "--batch", 4, "--workers", 0, *others]
    return [str(word) for word in words]


@pytest.mark.slow
def test_train_interrupt_go_on_export_decode(
    stick_figures: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    run = tmp_path / "run"
    validation = ["--validation-annotations", stick_figures / "annotations.json"]
    words = request(stick_figures, run, *validation, "--validation-images", stick_figures / "images")

    def interrupting(line: str) -> None:
        progress(line)
        if line.startswith("epoch 1/2  loss"):
            signal.raise_signal(signal.SIGTERM)

    with monkeypatch.context() as patch:
        patch.setattr(train, "progress", interrupting)
        assert main(words) == 128 + signal.SIGTERM
    said = capsys.readouterr().err
    assert "the same command continues" in said
    assert "epoch 2/2" not in said
    assert sorted(os.listdir(run)) == ["log.csv", "network.pth", "state.pt"]

    assert main([*words, "--json"]) == 0
    captured = capsys.readouterr()
    assert "going on after epoch 1 " in captured.err
    report = json.loads(captured.out)
    assert report["epoch"] == 2
    assert 0 <= report["ap"] <= 1

    repository = tmp_path / "repository"
    words = ["export", "pose", report["network"], "--topology", report["topology"], "--size", "64", "--name", "figures"]
    assert main([*words, "--repository", str(repository)]) == 0
    client = OnnxClient(repository, timeout=600.0)
    image = cv2.resize(cv2.imread(str(stick_figures / "images/0.png")), (64, 64))[None, :, :, ::-1]
    answer = client.submit("figures", {"image": np.ascontiguousarray(image)}).result()
    category = json.loads(client.describe("figures").parameters["topology"])
    client.close()
    people = PafParser(Topology.from_coco_category(category))(answer["cmap"][0], answer["paf"][0])
    assert people.keypoints.shape[1:] == (6, 3)


def test_the_end_says_how_to_serve_it(stick_figures: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(request(stick_figures, tmp_path / "run", "--epochs", 1)) == 0
    said = capsys.readouterr().out
    assert f"rt-gait export pose {tmp_path / 'run/network.pth'} --name NAME" in said
    assert "--size 64" in said
    assert "AP" not in said


@pytest.mark.parametrize(
    ("others", "message"),
    [
        (["--network", "resnet50"], "unknown pose network 'resnet50'"),
        (["--size", 100], "multiple of 32"),
        (["--epochs", 0], "epochs is 0"),
        (["--validation-images", "."], "need each other"),
        (["--annotations", "nowhere.json"], "nowhere.json cannot be read"),
        (["--init", "nowhere.pth"], "nowhere.pth is not there"),
    ],
)
def test_wrong_requests_are_one_line(
    stick_figures: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], others: list[object], message: str
) -> None:
    assert main(request(stick_figures, tmp_path / "run", *others)) == 2
    said = capsys.readouterr().err
    assert message in said
    assert said.count("\n") == 1
    assert not (tmp_path / "run").exists()
