import numpy as np
import pytest

from rt_gait_ros.datasets.tum_gaid import find_recordings, read_sample
from rt_gait_ros.errors import GaitError, UsageError

h5py = pytest.importorskip("h5py", reason="the extra [train] is not installed")


def write_sample(path, data=None, factor=100):
    path.parent.mkdir(parents=True, exist_ok=True)
    data = np.zeros((60, 60, 50), np.int16) if data is None else data
    with h5py.File(path, "w") as file:
        file["data"] = data
        file.attrs["compressFactor"] = np.uint8(factor)
        file.attrs["label"] = np.uint16(int(path.name[1:4]))
    return path


def test_prepared_samples_are_found_by_video(tmp_path):
    for name in ("ft_of25_60x60/p156-n01-01", "ft_of25_60x60/p156-n01-02", "test_s03-04_of25_60x60/p156-s03-01"):
        part, _, sample = name.partition("/")
        write_sample(tmp_path / f"tfimdb_tum_gaid_N155_{part}" / f"{sample}.h5")
    found = {each.name: [path.name for path in each.files] for each in find_recordings(tmp_path)}
    assert found == {
        "N#1-4/p156/n01": ["p156-n01-01.h5", "p156-n01-02.h5"],
        "S#3-4/p156/s03": ["p156-s03-01.h5"],
    }


@pytest.mark.parametrize("inside", [".", "image"])
def test_images_are_found_by_video(tmp_path, inside):
    for sequence in ("n01", "n05", "n07"):
        folder = tmp_path / inside / "p003" / sequence
        folder.mkdir(parents=True)
        (folder / "001.jpg").write_bytes(b"")
    assert [each.name for each in find_recordings(tmp_path)] == ["N#1-4/p003/n01", "N#5-6/p003/n05"]


@pytest.mark.parametrize("made", [[], ["p001/n05"], ["p001/n01"], ["001/nm-01/090"]])
def test_another_layout_is_refused(tmp_path, made):
    for name in made:
        (tmp_path / "set" / name).mkdir(parents=True)
    with pytest.raises(UsageError, match="is not TUM-GAID"):
        find_recordings(tmp_path / "set")


@pytest.mark.parametrize("factor", [100, 50])
def test_a_sample_is_read_as_frames_of_both_directions(tmp_path, factor):
    data = np.zeros((60, 60, 50), np.int16)
    data[10, 20, 6], data[10, 20, 7] = 150, -30  # the fourth frame's horizontal and vertical flow
    window = read_sample(write_sample(tmp_path / "p001-n01-01.h5", data, factor))
    assert (window.shape, window.dtype) == ((25, 60, 60, 2), np.int16)
    assert window[3, 10, 20].tolist() == [150 * 100 // factor, -30 * 100 // factor]


def test_damaged_samples_are_named_and_one_without_data_is_none(tmp_path):
    path = write_sample(tmp_path / "p001-n01-01.h5")
    assert read_sample(write_sample(tmp_path / "p001-n01-02.h5", np.zeros(0, np.int16))) is None
    path.write_bytes(path.read_bytes()[:200])
    with pytest.raises(GaitError, match="is the file whole"):
        read_sample(path)
    with pytest.raises(GaitError, match=r"holds \(60, 60, 25\)"):
        read_sample(write_sample(tmp_path / "p001-n01-03.h5", np.zeros((60, 60, 25), np.uint8)))
    with pytest.raises(GaitError, match=r"compressFactor of 0\.0"):
        read_sample(write_sample(tmp_path / "p001-n01-04.h5", factor=0))
