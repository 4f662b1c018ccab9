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
    lines = [f"{n},{{}},{100 + 4 * n},100,40,100,{{}},1,1\n" for n in range(1, 21)]
    (tmp_path / "A" / "det" / "det.txt").write_text("".join(line.format(-1, 0.9) for line in lines))
    (tmp_path / "A" / "gt" / "gt.txt").write_text("".join(line.format(1, 1) for line in lines))
    return tmp_path


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
