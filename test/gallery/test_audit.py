import json

import pytest

from rt_gait_ros.gallery import audit
from rt_gait_ros.gallery.cipher import Cipher
from rt_gait_ros.gallery.gallery import Gallery
from rt_gait_ros.gallery.person import GalleryError

SILHOUETTE = {"model": "angle", "gait_frame_kind": "silhouette"}


def test_every_change_is_one_line_that_names_nobody(gallery, template):
    gallery.rename("Ada", "Countess")
    gallery.merge("Bob", "Cyd")
    gallery.note("Bob", consent="signed at the door")
    gallery.forget("Bob")
    entries = audit.read(gallery.path)
    assert [entry.what for entry in entries] == ["enrol"] * 3 + ["rename", "merge", "note", "forget"]
    assert len(entries[4].tags) == 2
    assert all(entry.whole for entry in entries)
    (left,) = gallery.persons
    assert entries[0].tags == entries[3].tags == (left.tag,)
    text = audit.path_of(gallery.path).read_text()
    for word in ("Ada", "Countess", "Bob", "signed", left.person_id):
        assert word not in text
    assert audit.path_of(gallery.path).stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize("cipher", [None, b"1" * 32])
@pytest.mark.parametrize("how", ["removed", "changed"])
def test_a_line_that_was_changed_or_taken_out_is_noticed(tmp_path, template, cipher, how):
    if cipher:
        pytest.importorskip("cryptography", reason="the extra [encryption] is not installed")
        cipher = Cipher(cipher)
    gallery = Gallery(tmp_path / "g", cipher)
    for number in range(4):
        gallery.add(f"Person {number}", [template(20 * number)], **SILHOUETTE)
    path = audit.path_of(gallery.path)
    lines = path.read_text().splitlines()
    if how == "removed":
        del lines[1]
    else:
        lines[1] = json.dumps({**json.loads(lines[1]), "uid": 4711})
    path.write_text("\n".join(lines) + "\n")
    assert [entry.whole for entry in audit.read(gallery.path, cipher)][:2] == [True, False]
    gallery.forget("Person 3")  # goes on all the same
    assert audit.read(gallery.path, cipher)[-1].what == "forget"


def test_half_a_line_of_a_killed_process_is_taken_back(gallery):
    path = audit.path_of(gallery.path)
    with path.open("ab") as file:
        file.write(b'{"time": "2026')
    gallery.forget("Ada")
    assert [entry.whole for entry in audit.read(gallery.path)] == [True] * 4


@pytest.mark.parametrize("killed", [False, True])
def test_a_line_that_names_hundreds_of_persons_does_not_break_the_chain(tmp_path, killed):
    gallery = tmp_path / "g"
    for commit in range(3):
        audit.append(gallery, "strip", [f"{tag:08x}" for tag in range(2000)], commit, None)
        if killed:
            with audit.path_of(gallery).open("ab") as file:
                file.write(b'{"tags": [' + b'"00000000", ' * 2000)
    audit.append(gallery, "rename", ["00000001"], 3, None)
    entries = audit.read(gallery)
    assert [len(entry.tags) for entry in entries] == [2000, 2000, 2000, 1]
    assert all(entry.whole for entry in entries)


def test_without_an_audit_nothing_is_changed_but_somebody_can_be_forgotten(gallery, template):
    path = audit.path_of(gallery.path)
    path.unlink()
    path.mkdir()
    for change in (lambda: gallery.rename("Ada", "Eve"), lambda: gallery.add("Eve", [template(1)], **SILHOUETTE)):
        with pytest.raises(GalleryError, match="audit"):
            change()
    gallery.forget("Ada")
    assert [person.name for person in Gallery(gallery.path).persons] == ["Bob", "Cyd"]
