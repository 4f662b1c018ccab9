"""`rt-gait select` on small files of the layouts that the other commands write."""

import json
from pathlib import Path

import pytest
from measured import kth, sweep

from rt_gait_ros.cli.main import main
from rt_gait_ros.edge.capacity import read_capacities
from rt_gait_ros.serving.repository import read_repository

QUICK, SURE = "gait_energy_image", "gaitset"


@pytest.fixture
def measured(tmp_path: Path) -> list[str]:
    """A quick network and a sure one, both with everything but the quick one's power."""
    return [
        sweep(tmp_path / "serve", QUICK, rate=200.0, p95=40.0, memory=200.0),
        sweep(tmp_path / "serve", SURE, rate=50.0, p95=160.0, energy=90.0, watts=9.0),
        kth(tmp_path / "quick.json", QUICK, 0.5),
        kth(tmp_path / "sure.json", SURE, 0.8),
    ]


def test_the_front_and_what_is_missing_are_shown(measured, tmp_path, capsys):
    assert main(["select", *measured, "--plot", str(tmp_path / "front.png")]) == 0
    said = capsys.readouterr().out
    assert "latency: p95 of a request, by `rt-gait bench serve`" in said
    assert "accuracy: kth, rank-1 of all probes" in said
    assert f"{QUICK}: no energy (`rt-gait bench serve --energy`): not compared by it" in said
    assert said.count("  yes\n") == 2
    assert (tmp_path / "front.png").read_bytes().startswith(b"\x89PNG")


def test_the_one_that_meets_it_is_written_with_the_pose_networks(measured, tmp_path, capsys):
    target = tmp_path / "chosen"
    words = ["select", *measured, "--people", "8", "--rate", "5", "--watts", "10", "--output", str(target), "--json"]
    assert main(words) == 0
    told = json.loads(capsys.readouterr().out)
    assert (told["chosen"], told["repository"]) == (SURE, str(target))
    assert told["demand"]["latency_ms"] == 200.0
    assert sorted(read_repository(target)) == ["blazepose_landmark_full", SURE, "nanodet"]
    assert main(words) == 2
    assert "is there already" in capsys.readouterr().err
    assert read_capacities(target) == {SURE: 50.0}  # of the load whose p95 is 160 ms
    assert main([*words, "--force", "--with", "movenet_multipose", QUICK]) == 0
    assert sorted(read_repository(target)) == [QUICK, SURE, "movenet_multipose"]
    assert read_capacities(target) == {QUICK: 200.0, SURE: 50.0}


def test_a_look_of_a_network_that_keeps_a_set_per_track_is_five_of_its_inferences(tmp_path, capsys):
    folder = sweep(tmp_path, "gaitset_small_v5_stream", rate=100.0)
    assert main(["select", folder, "--people", "5", "--rate", "5"]) == 1
    said = capsys.readouterr()
    assert "a look is 5 inferences of a frame" in said.out
    assert "rate 20 looks/s where 25 looks/s is asked, 5 too little" in said.err


def test_where_nothing_meets_it_one_line_says_what_is_nearest(measured, tmp_path, capsys):
    target = tmp_path / "chosen"
    words = ["--people", "8", "--rate", "5", "--accuracy", "0.9", "--output", str(target), "--json"]
    assert main(["select", *measured, *words]) == 1
    said = capsys.readouterr()
    assert said.err == (
        f"rt-gait select: no network meets what is asked: nearest is {SURE}: "
        "accuracy 0.8 where 0.9 is asked, 0.1 too little\n"
    )
    assert json.loads(said.out)["chosen"] is None
    assert not target.exists()


def test_a_network_that_is_not_the_measured_one_is_not_written(tmp_path, capsys):
    folder = sweep(tmp_path, QUICK, sha="0123456789abcdef")
    words = ["select", folder, "--people", "1", "--rate", "5", "--output", str(tmp_path / "chosen")]
    assert main(words) == 2
    assert "is another file than was measured" in capsys.readouterr().err
    assert not (tmp_path / "chosen").exists()


@pytest.mark.parametrize(
    ("words", "line"),
    [
        (["--people", "8"], "--people and --rate go together"),
        (["--people", "0", "--rate", "5"], "--people 0: a number above 0 is wanted"),
        (["--watts", "nan"], "--watts nan: a number above 0"),
        (["--accuracy", "85"], "--accuracy 85: a share is wanted, as 0.85"),
        (["--output", "chosen"], "--output goes with what is asked"),
        (["--plot", "front.jpg"], "has to end with .png"),
        (["--repository", "nowhere"], "no model repository: nowhere is not a folder"),
        (
            ["--people", "1", "--rate", "5", "--output", "chosen", "--with", "nobody"],
            "no repository has the network nobody",
        ),
    ],
)
def test_what_cannot_be_is_one_line(measured, tmp_path, monkeypatch, capsys, words, line):
    monkeypatch.chdir(tmp_path)
    assert main(["select", *measured, *words]) == 2
    said = capsys.readouterr().err
    assert line in said
    assert said.count("\n") == 1
    assert not (tmp_path / "chosen").exists()
