import base64
import errno
import os
import stat
from pathlib import Path

import numpy as np
import pytest

from rt_gait_ros.errors import UsageError
from rt_gait_ros.gait import scene_file
from rt_gait_ros.gait.calibration import Calibration
from rt_gait_ros.gait.known_people import KnownPeople
from rt_gait_ros.gait.scenes import Scenes
from rt_gait_ros.gallery import extent_file
from rt_gait_ros.gallery.cipher import Cipher, KeyProblem, find_cipher, new_key, write_key
from rt_gait_ros.gallery.gallery import Gallery
from rt_gait_ros.gallery.person import GalleryError, GalleryLocked

pytest.importorskip("cryptography")
SILHOUETTE = {"model": "angle", "gait_frame_kind": "silhouette"}
ONE, OTHER = Cipher(b"1" * 32), Cipher(b"2" * 32)
FRAMES = np.full((5, 64, 64), 7, np.uint8)


@pytest.fixture
def sealed(tmp_path, template):
    gallery = Gallery(tmp_path / "sealed" / "people", ONE)
    gallery.add("Countess Ada", [template(20, FRAMES), template(30)], **SILHOUETTE)
    gallery.add("Bob", [template(60)], **SILHOUETTE)
    return gallery


def test_what_is_sealed_comes_back_and_nothing_of_it_can_be_read(sealed):
    again = Gallery(sealed.path, ONE)
    assert [person.name for person in again.persons] == ["Countess Ada", "Bob"]
    np.testing.assert_array_equal(again.persons[0].templates[0].frames, FRAMES)
    data = sealed.path.read_bytes()
    person = again.persons[0]
    for trace in (b"Countess", person.person_id.encode(), person.templates[0].embedding.tobytes(), b"silhouette"):
        assert trace not in data
    again.forget("Bob")
    assert sealed.refresh()
    assert len(sealed.persons) == 1


def test_a_wrong_key_is_said_and_destroys_nothing(sealed):
    before = sealed.path.read_bytes()
    for cipher, line in ((None, "no key was named"), (OTHER, "another key")):
        with pytest.raises(GalleryLocked, match=line):
            Gallery(sealed.path, cipher)
        with pytest.raises(GalleryLocked):
            Gallery.open_or_set_aside(sealed.path, cipher)
    assert sealed.path.read_bytes() == before
    assert sealed.asides() == []


def test_a_key_for_a_gallery_that_is_open_is_said(gallery):
    with pytest.raises(GalleryLocked, match="not encrypted"):
        Gallery(gallery.path, ONE)


def test_any_byte_changed_in_a_sealed_gallery_is_noticed(sealed):
    data = sealed.path.read_bytes()
    for position in range(0, len(data), 97):
        changed = bytearray(data)
        changed[position] ^= 1
        sealed.path.write_bytes(changed)
        try:
            seen = [person.name for person in Gallery(sealed.path, ONE).persons]
        except GalleryError:
            continue
        assert seen == ["Countess Ada", "Bob"]  # a byte that nothing uses


def test_gallery_and_scenes_change_their_key_together(tmp_path, gallery):
    known = Calibration("angle", 1.0, 1.0, 1.0, 0.1, 0.01, 10, 10, "")
    scenes = Scenes(scene_file.folder_of(gallery.path), known)
    scenes.vote("hall", np.full((1, 2), 0.4242))
    scenes.save()
    (file,) = scene_file.files(scene_file.folder_of(gallery.path))
    raw = np.full((1, 2), 0.4242, np.float32).tobytes()
    people = KnownPeople(gallery, tmp_path)
    for cipher, readable in ((ONE, False), (OTHER, False), (None, True)):
        people.encrypt(cipher)
        assert (raw in file.read_bytes()) is readable
        assert [p.name for p in Gallery(gallery.path, cipher).persons] == ["Ada", "Bob", "Cyd"]
        assert scene_file.read(file, cipher).votes.shape == (1, 1, 2)


