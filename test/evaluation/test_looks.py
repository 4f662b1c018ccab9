import pickle

import numpy as np

from rt_gait_ros.datasets.casia_b import find
from rt_gait_ros.evaluation.household_clips import KIND, LooksClient, frame_of, track_of
from rt_gait_ros.evaluation.looks import Pace, jobs_of
from rt_gait_ros.gait.config import RecognizerConfig
from rt_gait_ros.gait.model import GaitModel
from rt_gait_ros.gait.recognizer import GaitRecognizer
from rt_gait_ros.gait.walk_embedder import WalkEmbedder
from rt_gait_ros.gallery.gallery import Gallery
from rt_gait_ros.tracking.track import TrackFrame

MODEL = GaitModel("m", "silhouette", (64, 64), 1, 100, (1, 2))


def embed(frames):
    """How many frames there are, and the grey value in the corner of the first one."""
    return np.array([[len(frames), frames[0, 0, 0]]], np.float32)


def test_looks_come_when_the_gait_nodes_do_in_the_walks_that_are_wanted(tmp_path, embedder_of):
    for sequence, view, length in (
        ("nm-01", "000", 44),
        ("nm-01", "090", 19),
        ("nm-01", "180", 40),
        ("nm-02", "000", 40),
    ):
        folder = tmp_path / "001" / sequence / view
        folder.mkdir(parents=True)
        frames = np.full((length, 64, 64), 255, np.uint8)
        frames[:, 0, 0] = np.arange(length) + 1
        (folder / f"{view}.pkl").write_bytes(pickle.dumps(frames))
    refused = tmp_path / "001/nm-01/000/001.pkl"
    refused.write_bytes(pickle.dumps({"frames": 3}))
    (job,) = jobs_of(find(tmp_path, [1]), ("nm-01",), ("000", "090"))
    made = job.compute(job.files, embedder_of(embed, MODEL))
    assert sorted(made) == ["damaged", "nm-01/000", "refused"], "a walk of 19 frames has no look"
    np.testing.assert_array_equal(made["nm-01/000"][:, 0], [[20, 1], [25, 1], [30, 1], [30, 6], [30, 11]])
    assert len(made["refused"]) == 1


class Listening(LooksClient):
    """Notes which frames, by the number that each holds, every look stands on: the first and the last."""

    def __init__(self):
        super().__init__(np.zeros((50, 1, 2)), "m")
        self.spans = []

    def submit(self, model, inputs, **options):
        numbers = inputs["gait_frames"][0, :, 0, 0]
        self.spans.append((int(numbers[0]), int(numbers[-1])))
        return super().submit(model, inputs, **options)


def test_the_looks_are_those_that_a_recogniser_takes_by_the_gait_nodes_settings(tmp_path):
    client, pace = Listening(), Pace()
    recognizer = GaitRecognizer(client, Gallery(tmp_path / "g"), RecognizerConfig("m", accept_distance=1.0, margin=0.0))
    for number in range(50):
        track = track_of("a0001", 0, number)
        recognizer.update(TrackFrame(number * 40_000_000 + 1, "camera", 640, 480, gait_frame_kind=KIND, tracks=[track]))
    taken, client.spans = client.spans, []
    frames = np.stack([frame_of(number) for number in range(50)])
    looks = WalkEmbedder(client, "m").looks(frames, pace.ends(50), pace.window)
    assert (client.spans, len(looks)) == (taken, len(taken))
    assert taken[pace.whole] == (0, pace.window - 1)
    assert Pace(first=40).whole == 0
