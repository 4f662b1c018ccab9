"""The enrolments under way: which are let in, and what moves them on."""

import math
from collections.abc import Callable, Mapping
from concurrent.futures import Executor

import numpy as np

from rt_gait_ros.gait.config import RecognizerConfig
from rt_gait_ros.gait.direction import Bearing
from rt_gait_ros.gait.embedder import Embedder
from rt_gait_ros.gait.enrollment import EnrollError, Enrollment, Keeping
from rt_gait_ros.gait.gallery import DAY, DuplicateName, Gallery, GalleryError, UnknownPerson
from rt_gait_ros.gait.measures import Gauge
from rt_gait_ros.gait.names import UnfitName, clean_name
from rt_gait_ros.gait.views import ViewPrior
from rt_gait_ros.gait.walkers import Walker
from rt_gait_ros.silhouette.flow import Place
from rt_gait_ros.tracking.track import TrackState


class Enrollments:
    """All enrolments of one recogniser. Not thread-safe."""

    def __init__(
        self, config: RecognizerConfig, min_frames: int, clock: Callable[[], float], views: ViewPrior | None = None
    ) -> None:
        """min_frames: least that the gait model takes. clock: seconds, for the time limits. views: of the model."""
        self._config, self._min_frames, self._clock, self._views = config, min_frames, clock, views
        self._running: list[Enrollment] = []

    def use_config(self, config: RecognizerConfig) -> None:
        """Begin further enrolments with other settings."""
        self._config = config

    def begin(
        self,
        body_id: str,
        name: str,
        walkers: Mapping[str, Walker],
        scene: str,
        gallery: Gallery,
        *,
        extend: bool,
        frames: int,
        timeout: float,
    ) -> Enrollment:
        """As GaitRecognizer.enroll. walkers: the live tracks. scene: what is seen."""
        config = self._config
        least = max(config.min_frames, self._min_frames)
        enrollment = Enrollment(
            body_id or _only_confirmed(walkers),
            name,
            extend=extend,
            wanted=max(frames or config.enroll_frames, least),
            window=max(config.window, least),
            deadline=self._clock() + (timeout or config.enroll_timeout),
            scene=scene,
            keep=Keeping(config.keep_gait_frames, config.consent, round(config.retention_days * DAY)),
            views=self._views,
        )
        if complaint := _complaint(name, frames, timeout):
            enrollment.fail(EnrollError.BAD_REQUEST, complaint)
        elif enrollment.body_id not in walkers:
            enrollment.fail(EnrollError.UNKNOWN_BODY, _no_such_track(body_id, walkers))
        elif complaint := _read_only(gallery):
            enrollment.fail(EnrollError.GALLERY, complaint)
        elif not extend and _is_taken(gallery, name):
            enrollment.fail(
                EnrollError.DUPLICATE_NAME, f"{name!r} is already enrolled: choose another name, or extend that person"
            )
        else:
            self._running.append(enrollment)
        return enrollment

    def take(
        self, body_id: str, frame: np.ndarray, quality: float, stamp: int, place: Place, bearing: Bearing, gauge: Gauge
    ) -> None:
        """Offer one good gait frame of a track. bearing, gauge: where that track was lately, and its measures."""
        for enrollment in self._running:
            if enrollment.body_id == body_id:
                enrollment.take(frame, quality, stamp, place, bearing, gauge)

    def rename(self, former_id: str, body_id: str) -> None:
        """A track has another id."""
        for enrollment in self._running:
            if enrollment.body_id == former_id:
                enrollment.body_id = body_id

    def lose(self, body_id: str) -> None:
        """A track has ended."""
        for enrollment in self._running:
            if enrollment.body_id == body_id:
                enrollment.lose()

    def advance(self, embedder: Embedder, gallery: Gallery, writer: Executor | None) -> None:
        """Move all on as far as is possible without waiting."""
        for enrollment in self._running:
            enrollment.advance(embedder, gallery, self._clock(), writer)
        self._running = [enrollment for enrollment in self._running if not enrollment.done]


def _no_such_track(body_id: str, walkers: Mapping[str, Walker]) -> str:
    live = ", ".join(sorted(walkers)) or "none"
    if body_id:
        return f"there is no live track {body_id}: live are {live}"
    return f"name the track to enrol, for there is not exactly one confirmed: live are {live}"


def _read_only(gallery: Gallery) -> str:
    """Why nobody can be enrolled in this gallery, before they walk for it; empty when somebody can."""
    try:
        gallery.require_writable()
    except GalleryError as error:
        return str(error)
    return ""


def _is_taken(gallery: Gallery, name: str) -> bool:
    try:
        gallery.find(name.strip())
    except UnknownPerson:
        return False
    except DuplicateName:  # two people are meant by it
        return True
    return True


def _only_confirmed(walkers: Mapping[str, Walker]) -> str:
    confirmed = [body_id for body_id, walker in walkers.items() if walker.state == TrackState.CONFIRMED]
    return confirmed[0] if len(confirmed) == 1 else ""


def _complaint(name: str, frames: int, timeout: float) -> str:
    """Why nobody can be enrolled like that; empty when somebody can."""
    try:
        clean_name(name)
    except UnfitName as error:
        return str(error)
    return "" if frames >= 0 and 0.0 <= timeout < math.inf else "frames and timeout cannot be negative"