def test_a_gallery_that_cannot_be_encrypted_keeps_the_scenes_that_it_can_read(tmp_path, gallery, monkeypatch):
    known = Calibration("angle", 1.0, 1.0, 1.0, 0.1, 0.01, 10, 10, "")
    scenes = Scenes(scene_file.folder_of(gallery.path), known)
    scenes.vote("hall", np.full((1, 2), 0.4242))
    scenes.save()
    (file,) = scene_file.files(scene_file.folder_of(gallery.path))

    def full(*_arguments, **_keywords):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(extent_file, "create", full)
    with pytest.raises(GalleryError, match="No space left"):
        KnownPeople(gallery, tmp_path).encrypt(ONE)
    assert scene_file.read(file).votes.shape == (1, 1, 2)
    assert len(Gallery(gallery.path).persons) == 3


def test_what_is_encrypted_is_not_left_open_on_the_disk(tmp_path, gallery):
    folder = scene_file.folder_of(gallery.path)
    scenes = Scenes(folder, Calibration("angle", 1.0, 1.0, 1.0, 0.1, 0.01, 10, 10, ""))
    scenes.vote("hall", np.full((1, 2), 0.4242))
    scenes.save()
    before = [path.open("rb") for path in (gallery.path, *scene_file.files(folder))]  # as who searches the disk reads
    os.link(gallery.path, tmp_path / "copy")
    KnownPeople(gallery, tmp_path).encrypt(ONE)
    assert before[0].read() == (tmp_path / "copy").read_bytes()  # of somebody who wanted it
    assert not before[1].read().strip(b"\0")
    before.append(gallery.path.open("rb"))
    KnownPeople(gallery, tmp_path).encrypt(OTHER)
    assert not before[2].read().strip(b"\0")
    for file in before:
        file.close()


def test_a_key_is_named_and_read_from_where_it_is(tmp_path, monkeypatch):
    write_key(tmp_path / "key")
    assert stat.S_IMODE((tmp_path / "key").stat().st_mode) == 0o600
    from_file = find_cipher(f"file:{tmp_path / 'key'}")
    monkeypatch.setenv("SECRET", (tmp_path / "key").read_text())
    assert find_cipher("env:SECRET").key_id == from_file.key_id
    monkeypatch.setenv("RT_GAIT_GALLERY_KEY", "env:SECRET")
    assert find_cipher().key_id == from_file.key_id
    monkeypatch.delenv("RT_GAIT_GALLERY_KEY")
    assert find_cipher() is None
    with pytest.raises(KeyProblem, match="cannot be written"):
        write_key(tmp_path / "key")


@pytest.mark.parametrize("place", ["missing/key", ".", "key"])
def test_a_key_that_cannot_be_written_leaves_nothing_half_done(tmp_path, monkeypatch, place):
    monkeypatch.chdir(tmp_path)

    def full(_descriptor):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(KeyProblem, match="cannot be written"):
        write_key(Path(place))
    assert list(tmp_path.iterdir()) == []  # or the next try would find a file that is there already


def test_a_key_in_the_keyring(monkeypatch):
    keyring = pytest.importorskip("keyring")
    key = new_key()
    monkeypatch.setattr(keyring, "get_password", lambda *place: key if place == ("gait", "me") else None)
    assert find_cipher("keyring:gait/me").key_id == Cipher(base64.b64decode(key)).key_id
    with pytest.raises(KeyProblem, match="holds nothing"):
        find_cipher("keyring:gait/you")


@pytest.mark.parametrize(
    ("source", "error"),
    [
        ("c2VjcmV0", UsageError),
        ("file:", UsageError),
        ("file:/nowhere/key", KeyProblem),
        ("file:~nobodyofthatname/key", KeyProblem),
        ("file:/dev/zero", KeyProblem),
        ("env:NOT_SET", KeyProblem),
        ("env:SHORT", KeyProblem),
        ("env:BAD", KeyProblem),
    ],
)
def test_what_is_no_key_is_one_line(monkeypatch, source, error):
    monkeypatch.setenv("SHORT", base64.b64encode(b"short").decode())
    monkeypatch.setenv("BAD", "no base64!")
    with pytest.raises(error) as refusal:
        find_cipher(source)
    assert "\n" not in str(refusal.value)
    assert os.environ["SHORT"] not in str(refusal.value)
