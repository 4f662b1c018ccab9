from itertools import pairwise

import h5py
import numpy as np
import pytest
import scipy.stats

from rt_gait_ros.errors import GaitError, UsageError
from rt_gait_ros.evaluation import tum_gaid
from rt_gait_ros.evaluation.tum_gaid import embed_samples, evaluate, find_videos, read_sample, vote
from rt_gait_ros.gait.model import GaitModel
from rt_gait_ros.silhouette.flow import window_starts

MODEL = GaitModel("m", "flow", (60, 60, 2), 25, 25, (1, 2))


def at(*degrees: float) -> dict[str, np.ndarray]:
    """A video of windows on the circle."""
    angles = np.radians(degrees)
    return {"embeddings": np.stack([np.cos(angles), np.sin(angles)], axis=-1)[:, None].astype(np.float32)}


def write_sample(path, data=None, factor=100):
    path.parent.mkdir(parents=True, exist_ok=True)
    data = np.zeros((60, 60, 50), np.int16) if data is None else data
    with h5py.File(path, "w") as file:
        file["data"] = data
        file.attrs["compressFactor"] = np.uint8(factor)
        file.attrs["label"] = np.uint16(int(path.name[1:4]))
    return path


def test_windows_vote_by_seven_neighbours_and_videos_by_windows():
    embedded = {
        "N#1-4/p001/n01": at(0, 1, 2, 3),
        "N#1-4/p002/n01": at(40, 41, 42, 43, 44),
        # 21 is nearest to 3 of the first, but five of its seven nearest are not; -5 and 0 are of the first
        "N#5-6/p001/n05": at(-5, 0, 23),
        "B#1-2/p002/b01": at(1, 2, 43),
    }
    normal, backpack = evaluate(embedded, "m").to_json()["rows"]
    assert (normal["probe"], normal["rank1"], normal["probes"]) == ("N#5-6", 1.0, 1)
    assert (normal["rank1_samples"], normal["samples"]) == (pytest.approx(2 / 3), 3)
    assert (backpack["probe"], backpack["rank1"], backpack["rank1_samples"]) == ("B#1-2", 0.0, pytest.approx(1 / 3))


@pytest.mark.parametrize(("names", "winner"), [([2, 1, 1], 1), ([2, 1], 2), ([3, 1, 1, 3], 3), ([4], 4)])
def test_of_equal_votes_of_windows_the_first_wins(names, winner):
    assert vote(names) == winner


@pytest.mark.parametrize(("ties", "right"), [("lowest", 0.0), ("nearest", 1.0)])
def test_a_tie_of_neighbours_is_the_lowest_label_s_or_the_nearest_s(ties, right):
    """Three windows of each and one of a third person: 3, 3, 1 of seven."""
    embedded = {"N#1-4/p001/n01": at(9, 10, 11), "N#1-4/p002/n01": at(1, 2, 3), "N#1-4/p003/n01": at(20)}
    report = evaluate(embedded | {"N#5-6/p002/n05": at(0)}, "m", ties).to_json()
    assert report["ties"] == ties
    assert (report["rows"][0]["rank1"], report["rows"][0]["rank1_samples"]) == (right, right)
    assert evaluate(embedded | {"N#5-6/p002/n05": at(0)}, "m").to_json()["rows"][0]["rank1"] == 0.0


def test_neighbours_vote_as_scikit_learn_s_do():
    """KNeighborsClassifier's uniform weights: scipy.stats.mode of the neighbours' labels."""
    random = np.random.default_rng(0)
    for _ in range(200):
        neighbours = random.integers(0, 4, 7)
        assert tum_gaid.name_of(neighbours, "lowest") == scipy.stats.mode(neighbours).mode


def test_videos_without_windows_are_lost():
    empty = {"embeddings": np.zeros((0, 1, 1), np.float32)}
    embedded = {"N#1-4/p001/n01": at(0), "N#1-4/p002/n02": at(9), "N#5-6/p001/n05": at(1), "N#5-6/p002/n05": empty}
    result = evaluate(embedded, "m")
    assert (result.lost, result.to_json()["rows"][0]["probes"]) == (1, 1)
    for missing in ("N#1-4/p002/n02", "N#5-6/p001/n05"):
        with pytest.raises(UsageError, match="nothing to compare"):
            evaluate({name: video for name, video in embedded.items() if name != missing}, "m")


