"""The images that int8 is calibrated with."""

import cv2
import numpy as np
import pytest

pytest.importorskip("torch", reason="needs the extra [train]")

from rt_gait_ros.errors import UsageError
from rt_gait_ros.networks.quantisation import read_images


def test_images_are_read_evenly_and_at_the_networks_size(tmp_path):
    for number in range(10):
        cv2.imwrite(str(tmp_path / f"{number}.png"), np.full((20, 30, 3), 10 * number, np.uint8))
    (tmp_path / "notes.txt").write_text("not one of them")
    images = read_images(tmp_path, 16, most=5)
    assert [image.shape for image in images] == [(1, 16, 16, 3)] * 5
    assert [int(image.mean()) for image in images] == [0, 20, 40, 60, 80]


@pytest.mark.parametrize(
    ("make", "line"),
    [
        (lambda folder: None, "is not a folder"),
        (lambda folder: folder.mkdir(), "holds none; give some hundred of what the camera will see"),
        (lambda folder: (folder.mkdir(), (folder / "a.png").write_bytes(b"none")), "a.png is not an image: remove it"),
    ],
    ids=["no folder", "an empty one", "no image"],
)
def test_a_folder_that_is_none_or_empty_is_one_line(tmp_path, make, line):
    make(tmp_path / "images")
    with pytest.raises(UsageError, match=line) as refused:
        read_images(tmp_path / "images", 16)
    assert "\n" not in str(refused.value)
