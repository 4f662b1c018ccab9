import argparse
import json

import pytest

from rt_gait_ros.cli import evaluate
from rt_gait_ros.errors import UsageError

INFO = "[Sequence]\nname=A\nframeRate=25\nseqLength=20\nimWidth=640\nimHeight=480\n"


@pytest.fixture
def folder(tmp_path):
    """One sequence: a person who walks, found in every image; three images later the tracker reports him."""
    for name in ("det", "gt"):
        (tmp_path / "A" / name).mkdir(parents=True)
    (tmp_path / "A" / "seqinfo.ini").write_text(INFO)
    write(tmp_path, "det", [line(n, -1, 0.9) for n in range(1, 21)])
    write(tmp_path, "gt", [line(n, 1, 1) for n in range(1, 21)])
    return tmp_path


def line(n, number, sure, more="1,1"):
    return f"{n},{number},{100 + 4 * n},100,40,100,{sure},{more}\n"


def write(folder, name, lines):
    (folder / "A" / name / f"{name}.txt").write_text("".join(lines))


def run(*words):
    parser = argparse.ArgumentParser()
    evaluate.add_arguments(parser)
    return evaluate.run(parser.parse_args(["mot", *map(str, words)]))


def test_a_walk_is_scored_and_written(folder, tmp_path, capsys):
    pytest.importorskip("trackeval")
    assert run(folder, "--out", tmp_path / "out", "--json") == 0
    report = json.loads(capsys.readouterr().out)
    assert [row["sequence"] for row in report["rows"]] == ["A", "all"]
    assert report["rows"][0]["switches"] == 0
    assert report["rows"][0]["mota"] == pytest.approx(18 / 20)
    assert len((tmp_path / "out" / "A.txt").read_text().splitlines()) == 18


def test_a_folder_without_sequences(tmp_path):
    with pytest.raises(UsageError, match="no MOTChallenge sequence"):
        run(tmp_path)


@pytest.mark.parametrize("text", ["", "[Sequence]\nname=A\n", INFO.replace("25", "0"), INFO.replace("640", "wide")])
def test_a_broken_description(folder, text):
    (folder / "A" / "seqinfo.ini").write_text(text)
    with pytest.raises(UsageError, match=r"seqinfo\.ini"):
        run(folder)


def test_confidences_that_are_none(folder):
    (folder / "A" / "det" / "det.txt").write_text("1,-1,0,0,9,9,54.3,-1,-1\n")
    with pytest.raises(UsageError, match="confidences"):
        run(folder)


@pytest.mark.parametrize(
    ("name", "lines", "says"),
    [
        ("gt", [line(n, 1, 1) for n in range(20)], "counted from 1"),
        ("det", [line(n, -1, 0.9) for n in range(20)], "counted from 1"),
        ("gt", [line(n, 1, 1) for n in range(1, 41)], "seqLength"),
        ("gt", [line(n, 1, 1) for n in range(1, 21)] * 2, "id 1 stands 2 times in image 1"),
        ("gt", [line(n, 1, 1, "21,1") for n in range(1, 21)], "class 21"),
    ],
)
def test_what_would_be_scored_wrong_is_refused(folder, name, lines, says):
    write(folder, name, lines)
    with pytest.raises(UsageError, match=says):
        run(folder)


@pytest.mark.parametrize("more", ["{}", "{},1", "{},1,-1"])
def test_cars_and_reflections_in_the_ground_truth_cost_nothing(folder, capsys, more):
    """Eight, nine and ten columns; the tracker finds the reflection (class 12), but not the car (class 3)."""
    pytest.importorskip("trackeval")
    run(folder, "--json")
    alone = json.loads(capsys.readouterr().out)
    images = range(1, 21)
    lines = [line(n, 1, 1, more.format(1)) for n in images]
    lines += [f"{n},{number},{left},300,40,100,1,{more.format(kind)}\n"
              for n in images for number, left, kind in ((2, 20, 3), (3, 560, 12))]  # fmt: skip
    write(folder, "gt", lines)
    write(folder, "det", [line(n, -1, 0.9) + f"{n},-1,560,300,40,100,0.9,1,1\n" for n in images])
    run(folder, "--json")
    assert json.loads(capsys.readouterr().out) == alone


@pytest.mark.parametrize(
    ("lines", "says"),
    [
        ([line(n, 1, 1) for n in range(20)], "counted from 1"),
        ([line(5, 1, 1)] * 2, "id 1 stands 2 times in image 5"),
        ([line(5, 1, 1, "2,1")], "class 2"),
    ],
)
def test_tracks_that_would_be_scored_wrong_are_refused(folder, lines, says):
    (folder / "A.txt").write_text("".join(lines))
    with pytest.raises(UsageError, match=says):
        run(folder, "--tracks", folder)
