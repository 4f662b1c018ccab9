"""A network is written whole or not at all, and what stood there before stays."""

import errno
import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from rt_gait_ros.errors import UsageError
from rt_gait_ros.serving import model_folder
from rt_gait_ros.serving.inference import ModelSpec, TensorSpec
from rt_gait_ros.serving.model_folder import NewModel, require_free, write_model, write_models

TENSOR = TensorSpec("a", "float32", (-1, 4))
SPEC = ModelSpec("small", (TENSOR,), (TensorSpec("b", "float32", (-1, 4)),), {})


def content(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.mark.parametrize("number", [errno.EROFS, errno.ENOSPC])
@pytest.mark.parametrize("step", ["mkdir", "write_bytes", "write_text", "rename"])
@pytest.mark.parametrize("there", [False, True])
def test_a_read_only_or_full_repository_keeps_what_it_has(tmp_path, monkeypatch, step, number, there):
    if there:
        write_model(tmp_path, SPEC, b"the first", 8)
    before = content(tmp_path)
    original = getattr(Path, step)

    def fail(path, *words, **more):
        if ".small.new" in str(path):
            raise OSError(number, "no room")
        return original(path, *words, **more)

    monkeypatch.setattr(Path, step, fail)
    with pytest.raises(UsageError, match=r"^cannot write .*small: no room$"):
        write_model(tmp_path, SPEC, b"the second", 8, replace=True)
    assert content(tmp_path) == before
    assert {path.name for path in tmp_path.iterdir()} == ({"small"} if there else set())


def test_a_repository_that_cannot_be_written_is_said_before_a_network_is_made(tmp_path, monkeypatch):
    require_free(tmp_path / "still/to be made", "small")
    monkeypatch.setattr(model_folder.os, "access", lambda path, mode: path != tmp_path)
    for repository in (tmp_path, tmp_path / "still/to be made"):
        with pytest.raises(UsageError, match=r"^the model repository .* cannot be written: name one of yours"):
            require_free(repository, "small", replace=True)


def test_what_is_replaced_leaves_nothing_behind(tmp_path):
    write_model(tmp_path, SPEC, b"the first", 8, others={"head.onnx": b"more"})
    write_model(tmp_path, SPEC, b"the second", 8, replace=True)
    assert (tmp_path / "small/1/model.onnx").read_bytes() == b"the second"
    assert [path.name for path in tmp_path.iterdir()] == ["small"]
    assert not (tmp_path / "small/1/head.onnx").exists()


def test_of_two_networks_both_are_there_or_none(tmp_path, monkeypatch):
    pair = [NewModel(SPEC, b"whole", 8), NewModel(replace(SPEC, name="small_stream"), b"stream", 8)]
    write_models(tmp_path, pair)
    before = content(tmp_path)
    original = Path.rename

    def fail(path, target):
        if path.name == ".small_stream.new":
            raise OSError(errno.EROFS, "no room")
        return original(path, target)

    monkeypatch.setattr(Path, "rename", fail)
    newer = [replace(model, model=b"newer") for model in pair]
    with pytest.raises(UsageError, match=r"^cannot write .*small_stream: no room$"):
        write_models(tmp_path, newer, replace=True)
    assert content(tmp_path) == before
    monkeypatch.undo()
    (tmp_path / "small").rename(tmp_path / ".small.old")  # somebody was killed just then
    with pytest.raises(UsageError, match="small is there already"):
        write_models(tmp_path, newer)
    assert content(tmp_path) == before


@pytest.mark.parametrize("leads_to", ["a folder", "nowhere"])
def test_a_link_is_replaced_as_often_as_wanted_and_what_it_leads_to_stays(tmp_path, leads_to):
    elsewhere = tmp_path / "elsewhere"
    repository = tmp_path / "repository"
    repository.mkdir()
    if leads_to == "a folder":
        write_model(elsewhere, SPEC, b"linked", 8)
    before = content(elsewhere)
    for _ in range(2):
        (repository / "small").symlink_to(elsewhere / "small")
        with pytest.raises(UsageError, match="small is there already"):
            write_model(repository, SPEC, b"own", 8)
        write_model(repository, SPEC, b"own", 8, replace=True)
        write_model(repository, SPEC, b"own again", 8, replace=True)
        assert (repository / "small/1/model.onnx").read_bytes() == b"own again"
        assert [path.name for path in repository.iterdir()] == ["small"]
        (repository / "small").rename(tmp_path / "gone")
        shutil.rmtree(tmp_path / "gone")
    assert content(elsewhere) == before


def test_a_network_that_cannot_be_served_leaves_what_was_there(tmp_path):
    write_model(tmp_path, SPEC, b"the first", 8)
    before = content(tmp_path)
    with pytest.raises(UsageError, match="is empty"):
        write_model(tmp_path, SPEC, b"", 8, replace=True)
    assert content(tmp_path) == before
    assert [path.name for path in tmp_path.iterdir()] == ["small"]
