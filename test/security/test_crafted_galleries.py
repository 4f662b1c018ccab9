"""Galleries whose checksums are right and whose content is not: an attacker can make those, too."""

import json
import tracemalloc
import zlib

import numpy as np
import pytest

from rt_gait_ros.errors import GaitError
from rt_gait_ros.gallery import extent_file, gallery_records
from rt_gait_ros.gallery.gallery import Gallery
from rt_gait_ros.gallery.person import GalleryCorrupt, Template

EMBEDDING = np.ones((1, 2), "<f2").tobytes()
FRAMES = zlib.compress(bytes(2 * 8 * 8))


def crafted(path, *, blob=EMBEDDING, frames=FRAMES, index=None, person=None, template=None, count=1):
    """A gallery of one person, with some fields as an attacker would have them."""

    def build(extents):
        if index is not None:
            return index
        places = [[extent.offset, extent.length, extent.digest] for extent in extents]
        record = {
            "stamp": 1, "added": 1, "scene": "", "view": "", "origin": "enrolled", "measures": {},
            "embedding": places[0], "shape": [1, 2], "type": "<f2",
            "frames": places[1], "frames_shape": [2, 8, 8], "frames_type": "|u1",
        } | (template or {})  # fmt: skip
        one = {
            "person_id": "p0", "name": "Ada", "enrolled": 1, "updated": 1, "consent": "", "expires": 0, "tag": "",
            "templates": [record] * count,
        } | (person or {})  # fmt: skip
        return json.dumps({"model": "m", "gait_frame_kind": "silhouette", "persons": [one]}).encode()

    extent_file.create(path, "gallery", 3, None, [blob, frames], build)
    return path


def test_what_is_not_crafted_is_read(tmp_path):
    gallery = Gallery(crafted(tmp_path / "g"))
    assert gallery.persons[0].name == "Ada"
    assert np.asarray(gallery.persons[0].templates[0].frames).shape == (2, 8, 8)
    gallery.add("Bob", [Template(np.ones((1, 2), np.float32), 1)], model="m", gait_frame_kind="silhouette")
    assert [person.name for person in Gallery(gallery.path).persons] == ["Ada", "Bob"]


@pytest.mark.parametrize(
    "changes",
    [
        {"blob": np.array([[np.nan, 1]], "<f2").tobytes()},
        {"blob": np.array([[np.inf, 1]], "<f2").tobytes()},
        {"blob": EMBEDDING[:-1]},
        {"template": {"shape": [2, 1, 1]}},
        {"template": {"shape": [-1, -2]}},
        {"template": {"shape": "ab"}},
        {"template": {"type": "|O"}},
        {"template": {"embedding": [0, 4096, "00"]}},
        {"template": {"embedding": [1 << 60, 4, "00"]}},
        {"template": {"embedding": ["a", 4, "00"]}},
        {"template": {"embedding": None}},
        {"template": {"frames_shape": [1 << 40, 64, 64]}},
        {"template": {"frames_shape": [2, 8]}},
        {"template": {"frames_type": "|O"}},
        {"template": {"scene": "\x1b]0;"}},
        {"template": {"view": float("nan")}},
        {"template": {"view": ["a"]}},
        {"template": {"origin": "guessed"}},
        {"template": {"measures": {"stature": [float("inf"), 0]}}},
        {"template": {"measures": {"\n": [1, 0]}}},
        {"template": {"measures": {"stature": [1]}}},
        {"template": {"stamp": 1 << 70}},
        {"person": {"name": "\x1b[31mAda"}},
        {"person": {"name": "a\nb"}},
        {"person": {"name": ""}},
        {"person": {"name": "a" * 5000}},
        {"person": {"name": None}},
        {"person": {"person_id": "../../p"}},
        {"person": {"person_id": 7}},
        {"person": {"templates": []}},
        {"person": {"templates": 5}},
        {"person": {"consent": "\x07"}},
        {"person": {"expires": "tomorrow"}},
        {"person": {"tag": "Ada"}},
        {"index": b"[]"},
        {"index": b"{}"},
        {"index": b"\xff\xfe"},
        {"index": b"[" * 100_000},
        {"index": b'{"model": 1, "gait_frame_kind": "", "persons": []}'},
    ],
    ids=lambda changes: str(changes)[:40],
)
def test_it_is_refused_in_one_line(tmp_path, changes):
    path = crafted(tmp_path / "g", **changes)
    before = path.read_bytes()
    with pytest.raises(GalleryCorrupt) as refusal:
        Gallery(path)
    line = str(refusal.value)
    assert "\n" not in line
    assert "\x1b" not in line
    assert len(line) < 500
    assert path.read_bytes() == before


def test_one_embedding_that_is_named_a_million_times_does_not_fill_the_memory(tmp_path, monkeypatch):
    monkeypatch.setattr(gallery_records, "MAX_EMBEDDINGS", 1000)
    with pytest.raises(GalleryCorrupt, match="MB"):
        Gallery(crafted(tmp_path / "g", count=1000))


def test_frames_that_unpack_to_more_than_they_say_are_cut_off(tmp_path):
    path = crafted(tmp_path / "g", frames=zlib.compress(bytes(1 << 28), 9))
    tracemalloc.start()
    try:
        gallery = Gallery(path)
        with pytest.raises(GaitError, match="not as many"):
            np.asarray(gallery.persons[0].templates[0].frames)
        assert tracemalloc.get_traced_memory()[1] < 1 << 26
    finally:
        tracemalloc.stop()


def test_the_schema_line_is_inside_the_checksum(tmp_path):
    path = crafted(tmp_path / "g")
    data = path.read_bytes()
    for schema in (b"schema 1", b"schema 2"):
        path.write_bytes(data.replace(b"schema 3", schema, 1))
        with pytest.raises(GalleryCorrupt):
            Gallery(path)
