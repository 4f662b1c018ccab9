import json

import cv2
import pytest

pytest.importorskip("torch", reason="needs the extra [train]")

import torch

from rt_gait_ros.cli.main import main
from rt_gait_ros.networks.set_networks import CentredGaitSet
from rt_gait_ros.training.cohorts import Generation, generate_cohort

BRIEF = [
    "--network",
    "gaitset_small",
    "--epochs",
    "1",
    "--steps",
    "1",
    "--people",
    "2",
    "--scenes",
    "2",
    "--frames",
    "2",
]


@pytest.fixture(scope="module")
def people(tmp_path_factory):
    """Eight people of two walks each, as silhouettes."""
    folder = tmp_path_factory.mktemp("people")
    cohort = generate_cohort(Generation(people=8, scenes=2, frames=8), 0)
    for who, walks in enumerate(cohort):
        for scene, frames in zip(("hall", "yard"), walks, strict=True):
            (folder / f"p{who}" / scene).mkdir(parents=True)
            for number, frame in enumerate(frames):
                square = cv2.copyMakeBorder(frame, 0, 0, 10, 10, cv2.BORDER_CONSTANT)
                cv2.imwrite(str(folder / f"p{who}" / scene / f"{number:03d}.png"), square)
    return folder


def test_people_of_your_own_are_trained_on(people, tmp_path, capsys):
    torch.manual_seed(0)
    torch.save(CentredGaitSet(16).state_dict(), tmp_path / "start.pth")
    command = ["train", "gait", "--data", str(people), "--init", str(tmp_path / "start.pth"), *BRIEF]
    assert main([*command, "--output", str(tmp_path / "run"), "--json"]) == 0
    answer = capsys.readouterr()
    figures = json.loads(answer.out)
    assert 0.0 <= figures["rank1"] <= 1.0
    assert "training on 6 people" in answer.err
    assert (tmp_path / "run/network.pth").is_file()


def test_too_few_people_are_refused(people, tmp_path, capsys):
    (tmp_path / "few").mkdir()
    for who in ("p0", "p1"):
        (tmp_path / "few" / who).symlink_to(people / who)
    assert main(["train", "gait", "--data", str(tmp_path / "few"), "--output", str(tmp_path / "run"), *BRIEF]) == 2
    assert "holds 2 people who walk: train on 4 or more" in capsys.readouterr().err


def test_weights_of_another_size_are_refused(people, tmp_path, capsys):
    torch.save(CentredGaitSet(8).state_dict(), tmp_path / "start.pth")
    command = ["train", "gait", "--data", str(people), "--init", str(tmp_path / "start.pth"), *BRIEF]
    assert main([*command, "--output", str(tmp_path / "run")]) == 2
    assert "is of another network: 'set_layer1" in capsys.readouterr().err
