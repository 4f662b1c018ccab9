"""Pictures as files."""

import pytest

from rt_gait_ros.edge import pictures
from rt_gait_ros.errors import GaitError


def test_a_picture_is_the_old_one_or_the_whole_new_one(tmp_path, full_disk):
    pytest.importorskip("matplotlib", reason="needs the extra [bench]")
    made, _ = pictures.figure(1)
    path = tmp_path / "front.png"
    path.write_bytes(b"the old one")
    with full_disk("front.png"), pytest.raises(GaitError, match=r"front\.png cannot be written: No space left"):
        pictures.save(made, path)
    assert path.read_bytes() == b"the old one"
    pictures.save(made, path)
    assert path.read_bytes().startswith(b"\x89PNG")
    assert [each.name for each in tmp_path.iterdir()] == ["front.png"]
