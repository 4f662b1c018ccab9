"""A gait network that a recogniser may go on with."""

from collections import deque
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from rt_gait_ros.gait.embedder import Embedder, read_embedding, window_of
from rt_gait_ros.gait.model import GaitModel
from rt_gait_ros.gait.translation import Translation
from rt_gait_ros.gait.walkers import Walker
from rt_gait_ros.gallery.departures import Look
from rt_gait_ros.serving.inference import InferenceError, ModelUnavailable

TIMED = 40  # newest answers whose times are kept: some seconds of a few people


@dataclass(frozen=True, slots=True)
class Network:
    """A gait network that a recogniser may go on with, ready to answer.

    settings: fields of the recogniser's configuration that are others with it. apart: why its embeddings may not be
    compared with those of the network that the gallery is of; "" where they may. translation: the gallery in its own
    embeddings, where they may not.
    """

    model: GaitModel
    embedder: Embedder
    settings: Mapping[str, Any] = field(default_factory=dict)
    apart: str = ""
    translation: Translation | None = None


class NetworkInUse:
    """The network of a recogniser, and the one before it while answers of that are waited for. Not thread-safe.

    outage: why its newest answer is none, in one line; "" where it is one, or nothing was answered yet. lost: whether
    the server says that it does not have the network.
    """

    def __init__(self, network: Network, clock: Callable[[], float]) -> None:
        """clock: seconds, by which answers are timed."""
        self.network = network
        self._clock = clock
        self._former: Embedder | None = None
        self._times: deque[float] = deque(maxlen=TIMED)  # seconds, of the newest answers
        self.outage = ""
        self.lost = False

    @property
    def model(self) -> GaitModel:
        """What it declares about itself."""
        return self.network.model

    @property
    def embedder(self) -> Embedder:
        """What asks it."""
        return self.network.embedder

    def ask(self, body_id: str, walker: Walker, frames: int) -> None:
        """Ask for an embedding of a track, which stands on so many frames."""
        times, asked = self._times, self._clock()
        future = self.embedder.request(body_id)
        walker.ask(future, self.model, frames)
        future.add_done_callback(lambda done: times.append(self._clock() - asked))

    def answer(self, walker: Walker) -> Look | None:
        """The look that a walker's request gave; None while there is none, and for one that failed.

        One that failed is asked for again with the next frames.
        """
        request = walker.request
        if request is None or not request.future.done():
            return None
        walker.request = None
        of_present = request.model is self.model  # an answer of the former network says nothing of this one
        try:
            embedding = read_embedding(request.future.result(), request.model)
        except InferenceError as error:
            if of_present:
                self.outage, self.lost = str(error), isinstance(error, ModelUnavailable)
            if walker.failing_since is None:
                walker.failing_since = request.stamp
            return None
        if of_present:
            self.outage, self.lost = "", False
        walker.failing_since = None
        return Look(embedding, request.quality, request.frames, request.stamp)

    def replace(self, network: Network, walkers: Mapping[str, Walker]) -> bool:
        """Go on with another network, with the newest frames of each track; returns whether embeddings of both may be
        compared. What the former one was asked is still waited for."""
        alike = not (network.apart or self.network.apart)
        self._former = self.embedder
        for body_id in walkers:
            for frame, place in self._former.recent(body_id):
                network.embedder.add(body_id, frame, place)
        self.network, self._times = network, deque(maxlen=TIMED)
        self.outage, self.lost = "", False
        return alike

    def let_go_of_former(self, walkers: Mapping[str, Walker]) -> None:
        """Forget the tracks of the former network once its last answers are there."""
        former = self._former
        if former is None or any(each.request and each.request.model is former.model for each in walkers.values()):
            return
        for body_id in former.tracks:
            former.drop(body_id)
        self._former = None

    @property
    def in_transit(self) -> bool:
        """Whether answers of a former network are still waited for."""
        return self._former is not None

    @property
    def look_time(self) -> float | None:
        """Seconds within which 95 % of the newest looks were answered; None before there are enough to tell."""
        return float(np.percentile(list(self._times), 95)) if len(self._times) == TIMED else None

    def samples(self, body_ids: Iterable[str], most: int) -> list[np.ndarray]:
        """The newest frames of up to `most` of these tracks, as the network is sent them."""
        known = (self.embedder.recent(body_id) for body_id in body_ids)
        return [window_of(frames) for frames in known if len(frames) >= self.model.min_frames][:most]


def no_enrolment(model: GaitModel) -> str:
    """Why nobody is enrolled while a network looks whose embeddings the gallery cannot take."""
    return (
        f"many people are in view, so that the lighter network {model.name} looks at them, whose embeddings cannot go "
        f"into a gallery of {model.gallery_name}: ask again when there are fewer"
    )
