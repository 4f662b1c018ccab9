import json
import sys

import pytest

from rt_gait_ros.cli.main import main
from rt_gait_ros.evaluation.bench import Row

BENCH = """
from rt_gait_ros.evaluation.bench import Row

SUMMARY = "a made-up benchmark"

def add_arguments(parser):
    parser.add_argument("--runs", type=int, default=4)

def measure(arguments, progress):
    progress("measuring")
    return [Row("speed", float(arguments.runs), "ms", "walking", 2.0), Row("alone", 1.0, "Hz")]
"""


@pytest.fixture
def made_up(tmp_path, monkeypatch):
    (tmp_path / "made_up.py").write_text(BENCH)
    (tmp_path / "helper.py").write_text("x = 1\n")
    monkeypatch.setattr("rt_gait_ros.cli.bench.resource", lambda name: tmp_path)
    monkeypatch.setattr(sys, "path", list(sys.path))


def test_without_a_name_the_benchmarks_are_listed(made_up, capsys):
    assert main(["bench"]) == 0
    assert capsys.readouterr().out == "made_up      a made-up benchmark\n"


def test_json_has_the_promised_shape_and_nothing_beside_it(made_up, capsys):
    assert main(["bench", "made_up", "--runs", "6", "--json"]) == 0
    shown = capsys.readouterr()
    result = json.loads(shown.out)
    assert result["bench"] == "made_up"
    assert result["machine"]["cores"] >= 1
    row = {"name": "speed", "value": 6.0, "unit": "ms", "reference": "walking", "reference_value": 2.0, "ratio": 3.0}
    assert result["rows"][0] == row
    assert result["rows"][1]["ratio"] is None
    assert shown.err == "measuring\n"


def test_the_table_shows_value_reference_and_ratio(made_up, capsys):
    assert main(["bench", "made_up"]) == 0
    line = next(line for line in capsys.readouterr().out.splitlines() if line.startswith("speed"))
    assert line.split() == ["speed", "4", "ms", "2", "walking", "2"]


def test_a_ratio_needs_a_reference():
    assert Row("a", 3.0, "ms", "b", 1.5).ratio == 2.0
    assert Row("a", 3.0, "ms").ratio is None
