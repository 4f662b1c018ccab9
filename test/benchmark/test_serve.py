"""`rt-gait bench serve` on a real server: every protocol, what it writes, and what it refuses."""

import csv
import json

import pytest

from rt_gait_ros.cli.main import main


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
