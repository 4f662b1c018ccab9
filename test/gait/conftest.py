"""A gait network that can be computed by hand, and people who walk before it."""

from concurrent.futures import Future

import numpy as np
import pytest
from enrolled import embedding, template_of, three_people
from tracks import walking_track

from rt_gait_ros.gait.config import RecognizerConfig
from rt_gait_ros.gait.recognizer import GaitRecognizer
from rt_gait_ros.serving.inference import ModelSpec, TensorSpec
from rt_gait_ros.tracking.track import TrackFrame, TrackState

PERIOD = 40_000_000  # ns between images: 25 per second


class AngleClient:
    """Stands for a server: the embedding of a sequence is its mean grey value, taken as an angle in degrees.

    error: what every inference fails with, if anything. held: with `hold`, inferences wait until `release`.
    """

    def __init__(self):
        self.error = None
        self.hold = False
        self.held = []
        self.asked = 0
        self.spec = ModelSpec(
            "angle",
            (TensorSpec("gait_frames", "uint8", (-1, -1, 64, 64)),),
            (TensorSpec("embedding", "float32", (-1, 1, 2)),),
            {"gait_frame_kind": "silhouette"},
        )

    def describe(self, model, *, deadline=None):
        return self.spec

    def submit(self, model, inputs, *, deadline=None):
        future = Future()
        self.asked += 1
        self.held.append((future, inputs["gait_frames"]))
        if not self.hold:
            self.release()
        return future

    def release(self):
        for future, frames in self.held:
            if self.error is not None:
                future.set_exception(self.error)
            else:
                future.set_result({"embedding": np.stack([embedding(sequence.mean()) for sequence in frames])})
        self.held = []

    def close(self):
        pass


def track(body_id, angle, *, state=TrackState.CONFIRMED, quality=1.0, walking=True, frame=True, former_id=""):
    """Somebody whose gait is `angle`."""
    return walking_track(
        body_id,
        state=state,
        box=np.array([100 * (ord(body_id[0]) - ord("a")), 0, 50, 100], np.float32),  # nobody hides another
        gait_frame=np.full((64, 64), angle, np.uint8) if frame else None,
        quality=quality,
        walking=walking,
        former_id=former_id,
    )


class Scene:
    """Feeds a recogniser image after image."""

    def __init__(self, recognizer):
        self.recognizer = recognizer
        self.images = 0

    def show(self, *tracks, images=1):
        """The same tracks for a number of images; returns the last answer as {body_id: Identity}."""
        for _ in range(images):
            answer = self.answer(*tracks)
        return {identity.body_id: identity for identity in answer.identities}

    def answer(self, *tracks, kind="silhouette"):
        self.images += 1
        return self.recognizer.update(
            TrackFrame(self.images * PERIOD, "camera", 640, 480, gait_frame_kind=kind, tracks=list(tracks))
        )


@pytest.fixture
def client():
    return AngleClient()


gallery = pytest.fixture(three_people)
template = pytest.fixture(lambda: template_of)


@pytest.fixture
def config():
    """A look after 10 frames, and every 5 from there; named after three. 0.2 is 11.5 degrees, 0.1 is 5.7."""
    return RecognizerConfig(
        model="angle",
        window=10,
        min_frames=10,
        refresh_every=5,
        decision_embeddings=5,
        agreeing_embeddings=3,
        accept_distance=0.2,
        margin=0.1,
    )


@pytest.fixture
def scene(client, gallery, config):
    return Scene(GaitRecognizer(client, gallery, config))


@pytest.fixture
def watch():
    """watch(recognizer) feeds it image after image."""
    return Scene


@pytest.fixture
def walk():
    """walk(body_id, angle, ...) is a track in one image."""
    return track
