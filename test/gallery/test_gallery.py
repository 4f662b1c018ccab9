import os
import stat

import numpy as np
import pytest

from rt_gait_ros.gallery.gallery import DuplicateName, Gallery, GalleryModelMismatch, UnknownPerson
from rt_gait_ros.gallery.gallery_file import GalleryCorrupt, GalleryError, GalleryTooNew
from rt_gait_ros.gallery.names import UnfitName

SILHOUETTE = {"model": "angle", "gait_frame_kind": "silhouette"}
TODAY = 1_800_000_000 * 10**9  # ns


def test_what_is_stored_comes_back(tmp_path, template):
    frames = np.arange(30 * 64 * 64, dtype=np.uint8).reshape(30, 64, 64)
    stored = Gallery(tmp_path / "g").add("Ada", [template(10, frames), template(20)], **SILHOUETTE)
    again = Gallery(tmp_path / "g")
    (person,) = again.persons
    assert (person.person_id, person.name, person.enrolled) == (stored.person_id, "Ada", stored.enrolled)
    assert again.model == "angle"
    np.testing.assert_array_equal(person.templates[0].frames, frames)
    assert person.templates[1].frames is None
    np.testing.assert_allclose(person.templates[1].embedding, template(20).embedding, atol=1e-3)


def test_files_and_folders_are_private(tmp_path, template):
    os.umask(0o022)
    path = tmp_path / "new" / "people.gallery"
    Gallery(path).add("Ada", [template(10)], **SILHOUETTE)
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    assert {stat.S_IMODE(file.stat().st_mode) for file in path.parent.iterdir()} == {0o600}


def test_the_id_is_permanent_and_says_nothing_of_the_name(gallery):
    person = gallery.find("Ada")
    assert person.person_id.isalnum()
    assert person.person_id[0].isalpha()
    assert "ada" not in person.person_id.lower()
    renamed = gallery.rename("Ada", "Countess")
    assert renamed.person_id == person.person_id
    assert gallery.find(person.person_id).name == "Countess"
    with pytest.raises(UnknownPerson):
        gallery.find("Ada")


@pytest.mark.parametrize("name", ["Ada", "ada", " Ada "])
def test_a_name_belongs_to_one_person(gallery, template, name):
    with pytest.raises(DuplicateName, match="Ada"):
        gallery.add(name, [template(5)], **SILHOUETTE)
    with pytest.raises(DuplicateName, match="Ada"):
        gallery.rename("Bob", name)
    assert gallery.rename("Ada", "ADA").name == "ADA"  # a new spelling of one's own is fine


@pytest.mark.parametrize("name", ["", "   ", "a\nb", "x" * 65, "\x1b[31m"])
def test_a_name_that_cannot_be_shown_is_refused(gallery, template, name):
    with pytest.raises(UnfitName, match="is no name"):
        gallery.add(name, [template(5)], **SILHOUETTE)


def test_extend_adds_to_the_person_of_that_name_and_else_enrols(gallery, template):
    known = gallery.find("Ada")
    assert gallery.add("Ada", [template(21)], extend=True, **SILHOUETTE).person_id == known.person_id
    assert len(gallery.find("Ada").templates) == 2
    assert gallery.add("Eve", [template(99)], extend=True, **SILHOUETTE).name == "Eve"


def test_merge_keeps_one_id_and_all_templates(gallery):
    kept = gallery.find("Bob").person_id
    merged = gallery.merge("Bob", "Cyd")
    assert (merged.person_id, merged.name, len(merged.templates)) == (kept, "Bob", 2)
    assert [person.name for person in gallery.persons] == ["Ada", "Bob"]
    with pytest.raises(GalleryError, match="same person"):
        gallery.merge("Bob", "Bob")
    assert gallery.references.nearest(gallery.references.embeddings[:1]).shape == (1, 2)


