import json
import math
import sys

import pytest

from rt_gait_ros.cli.main import main
from rt_gait_ros.edge.meter_opening import known_openers, open_meter
from rt_gait_ros.edge.sysfs_meters import Ina3221
from rt_gait_ros.evaluation.bench import Row, payload, table

BENCH = """
from dataclasses import dataclass

from rt_gait_ros.evaluation.bench import Row

SUMMARY = "a made-up benchmark"

@dataclass
class Load:
    network: "SetNetwork"

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
    return tmp_path


def test_without_a_name_the_benchmarks_are_listed(made_up, capsys):
    assert main(["bench"]) == 0
    assert capsys.readouterr().out == "made_up      a made-up benchmark\n"


def test_every_benchmark_of_the_package_is_listed(capsys):
    assert main(["bench"]) == 0
    listed = [line.split()[0] for line in capsys.readouterr().out.splitlines()]
    assert {"ablations", "pipeline", "streaming", "variants"} <= set(listed)


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
    assert Row("a", math.nan, "ms", "b", 1.5).ratio is None


def test_a_figure_that_is_not_there_is_a_dash_and_null():
    rows = [Row("a", math.nan, "s", "b", math.nan)]
    assert table(rows).splitlines()[1].split() == ["a", "-", "s", "-", "b"]
    assert json.loads(json.dumps(payload("made_up", {}, rows), allow_nan=False))["rows"][0]["value"] is None


@pytest.fixture
def rails(tmp_path_factory, monkeypatch):
    """A made-up board that takes 6 W, as the only meter."""
    folder = tmp_path_factory.mktemp("sys")
    hwmon = folder / "bus/i2c/drivers/ina3221/1-0040/hwmon/hwmon3"
    hwmon.mkdir(parents=True)
    for name, value in (("in1_label", "VDD_IN"), ("in1_input", 5000), ("curr1_input", 1200)):
        (hwmon / name).write_text(f"{value}\n")
    monkeypatch.setattr("rt_gait_ros.cli.bench.open_meter", lambda: Ina3221(folder))
    return hwmon


def test_energy_stands_below_the_rows_of_any_benchmark(made_up, rails, capsys):
    assert main(["bench", "made_up", "--energy", "--json"]) == 0
    result = json.loads(capsys.readouterr().out)
    rows = {row["name"]: row for row in result["rows"]}
    assert list(rows) == ["speed", "alone", "energy", "power", "energy_readings"]
    assert rows["power"]["value"] == pytest.approx(6.0)
    assert result["machine"]["power_meter"] == "INA3221"


def test_a_meter_that_vanishes_loses_no_row_and_is_said_in_one_line(made_up, rails, capsys, monkeypatch):
    monkeypatch.setenv("RAIL", str(rails / "curr1_input"))
    bench = made_up / "made_up.py"
    bench.write_text(
        bench.read_text().replace("return [", 'open(__import__("os").environ["RAIL"], "w").close()\n    return [')
    )
    assert main(["bench", "made_up", "--energy"]) == 1
    shown = capsys.readouterr()
    assert "speed" in shown.out
    last = shown.err.splitlines()[-1]
    assert last.startswith("rt-gait bench: the meter INA3221 was lost after ")
    assert "curr1_input holds no number any longer" in last


def test_without_a_meter_nothing_is_measured(made_up, capsys, monkeypatch, tmp_path):
    openers = [(name, opener) for name, opener in known_openers(tmp_path) if name in ("INA3221", "RAPL")]
    monkeypatch.setattr("rt_gait_ros.cli.bench.open_meter", lambda: open_meter(openers))
    assert main(["bench", "made_up", "--energy"]) == 1
    shown = capsys.readouterr()
    assert "measuring" not in shown.err
    assert shown.err.startswith("rt-gait bench: no power meter can be read on this machine; tried INA3221 (no rail")
    assert shown.out == ""
