"""Clones in folders whose names are not ASCII, which rosidl's CMake code cannot read."""

import importlib.util
import shutil
import subprocess
import tempfile
from pathlib import Path
from types import ModuleType

import pytest
import setuptools

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def build(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """setup.py, without its last line's effect."""
    monkeypatch.setattr(setuptools, "setup", lambda **_: None)
    spec = importlib.util.spec_from_file_location("rt_gait_ros_setup", ROOT / "setup.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_build_tree_stays_in_the_clone_where_that_is_ascii(build: ModuleType, tmp_path: Path) -> None:
    assert build.tree_parent(str(tmp_path)) == str(tmp_path)


def test_the_build_tree_leaves_a_clone_that_is_not_ascii(
    build: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    clone = tmp_path / "Gänge und 歩容"
    clone.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(clone))  # as where TMPDIR is in the clone, too
    assert build.tree_parent(str(clone)).isascii()
    monkeypatch.setattr(build.os, "access", lambda *_: False)
    with pytest.raises(SystemExit, match="set TMPDIR to another"):
        build.tree_parent(str(clone))


@pytest.mark.skipif(shutil.which("cmake") is None, reason="cmake is not installed")
def test_cmake_names_the_cause(tmp_path: Path) -> None:
    command = ["cmake", "-S", str(ROOT), "-B", str(tmp_path / "bäu")]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode != 0
    assert "letters beyond ASCII in the path" in " ".join(done.stderr.split())
    assert "colcon build --build-base" in " ".join(done.stderr.split())
