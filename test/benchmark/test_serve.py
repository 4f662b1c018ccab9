"""`rt-gait bench serve` on a real server: every protocol, what it writes, and what it refuses."""

import argparse
import csv
import json
import sys
from contextlib import nullcontext
from types import SimpleNamespace

import pytest

from rt_gait_ros.cli.main import main
from rt_gait_ros.edge.energy import Recorder
from rt_gait_ros.edge.load import Addresses
from rt_gait_ros.edge.meters import MeterGone
from rt_gait_ros.edge.sweep import Point
from rt_gait_ros.errors import GaitError
from rt_gait_ros.resources import resource
from rt_gait_ros.serving.inference import InferenceError

sys.path.append(str(resource("benchmark")))

import serve as benchmark


@pytest.fixture
def serve(tmp_path, model_repository, private_cache):
    def run(*more):
        words = ["bench", "serve", "--repository", str(model_repository), "--model", "gait_energy_image"]
        words += ["--batches", "1,2", "--concurrency", "2", "--client", "own", "--seconds", "0.1", "--warm-up", "0"]
        return main([*words, "--output", str(tmp_path / "out"), "--json", *more])

    return run


@pytest.mark.slow
def test_every_protocol_is_measured_and_a_second_call_measures_nothing(serve, triton_installed, tmp_path, capsys):
    for package in ("aiohttp", "geventhttpclient", "matplotlib"):
        pytest.importorskip(package, reason="needs the extra [bench]")
    assert serve() == 0
    rows = {row["name"]: row["value"] for row in json.loads(capsys.readouterr().out)["rows"]}
    assert rows["points_failed"] == 0
    assert rows["memory"] > 1
    with (tmp_path / "out/sweep.csv").open() as file:
        points = list(csv.DictReader(file))
    assert [(p["protocol"], p["batch"]) for p in points] == [
        (protocol, batch) for protocol in ("grpc", "http", "shm", "stream") for batch in ("1", "2")
    ]
    for point in points:
        assert float(point["rate"]) > 0
        assert float(point["p50_ms"]) <= float(point["p95_ms"]) <= float(point["p99_ms"])
        assert float(point["compute_ms"]) > 0
        assert float(point["server_batch"]) >= 1
    assert {path.name for path in (tmp_path / "out").glob("*.png")} == {
        f"sweep_{protocol}.png" for protocol in ("grpc", "http", "shm", "stream")
    }
    assert serve() == 0
    assert capsys.readouterr().err.count("(measured before)") == 8


@pytest.mark.parametrize(
    ("more", "said"),
    [
        (["--model", "nobody"], "no network 'nobody' in"),
        (["--protocols", "grpc,telex"], "'telex' is none of grpc, http, shm, stream"),
        (["--batches", "0"], "whole numbers from 1 to 1024 are wanted"),
        (["--seconds", "nan"], "--seconds nan: at least 0.1 is wanted"),
        (["--metrics-url", "127.0.0.1:8002"], "go with --url"),
        (["--url", "127.0.0.1:8001"], "HTTP is asked for, and --http-url does not say where"),
    ],
)
def test_wrong_requests_are_one_line(serve, capsys, more, said):
    assert serve(*more) == 2
    shown = capsys.readouterr()
    assert said in shown.err.splitlines()[-1]
    assert shown.out == ""


class Meter:
    """Takes 5 W until it is pulled out."""

    name, counts, total, interval = "made up", False, ("in",), 1.0
    there = True

    def read(self):
        if not self.there:
            raise MeterGone("in is gone")
        return {"in": 5.0}

    def close(self):
        pass


@pytest.fixture
def sweep(monkeypatch, tmp_path, model_repository):
    """sweep(answer, recorder) measures three batches, of which answer(setting, on_warm) gives the points."""
    monkeypatch.setattr(benchmark, "_server", lambda *_: nullcontext((Addresses("nowhere"), 0)))
    parser = argparse.ArgumentParser()
    benchmark.add_arguments(parser)
    words = ["--repository", str(model_repository), "--model", "gait_energy_image", "--output", str(tmp_path / "out")]
    words += ["--batches", "1,2,3", "--concurrency", "1", "--protocols", "grpc", "--client", "own"]

    def measure(answer, recorder=None):
        pytest.importorskip("matplotlib", reason="needs the extra [bench]")
        monkeypatch.setattr(benchmark, "OwnClient", lambda *_: SimpleNamespace(name="made up", measure=answer))
        arguments = parser.parse_args(words)
        arguments.recorder = recorder
        return {row.name: row.value for row in benchmark.measure(arguments, lambda line: None)}

    return measure


@pytest.mark.parametrize("answered", [2, 0])
def test_where_the_meter_vanishes_the_best_so_far_is_told_and_the_sweep_goes_on_later(answered, sweep, tmp_path):
    meter, asked = Meter(), []

    def answer(setting, on_warm):
        asked.append(setting.batch)
        meter.there = meter.there and len(asked) != answered + 1
        on_warm()
        return Point(setting.protocol, setting.batch, setting.concurrency, rate=10.0 * setting.batch, p95_ms=1.0)

    if not answered:
        with pytest.raises(MeterGone, match="the meter made up was lost"):
            sweep(answer, Recorder(meter))
        return
    rows = sweep(answer, Recorder(meter))
    assert rows == {"grpc_batch_2_concurrency_1_rate": 20.0, "grpc_batch_2_concurrency_1_p95": 1.0}
    assert not (tmp_path / "out/sweep.json").exists(), "a sweep that is not at its end is none to choose by"
    meter.there = True
    assert "subjects_at_25" in sweep(answer, Recorder(meter))
    assert asked == [1, 2, 3, 3]
    assert (tmp_path / "out/sweep.json").is_file()


def test_where_every_point_fails_no_figure_is_told(sweep):
    def answer(setting, on_warm):
        raise InferenceError("the server is away")

    with pytest.raises(GaitError, match="no point was measured: the server is away; the same command tries again"):
        sweep(answer)
