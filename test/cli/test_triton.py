"""`rt-gait triton` from the outside."""

import argparse
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from rt_gait_ros.cli import triton
from rt_gait_ros.errors import GaitError, UsageError
from rt_gait_ros.serving.installation import find_installation
from rt_gait_ros.serving.listening import Ports
from rt_gait_ros.serving.server import TritonServer
from rt_gait_ros.serving.server_state import ServerFailed, read_states


def call(*words: object) -> int:
    parser = argparse.ArgumentParser()
    triton.add_arguments(parser)
    return triton.run(parser.parse_args([str(word) for word in words]))


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, triton_installed: None) -> Path:
    monkeypatch.setenv("RT_GAIT_TRITONSERVER", str(find_installation().binary))
    monkeypatch.setenv("RT_GAIT_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


def test_up_status_down(
    cache: Path, model_repository: Path, capsys: pytest.CaptureFixture[str], tmp_path: Path, own_ports: Iterator[int]
) -> None:
    ports = Ports(grpc=next(own_ports))
    url = f"127.0.0.1:{ports.grpc}"
    up = ["up", "--grpc-port", ports.grpc]
    assert call("status", "--url", url) == 1
    assert "rt-gait triton up" in capsys.readouterr().out
    try:
        assert call(*up, "--networks", "gait_energy_image", "gaitset_small_v5") == 0
        with pytest.raises(ServerFailed, match=r"runs without gaitset_stream: .*down"):
            call(*up, "--networks", "gaitset_stream")
        assert call("status", "--url", url) == 0
        assert "gait_energy_image" in capsys.readouterr().out
        assert call("down", "--grpc-port", ports.grpc) == 0

        assert call(*up) == 0
        assert call(*up) == 0
        assert "already running" in capsys.readouterr().out
        with pytest.raises(ServerFailed, match="another port"):
            call(*up, "--repository", tmp_path)

        assert call("status", "--url", url, "--json") == 0
        report = json.loads(capsys.readouterr().out)
        assert report["ready"] is True
        assert set(report["models"]) == {path.name for path in model_repository.iterdir() if path.is_dir()}
        assert Path(report["log"]).is_file()
        assert Path(f"/proc/{report['pid']}").exists()
    finally:
        assert call("down", "--grpc-port", ports.grpc) == 0
    assert call("status", "--url", url, "--json", tmp_path / "status.json") == 1
    report = json.loads((tmp_path / "status.json").read_text())
    assert (report["running"], report["pid"]) == (False, None)
    assert call("down") == 0
    assert "no server of ours runs" in capsys.readouterr().out


def test_down_leaves_a_server_to_its_owner_unless_its_port_is_named(
    cache: Path, small: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with TritonServer(small) as owned:
        assert call("down") == 0
        assert f"left the server at {owned.url} to its owner" in capsys.readouterr().out
        assert owned.alive
        assert call("down", "--url", owned.url) == 0
        assert f"stopped the server at {owned.url}" in capsys.readouterr().out
        assert not owned.alive


class Foreground:
    """`rt-gait triton up --foreground` in a process of its own."""

    def __init__(self, ports: Ports, repository: Path, cache: Path, log: Path) -> None:
        self._log = log
        words = ["up", "--foreground", "--repository", str(repository), "--grpc-port", str(ports.grpc)]
        command = [sys.executable, "-m", "rt_gait_ros.cli.main", "triton", *words]
        with log.open("wb") as said:
            self.process = subprocess.Popen(
                command, stdout=said, stderr=said, env={**os.environ, "RT_GAIT_CACHE": str(cache)}
            )

    @property
    def said(self) -> str:
        return self._log.read_text()

    def wait_until_says(self, line: str) -> None:
        end = time.monotonic() + 300  # the machine may be busy
        while line not in self.said and time.monotonic() < end and self.process.poll() is None:
            time.sleep(0.05)
        assert line in self.said, self.said


@pytest.fixture
def foreground(tmp_path: Path) -> Iterator[Callable[..., Foreground]]:
    started: list[Foreground] = []

    def start(ports: Ports, repository: Path, cache: Path) -> Foreground:
        started.append(Foreground(ports, repository, cache, tmp_path / f"foreground{len(started)}.log"))
        return started[-1]

    yield start
    for one in started:
        one.process.terminate()
        one.process.wait(300)


@pytest.fixture
def small(model_repository: Path, tmp_path: Path) -> Path:
    repository = tmp_path / "repository"
    shutil.copytree(model_repository / "gait_energy_image", repository / "gait_energy_image")
    return repository


@pytest.mark.parametrize("number", [signal.SIGHUP, signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_the_foreground_server_and_its_folder_is_clean(
    cache: Path, small: Path, foreground: Callable[..., Foreground], number: int, own_ports: Iterator[int]
) -> None:
    ports = Ports(grpc=next(own_ports))
    up = foreground(ports, small, cache)
    up.wait_until_says("Triton serves gait_energy_image")
    (state,) = read_states()
    up.process.send_signal(number)
    assert up.process.wait(300) == 0, up.said
    assert not state.alive
    assert read_states() == []
    assert "Traceback" not in up.said


def test_a_server_that_is_there_is_used_and_replaced_when_it_ends(
    cache: Path, small: Path, foreground: Callable[..., Foreground], tmp_path: Path, own_ports: Iterator[int]
) -> None:
    ports = Ports(grpc=next(own_ports))
    first = foreground(ports, small, cache)
    first.wait_until_says("Triton serves")
    second = foreground(ports, small, cache)
    second.wait_until_says(f"using the Triton server that runs at 127.0.0.1:{ports.grpc} (pid ")
    elsewhere = foreground(ports, small, tmp_path / "another cache")  # as of another user, or a container's server
    elsewhere.wait_until_says("(not started by rt-gait)")
    elsewhere.process.terminate()
    assert elsewhere.process.wait(300) == 0
    first.process.terminate()
    assert first.process.wait(300) == 0
    second.wait_until_says("starting one here")
    second.wait_until_says("Triton serves")
    assert call("status", "--url", f"127.0.0.1:{ports.grpc}", "--repository", small) == 0


def test_a_server_without_the_networks_is_refused(
    cache: Path,
    small: Path,
    model_repository: Path,
    foreground: Callable[..., Foreground],
    tmp_path: Path,
    own_ports: Iterator[int],
) -> None:
    ports = Ports(grpc=next(own_ports))
    foreground(ports, small, cache).wait_until_says("Triton serves")
    up = foreground(ports, model_repository, tmp_path / "another cache")
    assert up.process.wait(300) == 1
    assert "runs without blazepose_landmark_full" in up.said
    assert "Traceback" not in up.said


def test_repository_lists_every_network(model_repository: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert call("repository", "--json") == 0
    models = {row["name"]: row for row in json.loads(capsys.readouterr().out)["models"]}
    assert models["gait_energy_image"]["inputs"] == {"gait_frames": ["uint8", -1, -1, 64, 64]}
    assert call("repository") == 0
    assert "gait_frame_kind = silhouette" in capsys.readouterr().out


def test_derive_checks_and_writes(
    shared: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], model_repository: Path
) -> None:
    sources = shared / "models"
    there = [path.stem for path in sources.glob("*.onnx")] + ["gait_energy_image"]
    only = [word for name in there for word in ("--network", name)]
    assert call("derive", sources, *only, "--check") == 0
    assert call("derive", sources, *only, "--check", "--repository", tmp_path) == 1
    assert not list(tmp_path.iterdir())
    assert call("derive", sources, *only, "--repository", tmp_path) == 0
    assert {path.parts[-3] for path in tmp_path.glob("*/1/model.onnx")} == set(there)
    for path in tmp_path.glob("*/1/model.onnx"):
        assert path.read_bytes() == (model_repository / path.relative_to(tmp_path)).read_bytes()


def test_missing_weights_are_one_line(tmp_path: Path) -> None:
    with pytest.raises(GaitError, match=r"docs/models\.md"):
        call("derive", tmp_path)


def test_one_port_for_two_services_is_refused() -> None:
    with pytest.raises(UsageError, match="different"):
        call("up", "--grpc-port", 18001, "--http-port", 18001)


@pytest.mark.parametrize("port", ["0", "65536", "-1", "grpc"])
def test_no_port_is_refused(port: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        call("up", f"--grpc-port={port}")
    assert ended.value.code == 2
    assert "1 to 65535" in capsys.readouterr().err
