import argparse
import json
import os

import numpy as np
import pytest

from rt_gait_ros.cli import calibrate
from rt_gait_ros.errors import UsageError
from rt_gait_ros.gait import calibration
from rt_gait_ros.gait.gallery import Gallery
from rt_gait_ros.gait.gallery_file import Template

MODEL = "gait_energy_image"


@pytest.fixture
def gallery(tmp_path):
    """Twelve people of three walks each, who differ more from each other than from themselves."""
    random = np.random.default_rng(1)
    gallery = Gallery(tmp_path / "people")
    for number in range(12):
        person = random.normal(0, 1, 2816)
        walks = [Template((person + random.normal(0, 0.3, 2816))[None] / 60, 1) for _ in range(3)]
        gallery.add(f"person {number}", walks, model=MODEL, gait_frame_kind="silhouette")
    return gallery


def rt_gait(*arguments):
    parser = argparse.ArgumentParser()
    calibrate.add_arguments(parser)
    return calibrate.run(parser.parse_args(["--model", MODEL, *(os.fspath(argument) for argument in arguments)]))


def test_a_gallery_is_enough(gallery, tmp_path, capsys):
    written = tmp_path / "calibration.json"
    assert rt_gait("--gallery", gallery.path, "--output", written, "--json", "-") == 0
    said = json.loads(capsys.readouterr().out)
    fitted = calibration.load(written, MODEL)
    assert (said["genuine"], said["impostor"]) == (36, 594)
    assert said["accept_distance"] == fitted.accept_distance
    assert said["false_reject_rate"] == 0.0
    assert fitted.source == "people"


def test_more_enrolled_persons_need_a_stricter_line(gallery, tmp_path):
    lines = []
    for persons in ("1", "20"):
        path = tmp_path / f"{persons}.json"
        rt_gait("--gallery", gallery.path, "--output", path, "--false-accept-rate", "0.3", "--persons", persons)
        lines.append(calibration.load(path, MODEL).accept_distance)
    assert lines[1] < lines[0]


def test_bad_requests_are_refused_and_write_nothing(gallery, tmp_path):
    written = tmp_path / "calibration.json"
    with pytest.raises(UsageError, match="recording"):
        rt_gait("--output", written)
    with pytest.raises(UsageError, match="false-accept rate"):
        rt_gait("--gallery", gallery.path, "--output", written, "--false-accept-rate", "0.0001")
    with pytest.raises(UsageError, match="at least 1"):
        rt_gait("--gallery", gallery.path, "--output", written, "--persons", "0")
    assert not written.exists()


def test_the_reliability_of_the_probabilities_can_be_drawn(gallery, tmp_path, capsys):
    drawn = tmp_path / "curve.png"
    rt_gait("--gallery", gallery.path, "--output", tmp_path / "c.json", "--reliability", drawn, "--json")
    assert 0.0 <= json.loads(capsys.readouterr().out)["calibration_error"] < 0.1
    assert drawn.read_bytes().startswith(b"\x89PNG")