def test_who_is_forgotten_is_nowhere_any_more(gallery, tmp_path):
    secret = gallery.find("Ada")
    raw = secret.templates[0].embedding.tobytes()
    leftover = gallery.path.with_name(f".{gallery.path.name}.0123.tmp")  # of a writer that was killed
    leftover.write_bytes(gallery.path.read_bytes())
    assert gallery.forget("Ada").name == "Ada"
    for file in gallery.path.parent.iterdir():
        assert raw not in file.read_bytes()
        assert secret.person_id.encode() not in file.read_bytes()
    assert not leftover.exists()


def test_an_empty_gallery_belongs_to_no_model(gallery, template):
    with pytest.raises(GalleryModelMismatch, match=r"gait model angle, and gaitset"):
        gallery.add("Eve", [template(1)], model="gaitset", gait_frame_kind="silhouette")
    for person in gallery.persons:
        gallery.forget(person.person_id)
    assert gallery.model == ""
    assert gallery.add("Eve", [template(1)], model="gaitset", gait_frame_kind="silhouette")


@pytest.mark.parametrize("bad", [[[np.nan, 1.0]], [[np.inf, 1.0]], np.zeros((0, 2)), [1.0, 2.0], [[1.0, 2.0, 3.0]]])
def test_embeddings_that_cannot_be_compared_are_refused(gallery, template, bad):
    before = gallery.path.read_bytes()
    broken = template(1).__class__(np.array(bad, np.float32), 1)
    with pytest.raises(GalleryError):
        gallery.add("Eve", [template(1), broken], **SILHOUETTE)
    assert gallery.path.read_bytes() == before
    assert len(gallery.persons) == 3


def test_two_holders_of_one_file_see_each_other_and_lose_nothing(gallery, template):
    other = Gallery(gallery.path)
    other.add("Dan", [template(90)], **SILHOUETTE)
    gallery.add("Eve", [template(99)], **SILHOUETTE)  # reads before it writes
    assert [p.name for p in gallery.persons] == ["Ada", "Bob", "Cyd", "Dan", "Eve"]
    version = other.references.version
    assert other.refresh()
    assert not other.refresh()
    assert other.references.version > version
    assert [p.name for p in other.persons] == ["Ada", "Bob", "Cyd", "Dan", "Eve"]


def test_a_file_that_is_removed_is_an_empty_gallery(gallery):
    gallery.path.unlink()
    assert gallery.refresh()
    assert gallery.persons == ()


def test_rebuild_makes_every_embedding_anew_or_changes_nothing(tmp_path, template):
    gallery = Gallery(tmp_path / "g")
    frames = np.full((20, 64, 64), 7, np.uint8)
    gallery.add("Ada", [template(10, frames)], **SILHOUETTE)
    wide = np.arange(6, dtype=np.float32).reshape(2, 3)
    with pytest.raises(GalleryError, match="enrol again"):
        gallery.rebuild("gaitnet", "flow", lambda frames: wide)
    assert gallery.rebuild("gaitset", "silhouette", lambda frames: wide * frames.mean()) == 1
    again = Gallery(tmp_path / "g")
    assert again.model == "gaitset"
    np.testing.assert_array_equal(again.persons[0].templates[0].embedding, wide * 7)
    gallery.add("Bob", [template(1).__class__(wide, 1)], model="gaitset", gait_frame_kind="silhouette")
    with pytest.raises(GalleryError, match="Bob"):
        gallery.rebuild("angle", "silhouette", lambda frames: wide)
    assert Gallery(tmp_path / "g").model == "gaitset"


def damage(path, how):
    data = path.read_bytes()
    if how == "newer":
        path.write_bytes(data.replace(b"schema 3", b"schema 9", 1))
    elif how == "flipped":
        path.write_bytes(data[:300] + bytes([data[300] ^ 1]) + data[301:])
    elif how == "beginning":
        path.write_bytes(bytes(64) + data[64:])
    else:
        path.write_bytes(b"")
    return path.read_bytes()


