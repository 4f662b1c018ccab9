import argparse
import json

import numpy as np
import pytest

from rt_gait_ros.cli import gallery as command
from rt_gait_ros.errors import GaitError, UsageError
from rt_gait_ros.gait import calibration, scene_file
from rt_gait_ros.gait.calibration import Calibration, Curve
from rt_gait_ros.gait.scenes import Scenes
from rt_gait_ros.gallery.gallery import Gallery
from rt_gait_ros.gallery.gallery_file import Template


@pytest.fixture
def gallery(tmp_path):
    gallery = Gallery(tmp_path / "people")
    frames = np.zeros((20, 64, 64), np.uint8)
    frames[:, 4:60, 20:44] = 255
    for name in ("Ada", "Bob"):
        gallery.add(name, [Template(np.eye(2, dtype=np.float32), 1, frames)], model="m", gait_frame_kind="silhouette")
    return gallery


@pytest.fixture
def rt_gait(gallery, on_gallery):
    """rt_gait("list", ...) runs the subcommand on the gallery."""
    return on_gallery(command, gallery.path)


def names(gallery):
    gallery.refresh()
    return [person.name for person in gallery.persons]


def test_list_and_show_as_json(rt_gait, gallery, capsys):
    assert rt_gait("list", "--json") == 0
    listed = json.loads(capsys.readouterr().out)
    assert [person["name"] for person in listed["persons"]] == ["Ada", "Bob"]
    assert (listed["model"], listed["path"]) == ("m", str(gallery.path))
    assert rt_gait("show", "Ada", "--json") == 0
    assert json.loads(capsys.readouterr().out) == listed["persons"][0]
    (walk,) = listed["persons"][0]["walks"]
    assert (walk["embedding"], walk["frames"], walk["scene"], walk["origin"]) == ([2, 2], 20, "", "enrolled")


def test_list_and_show_for_people(rt_gait, gallery, capsys):
    rt_gait("list")
    rt_gait("show", gallery.find("Bob").person_id)
    out = capsys.readouterr().out
    assert out.count("Bob") == 2
    assert "20 gait frames" in out


def test_rename_merge_forget(rt_gait, gallery):
    assert rt_gait("rename", "Ada", "Ada L.") == 0
    assert names(gallery) == ["Ada L.", "Bob"]
    assert rt_gait("merge", "Bob", "Ada L.") == 0
    assert names(gallery) == ["Bob"]
    assert rt_gait("forget", "Bob", "--yes") == 0
    assert names(gallery) == []


def test_what_was_learnt_in_passing_is_deleted_of_one_or_of_all(rt_gait, gallery, capsys):
    for person, view in (("Ada", 0.0), ("Ada", 90.0), ("Bob", 0.0)):
        learnt = Template(np.eye(2, dtype=np.float32), 2, view=view)
        gallery.learn(gallery.find(person).person_id, learnt, limit=2)
    assert rt_gait("unlearn", "Ada") == 0
    assert capsys.readouterr().out.startswith("2 learnt views are deleted")
    assert rt_gait("unlearn") == 0
    assert capsys.readouterr().out.startswith("1 learnt views are deleted")
    gallery.refresh()
    assert [[walk.origin for walk in person.templates] for person in gallery.persons] == [["enrolled"], ["enrolled"]]


def test_forget_asks_first(rt_gait, gallery, monkeypatch):
    with pytest.raises(UsageError, match="--yes"):
        rt_gait("forget", "Ada")
    monkeypatch.setattr("sys.stdin.isatty", lambda: True)
    monkeypatch.setattr("builtins.input", lambda question: "")
    assert rt_gait("forget", "Ada") == 1
    assert names(gallery) == ["Ada", "Bob"]

    def end_of_file(question):
        raise EOFError

    monkeypatch.setattr("builtins.input", end_of_file)
    assert rt_gait("forget", "Ada") == 1
    assert names(gallery) == ["Ada", "Bob"]
    monkeypatch.setattr("builtins.input", lambda question: "y")
    assert rt_gait("forget", "Ada") == 0
    assert names(gallery) == ["Bob"]


def test_rebuild_with_a_network_of_the_package(rt_gait, gallery):
    assert rt_gait("rebuild", "--model", "gait_energy_image") == 0
    gallery.refresh()
    assert gallery.model == "gait_energy_image"
    embedding = gallery.persons[0].templates[0].embedding
    assert embedding.shape == (1, 2816)
    assert np.linalg.norm(embedding) == pytest.approx(1.0, abs=1e-4)


def test_errors_say_what_to_do_and_change_nothing(rt_gait, gallery):
    with pytest.raises(GaitError, match="gallery list"):
        rt_gait("show", "Zoe")
    with pytest.raises(GaitError, match="Bob"):
        rt_gait("rename", "Ada", "Bob")
    damaged = gallery.path.read_bytes()[:-1]
    gallery.path.write_bytes(damaged)
    with pytest.raises(GaitError, match="damaged"):
        rt_gait("list")
    assert gallery.path.read_bytes() == damaged
    gallery.path.unlink()
    with pytest.raises(GaitError, match="no gallery"):
        rt_gait("list")
    assert not gallery.path.exists()


def test_the_gallery_in_use_may_be_named_by_the_environment(monkeypatch, tmp_path, capsys):
    parser = argparse.ArgumentParser()
    command.add_arguments(parser)
    monkeypatch.setenv("RT_GAIT_GALLERY", str(tmp_path / "mine"))
    command.run(parser.parse_args(["path"]))
    assert capsys.readouterr().out.strip() == str(tmp_path / "mine")


