"""Clips of people who walk before a camera together, named by the recogniser itself, with looks in place of a network.

A gait frame of such a clip holds the number of a look; who asks for its embedding gets that look.
"""

import math
from collections.abc import Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass

import numpy as np

from rt_gait_ros.gait.calibration import Calibration
from rt_gait_ros.gait.config import RecognizerConfig
from rt_gait_ros.gait.identity import IdentityStatus
from rt_gait_ros.gait.recognizer import GaitRecognizer
from rt_gait_ros.gallery.gallery import Gallery
from rt_gait_ros.serving.inference import ModelSpec, TensorSpec
from rt_gait_ros.tracking.track import Track, TrackFrame, TrackState

PERIOD = round(1e9 * RecognizerConfig.refresh_every / RecognizerConfig.frame_rate)  # ns between two of a node's looks
KIND = "silhouette"
PACE_METRES = 1.2  # a second
_SIDE = 8  # pixels of a gait frame: its first four bytes are the number of a look


class LooksClient:
    """Stands for a server: the embedding of a gait frame is the look whose number it holds.

    looks: (L, P, C), all that will be asked for. model: name of the network.
    """

    def __init__(self, looks: np.ndarray, model: str) -> None:
        self._looks = looks
        self._spec = ModelSpec(
            model,
            (TensorSpec("gait_frames", "uint8", (-1, -1, _SIDE, _SIDE)),),
            (TensorSpec("embedding", "float32", (-1, *looks.shape[1:])),),
            {"gait_frame_kind": KIND},
        )

    def describe(self, model: str, *, deadline: float | None = None) -> ModelSpec:
        """As InferenceClient."""
        return self._spec

    def submit(
        self,
        model: str,
        inputs: Mapping[str, np.ndarray],
        *,
        deadline: float | None = None,
        sequence: object | None = None,
    ) -> "Future[dict[str, np.ndarray]]":
        """As InferenceClient; the answer is there at once."""
        numbers = np.ascontiguousarray(inputs["gait_frames"][:, -1, 0, :4]).view(np.uint32)[:, 0]
        future: Future[dict[str, np.ndarray]] = Future()
        future.set_result({"embedding": np.asarray(self._looks[numbers], np.float32)})
        return future

    def close(self) -> None:
        """As InferenceClient."""


def frame_of(number: int) -> np.ndarray:
    """The gait frame (8, 8) uint8 that stands for a look."""
    frame = np.zeros((_SIDE, _SIDE), np.uint8)
    frame[0, :4] = np.array([number], np.uint32).view(np.uint8)
    return frame


def settings(model: str, calibration: Calibration) -> RecognizerConfig:
    """The gait node's own, but that every frame is a look, and stands on as many frames as the first one does, and that
    nothing is learnt: clips are to be told apart."""
    return RecognizerConfig(
        model, frame_rate=0.0, window=1, min_frames=1, refresh_every=1, learn=False, calibration=calibration
    )


@dataclass(frozen=True, slots=True)
class Naming:
    """What was said of one track of a clip. status, name, confidence: at its end. said: its names at any time."""

    status: IdentityStatus
    name: str
    confidence: float
    said: frozenset[str]


def name_clip(
    client: LooksClient,
    gallery: Gallery,
    config: RecognizerConfig,
    walks: Sequence[Sequence[int]],
    present: Sequence[tuple[int, int]] = (),
    views: Sequence[float] = (),
) -> list[Naming]:
    """What a recogniser that has just been started says of walkers who are in view at once.

    walks: the numbers of each walker's looks, in their order, of which the first is the first that there is of them.
    present: from which look of the clip to which, that not included, each is in view; (): all begin together, and who
    has no more looks stays in view. views: from how many degrees each is seen, as a robot tells by where they walk;
    (): that is not known.
    """
    recognizer = GaitRecognizer(client, gallery, config)
    said: list[set[str]] = [set() for _ in walks]
    bodies = [f"b{number:04}" for number in range(len(walks))]
    nothing = IdentityStatus.COLLECTING, "", math.nan
    answer = dict.fromkeys(bodies, nothing)
    times = present or [(0, max(map(len, walks)))] * len(walks) if walks else ()
    for image in range(max(map(len, walks), default=0)):
        tracks = [
            track_of(body, place, walk[image - first] if 0 <= image - first < len(walk) else None)
            for place, (body, walk, (first, _)) in enumerate(zip(bodies, walks, times, strict=True))
        ]
        for track, view in zip(tracks, views, strict=bool(views)):
            track.position = where(view, image)
        width = 200 * (len(walks) + 1)
        frame = TrackFrame((image + 1) * PERIOD, "household", width, 480, gait_frame_kind=KIND)
        frame.tracks += [each for each, (first, last) in zip(tracks, times, strict=True) if first <= image < last]
        found = recognizer.update(frame).identities
        answer |= {each.body_id: (each.status, each.name, each.confidence) for each in found}  # the last of who is gone
        for names, body in zip(said, bodies, strict=True):
            status, name, _ = answer[body]
            if status is IdentityStatus.IDENTIFIED:
                names.add(name)
    recognizer.close()
    return [Naming(*answer[body], frozenset(names)) for body, names in zip(bodies, said, strict=True)]


def where(view: float, image: int) -> np.ndarray:
    """Where somebody is in an image who walks straight on, seen from so many degrees: (3,) metres before the camera.

    So far away that the direction of sight stays the same.
    """
    heading = math.radians(180.0 - view)
    gone = PACE_METRES * image * PERIOD / 1e9
    return np.array([gone * math.sin(heading), 0.0, 1000.0 + gone * math.cos(heading)])


def track_of(body: str, place: int, look: int | None) -> Track:
    """Somebody who walks apart from all others and from the sides of the picture. look: its number; None: none now."""
    return Track(
        body_id=body,
        state=TrackState.CONFIRMED,
        box=np.array([200 * place + 150, 100, 100, 250], np.float32),
        velocity=np.zeros(2, np.float32),
        velocity_covariance=np.zeros((2, 2)),
        keypoints=None,
        gait_frame=None if look is None else frame_of(look),
        quality=0.0 if look is None else 1.0,
        confidence=1.0,
        age=1,
        missed=0,
        walking=True,
    )
