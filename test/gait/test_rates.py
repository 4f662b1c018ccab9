"""Genuine walkers before cameras of 10 to 120 images a second, with the real network."""

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pytest
from tracks import walking_track

from rt_gait_ros.gait import calibration
from rt_gait_ros.gait.config import RecognizerConfig
from rt_gait_ros.gait.recognizer import GaitRecognizer
from rt_gait_ros.gallery.gallery import Gallery
from rt_gait_ros.gallery.gallery_file import Template
from rt_gait_ros.serving.backends import open_client
from rt_gait_ros.synthesis import walks
from rt_gait_ros.synthesis.people import person
from rt_gait_ros.synthesis.walks import Nuisances, random_scene, random_silhouettes
from rt_gait_ros.tracking.track import TrackFrame

MODEL = "gaitset_small_v5_stream"
PEOPLE, SECONDS, FASTEST = 16, 3, 120
WALKER = walking_track("aaaaa")
SIDEWAYS = Nuisances(heights=(1.2, 1.2), views=(90.0,), clothes=0.6, noise=0.8)


def seen(number: int, day: int, rate: float, monkeypatch: pytest.MonkeyPatch) -> np.ndarray:
    """Silhouettes of a walk of person `number`, `rate` images a second."""
    monkeypatch.setattr(walks, "FPS", rate)
    random = np.random.default_rng((number, day))
    scene = replace(random_scene(SIDEWAYS, random), both_ways=False)
    return random_silhouettes(person(number, 2.0, 2.0), scene, round(SECONDS * rate), SIDEWAYS, random)


class InOrder:
    """Stands before a client and waits for each answer: what is asked for depends on stamps alone."""

    def __init__(self, client):
        self._client = client
        self.describe = client.describe

    def submit(self, *arguments, **options):
        future = self._client.submit(*arguments, **options)
        future.exception()
        return future


@dataclass
class Cast:
    """Who is enrolled, and how they walk on another day before a camera of FASTEST images a second."""

    client: InOrder
    gallery: Gallery
    config: RecognizerConfig
    walks: dict[str, np.ndarray]

    def distances(self, rate: float) -> tuple[list[float], set[int], list[float]]:
        """Of every look at every walker to the walker; frames that the last looks stood on; seconds to the first."""
        far, spans, first = [], set(), []
        for person_id, frames in self.walks.items():
            recognizer = GaitRecognizer(self.client, self.gallery, self.config)
            looks = {}
            for number in range(round(SECONDS * rate)):
                track = replace(WALKER, gait_frame=frames[round(number * FASTEST / rate)])
                stamp = 10**9 + round(number * 1e9 / rate)
                (identity,) = recognizer.update(
                    TrackFrame(stamp, "camera", 640, 480, gait_frame_kind="silhouette", tracks=[track])
                ).identities
                for candidate in identity.candidates:
                    if candidate.person_id == person_id:
                        looks[identity.stamp] = candidate.distance
            far += looks.values()
            spans.add(identity.frames_used)
            first.append(min(looks) / 1e9 - 1.0)
        return far, spans, first


@pytest.fixture(scope="module")
def cast(tmp_path_factory, model_repository: Path):
    with pytest.MonkeyPatch.context() as patch:
        client = open_client("onnxruntime", "", model_repository, timeout=600.0)
        known = calibration.find(model_repository, MODEL)
        config = RecognizerConfig(
            calibration=known,
            decision_embeddings=1,
            agreeing_embeddings=1,
            max_candidates=PEOPLE,
            deadline=60.0,
            scene_normalisation=False,
        )
        gallery = Gallery(tmp_path_factory.mktemp("rates") / "people.gallery")
        embedder = GaitRecognizer(client, gallery, config)._use.embedder
        walking = {}
        for number in range(PEOPLE):
            embedding = embedder.embed(seen(number, 0, 25.0, patch)).result()["embedding"][0]
            template = Template(embedding, 1, None)
            enrolled = gallery.add(f"P{number}", [template], model=MODEL, gait_frame_kind="silhouette")
            walking[enrolled.person_id] = seen(number, 1, FASTEST, patch)
        yield Cast(InOrder(client), gallery, config, walking)
        client.close()


@pytest.fixture(scope="module")
def usual(cast):
    return cast.distances(25.0)[0]


@pytest.mark.parametrize("rate", [10.0, 25.0, 60.0, 120.0])
def test_a_walker_is_as_near_to_the_gallery_whatever_the_cameras_rate(cast, usual, rate):
    far, (span,), first = cast.distances(rate)
    assert np.mean(far) == pytest.approx(np.mean(usual), rel=0.04)
    line = cast.config.accept_line
    assert np.mean(np.array(far) <= line) >= np.mean(np.array(usual) <= line) - 0.1
    # the first look and the whole window stand on as much of a gait cycle as at 25 images a second
    assert min(first) >= 19 / 25 - 0.05
    used = min(rate, 25.0)
    assert 0 <= min(30, SECONDS * used) - span < cast.config.refresh_every
    assert (span - 1) / used >= 1.1
