import json

import numpy as np
import pytest

from rt_gait_ros.cli import scene as command
from rt_gait_ros.errors import GaitError, UsageError
from rt_gait_ros.gait import scene_file
from rt_gait_ros.gait.calibration import Calibration
from rt_gait_ros.gait.scene import SceneError
from rt_gait_ros.gait.scene_cleaning import recrypt_files
from rt_gait_ros.gait.scenes import Scenes
from rt_gait_ros.gallery.cipher import find_cipher, write_key


@pytest.fixture
def people(tmp_path):
    """A gallery's path, with two scenes beside it; one is known to two gait models."""
    path = tmp_path / "people"
    for model, names in (("m", ("/front/camera", "yard")), ("n", ("yard",))):
        known = Scenes(scene_file.folder_of(path), Calibration(model, 1.0, 1.0, 1.0, 0.1, 0.01, 10, 10, ""))
        for name in names:
            known.vote(name, np.eye(2))
        known.save()
    return path


@pytest.fixture
def rt_gait(people, on_gallery):
    return on_gallery(command, people)


def test_scenes_are_listed(rt_gait, capsys, people):
    assert rt_gait("list", "--json") == 0
    listed = json.loads(capsys.readouterr().out)
    assert [(s["model"], s["scene"], s["walks"]) for s in listed["scenes"]] == [
        ("m", "/front/camera", 1), ("m", "yard", 1), ("n", "yard", 1),
    ]  # fmt: skip
    damaged = scene_file.file_of(scene_file.folder_of(people), "m", "yard")
    damaged.write_bytes(b"no scene")
    rt_gait("list")
    out = capsys.readouterr().out
    assert "/front/camera" in out
    assert f"{damaged} is damaged" in out


def test_a_scene_is_forgotten_for_all_models_even_when_damaged(rt_gait, capsys, people):
    folder = scene_file.folder_of(people)
    scene_file.file_of(folder, "n", "yard").write_bytes(b"")
    (scene_file.file_of(folder, "m", "yard").parent / ".yard.scene.0123.tmp").write_bytes(b"left by a killed writer")
    assert rt_gait("forget", "yard") == 0
    assert [scene_file.name_of(path) for path in scene_file.files(folder)] == ["/front/camera"]
    assert not list(folder.rglob("*.tmp"))
    with pytest.raises(SceneError, match="no scene 'yard' is known"):
        rt_gait("forget", "yard")
    rt_gait("forget", "--all")
    assert not scene_file.files(folder)
    rt_gait("forget", "--all")
    rt_gait("list")
    assert "no scene is known" in capsys.readouterr().out


def test_what_to_forget_must_be_said(rt_gait):
    for arguments in ((), ("yard", "--all")):
        with pytest.raises(UsageError, match="--all"):
            rt_gait("forget", *arguments)


def test_scenes_are_forgotten_though_their_key_is_lost(rt_gait, people, tmp_path, monkeypatch):
    monkeypatch.setenv("RT_GAIT_GALLERY_KEY", f"file:{tmp_path / 'gone'}")
    with pytest.raises(GaitError, match="gone"):
        rt_gait("list")
    assert rt_gait("forget", "--all") == 0
    assert not scene_file.files(scene_file.folder_of(people))
    with pytest.raises(UsageError, match="leave out --robot"):
        rt_gait("forget", "--all", "--robot", "spot")


def test_scenes_of_an_encrypted_gallery_are_read_with_its_key(rt_gait, people, tmp_path, capsys):
    pytest.importorskip("cryptography")
    write_key(tmp_path / "key")
    source = f"file:{tmp_path / 'key'}"
    recrypt_files(scene_file.folder_of(people), None, find_cipher(source))
    rt_gait("list")
    assert "its key was not named" in capsys.readouterr().out
    rt_gait("list", "--key", source, "--json")
    assert [scene["walks"] for scene in json.loads(capsys.readouterr().out)["scenes"]] == [1, 1, 1]
    rt_gait("forget", "--all")  # needs no key
    assert not scene_file.files(scene_file.folder_of(people))
