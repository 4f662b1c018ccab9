"""The cameras' benchmark: what it counts, and what it says where there are no cameras to be had."""

import json
import os
import subprocess
import sys
import time

import pytest

from rt_gait_ros.cli.main import main
from rt_gait_ros.resources import resource

sys.path.append(str(resource("benchmark")))

import cameras


def test_without_a_server_one_line_says_what_to_install(monkeypatch, capsys):
    monkeypatch.setattr(cameras, "PROBE", "raise SystemExit(1)")
    monkeypatch.setitem(sys.modules, "benchmark_cameras", cameras)
    monkeypatch.setattr("rt_gait_ros.cli.bench._load", lambda path: cameras)
    assert main(["bench", "cameras"]) == 1
    said = capsys.readouterr().err
    assert said.startswith("rt-gait bench: there is no RTSP server to be the cameras: apt install python3-gi ")
    assert said.count("\n") == 1


@pytest.mark.parametrize("more", [["--cameras", "0"], ["--people", "0"], ["--seconds", "0"], ["--seconds", "nan"]])
def test_what_cannot_be_is_one_line(more, capsys):
    assert main(["bench", "cameras", *more]) == 2
    assert "--cameras and --people are 1 or more" in capsys.readouterr().err


def test_walkers_that_another_process_drew_meanwhile_are_taken(monkeypatch, tmp_path):
    monkeypatch.setattr(cameras, "cache_folder", lambda: tmp_path)
    monkeypatch.setattr(cameras, "SECONDS", 0.12)
    monkeypatch.setattr(cameras, "made_of", lambda scene: "abc")

    def draw(_: str) -> None:
        other = tmp_path / "footage" / "cameras_1_abc"
        other.mkdir(parents=True)
        (other / "00000.jpg").touch()

    folder = cameras.footage(1, draw)
    assert [path.name for path in folder.iterdir()] == ["00000.jpg"]
    assert list(folder.parent.iterdir()) == [folder]
    (folder / "00000.jpg").unlink()
    folder.rmdir()
    assert len(list(cameras.footage(1, lambda line: None).iterdir())) == 3
    assert list(folder.parent.iterdir()) == [folder]


@pytest.mark.parametrize(
    ("program", "line"),
    [("import time; time.sleep(1e6)", "did not serve within 0.1 s"), ("raise SystemExit(1)", "ended as it started")],
)
def test_a_server_that_does_not_serve_is_one_line(monkeypatch, program, line):
    monkeypatch.setattr(cameras, "SERVING", 0.1 if "sleep" in program else 300.0)
    server = cameras.Server.__new__(cameras.Server)
    server._command = [sys.executable, "-c", program]
    with pytest.raises(cameras.GaitError, match=line):
        server.restore()
    assert server._process.poll() is not None


def test_a_run_that_does_not_end_is_killed(monkeypatch, tmp_path):
    deaf = tmp_path / "deaf"
    deaf.write_text("#!/bin/sh\ntrap '' INT\necho deaf\nexec sleep 1000000\n")
    deaf.chmod(0o700)
    monkeypatch.setattr(cameras.sys, "executable", str(deaf))
    monkeypatch.setattr(cameras, "ENDING", 0.1)
    said, end = [], time.monotonic() + 300.0
    with cameras.cameras_run(tmp_path, ["door"], 1, "/bench", said.append) as run:
        while "deaf" not in (tmp_path / "run.log").read_text():
            assert time.monotonic() < end
            time.sleep(0.01)
    assert run.returncode == -9
    assert said == ["`rt-gait run --sources` did not end within 0.1 s and was killed: deaf"]


def test_a_process_is_charged_with_all_that_it_started(tmp_path):
    """A shell that starts a program named tritonserver and one that is not, each of which works until it has worked."""
    work = "import os, time\nwhile time.process_time() < 0.3: pass\nprint('done', flush=True)\ntime.sleep(1e6)\n"
    server = tmp_path / "tritonserver"
    server.symlink_to(os.path.realpath(sys.executable))
    program = (
        f"import subprocess, sys\nfor each in sys.argv[1:]: subprocess.Popen([each, '-c', {work!r}])\nsys.stdin.read()"
    )
    command = [sys.executable, "-c", program, str(server), sys.executable]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, start_new_session=True) as process:
        try:
            assert process.stdout is not None
            assert [process.stdout.readline() for _ in range(2)] == [b"done\n"] * 2
            found = cameras.processor_seconds(process.pid)
        finally:
            os.killpg(process.pid, 9)
    assert found["triton"] >= 0.25
    assert found["nodes"] >= 0.25
    assert cameras.processor_seconds(process.pid) == {"nodes": 0.0, "triton": 0.0}


@pytest.mark.slow
def test_real_streams_are_counted_cut_and_waited_for(triton_installed, capsys):
    try:
        cameras.require_server()
    except cameras.GaitError as error:
        pytest.skip(str(error))
    assert main(["bench", "cameras", "--cameras", "1", "--seconds", "2", "--cuts", "1", "--json"]) == 0
    rows = {row["name"]: row for row in json.loads(capsys.readouterr().out)["rows"]}
    loads = ["images", "images_least", "cpu_nodes", "cpu_triton", "cpu_cameras"]
    # a slow machine may see nobody yet
    assert [name for name in rows if name != "gait_frames"] == [*loads, "reconnect_median", "reconnect_longest"]
    assert rows["images"]["reference_value"] == 25.0
    assert rows["reconnect_median"]["value"] > 0.0
