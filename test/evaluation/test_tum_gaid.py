from itertools import pairwise

import cv2
import numpy as np
import pytest
import scipy.stats

from rt_gait_ros.datasets.tum_gaid import Recording
from rt_gait_ros.errors import UsageError
from rt_gait_ros.evaluation import tum_gaid
from rt_gait_ros.evaluation.tum_gaid import embed_samples, evaluate, vote
from rt_gait_ros.gait.model import GaitModel
from rt_gait_ros.serving.inference import ModelUnavailable
from rt_gait_ros.serving.onnx_client import OnnxClient
from rt_gait_ros.silhouette.flow import window_starts

h5py = pytest.importorskip("h5py", reason="the extra [train] is not installed")
MODEL = GaitModel("m", "flow", (60, 60, 2), 25, 25, (1, 2))


def at(*degrees: float) -> dict[str, np.ndarray]:
    """A video of windows on the circle."""
    angles = np.radians(degrees)
    return {"embeddings": np.stack([np.cos(angles), np.sin(angles)], axis=-1)[:, None].astype(np.float32)}


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


def test_samples_without_data_are_passed_over(tmp_path, embedder_of):
    files = [tmp_path / "p001-n01-01.h5", tmp_path / "p001-n01-02.h5"]
    for path, shape in zip(files, ((60, 60, 50), 0), strict=True):
        with h5py.File(path, "w") as file:
            file["data"] = np.zeros(shape, np.int16)
    embedded = embed_samples(files, embedder_of(lambda window: np.zeros((1, 2), np.float32), MODEL))
    assert embedded["embeddings"].shape == (1, 1, 2)


def test_a_video_of_a_walker_gives_windows_and_one_of_nobody_none(shared, tmp_path, model_repository):
    """Images of real footage, through the pose pipeline."""
    capture = cv2.VideoCapture(str(shared / "data/kth/person01_d4.avi"))
    files = []
    for index in range(90):
        _, image = capture.read()
        files.append(tmp_path / f"{index:03}.jpg")
        cv2.imwrite(str(files[-1]), cv2.resize(image, (640, 480), interpolation=cv2.INTER_CUBIC))
    client = OnnxClient(model_repository, timeout=600.0)
    frames, places = tum_gaid.flow_frames(files, client)
    assert len(frames) == len(places) > 25
    assert np.ptp([place.x for place in places]) > 160, "somebody crossed the picture"
    whole = window_starts(places)
    assert whole
    nobody = tmp_path / "black.jpg"
    cv2.imwrite(str(nobody), np.zeros((480, 640, 3), np.uint8))
    cut_off = tmp_path / "cut_off.jpg"
    cut_off.write_bytes(b"")
    assert tum_gaid.flow_frames([nobody, cut_off, nobody], client) == ([], [])
    paused = tum_gaid.flow_frames(files[30:60] + [files[40]] + [nobody] * 10 + files[30:60], client)[1]
    assert max(later.image - earlier.image for earlier, later in pairwise(paused)) > 10
    client.close()


def test_the_pose_networks_are_those_of_the_chosen_repository(tmp_path, embedder_of):
    """What --repository names serves the gait network and the pose networks alike."""
    asked = []

    class Client:
        def describe(self, model, *, deadline=None):
            asked.append(model)
            raise ModelUnavailable(f"no network {model} here")

    cv2.imwrite(str(tmp_path / "1.jpg"), np.zeros((48, 64, 3), np.uint8))
    embedder = embedder_of(lambda window: np.zeros((1, 2), np.float32), MODEL)
    embedder.client = Client()
    with pytest.raises(ModelUnavailable):
        tum_gaid.embed_images([tmp_path / "1.jpg"], embedder)
    assert asked == [tum_gaid.POSE.detector]


def test_a_job_on_images_is_stored_by_its_pose_networks_too():
    images, samples = (Recording("N#1-4/p001/n01", (), prepared) for prepared in (False, True))
    of_images, of_samples = tum_gaid.jobs_of([images, samples])
    assert of_images.networks == (tum_gaid.POSE.detector, tum_gaid.POSE.person_model)
    assert of_samples.networks == ()
