"""Networks on flow get their windows as they were trained: placed once, the person walking through."""

from concurrent.futures import Future
from dataclasses import replace

import numpy as np
import pytest

from rt_gait_ros.gait.config import RecognizerConfig
from rt_gait_ros.gait.enrollment import EnrollError
from rt_gait_ros.gait.recognizer import GaitRecognizer
from rt_gait_ros.gallery.gallery import Gallery
from rt_gait_ros.gallery.person import LEARNT, Template
from rt_gait_ros.serving.inference import ModelSpec, TensorSpec
from rt_gait_ros.silhouette.flow import Place, placed
from rt_gait_ros.tracking.track import TrackFrame

HEIGHT = 120.0


class FlowClient:
    """Keeps what it is asked, and answers at once."""

    def __init__(self):
        self.windows = []

    def describe(self, model, *, deadline=None):
        return ModelSpec(
            "flow",
            (TensorSpec("gait_frames", "int16", (-1, 25, 60, 60, 2)),),
            (TensorSpec("embedding", "float32", (-1, 1, 2)),),
            {"gait_frame_kind": "flow"},
        )

    def submit(self, model, inputs, *, deadline=None):
        self.windows.append(inputs["gait_frames"][0])
        future = Future()
        future.set_result({"embedding": np.ones((1, 1, 2), np.float32)})
        return future

    def close(self):
        pass


@pytest.fixture
def client():
    return FlowClient()


@pytest.fixture
def recognizer(client, tmp_path):
    config = RecognizerConfig(model="flow", refresh_every=5, accept_distance=0.2, margin=0.1)
    return GaitRecognizer(client, Gallery(tmp_path / "people.gallery"), config)


@pytest.fixture
def walker(walk):
    """walker(n) is somebody in image n, 5 pixels further right than before; the frame's values are n + 1."""

    def seen(image, walking=True):
        x = 100.0 + 5.0 * image
        return replace(
            walk("aaaaa", 0, walking=walking),
            box=np.array([x - 20, 30, 40, HEIGHT], np.float32),
            gait_frame=np.full((60, 60, 2), image + 1, np.int16),
            age=image + 1,
        )

    return seen


def show(recognizer, tracks):
    for track in tracks:
        recognizer.update(TrackFrame(track.age * 40_000_000, "camera", 640, 480, "trt_pose", "flow", [track]))


def expected(images):
    """The window of these images, as the evaluation of TUM-GAID makes it."""
    frames = np.stack([np.full((60, 60, 2), image + 1, np.int16) for image in images])
    return placed(frames, [Place(image, 100.0 + 5.0 * image, HEIGHT) for image in images])


def test_live_windows_are_placed_as_in_the_evaluation(recognizer, client, walker):
    show(recognizer, [walker(image) for image in range(31)])
    assert len(client.windows) == 2, "after 25 frames, and after five more"
    np.testing.assert_array_equal(client.windows[0], expected(range(25)))
    np.testing.assert_array_equal(client.windows[1], expected(range(5, 30)))
    assert not client.windows[0][0, :, -1].any(), "the person was further left then: nothing is known on the right"


def test_a_pause_begins_a_new_window(recognizer, client, walker):
    show(recognizer, [walker(image) for image in range(30)])
    seen = len(client.windows)
    show(recognizer, [walker(image, walking=False) for image in range(30, 37)])
    show(recognizer, [walker(image) for image in range(37, 61)])
    assert len(client.windows) == seen, "24 frames since the pause"
    show(recognizer, [walker(61)])
    np.testing.assert_array_equal(client.windows[-1], expected(range(37, 62)))


def test_a_walk_is_enrolled_in_placed_windows(recognizer, client, walker):
    show(recognizer, [walker(0)])
    enrollment = recognizer.enroll("aaaaa", "Ada", frames=60)
    show(recognizer, [walker(image) for image in range(1, 63)])
    assert (enrollment.error, enrollment.embeddings) == (EnrollError.NONE, 2)
    (ada,) = recognizer.gallery.persons
    np.testing.assert_array_equal(ada.templates[0].frames, expected(range(25)))
    np.testing.assert_array_equal(ada.templates[1].frames, expected(range(25, 50)))
    assert [template.stamp for template in ada.templates] == [25 * 40_000_000, 50 * 40_000_000]


def test_a_walk_broken_too_often_is_not_enrolled(recognizer, client, walker):
    show(recognizer, [walker(0)])
    enrollment = recognizer.enroll("aaaaa", "Ada", frames=40)
    show(recognizer, [walker(image) for image in range(100) if image % 30 < 20])
    assert enrollment.done
    assert enrollment.error == EnrollError.EMBEDDING
    assert "no 25 of the 40 gait frames are in a row" in enrollment.message
    assert not recognizer.gallery.persons


def test_what_is_learnt_keeps_the_window_that_its_embedding_is_of(client, tmp_path, walker):
    """Or `rt-gait gallery rebuild` would make another embedding of it."""
    gallery = Gallery(tmp_path / "people.gallery")
    front = Template(np.ones((1, 2), np.float32), 1, view=0.0)
    gallery.add("Ada", [front], model="flow", gait_frame_kind="flow")
    config = RecognizerConfig(model="flow", refresh_every=5, accept_distance=0.2, margin=0.1, learn_after=0.5)
    show(GaitRecognizer(client, gallery, config), map(walker, range(90)))
    (_, learnt) = gallery.find("Ada").templates
    assert learnt.origin == LEARNT
    assert any(np.array_equal(learnt.frames, window) for window in client.windows)