@pytest.mark.parametrize(
    ("how", "error"),
    [("newer", GalleryTooNew), ("flipped", GalleryCorrupt), ("beginning", GalleryCorrupt), ("empty", GalleryCorrupt)],
)
def test_a_file_that_cannot_be_read_is_never_overwritten(gallery, template, how, error):
    damaged = damage(gallery.path, how)
    with pytest.raises(error, match="people"):
        Gallery(gallery.path)
    with pytest.raises(error):
        gallery.add("Eve", [template(1)], **SILHOUETTE)
    assert len(gallery.persons) == 3  # memory is as it was
    assert gallery.path.read_bytes() == damaged
    fresh, warning = Gallery.open_or_set_aside(gallery.path)
    (aside,) = fresh.asides()
    assert aside.read_bytes() == damaged
    assert str(aside) in warning
    assert fresh.persons == ()
    assert Gallery.open_or_set_aside(gallery.path)[1] == ""


@pytest.mark.parametrize("data", [b"/**:\n  ros__parameters: {}\n", bytes([0, 0, 0, 32]) + b"ftypisom" + bytes(20_000)])
def test_a_file_that_never_was_a_gallery_is_refused_and_left_in_its_place(tmp_path, data):
    path = tmp_path / "gait.yaml"
    path.write_bytes(data)
    with pytest.raises(GalleryError, match=r"gait\.yaml is not a gallery, but something else") as caught:
        Gallery.open_or_set_aside(path)
    assert not isinstance(caught.value, GalleryCorrupt)
    assert [(file.name, file.read_bytes()) for file in tmp_path.iterdir()] == [("gait.yaml", data)]


def test_a_folder_that_takes_no_files_is_one_line():
    with pytest.raises(GalleryError, match=r"/proc/people\.gallery cannot be made: its folder takes no files"):
        Gallery("/proc/people.gallery")


def test_a_file_that_may_not_be_read_is_not_taken_for_a_corrupt_one(tmp_path):
    folder = tmp_path / "g"
    folder.mkdir()
    with pytest.raises(GalleryError, match="directory") as caught:
        Gallery(folder)
    assert not isinstance(caught.value, GalleryCorrupt)


def test_a_name_that_is_another_persons_id_is_refused(gallery, template):
    ada, bob = gallery.find("Ada").person_id, gallery.find("Bob").person_id
    with pytest.raises(DuplicateName, match="id of 'Ada'"):
        gallery.add(ada, [template(1)], **SILHOUETTE)
    with pytest.raises(DuplicateName, match="id of 'Ada'"):
        gallery.add(ada, [template(1)], extend=True, **SILHOUETTE)
    with pytest.raises(DuplicateName, match="id of 'Bob'"):
        gallery.rename("Ada", bob)
    assert gallery.rename("Bob", bob).name == bob  # one's own id may be one's name
    assert len(gallery.persons) == 3


def test_an_id_that_is_also_a_name_means_nobody_until_it_is_renamed(gallery, monkeypatch):
    """As galleries of earlier versions may have it."""
    ada, bob = gallery.find("Ada").person_id, gallery.find("Bob").person_id
    with monkeypatch.context() as patch:
        patch.setattr("rt_gait_ros.gallery.gallery_edits.require_no_id", lambda *arguments: None)
        gallery.rename("Bob", ada)
    for change in (gallery.find, gallery.forget, lambda key: gallery.rename(key, "Eve")):
        with pytest.raises(DuplicateName, match=f"rename {bob} first"):
            change(ada)
    with pytest.raises(DuplicateName):
        gallery.merge(bob, "Cyd")
    gallery.rename(bob, "Bob")
    assert gallery.forget(ada).name == "Ada"


def test_whose_time_is_over_is_not_there_any_more_and_is_deleted(tmp_path, template):
    now = [TODAY]
    gallery = Gallery(tmp_path / "g", clock=lambda: now[0])
    ada = gallery.add("Ada", [template(20)], **SILHOUETTE, consent="asked", retention=500)
    gallery.add("Bob", [template(60)], **SILHOUETTE)
    assert (ada.consent, ada.expires) == ("asked", TODAY + 500)
    now[0] = TODAY + 500
    assert gallery.changed
    assert gallery.refresh()
    assert not gallery.refresh()
    assert [person.name for person in gallery.persons] == ["Bob"]
    assert gallery.references.embeddings.shape == (1, 1, 2)
    assert ada.person_id.encode() in gallery.path.read_bytes()
    assert [person.name for person in gallery.overdue] == ["Ada"]
    late = Gallery(gallery.path, clock=lambda: TODAY + 1_000)  # opened when it is over already
    assert [person.name for person in late.persons] == ["Bob"]
    assert [person.name for person in late.purge()] == ["Ada"]
    assert ada.person_id.encode() not in gallery.path.read_bytes()


