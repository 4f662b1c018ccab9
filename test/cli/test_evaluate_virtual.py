import argparse
import csv
import json
import os

import pytest

from rt_gait_ros.cli import evaluate
from rt_gait_ros.errors import UsageError


def rt_gait(*arguments):
    parser = argparse.ArgumentParser()
    evaluate.add_arguments(parser)
    return evaluate.run(parser.parse_args([os.fspath(argument) for argument in arguments]))


SMALL = [
    "virtual",
    "--model",
    "gait_energy_image",
    "--people",
    "6",
    "--strangers",
    "8",
    "--azimuths",
    "0",
    "90",
    "--heights",
    "1.2",
    "--frames",
    "7",
]


def test_as_table_csv_json_and_pictures_and_kept(tmp_path, capsys):
    files = {"--json": "out.json", "--csv": "rows.csv", "--plot": "plot.png", "--det": "det.png"}
    words = [word for option, name in files.items() for word in (option, tmp_path / name)]
    rt_gait(*SMALL, "--work", tmp_path / "work", "--workers", "1", *words)
    shown = capsys.readouterr()
    assert "14/14" in shown.err
    assert "6 virtual people, gait_energy_image: 24 walks, 0 of them lost" in shown.out
    assert "scene normalisation off" in shown.out
    assert "scene normalisation on" in shown.out
    report = json.loads((tmp_path / "out.json").read_text())
    assert (report["protocol"], report["model"], report["people"]) == ("virtual", "gait_energy_image", 6)
    cells = [(row["gallery"], row["probe"], row["probes"], row["scene_normalisation"]) for row in report["rows"]]
    assert cells == [
        ("000", "090", 6, False),
        ("090", "000", 6, False),
        ("000", "090", 6, True),
        ("090", "000", 6, True),
    ]
    assert all(row["ci95"][0] - 1e-9 <= row["rank1"] <= row["ci95"][1] + 1e-9 for row in report["rows"])
    assert set(report["open_set"]) == {"eer", "fnir_at_fpir_1", "threshold"}
    assert [(row["frames"], row["probes"]) for row in report["by_frames"]] == 2 * [(1, 12), (3, 12), (7, 12)]
    with (tmp_path / "rows.csv").open() as file:
        assert [float(row["rank1"]) for row in csv.DictReader(file)] == [row["rank1"] for row in report["rows"]]
    assert (tmp_path / "plot.png").read_bytes().startswith(b"\x89PNG")
    assert (tmp_path / "det.png").read_bytes().startswith(b"\x89PNG")
    rt_gait(*SMALL, "--work", tmp_path / "work", "--json")
    again = capsys.readouterr()
    assert json.loads(again.out) == report
    assert again.err == "", "everything was kept"


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        (["--workers", "0"], "--workers 0"),
        (["--people", "1"], "people is 1"),
        (["--azimuths", "90"], "two at least"),
        (["--model", "movenet_multipose"], "gait_frame_kind"),
    ],
)
def test_what_cannot_be_compared_is_refused_before_anything_runs(tmp_path, wrong, said):
    with pytest.raises(Exception, match=said) as raised:
        rt_gait(*SMALL, "--work", tmp_path / "work", *wrong)
    assert "\n" not in str(raised.value)
    assert not (tmp_path / "work").exists()


def test_too_few_strangers_are_said_before_anything_runs(tmp_path):
    with pytest.raises(UsageError, match="strangers"):
        rt_gait(*SMALL, "--strangers", "3", "--work", tmp_path / "work")
    assert not (tmp_path / "work").exists()
