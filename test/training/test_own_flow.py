import h5py
import numpy as np
import pytest

from rt_gait_ros.datasets.video_walks import GaitSequence, VideoWalks
from rt_gait_ros.errors import UsageError
from rt_gait_ros.resources import resource
from rt_gait_ros.silhouette.flow import Place
from rt_gait_ros.training import own_flow
from rt_gait_ros.training.own_flow import read_flow


def write_sample(path, value=0, shape=(60, 60, 50)):
    path.parent.mkdir(parents=True, exist_ok=True)
    with h5py.File(path, "w") as file:
        file["data"] = np.full(shape, value, np.int16)
    return path


def read(folder, tmp_path, numbers=None):
    return read_flow(folder, resource("model_repository"), tmp_path / "work", 1, lambda line: None, numbers)


def test_prepared_samples_are_read_when_they_are_asked_for(tmp_path):
    """Embedded-Gait's own split: 150 people to train on, others to be told apart."""
    for part, name, value in (
        ("N150_train", "p001-n01-01", 1),
        ("N150_train", "p001-n01-02", 2),
        ("N150_train", "p002-b01-01", 3),
        ("N155_ft", "p156-n01-01", 4),
        ("N155_test_n05-06", "p156-n05-01", 5),
    ):
        write_sample(tmp_path / f"set/tfimdb_tum_gaid_{part}_of25_60x60" / f"{name}.h5", value)
    write_sample(tmp_path / "set/tfimdb_tum_gaid_N155_ft_of25_60x60/p156-n02-01.h5", shape=(0,))
    found = read(tmp_path / "set", tmp_path)
    values = {walk.name: [int(window[0, 0, 0, 0]) for window in walk.windows] for walk in found.walks}
    assert values == {
        "train/p001/n01": [1, 2],
        "train/p002/b01": [3],
        "N#1-4/p156/n01": [4],
        "N#5-6/p156/n05": [5],
    }
    assert found.trained == {"p001", "p002"}
    assert found.notes == ("1 of 5 walks have no 25 good frames of flow in a row and are left out",)
    assert {walk.person for walk in read(tmp_path / "set", tmp_path, {1, 156}).walks} == {"p001", "p156"}


def places(count, start=0):
    return [Place(start + number, 100.0 + number, 200.0) for number in range(count)]


def test_images_are_seen_once_and_made_into_windows(tmp_path, monkeypatch):
    for name in ("p001/n01", "p001/n05", "p002/n01"):
        (tmp_path / "set" / name).mkdir(parents=True)
        (tmp_path / "set" / name / "001.jpg").write_bytes(b"")
    seen = []

    def flow_frames(files, client):
        seen.append(files[0].parent.parent.name)
        count = 31 if seen[-1] == "p001" else 20
        return [np.full((60, 60, 2), number, np.int16) for number in range(count)], places(count)

    monkeypatch.setattr(own_flow, "flow_frames", flow_frames)
    monkeypatch.setattr(own_flow, "run_missing", _in_this_process)
    for _ in range(2):
        found = read(tmp_path / "set", tmp_path)
    assert seen == ["p001", "p002", "p001"], "by condition, each once"
    assert [(walk.name, len(walk.windows)) for walk in found.walks] == [("N#1-4/p001/n01", 2), ("N#5-6/p001/n05", 2)]
    window = found.walks[0].windows[1]
    assert (window.shape, window.dtype, int(window[12, 30, 30, 0])) == ((25, 60, 60, 2), np.int16, 5 + 12)
    assert found.notes == ("1 of 3 walks have no 25 good frames of flow in a row and are left out",)


def _in_this_process(jobs, workers, finished):
    for job in jobs:
        if not job.path.exists():
            job.run(job.path)


def test_each_video_is_a_walk_of_its_passes(tmp_path, monkeypatch):
    for name in ("ADA/a.avi", "ADA/b.avi", "BEN/a.avi"):
        (tmp_path / "set" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "set" / name).write_bytes(b"")

    def read_all(videos, repository, work, workers, progress, kind):
        assert kind == "flow"
        frames = np.zeros((60, 60, 60, 2), np.int16)
        walk = GaitSequence("t", np.arange(60), frames, np.array(places(60), float))
        return {video: VideoWalks((walk,), ((0, 24), (30, 59))) for video in videos}

    monkeypatch.setattr(own_flow, "read_all", read_all)
    found = read(tmp_path / "set", tmp_path)
    assert [(walk.name, len(walk.windows)) for walk in found.walks] == [
        ("N#1-4/ADA/a.avi", 3),
        ("N#5-6/ADA/b.avi", 3),
        ("N#1-4/BEN/a.avi", 3),
    ]
    assert not found.trained


@pytest.mark.parametrize(
    ("made", "numbers", "said"),
    [
        ([], None, "is not a folder: expected are PERSON/WALK.avi"),
        (["set/p001/001.txt"], None, "holds nobody's walks: expected are PERSON/WALK.avi"),
        (["set/p001/a.avi"], {7}, "holds nobody's walks of the people asked for"),
    ],
)
def test_a_folder_without_recordings_is_refused(tmp_path, made, numbers, said):
    for name in made:
        (tmp_path / name).parent.mkdir(parents=True)
        (tmp_path / name).write_bytes(b"")
    with pytest.raises(UsageError, match=said):
        read(tmp_path / "set", tmp_path, numbers)