def test_who_is_forgotten_leaves_no_nameless_walk_either(rt_gait, gallery, tmp_path, capsys):
    known = Calibration("m", 1.0, 2.0, 1.0, 0.1, 0.01, 10, 10, "", Curve(1.0, 1.0))
    scenes = Scenes(scene_file.folder_of(gallery.path), known)
    for embedding in (np.eye(2), np.eye(2) + 9):
        scenes.vote("hall", embedding)
    scenes.save()
    other = tmp_path / "repository"
    (other / "m").mkdir(parents=True)
    calibration.save(other / "m" / calibration.FILE_NAME, known)
    rt_gait("forget", "Ada", "--yes", "--repository", str(other))
    assert "1 nameless walks" in capsys.readouterr().out
    assert Scenes(scene_file.folder_of(gallery.path), known).walkers("hall") == 1.0
    rt_gait("forget", "Bob", "--yes")  # without a calibration of the model nobody can tell which are Bob's
    assert "were deleted" in capsys.readouterr().out
    assert not scene_file.files(scene_file.folder_of(gallery.path))


def test_consent_retention_and_silhouettes(rt_gait, gallery, capsys):
    assert rt_gait("consent", "Ada", "signed at the door") == 0
    assert rt_gait("retain", "Ada", "30") == 0
    assert rt_gait("strip", "Ada") == 0
    capsys.readouterr()
    rt_gait("show", "Ada", "--json")
    shown = json.loads(capsys.readouterr().out)
    assert (shown["consent"], shown["walks"][0]["frames"]) == ("signed at the door", 0)
    assert shown["expires"] > shown["enrolled"]
    rt_gait("retain", "Ada", "0")
    assert "until somebody forgets" in capsys.readouterr().out
    with pytest.raises(UsageError, match="DAYS"):
        rt_gait("retain", "Ada", "nan")
    with pytest.raises(GaitError, match="Ada"):
        rt_gait("rebuild", "--model", "gait_energy_image")


def test_the_audit_is_shown_and_a_break_in_it_is_an_error(rt_gait, gallery, capsys):
    rt_gait("forget", "Bob", "--yes")
    capsys.readouterr()
    assert rt_gait("audit", "--json") == 0
    changes = json.loads(capsys.readouterr().out)["changes"]
    assert [(change["what"], change["persons"]) for change in changes] == [
        ("enrol", ["Ada"]), ("enrol", [""]), ("forget", [""]),
    ]  # fmt: skip
    path = gallery.path.with_name("people.audit")
    path.write_text("".join(path.read_text().splitlines(True)[1:]))
    with pytest.raises(GaitError, match="line 1"):
        rt_gait("audit")


def test_a_gallery_is_encrypted_and_decrypted(rt_gait, gallery, tmp_path, capsys):
    pytest.importorskip("cryptography")
    key = f"file:{tmp_path / 'key'}"
    assert rt_gait("key", str(tmp_path / "key")) == 0
    assert rt_gait("encrypt", "--key", key) == 0
    assert b"Ada" not in gallery.path.read_bytes()
    with pytest.raises(GaitError, match="no key was named"):
        rt_gait("list")
    capsys.readouterr()
    assert rt_gait("list", "--key", key) == 0
    assert "Ada" in capsys.readouterr().out
    rt_gait("key", str(tmp_path / "other"))
    assert rt_gait("encrypt", "--from-key", key, "--key", f"file:{tmp_path / 'other'}") == 0
    with pytest.raises(GaitError, match="another key"):
        rt_gait("list", "--key", key)
    assert rt_gait("decrypt", "--key", f"file:{tmp_path / 'other'}") == 0
    assert rt_gait("list") == 0
    assert rt_gait("audit") == 0


def test_a_name_that_is_the_id_of_somebody_else(rt_gait, gallery):
    """`forget` of that id would delete the other one."""
    ada = gallery.find("Ada").person_id
    for command_ in (("rename", "Bob", ada), ("rename", "Bob", ada.upper())):
        with pytest.raises(GaitError, match="is the id of 'Ada'"):
            rt_gait(*command_)
    assert names(gallery) == ["Ada", "Bob"]


def test_all_that_is_stored_of_somebody_is_written_to_a_folder(rt_gait, tmp_path, capsys):
    assert rt_gait("export", "Ada", "--to", str(tmp_path / "ada")) == 0
    assert "person.json" in capsys.readouterr().out
    assert {file.name for file in (tmp_path / "ada").iterdir()} == {
        "person.json", "walk_1.npy", "walk_1.png", "walk_1_frames.npy"
    }  # fmt: skip


@pytest.mark.parametrize("name", ["艾达 🙂", "مريم", "علی\u200cرضا", "👩\u200d💻"])
def test_names_of_the_world_go_through_every_command(rt_gait, gallery, tmp_path, capsys, name):
    assert rt_gait("rename", "Ada", name) == 0
    for words in (("list",), ("show", name)):
        assert rt_gait(*words) == 0
        assert name in capsys.readouterr().out
    assert rt_gait("export", name, "--to", str(tmp_path / name)) == 0
    assert json.loads((tmp_path / name / "person.json").read_text(encoding="utf-8"))["name"] == name
    assert rt_gait("merge", name, "Bob") == 0
    assert names(gallery) == [name]
    assert rt_gait("forget", name, "--yes") == 0
    assert names(gallery) == []
