import os
import pickle

import cv2
import numpy as np
import pytest

from rt_gait_ros.datasets.silhouettes import PickleRefused, read_pickle, read_picture, read_silhouettes
from rt_gait_ros.errors import GaitError


def picture(height=240, width=320, value=255):
    mask = np.zeros((height, width), np.uint8)
    mask[height // 6 : height - height // 6, width // 2 - width // 16 : width // 2 + width // 16] = value
    return mask


@pytest.mark.parametrize("size", [(240, 320), (64, 64)], ids=["raw", "cut"])
def test_both_forms_of_pictures_are_read(tmp_path, size):
    path = tmp_path / "001-nm-01-090-001.png"
    cv2.imwrite(str(path), picture(*size))
    silhouette = read_picture(path)
    assert silhouette.shape == (64, 64)
    if size == (64, 64):
        np.testing.assert_array_equal(silhouette, picture(64, 64))
    else:
        assert silhouette[[0, 63]].any(axis=1).all()


@pytest.mark.parametrize("spoil", ["cut off", "empty file", "no picture", "black", "black cut"])
def test_unusable_pictures_are_counted(tmp_path, spoil):
    path = tmp_path / "1.png"
    value = 0 if spoil.startswith("black") else 255
    cv2.imwrite(str(path), picture(*((64, 64) if spoil == "black cut" else (240, 320)), value))
    content = {"cut off": path.read_bytes()[:-30], "empty file": b"", "no picture": b"IEND\xaeB`\x82"}
    path.write_bytes(content.get(spoil, path.read_bytes()))
    read = read_silhouettes([path])
    assert (read.frames.shape, read.damaged, read.refused) == ((0, 64, 64), 1, ())


@pytest.mark.parametrize("protocol", range(2, pickle.HIGHEST_PROTOCOL + 1))
def test_a_pickled_array_is_read_by_every_protocol(tmp_path, protocol):
    frames = np.arange(3 * 64 * 64, dtype=np.int64).reshape(3, 64, 64).astype(np.uint8)
    path = tmp_path / "090.pkl"
    path.write_bytes(pickle.dumps(frames, protocol))
    np.testing.assert_array_equal(read_pickle(path), frames)


def test_a_pickle_of_numpy_1_is_read_and_one_of_numpy_2(tmp_path):
    frames = np.full((2, 64, 64), 7, np.uint8)
    content = pickle.dumps(frames, 2)
    written, path = (b"numpy._core" if b"numpy._core" in content else b"numpy.core"), tmp_path / "090.pkl"
    for module in (b"numpy.core", b"numpy._core"):
        path.write_bytes(content.replace(written, module))
        np.testing.assert_array_equal(read_pickle(path), frames)


def test_the_cut_of_44_columns_gets_its_empty_ones_back(tmp_path):
    path = tmp_path / "090.pkl"
    path.write_bytes(pickle.dumps(np.full((2, 64, 44), 255, np.uint8)))
    frames = read_pickle(path)
    assert frames.shape == (2, 64, 64)
    assert (frames.any(axis=(0, 1)) == [False] * 10 + [True] * 44 + [False] * 10).all()


class Bomb:
    """What a pickle may not do."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return os.mkdir, (str(self.path),)


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        (b"", "no whole pickle"),
        (b"not a pickle", "no whole pickle"),
        (pickle.dumps(np.zeros((2, 64, 64), np.uint8))[:-9], "no whole pickle"),
        (pickle.dumps([1, 2]), "it holds list"),
        (pickle.dumps(np.zeros((2, 64, 64))), r"it holds float64 \(2, 64, 64\)"),
        (pickle.dumps(np.zeros((2, 128, 88), np.uint8)), r"it holds uint8 \(2, 128, 88\)"),
        (pickle.dumps(np.array([{}], object)), "it holds object"),
        (pickle.dumps(np.ma.zeros((2, 64, 64), np.uint8)), r"it names numpy\.ma\."),
        (b"cposix\nsystem\n.", r"it names posix\.system"),
    ],
    ids=["empty", "text", "cut off", "list", "float", "large", "objects", "masked", "system"],
)
def test_a_pickle_of_anything_else_is_refused_in_one_line(tmp_path, content, complaint):
    path = tmp_path / "090.pkl"
    path.write_bytes(content)
    with pytest.raises(PickleRefused, match=complaint) as refused:
        read_pickle(path)
    assert "\n" not in str(refused.value)
    assert str(path) in str(refused.value)
    read = read_silhouettes([path])
    assert len(read.frames) == 0
    assert len(read.refused) == 1


def test_nothing_in_a_pickle_is_run(tmp_path):
    path, made = tmp_path / "090.pkl", tmp_path / "made"
    path.write_bytes(pickle.dumps({"frames": Bomb(made)}))
    with pytest.raises(PickleRefused, match=r"mkdir, and only arrays"):
        read_pickle(path)
    assert not made.exists()


def test_black_silhouettes_of_a_pickle_are_left_out_and_counted(tmp_path):
    frames = np.zeros((4, 64, 64), np.uint8)
    frames[[0, 2]] = 255
    path = tmp_path / "090.pkl"
    path.write_bytes(pickle.dumps(frames))
    read = read_silhouettes([path])
    assert (len(read.frames), read.damaged) == (2, 2)


def test_a_picture_that_cannot_be_read_is_one_line(tmp_path):
    (tmp_path / "001.png").mkdir()
    with pytest.raises(GaitError, match=r"^[^\n]*001.png cannot be read: [^\n]*$"):
        read_silhouettes([tmp_path / "001.png"])
