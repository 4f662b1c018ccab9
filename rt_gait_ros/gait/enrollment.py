"""Storing the walk of a person who is being tracked; the domain side of EnrollPerson.action."""

import threading
from collections.abc import Mapping
from concurrent.futures import Executor, Future
from dataclasses import dataclass
from enum import IntEnum

import numpy as np

from rt_gait_ros.frame import SECOND
from rt_gait_ros.gait.direction import TURN_ROUND, Bearing, advice, middle_of, names_of
from rt_gait_ros.gait.embedder import Embedder, read_embedding
from rt_gait_ros.gait.measures import Gauge
from rt_gait_ros.gait.model import GaitModel
from rt_gait_ros.gait.recent_walks import GoodFrame
from rt_gait_ros.gait.views import ViewPrior
from rt_gait_ros.gallery.gallery import DuplicateName, Gallery, GalleryError, UnknownPerson
from rt_gait_ros.gallery.gallery_file import Template
from rt_gait_ros.gallery.person import Measure, Person
from rt_gait_ros.gallery.sides import apart
from rt_gait_ros.serving.inference import InferenceError
from rt_gait_ros.silhouette.flow import placed, window_starts


@dataclass(frozen=True, slots=True)
class Keeping:
    """What is stored of somebody, and for how long. gait_frames: also those. consent: as Person.consent.

    retention: ns after which they are deleted; 0 is never.
    """

    gait_frames: bool
    consent: str
    retention: int


class EnrollError(IntEnum):
    """Why an enrolment failed; the values of EnrollPerson.ERROR_*."""

    NONE = 0
    UNKNOWN_BODY = 1
    DUPLICATE_NAME = 2
    TIMEOUT = 3
    TRACK_LOST = 4
    GALLERY = 5
    BAD_REQUEST = 6
    EMBEDDING = 7
    BUSY = 8


