"""`rt-gait models`: what is there, what is fetched, and what a release holds."""

import os
import shutil
import subprocess
import tarfile
from pathlib import Path

import pytest

from rt_gait_ros import __version__
from rt_gait_ros.cli import models
from rt_gait_ros.cli.main import main

pytestmark = pytest.mark.skipif(shutil.which("git") is None, reason="git is not installed")


@pytest.fixture
def clone(all_networks: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A clone with one network, committed, that the command takes for its own."""
    folder = tmp_path / "clone"
    network = folder / "model_repository" / "gait_energy_image"
    shutil.copytree(all_networks / "gait_energy_image", network)
    lines = (all_networks / "SHA256SUMS").read_text().splitlines(keepends=True)
    (network.parent / "SHA256SUMS").write_text("".join(line for line in lines if "gait_energy_image" in line))
    (folder / "package.xml").write_text("<package/>")
    identity = {f"GIT_{who}_{what}": "nobody" for who in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")}
    for words in (["init", "-q"], ["add", "-A"], ["-c", "commit.gpgsign=false", "commit", "-q", "-m", "all"]):
        subprocess.run(["git", "-C", folder, *words], check=True, env={**os.environ, **identity})
    monkeypatch.setattr(models, "share_directory", lambda: folder)
    return folder


def members(path: Path) -> set[str]:
    with tarfile.open(path) as archive:
        return {entry.name for entry in archive if entry.isfile()}


def test_a_release_is_packed_without_networks_and_completed_again(
    clone: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    assert main(["models", "pack", str(tmp_path / "out" / "release")]) == 0
    source, networks = (Path(line.partition(" ")[0]) for line in capfd.readouterr().out.splitlines())
    name = f"rt_gait_ros-{__version__}"
    inside = f"{name}/model_repository/gait_energy_image"
    assert members(source) >= {f"{inside}/config.pbtxt", f"{inside}/SOURCE.md", f"{name}/model_repository/SHA256SUMS"}
    assert not any(member.endswith(".onnx") for member in members(source))
    assert members(networks) >= {
        f"{name}-networks/gait_energy_image/1/model.onnx", f"{name}-networks/gait_energy_image/SOURCE.md",
    }  # fmt: skip

    with tarfile.open(source) as archive:
        archive.extractall(tmp_path, **({"filter": "data"} if hasattr(tarfile, "data_filter") else {}))
    repository = str(tmp_path / name / "model_repository")
    assert main(["models", "check", "--repository", repository]) == 1
    said = capfd.readouterr().out
    assert "gait_energy_image/1/model.onnx" in said
    assert "1 of 1 files are missing or differ: `rt-gait models fetch" in said
    assert main(["models", "fetch", "--from", str(networks), "--repository", repository]) == 0
    assert main(["models", "check", "--repository", repository]) == 0
    assert main(["models", "fetch", "--from", str(networks), "--repository", repository]) == 0
    assert f"nothing is to be fetched into {repository}" in capfd.readouterr().out


def test_the_installed_networks_are_all_there(all_networks: Path, capfd: pytest.CaptureFixture[str]) -> None:
    assert main(["models", "check"]) == 0
    assert "gaitset_small_v5_stream/1/head.onnx" in capfd.readouterr().out


def test_what_cannot_be_is_one_line(tmp_path: Path, capfd: pytest.CaptureFixture[str], monkeypatch) -> None:
    assert main(["models", "fetch", "--from", str(tmp_path), "--network", "nobody"]) == 2
    assert "no network nobody is in" in capfd.readouterr().err
    monkeypatch.setattr(models, "share_directory", lambda: tmp_path)
    assert main(["models", "pack", str(tmp_path)]) == 2
    assert capfd.readouterr().err.count("\n") == 1
