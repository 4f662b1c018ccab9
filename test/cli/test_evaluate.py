import argparse
import csv
import json
import os

import numpy as np
import pytest

from rt_gait_ros.cli import evaluate
from rt_gait_ros.datasets import video_walks
from rt_gait_ros.datasets.video_walks import GaitSequence, VideoWalks
from rt_gait_ros.errors import UsageError
from rt_gait_ros.resources import resource

GEI = ("--model", "gait_energy_image")


def rt_gait(*arguments):
    parser = argparse.ArgumentParser()
    evaluate.add_arguments(parser)
    return evaluate.run(parser.parse_args([os.fspath(argument) for argument in arguments]))


@pytest.fixture
def data_set(tmp_path):
    """Two people in two conditions, whose silhouettes are known already: one is broad, the other slim."""
    settings = video_walks._settings(resource("model_repository"))
    (tmp_path / "work").mkdir()
    (tmp_path / "kth").mkdir()
    for person, width in (("01", 30), ("02", 10)):
        for condition in ("d1", "d4"):
            video = tmp_path / "kth" / f"person{person}_{condition}.avi"
            video.write_text(video.name)
            frames = np.zeros((30, 64, 64), np.uint8)
            frames[:, 2:62, 32 - width // 2 : 32 + width // 2] = 255
            known = VideoWalks((GaitSequence("aaaaa", np.arange(30), frames),), ((0, 35), (60, 90)))
            video_walks.store(tmp_path / "work" / f"{video_walks._key(video, settings)}.npz", known)
    return tmp_path


def test_kth_as_table_csv_json_and_plot(data_set, capsys):
    files = {name: data_set / name for name in ("out.json", "rows.csv", "det.png")}
    rt_gait(
        "kth", data_set / "kth", *GEI, "--work", data_set / "work", "--scene-normalisation", "off",
        "--json", files["out.json"], "--csv", files["rows.csv"], "--det", files["det.png"],
    )  # fmt: skip
    report = json.loads(files["out.json"].read_text())
    assert (report["protocol"], report["model"], report["lost"]) == ("kth", "gait_energy_image", 4)
    assert [(row["rank1"], row["probes"], row["scene_normalisation"]) for row in report["rows"]] == [
        (1.0, 2, False)
    ] * 2
    assert report["open_set"]["eer"] == 0.0
    with files["rows.csv"].open() as file:
        assert [row["gallery"] for row in csv.DictReader(file)] == ["d1", "d4"]
    assert files["det.png"].read_bytes().startswith(b"\x89PNG")
    assert "4 of them lost" in capsys.readouterr().out


def test_json_on_standard_output_is_alone_there(data_set, capsys):
    off = ("--scene-normalisation", "off", "--fuse", "gait_energy_image")
    rt_gait("kth", data_set / "kth", *GEI, "--work", data_set / "work", "--json", *off)
    report = json.loads(capsys.readouterr().out)
    assert (report["protocol"], report["model"]) == ("kth", "gait_energy_image + gait_energy_image")
    assert report["rows"][0]["rank1"] == 1.0


def test_two_people_are_too_few_to_know_a_scene_by(data_set):
    with pytest.raises(UsageError, match="walks of others"):
        rt_gait("kth", data_set / "kth", "--work", data_set / "work", "--scene-normalisation", "on")


def test_bad_requests_are_refused(data_set):
    with pytest.raises(UsageError, match="personNN_dK"):
        rt_gait("kth", data_set / "work")
    with pytest.raises(UsageError, match="workers"):
        rt_gait("kth", data_set / "kth", "--workers", "0")
