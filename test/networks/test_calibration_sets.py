import cv2
import h5py
import numpy as np
import pytest

from rt_gait_ros.errors import UsageError
from rt_gait_ros.gallery.gallery import Gallery
from rt_gait_ros.gallery.gallery_file import Template
from rt_gait_ros.networks.calibration_sets import calibration_sets


def frames(value, count=3):
    return np.full((count, 64, 64), value, np.uint8)


def test_every_folder_of_pictures_is_a_sequence(tmp_path):
    for number in range(9):
        folder = tmp_path / f"{number:03}" / "nm-01" / "090"
        folder.mkdir(parents=True)
        for index in range(40 if number == 0 else 3):
            cv2.imwrite(str(folder / f"{index:03}.png"), np.full((64, 64), 100 + number, np.uint8))
        (folder / "empty.png").write_bytes(b"")
    sets = calibration_sets(tmp_path)
    assert [len(sequence) for sequence in sets] == [29] + 8 * [3], "30 of 41 are read, and one is empty"
    assert [int(sequence.max()) for sequence in sets] == list(range(100, 109))
    assert sets[0].dtype == np.uint8


def test_a_gallery_gives_its_stored_frames(tmp_path):
    gallery = Gallery(tmp_path / "people.gallery")
    for number in range(4):
        embedding = np.ones((1, 2), np.float32)
        walks = [Template(embedding, 1, frames(number, 40)), Template(embedding, 2, frames(9)), Template(embedding, 3)]
        gallery.add(f"Person {number}", walks, model="m", gait_frame_kind="silhouette")
    sets = calibration_sets(gallery.path)
    assert [len(sequence) for sequence in sets] == 4 * [30, 3], "walks without stored frames are passed over"
    with pytest.raises(UsageError, match="holds silhouette gait frames: flow is needed"):
        calibration_sets(gallery.path, "flow")


def test_prepared_samples_are_windows_of_flow(tmp_path):
    (tmp_path / "deeper").mkdir()
    for number in range(8):
        with h5py.File(tmp_path / "deeper" / f"p001-n01-{number:02}.h5", "w") as file:
            file["data"] = np.full((60, 60, 50), number, np.int16)
    sets = calibration_sets(tmp_path, "flow")
    assert [(window.shape, int(window.max())) for window in sets] == [((25, 60, 60, 2), n) for n in range(8)]


def test_what_is_not_enough_is_refused(tmp_path):
    with pytest.raises(UsageError, match="a network on flow needs --calibration"):
        calibration_sets(None, "flow")
    with pytest.raises(UsageError, match="is not there"):
        calibration_sets(tmp_path / "absent")
    with pytest.raises(UsageError, match="holds 0 sequences of silhouette gait frames: 8 or more"):
        calibration_sets(tmp_path)


def test_without_any_walkers_are_generated_always_the_same():
    sets, again = calibration_sets(None), calibration_sets(None)
    assert len(sets) == 100
    assert all((first == second).all() for first, second in zip(sets, again, strict=True))
    assert min(len(walk) for walk in sets) >= 1
    assert max(len(walk) for walk in sets) == 30
