"""`rt-gait triton` from the outside."""

import argparse
import json
import shutil
from pathlib import Path

import pytest

from rt_gait_ros.cli import triton
from rt_gait_ros.errors import GaitError, UsageError
from rt_gait_ros.serving.installation import find_installation
from rt_gait_ros.serving.server import Ports, ServerFailed, TritonServer


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
    cache: Path, model_repository: Path, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    ports = Ports.free()
    url = f"127.0.0.1:{ports.grpc}"
    up = ["up", "--http-port", ports.http, "--grpc-port", ports.grpc, "--metrics-port", ports.metrics]
    assert call("status", "--url", url) == 1
    assert "rt-gait triton up" in capsys.readouterr().out
    try:
        assert call(*up, "--networks", "gait_energy_image", "gaitset_small") == 0
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
        assert set(report["models"]) == {path.name for path in model_repository.iterdir()}
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
    cache: Path, model_repository: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    small = tmp_path / "repository"
    shutil.copytree(model_repository / "gait_energy_image", small / "gait_energy_image")
    with TritonServer(small) as owned:
        assert call("down") == 0
        assert f"left the server at {owned.url} to its owner" in capsys.readouterr().out
        assert owned.alive
        assert call("down", "--grpc-port", owned.ports.grpc) == 0
        assert f"stopped the server at {owned.url}" in capsys.readouterr().out
        assert not owned.alive


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
    assert call("derive", sources, "--check") == 0
    assert call("derive", sources, "--check", "--repository", tmp_path) == 1
    assert not list(tmp_path.iterdir())
    assert call("derive", sources, "--repository", tmp_path) == 0
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