def test_prepared_samples_are_found_by_video(tmp_path):
    for name in ("ft_of25_60x60/p156-n01-01", "ft_of25_60x60/p156-n01-02", "test_s03-04_of25_60x60/p156-s03-01"):
        part, _, sample = name.partition("/")
        write_sample(tmp_path / f"tfimdb_tum_gaid_N155_{part}" / f"{sample}.h5")
    found = {job.name: [path.name for path in job.files] for job in find_videos(tmp_path)}
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
    assert [job.name for job in find_videos(tmp_path)] == ["N#1-4/p003/n01", "N#5-6/p003/n05"]


@pytest.mark.parametrize("made", [[], ["p001/n05"], ["p001/n01"], ["001/nm-01/090"]])
def test_another_layout_is_refused(tmp_path, made):
    for name in made:
        (tmp_path / "set" / name).mkdir(parents=True)
    with pytest.raises(UsageError, match="is not TUM-GAID"):
        find_videos(tmp_path / "set")


@pytest.mark.parametrize("factor", [100, 50])
def test_a_sample_is_read_as_frames_of_both_directions(tmp_path, factor):
    data = np.zeros((60, 60, 50), np.int16)
    data[10, 20, 6], data[10, 20, 7] = 150, -30  # the fourth frame's horizontal and vertical flow
    window = read_sample(write_sample(tmp_path / "p001-n01-01.h5", data, factor))
    assert (window.shape, window.dtype) == ((25, 60, 60, 2), np.int16)
    assert window[3, 10, 20].tolist() == [150 * 100 // factor, -30 * 100 // factor]


def test_damaged_samples_are_named_and_empty_ones_passed_over(tmp_path):
    path = write_sample(tmp_path / "p001-n01-01.h5")
    empty = write_sample(tmp_path / "p001-n01-02.h5", np.zeros(0, np.int16))
    embedded = embed_samples([path, empty], lambda window: np.zeros((1, 2), np.float32), MODEL)
    assert embedded["embeddings"].shape == (1, 1, 2)
    path.write_bytes(path.read_bytes()[:200])
    with pytest.raises(GaitError, match="is the file whole"):
        read_sample(path)
    with pytest.raises(GaitError, match=r"holds \(60, 60, 25\)"):
        read_sample(write_sample(tmp_path / "p001-n01-03.h5", np.zeros((60, 60, 25), np.uint8)))


def test_a_video_of_a_walker_gives_windows_and_one_of_nobody_none(shared, tmp_path):
    """Images of real footage, through the pose pipeline."""
    cv2 = pytest.importorskip("cv2")
    capture = cv2.VideoCapture(str(shared / "data/kth/person01_d4.avi"))
    files = []
    for index in range(90):
        _, image = capture.read()
        files.append(tmp_path / f"{index:03}.jpg")
        cv2.imwrite(str(files[-1]), cv2.resize(image, (640, 480), interpolation=cv2.INTER_CUBIC))
    frames, places = tum_gaid.flow_frames(files)
    assert len(frames) == len(places) > 25
    assert np.ptp([place.x for place in places]) > 160, "somebody crossed the picture"
    whole = window_starts(places)
    assert whole
    nobody = tmp_path / "black.jpg"
    cv2.imwrite(str(nobody), np.zeros((480, 640, 3), np.uint8))
    cut_off = tmp_path / "cut_off.jpg"
    cut_off.write_bytes(b"")
    assert tum_gaid.flow_frames([nobody, cut_off, nobody]) == ([], [])
    paused = tum_gaid.flow_frames(files[30:60] + [files[40]] + [nobody] * 10 + files[30:60])[1]
    assert max(later.image - earlier.image for earlier, later in pairwise(paused)) > 10
