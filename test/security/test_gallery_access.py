"""What other users of the machine, and whoever may call a service, can do to a gallery: nothing but be refused."""

import os
import stat
import threading
from pathlib import Path

import numpy as np
import pytest

from rt_gait_ros import private_file
from rt_gait_ros.errors import GaitError
from rt_gait_ros.gait import scene_file
from rt_gait_ros.gait.known_people import KnownPeople
from rt_gait_ros.gait.scene import SceneError
from rt_gait_ros.gallery import extent_file
from rt_gait_ros.gallery.gallery import Gallery
from rt_gait_ros.gallery.person import GalleryReadOnly, Template

SILHOUETTE = {"model": "angle", "gait_frame_kind": "silhouette"}


@pytest.fixture
def gallery(tmp_path):
    gallery = Gallery(tmp_path / "own" / "people.gallery")
    gallery.add("Ada", [Template(np.ones((1, 2), np.float32), 1)], **SILHOUETTE)
    return gallery


@pytest.fixture
def people(gallery, tmp_path):
    people = KnownPeople(gallery, tmp_path)
    yield people
    people.close()


def refused(action):
    with pytest.raises(GaitError) as refusal:
        action()
    assert "\n" not in str(refusal.value)
    assert "\x1b" not in str(refusal.value)
    return str(refusal.value)


@pytest.mark.parametrize(
    "name",
    [
        "", "  ", "n" * 300, "a/" * 3000, "~nobodyofthatname/x", "a\0b", "\x1b[31mred", "a\nb", ".", "..", "/",
        "../outside.gallery", "/tmp/elsewhere.gallery", "link/x.gallery", "loop/x", "missing/folder/x",
    ],
    ids=lambda name: repr(name)[:20],
)  # fmt: skip
def test_a_gallery_that_a_service_asks_for_is_in_its_folder(people, gallery, tmp_path, name):
    folder = gallery.path.parent
    (tmp_path / "outside").mkdir()
    (folder / "link").symlink_to(tmp_path / "outside")
    (folder / "loop").symlink_to(folder / "loop")
    before = sorted(map(str, tmp_path.rglob("*")))
    refused(lambda: people.use(name, folder))
    assert people.gallery is gallery
    assert sorted(map(str, tmp_path.rglob("*"))) == before


def test_what_is_in_its_folder_may_be_chosen(people, gallery):
    folder = gallery.path.parent
    for name in ("guests.gallery", str(folder / "staff.gallery"), "./guests.gallery"):
        assert people.use(name, folder).path.parent == folder


def test_what_is_no_regular_file_is_neither_waited_for_nor_read(people, gallery):
    folder = gallery.path.parent
    os.mkfifo(folder / "pipe")
    (folder / "zero").symlink_to("/dev/zero")
    (folder / "folder").mkdir()
    (folder / "link").symlink_to(gallery.path)
    done = threading.Event()

    def try_all():
        for name in ("pipe", "zero", "folder", "link"):
            refused(lambda name=name: people.use(name, folder))
        done.set()

    threading.Thread(target=try_all, daemon=True).start()
    assert done.wait(300), "something that is no file was waited for"
    assert people.gallery is gallery


def test_a_device_is_no_gallery():
    assert "no regular file" in refused(lambda: Gallery("/dev/zero"))


def test_a_link_is_not_followed_whatever_it_leads_to(gallery, tmp_path):
    link = tmp_path / "people"
    link.symlink_to(gallery.path)
    assert "link" in refused(lambda: Gallery(link))
    dangling = tmp_path / "dangling"
    dangling.symlink_to(tmp_path / "made")
    refused(lambda: Gallery(dangling))
    assert not (tmp_path / "made").exists()


def test_links_do_not_take_the_place_of_files_that_are_written(gallery, tmp_path):
    """A link where a scene or an audit should be: what it leads to stays as it is."""
    victim = tmp_path / "victim"
    victim.write_bytes(b"precious")
    path = scene_file.file_of(scene_file.folder_of(gallery.path), "m", "hall")
    record = scene_file.Record("m", "hall", np.zeros((1, 1, 2), np.float32), np.ones(1, np.int64))
    with scene_file.locked(path):
        scene_file.write(path, record)
    path.unlink()
    path.symlink_to(victim)
    with pytest.raises(SceneError, match="link"):
        scene_file.read(path)
    scene_file.delete(path)
    audit = gallery.path.with_name("people.gallery.audit")
    audit.unlink()
    audit.symlink_to(victim)
    refused(lambda: gallery.rename("Ada", "Eve"))
    assert victim.read_bytes() == b"precious"


