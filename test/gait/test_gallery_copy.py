import numpy as np
import pytest

from rt_gait_ros.gait.gallery_copy import copy_gallery
from rt_gait_ros.gallery import Cipher, Gallery, Template


@pytest.mark.parametrize("encrypted", [False, True])
def test_a_copy_holds_everybody_and_shares_nothing_with_the_original(tmp_path, encrypted):
    cipher = None
    if encrypted:
        pytest.importorskip("cryptography", reason="the extra [encryption] is not installed")
        cipher = Cipher(bytes(32))
    frames = np.arange(20 * 64 * 64, dtype=np.uint8).reshape(20, 64, 64)
    path = tmp_path / "people.gallery"
    original = Gallery(path, cipher)
    for name in ("艾达 🙂", "Bob"):
        original.add(name, [Template(np.eye(2, dtype=np.float32), 1, frames)], model="m", gait_frame_kind="silhouette")
    before = path.read_bytes()
    for gallery in (original, Gallery(path, cipher)):  # what it has written, and what it has read
        folder = tmp_path / str(id(gallery))
        folder.mkdir()
        copy = Gallery(copy_gallery(gallery, folder), cipher)
        assert [person.name for person in copy.persons] == ["艾达 🙂", "Bob"]
        assert copy.model == "m"
        copy.forget("Bob")
        assert path.read_bytes() == before
        (walk,) = Gallery(copy.path, cipher).persons[0].templates
        np.testing.assert_array_equal(walk.embedding, np.eye(2))
        np.testing.assert_array_equal(np.asarray(walk.frames), frames)
