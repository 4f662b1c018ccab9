import argparse
import json

import cv2
import numpy as np
import pytest

from rt_gait_ros.cli import evaluate, export
from rt_gait_ros.errors import UsageError


def run(module, *words):
    parser = argparse.ArgumentParser()
    module.add_arguments(parser)
    return module.run(parser.parse_args([*map(str, words)]))


@pytest.fixture
def images(tmp_path):
    """A MOTChallenge sequence of five images with nobody in them."""
    folder = tmp_path / "set" / "A"
    (folder / "img1").mkdir(parents=True)
    for number in range(1, 6):
        noise = np.random.default_rng(number).integers(0, 60, (120, 160, 3), np.uint8)
        cv2.imwrite(str(folder / "img1" / f"{number:06}.png"), noise)
    (folder / "seqinfo.ini").write_text(
        "[Sequence]\nname=A\nimDir=img1\nframeRate=10\nseqLength=5\nimWidth=160\nimHeight=120\n"
    )
    return folder


def test_a_sequence_is_exported_and_summed_up(images, tmp_path, capsys):
    out, people = tmp_path / "A.txt", tmp_path / "det.txt"
    assert (
        run(export, "tracks", images, "--out", out, "--detections", people, "--camera-motion", "image", "--json") == 0
    )
    summary = json.loads(capsys.readouterr().out)
    assert (summary["images"], summary["fps"], summary["width"], summary["height"]) == (5, 10.0, 160, 120)
    assert (summary["tracks"], summary["boxes"]) == (0, 0)
    assert (out.read_text(), people.read_text()) == ("", "")


@pytest.mark.parametrize(
    ("words", "line"),
    [
        (["nowhere.mp4", "--out", "{tmp}/a.txt"], "does not exist"),
        (["{images}", "--out", "{tmp}/no/a.txt"], "cannot be written"),
        (["{images}", "--out", "{tmp}/a.txt", "--images", "-1"], "--images -1"),
        (["{tmp}/set", "--out", "{tmp}/a.txt"], "holds no .jpg or .png"),
    ],
)
def test_what_cannot_be_done_is_one_line(images, tmp_path, words, line):
    with pytest.raises(UsageError, match=line) as refused:
        run(export, "tracks", *(word.format(images=images, tmp=tmp_path) for word in words))
    assert "\n" not in str(refused.value)


def test_tracks_that_are_not_there_cannot_be_scored(images, tmp_path):
    for name in ("det", "gt"):
        (images / name).mkdir()
        (images / name / f"{name}.txt").write_text("1,1,10,10,20,60,1,1,1\n")
    with pytest.raises(UsageError, match=r"A\.txt cannot be read"):
        run(evaluate, "mot", images.parent, "--tracks", tmp_path)