class Enrollment:
    """One enrolment under way: gathers good gait frames, embeds them in windows, and stores the embeddings.

    The recogniser moves it on; its caller reads it. body_id, name: what is enrolled; body_id is "" while it waits for
    the next walker. extends: to whom it adds, as they were when it began; None: nobody of that name was there. wanted,
    gathered: frames.
    quality: mean of the gathered frames. done: nothing will change any more. error, message: why it failed, or
    NONE and "". person_id, embeddings: what was stored.
    """

    def __init__(
        self,
        body_id: str,
        name: str,
        *,
        extend: bool,
        wanted: int,
        least: int,
        window: int,
        deadline: float,
        scene: str,
        keep: Keeping,
        views: ViewPrior | None,
        extends: Person | None,
    ) -> None:
        """window: frames per stored embedding. deadline: when to give up, on the recogniser's clock in seconds.

        least: frames that are enough of somebody who leaves. scene: remembered with every stored embedding. keep: what
        is stored beside embeddings. views: that the gait model ships, or None.
        """
        self.body_id = body_id
        self.name = name
        self.extends = extends
        self.wanted = wanted
        self.quality = 0.0
        self.done = False
        self.error = EnrollError.NONE
        self.message = ""
        self.person_id = ""
        self.embeddings = 0
        self._extend = extend
        self._least = least
        self._window = window
        self._deadline = deadline
        self._scene = scene
        self._keep = keep
        self._frames: list[GoodFrame] = []
        self._prior = views
        self._gauge: Gauge | None = None
        self._measures: Mapping[str, Measure] = {}
        self._sides: list[tuple[int, float]] = []  # number of the last frame, and from where it was seen, degrees
        self._stored_views: list[float | str] | None = None
        self._centres: list[str] = []  # nearest to the stored embeddings, where no side has degrees
        self._ends: list[int] = []  # of the parts, among the frames
        self._parts: list[np.ndarray] = []
        self._requests: list[Future[dict[str, np.ndarray]]] = []
        self._model: GaitModel | None = None  # that was asked
        self._stored: Future[None] | None = None
        self._ending = threading.Lock()  # whoever cancels while embeddings are being stored comes too late, and waits

    @property
    def gathered(self) -> int:
        """Gait frames gathered so far."""
        return len(self._frames)

    @property
    def views(self) -> list[str]:
        """From which sides the person is known by now, for people to read: once stored of all their walks."""
        return names_of(self._known) + self._centres

    @property
    def advice(self) -> str:
        """What the person should do next to be seen from other sides; "" when there are enough."""
        if self._centres and not names_of(self._known):
            return TURN_ROUND if len(self._centres) == 1 else ""
        return advice(self._known)

    @property
    def _known(self) -> list[float | str]:
        return [degrees for _, degrees in list(self._sides)] if self._stored_views is None else self._stored_views

    def take(self, good: GoodFrame, bearing: Bearing, gauge: Gauge) -> None:
        """Offer one good gait frame of the track. bearing, gauge: where the track was lately, and its measures."""
        if self.gathered < self.wanted and not self.done:
            self._gauge = gauge
            self._frames.append(good)
            self.quality += (good.quality - self.quality) / self.gathered
            if self.gathered % max(self._window // 3, 1) == 0:
                first = self._frames[max(self.gathered - self._window, 0)]  # a direction is told by a second at least
                seen = bearing.seen(min(first.stamp, good.stamp - SECOND), good.stamp)
                if seen.degrees is not None:
                    self._sides.append((self.gathered - 1, seen.degrees))

    def fail(self, error: EnrollError, message: str) -> None:
        """End without having stored anything; also how a caller cancels. An enrolment that is done stays as it is."""
        with self._ending:
            self._fail(error, message)

    def _fail(self, error: EnrollError, message: str) -> None:
        if not self.done:
            self.done, self.error, self.message = True, error, message

    def lose(self) -> None:
        """The track is gone; enough frames are enough all the same."""
        if self._least <= self.gathered < self.wanted:
            self.wanted = self.gathered
        if self.gathered < self.wanted:
            self.fail(
                EnrollError.TRACK_LOST,
                f"track {self.body_id} was lost after {self.gathered} of {self.wanted} gait frames: "
                "let the person walk longer in view, or ask for fewer frames",
            )

    def advance(self, embedder: Embedder, gallery: Gallery, now: float, writer: Executor | None) -> None:
        """Move on as far as is possible without waiting. now: seconds on the recogniser's clock.

        writer: what stores the embeddings; None: this call does.
        """
        if self._stored is not None and self._stored.done():
            self._stored.result()  # what nobody expected is not to be lost in another thread
        if self.done or self._stored is not None:
            return
        if self.gathered < self.wanted:
            if now > self._deadline:
                self.fail(
                    EnrollError.TIMEOUT,
                    f"only {self.gathered} of {self.wanted} good walking frames of {self.name!r} came in time: "
                    "the whole body must be in view and walking"
                    if self.body_id
                    else f"nobody walked by alone in time to be enrolled as {self.name!r}: name the track to enrol, or "
                    "let one person walk at a time",
                )
        elif not self._requests:
            self._measures = {} if self._gauge is None else self._gauge.measures()
            self._cut(embedder.model)
            self._model = embedder.model
            self._requests = [embedder.embed(part) for part in self._parts]
        elif all(request.done() for request in self._requests):
            if writer is None:
                self._store(gallery)
            else:
                self._stored = writer.submit(self._store, gallery)

    def _cut(self, model: GaitModel) -> None:
        """Cut the walk into what one embedding each is made of; fails where it was broken too often for flow."""
        frames = np.stack([good.frame for good in self._frames])
        if model.gait_frame_kind != "flow":
            self._parts = np.array_split(frames, max(1, self.gathered // self._window))
            self._ends = (np.cumsum([len(part) for part in self._parts]) - 1).tolist()
            return
        length = min(self._window, model.max_frames)
        places = [good.place for good in self._frames]
        starts = window_starts(places, length, length)
        self._parts = [placed(frames[s : s + length], places[s : s + length]) for s in starts]
        self._ends = [start + length - 1 for start in starts]
        if not starts:
            self.fail(
                EnrollError.EMBEDDING,
                f"no {length} of the {self.gathered} gait frames are in a row: let the person walk without a pause",
            )

    def _view(self, start: int, end: int) -> float | str:
        """From where the frames from `start` to `end` were seen; "" where that is not known, or changed."""
        sides = [degrees for number, degrees in self._sides if start <= number <= end]
        middle = middle_of(sides)
        return round(middle, 1) if middle is not None and all(apart(middle, side) <= 30.0 for side in sides) else ""

    def _store(self, gallery: Gallery) -> None:
        with self._ending:
            if self.done:  # cancelled before its turn to write
                return
            try:
                self._write(gallery)
            except InferenceError as error:
                self._fail(EnrollError.EMBEDDING, str(error))
            except DuplicateName as error:
                self._fail(EnrollError.DUPLICATE_NAME, str(error))
            except UnknownPerson as error:
                self._fail(EnrollError.EMBEDDING, str(error))
            except GalleryError as error:
                self._fail(EnrollError.GALLERY, str(error))

    def _write(self, gallery: Gallery) -> None:
        model = self._model
        assert model is not None
        embeddings = [read_embedding(request.result(), model) for request in self._requests]
        templates = [
            Template(
                embedding,
                self._frames[end].stamp,
                part if self._keep.gait_frames else None,
                self._scene,
                self._view(end - len(part) + 1, end),
                measures=self._measures,
            )
            for embedding, end, part in zip(embeddings, self._ends, self._parts, strict=True)
        ]
        person = gallery.add(
            self.name,
            templates,
            model=model.gallery_name,
            gait_frame_kind=model.gait_frame_kind,
            extend=self._extend,
            to=self.extends,
            consent=self._keep.consent,
            retention=self._keep.retention,
        )
        self._stored_views = [template.view for template in person.templates]
        if self._prior is not None and not names_of(self._stored_views):
            self._centres = self._prior.names(person.embeddings)
        self.person_id, self.embeddings, self.done = person.person_id, len(templates), True
