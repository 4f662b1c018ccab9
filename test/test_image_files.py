import os
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path

import numpy as np
import pytest

from rt_gait_ros.errors import GaitError
from rt_gait_ros.image_files import read_image, write_image

IMAGE = np.arange(48, dtype=np.uint8).reshape(4, 4, 3)


@pytest.mark.parametrize("name", [b"a.png", b"caf\xe9.png", "Zoë.png".encode()])
def test_pictures_of_any_name(tmp_path: Path, name: bytes) -> None:
    path = tmp_path / os.fsdecode(name)
    write_image(path, IMAGE)
    assert (read_image(path) == IMAGE).all()  # type: ignore[union-attr]


def test_what_is_no_picture_is_none(tmp_path: Path) -> None:
    (tmp_path / "a.png").write_bytes(b"")
    (tmp_path / "b.png").write_bytes(b"text")
    assert [read_image(tmp_path / name) for name in ("a.png", "b.png", "c.png")] == [None] * 3


@pytest.mark.parametrize(
    ("name", "says"),
    [(b"a.walk", "give it the ending"), (b"a", "give it the ending"), (b"no\xe9/a.png", "No such file")],
)
def test_what_cannot_be_written_is_said_in_one_line(tmp_path: Path, name: bytes, says: str) -> None:
    with pytest.raises(GaitError, match=rf"^[^\n]*cannot be written[^\n]*{says}[^\n]*$"):
        write_image(tmp_path / os.fsdecode(name), IMAGE)


def test_a_picture_for_which_the_disk_has_no_room_leaves_the_former_one(
    tmp_path: Path, full_disk: Callable[[str], AbstractContextManager[None]]
) -> None:
    path = tmp_path / "a.png"
    write_image(path, IMAGE)
    with full_disk("a.png"), pytest.raises(GaitError, match=r"a\.png cannot be written: No space left"):
        write_image(path, IMAGE + 1)
    assert (read_image(path) == IMAGE).all()  # type: ignore[union-attr]