def test_a_folder_of_scenes_that_is_a_link_is_refused(gallery, tmp_path):
    (tmp_path / "elsewhere").mkdir()
    scene_file.folder_of(gallery.path).symlink_to(tmp_path / "elsewhere")
    path = scene_file.file_of(scene_file.folder_of(gallery.path), "m", "hall")
    with pytest.raises(SceneError, match="link"), scene_file.locked(path):
        pass
    assert not list((tmp_path / "elsewhere").iterdir())


def test_files_of_another_user_are_refused(tmp_path, as_nobody):
    shared = tmp_path / "shared"
    shared.mkdir()
    shared.chmod(0o1777)

    def plant():
        Gallery(shared / "people").add("Eve", [Template(np.ones((1, 2), np.float32), 1)], **SILHOUETTE)
        (shared / "people").chmod(0o666)

    as_nobody(plant)
    assert "another user" in refused(lambda: Gallery(shared / "people"))
    with pytest.raises(OSError, match="another user"):
        private_file.read(shared / "people")


def test_nobody_else_can_hold_the_lock_that_writers_take(gallery, as_nobody, monkeypatch):
    monkeypatch.setattr(extent_file, "LOCK_SECONDS", 1.0)
    gallery.path.parent.chmod(0o777)

    def try_to_lock():
        for path in gallery.path.parent.iterdir():
            with pytest.raises(PermissionError):
                os.open(path, os.O_RDONLY)

    as_nobody(try_to_lock)
    assert not [path.name for path in gallery.path.parent.iterdir() if "lock" in path.name]
    gallery.rename("Ada", "Eve")


def test_others_lose_access_to_a_copy_when_it_is_opened(gallery):
    copy = gallery.path.with_name("copy")
    copy.write_bytes(gallery.path.read_bytes())
    copy.chmod(0o644)
    Gallery(copy)
    assert stat.S_IMODE(copy.stat().st_mode) == 0o600


def test_folders_are_private_whatever_the_umask_is(tmp_path):
    before = os.umask(0)
    try:
        Gallery(tmp_path / "a" / "b" / "people")
        path = scene_file.file_of(scene_file.folder_of(tmp_path / "a" / "b" / "people"), "m", "hall")
        with scene_file.locked(path):
            pass
    finally:
        os.umask(before)
    for folder in (tmp_path / "a", tmp_path / "a" / "b", path.parent, path.parent.parent):
        assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    files = [each for each in (tmp_path / "a").rglob("*") if each.is_file()]
    assert {stat.S_IMODE(each.stat().st_mode) for each in files} == {0o600}


def test_a_gallery_that_may_only_be_read_recognises_and_enrols_nobody(gallery, as_nobody):
    gallery.path.parent.chmod(0o755)
    gallery.path.chmod(0o644)

    def read():
        mine = Gallery(gallery.path)
        assert mine.references.nearest(np.ones((1, 1, 2), np.float32)).shape == (1, 1)
        people = KnownPeople(mine, Path("/nowhere"))
        with pytest.raises(GalleryReadOnly, match="cannot be changed"):
            mine.require_writable()
        for change in (lambda: people.forget("Ada"), lambda: people.rename("Ada", "Eve")):
            with pytest.raises(GalleryReadOnly):
                change()

    as_nobody(read)
    assert [person.name for person in Gallery(gallery.path).persons] == ["Ada"]


def test_a_gallery_larger_than_any_is_not_read_into_memory(gallery):
    with gallery.path.open("r+b") as file:
        file.truncate(1 << 40)  # a sparse file: a terabyte that is not there
    assert [person.name for person in Gallery(gallery.path).persons] == ["Ada"]  # only what the index names is read
    path = scene_file.file_of(scene_file.folder_of(gallery.path), "m", "hall")
    with scene_file.locked(path):
        path.touch(0o600)
    os.truncate(path, 1 << 40)
    with pytest.raises(SceneError, match="the most that are read"):
        scene_file.read(path)