def test_whose_time_is_over_goes_with_the_next_change(tmp_path, template):
    now = [TODAY]
    gallery = Gallery(tmp_path / "g", clock=lambda: now[0])
    ada = gallery.add("Ada", [template(20)], **SILHOUETTE, retention=500)
    now[0] = TODAY + 8_000
    gallery.add("Ada", [template(60)], **SILHOUETTE)  # the name is free again
    assert [person.name for person in gallery.persons] == ["Ada"]
    assert ada.person_id.encode() not in gallery.path.read_bytes()


def test_whom_a_clock_ahead_hid_is_there_again_when_it_is_set(tmp_path, template):
    """Beside a gallery that is only read, where nobody is deleted; they stayed hidden until something else changed."""
    now = [TODAY]
    gallery = Gallery(tmp_path / "g", clock=lambda: now[0])
    gallery.add("Ada", [template(20)], **SILHOUETTE, retention=500)
    gallery.add("Bob", [template(60)], **SILHOUETTE, retention=700)
    for clock, there in ((TODAY + 900, []), (TODAY + 600, ["Bob"]), (TODAY, ["Ada", "Bob"]), (TODAY + 600, ["Bob"])):
        now[0] = clock
        assert gallery.changed
        assert gallery.refresh()
        assert not gallery.changed
        assert not gallery.refresh()
        assert [person.name for person in gallery.persons] == there
        assert len(gallery.references.embeddings) == len(there)


def test_nobody_is_given_an_end_by_a_clock_that_was_not_set(tmp_path, template):
    """A robot without a battery for its clock begins in 1970; when its time came from the network, all were deleted."""
    now = [60 * 10**9]
    gallery = Gallery(tmp_path / "g", clock=lambda: now[0])
    with pytest.raises(GalleryError, match="clock is before 2025"):
        gallery.add("Ada", [template(20)], **SILHOUETTE, retention=500)
    gallery.add("Ada", [template(20)], **SILHOUETTE)
    with pytest.raises(GalleryError, match="clock is before 2025"):
        gallery.note("Ada", retention=500)
    assert gallery.note("Ada", consent="asked", retention=0).expires == 0
    now[0] = TODAY
    assert [person.name for person in gallery.persons] == ["Ada"]
    assert gallery.note("Ada", retention=500).expires == TODAY + 500


def test_silhouettes_can_be_deleted(gallery, tmp_path, template):
    frames = np.random.default_rng(1).integers(0, 255, (20, 64, 64), np.uint8)
    gallery.add("Dan", [template(90, frames), template(91)], **SILHOUETTE)
    size = gallery.path.stat().st_size
    assert gallery.strip("Dan") == 1
    assert gallery.path.stat().st_size < size - frames.size / 2
    assert [t.frames for t in Gallery(gallery.path).find("Dan").templates] == [None, None]
    assert gallery.strip() == 0


def test_a_gallery_that_is_removed_while_it_is_changed_is_one_line(gallery, template, monkeypatch):
    real = os.path.lexists

    def removed_after_the_look(path):
        found = real(path)
        if path == gallery.path:
            gallery.path.unlink()
        return found

    monkeypatch.setattr(os.path, "lexists", removed_after_the_look)
    with pytest.raises(GalleryError, match="removed"):
        gallery.add("Eve", [template(1)], **SILHOUETTE)
    monkeypatch.undo()
    gallery.add("Eve", [template(1)], **SILHOUETTE)
    assert [person.name for person in Gallery(gallery.path).persons] == ["Eve"]
