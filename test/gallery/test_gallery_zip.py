"""Galleries of earlier versions, good and crafted."""

import io
import json
import zipfile

import numpy as np
import pytest

from rt_gait_ros.errors import GaitError
from rt_gait_ros.gallery import gallery_zip
from rt_gait_ros.gallery.gallery import Gallery
from rt_gait_ros.gallery.gallery_file import GalleryCorrupt, Template

FRAMES = np.arange(5 * 64 * 64, dtype=np.uint8).reshape(5, 64, 64)
SILHOUETTE = {"model": "angle", "gait_frame_kind": "silhouette"}


def npy(array):
    buffer = io.BytesIO()
    np.lib.format.write_array(buffer, array, allow_pickle=False)
    return buffer.getvalue()


def old_gallery(path, schema=2, *, embedding=((0.5, 1.0),), name="Ada", frames=None, packed=False, **changes):
    """As the versions before wrote it."""
    frames = FRAMES if frames is None else frames
    template = {"stamp": 3, "frames": True} | ({"scene": "hall"} if schema == 2 else {})
    person = {"person_id": "p0123456789", "name": name, "enrolled": 1, "updated": 2, "templates": [template]} | changes
    index = {"model": "angle", "gait_frame_kind": "silhouette", "persons": [person]}
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        stored = zipfile.ZIP_DEFLATED if packed else zipfile.ZIP_STORED
        archive.writestr("p0123456789/0.embedding.npy", npy(np.array(embedding, np.float32)), stored)
        archive.writestr("p0123456789/0.frames.npy", frames if isinstance(frames, bytes) else npy(frames))
        archive.writestr("index.json", json.dumps(index))
    import hashlib

    payload = buffer.getvalue()
    header = f"rt_gait_ros gallery\nschema {schema}\nsha256 {hashlib.sha256(payload).hexdigest()}\n"
    path.write_bytes(header.encode() + payload)
    return path


@pytest.mark.parametrize(("schema", "scene"), [(1, ""), (2, "hall")])
def test_an_old_gallery_is_read_and_written_anew_with_the_first_change(tmp_path, schema, scene):
    path = old_gallery(tmp_path / "g", schema)
    before = path.read_bytes()
    gallery = Gallery(path)
    (person,) = gallery.persons
    assert (person.person_id, person.name, person.templates[0].scene) == ("p0123456789", "Ada", scene)
    np.testing.assert_array_equal(person.templates[0].frames, FRAMES)
    assert path.read_bytes() == before
    gallery.add("Bob", [Template(np.ones((1, 2), np.float32), 1)], **SILHOUETTE)
    assert path.read_bytes().startswith(b"rt_gait_ros gallery\nschema 3\n")
    for seen in (gallery, Gallery(path)):
        assert [p.name for p in seen.persons] == ["Ada", "Bob"]
        np.testing.assert_array_equal(seen.find("Ada").templates[0].frames, FRAMES)
        np.testing.assert_array_equal(seen.find("Ada").templates[0].embedding, [[0.5, 1.0]])
    assert path.stat().st_mode & 0o777 == 0o600


def test_an_older_name_that_nobody_may_have_today_is_shown_as_what_it_is_made_of(tmp_path):
    assert Gallery(old_gallery(tmp_path / "g", name="Ada\u3164")).persons[0].name == "Ada\\u3164"


BOMB = npy(np.zeros((4096, 64, 64), np.uint8)).replace(b"(4096, 64, 64)", b"(9999, 64, 64)")


@pytest.mark.parametrize(
    "changes",
    [
        {"embedding": [[np.nan, 1.0]]},
        {"embedding": [1.0, 2.0]},
        {"name": "\x1b[31m"},
        {"name": "a\nb"},
        {"name": 7},
        {"person_id": "../p"},
        {"enrolled": "now"},
        {"templates": [{"stamp": 3, "frames": False, "scene": "\x1b]0;"}]},
        {"packed": True},
    ],
    ids=str,
)
def test_a_crafted_gallery_is_refused_whatever_its_checksum(tmp_path, changes):
    path = old_gallery(tmp_path / "g", **changes)
    with pytest.raises(GalleryCorrupt) as refusal:
        Gallery(path)
    assert "\x1b" not in str(refusal.value)
    assert "\n" not in str(refusal.value)


def test_frames_that_would_fill_the_memory_are_not_unpacked(tmp_path, monkeypatch):
    monkeypatch.setattr(gallery_zip, "MAX_FRAMES", 1 << 20)
    gallery = Gallery(old_gallery(tmp_path / "g", frames=np.zeros((4096, 64, 64), np.uint8)))
    with pytest.raises(GaitError, match="too large"):
        np.asarray(gallery.persons[0].templates[0].frames)
    gallery = Gallery(old_gallery(tmp_path / "h", frames=BOMB))
    with pytest.raises(GaitError):
        np.asarray(gallery.persons[0].templates[0].frames)


def test_an_index_without_end_is_not_unpacked(tmp_path, monkeypatch):
    monkeypatch.setattr(gallery_zip, "MAX_INDEX", 1000)
    with pytest.raises(GalleryCorrupt, match="too large"):
        Gallery(old_gallery(tmp_path / "g", note=" " * 100_000))


def test_a_file_too_large_to_be_one_is_not_read(tmp_path, monkeypatch):
    path = old_gallery(tmp_path / "g")
    monkeypatch.setattr(gallery_zip, "MAX_BYTES", 1000)
    with pytest.raises(GaitError, match="MB"):
        Gallery(path)
