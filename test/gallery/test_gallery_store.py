import shutil
import time
from pathlib import Path

import pytest

from rt_gait_ros.gallery import gallery_file, gallery_store
from rt_gait_ros.gallery.gallery import Gallery
from rt_gait_ros.gallery.gallery_store import FileStore

SILHOUETTE = {"model": "angle", "gait_frame_kind": "silhouette"}


def test_a_path_is_a_file_of_this_machine(tmp_path, template):
    gallery = Gallery(tmp_path / "people")
    assert isinstance(gallery.store, FileStore)
    assert (gallery.path, gallery.name) == (tmp_path / "people", str(tmp_path / "people"))
    assert (gallery.problem, gallery.store.is_shared) == ("", False)


def test_a_gallery_asks_the_store_that_it_is_given(tmp_path, template):
    class Counting(FileStore):
        changes = 0

        def changing(self, held):
            self.changes += 1
            return super().changing(held)

    store = Counting(tmp_path / "people")
    gallery = Gallery(store)
    gallery.add("Ada", [template(20)], **SILHOUETTE)
    gallery.forget("Ada")
    assert store.changes == 2
    assert [entry.what for entry in store.audit()] == ["enrol", "forget"]


class Looks:
    """Counts how often a gallery's file is opened to be looked at."""

    def __init__(self, monkeypatch) -> None:
        self.count = 0
        look = gallery_file.signature

        def counted(path):
            self.count += 1
            return look(path)

        monkeypatch.setattr(gallery_file, "signature", counted)
        monkeypatch.setattr(gallery_store, "TRUSTED", 1e9)


def pass_a_tick(path: Path) -> None:
    """Wait until what the file system stamps is later than the file."""
    other = path.with_name("tick")
    while not other.exists() or other.stat().st_ctime_ns <= path.stat().st_ctime_ns:
        other.touch()


def test_a_file_that_nobody_touches_is_not_opened_again(tmp_path, template, monkeypatch):
    Gallery(tmp_path / "people").add("Ada", [template(20)], **SILHOUETTE)
    store = FileStore(tmp_path / "people", clock=lambda: time.time_ns() + 10**10)  # ten seconds later
    looks = Looks(monkeypatch)
    before = store.signature()
    assert [store.signature() for _ in range(5)] == [before] * 5
    assert looks.count == 1
    pass_a_tick(tmp_path / "people")
    Gallery(tmp_path / "people").add("Grace", [template(40)], **SILHOUETTE)
    looks.count = 0
    assert store.signature() != before
    assert looks.count == 1


def test_a_file_that_was_touched_just_now_is_opened_each_time(tmp_path, template, monkeypatch):
    """Another touch in the same tick of the file system's clock would not show in its times."""
    Gallery(tmp_path / "people").add("Ada", [template(20)], **SILHOUETTE)
    store = FileStore(tmp_path / "people", clock=lambda: (tmp_path / "people").stat().st_ctime_ns)
    looks = Looks(monkeypatch)
    assert store.signature() == store.signature()
    assert looks.count == 2


@pytest.mark.parametrize("change", ["chmod", "replaced", "gone", "link"])
def test_whatever_becomes_of_a_file_is_looked_at(tmp_path, template, monkeypatch, change):
    path = tmp_path / "people"
    Gallery(path).add("Ada", [template(20)], **SILHOUETTE)
    store = FileStore(path, clock=lambda: time.time_ns() + 10**10)
    before = store.signature()
    looks = Looks(monkeypatch)
    pass_a_tick(path)
    if change == "chmod":
        path.chmod(0o644)
        assert store.signature() == before
        assert path.stat().st_mode & 0o077 == 0
    elif change == "replaced":
        shutil.copy(path, tmp_path / "copy")
        (tmp_path / "copy").replace(path)
        assert store.signature() != before
    elif change == "gone":
        path.unlink()
        assert store.signature() == ()
    else:
        path.rename(tmp_path / "elsewhere")
        path.symlink_to(tmp_path / "elsewhere")
        assert store.signature() == ()
    assert looks.count == 1


def test_a_file_is_opened_now_and_then_whatever_its_times_say(tmp_path, template, monkeypatch):
    Gallery(tmp_path / "people").add("Ada", [template(20)], **SILHOUETTE)
    store = FileStore(tmp_path / "people", clock=lambda: time.time_ns() + 10**10)
    looks = Looks(monkeypatch)
    monkeypatch.setattr(gallery_store, "TRUSTED", 0.0)
    assert store.signature() == store.signature()
    assert looks.count == 2
