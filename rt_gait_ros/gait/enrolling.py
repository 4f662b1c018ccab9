"""The enrolments under way: which are let in, and what moves them on."""

import math
from collections.abc import Callable, Collection, Mapping
from concurrent.futures import Executor

from rt_gait_ros.gait.config import RecognizerConfig
from rt_gait_ros.gait.direction import Bearing
from rt_gait_ros.gait.embedder import Embedder
from rt_gait_ros.gait.enrollment import EnrollError, Enrollment, Keeping
from rt_gait_ros.gait.measures import Gauge
from rt_gait_ros.gait.recent_walks import GoodFrame, RecentWalks
from rt_gait_ros.gait.views import ViewPrior
from rt_gait_ros.gait.walkers import Walker
from rt_gait_ros.gallery.gallery import DAY, DuplicateName, Gallery, GalleryError, UnknownPerson
from rt_gait_ros.gallery.gallery_edits import GONE, still
from rt_gait_ros.gallery.names import UnfitName, clean_name
from rt_gait_ros.gallery.person import Person
from rt_gait_ros.tracking.track import TrackState

MOST_FRAMES = 10_000  # of one enrolment, nearly seven minutes of walking: they are all in memory until they are stored


class Enrollments:
    """All enrolments of one recogniser. Not thread-safe."""

    def __init__(
        self, config: RecognizerConfig, min_frames: int, clock: Callable[[], float], views: ViewPrior | None = None
    ) -> None:
        """min_frames: least that the gait model takes. clock: seconds, for the time limits. views: of the model."""
        self._config, self._min_frames, self._clock, self._views = config, min_frames, clock, views
        self._running: list[Enrollment] = []
        self._present: dict[Enrollment, set[str]] = {}  # who was there when it began
        self._recent = RecentWalks(clock)

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
        refusal: str = "",
    ) -> Enrollment:
        """As GaitRecognizer.enroll. walkers: the live tracks. scene: what is seen. refusal: why not now, or ""."""
        config = self._config
        least = max(config.min_frames, self._min_frames)
        wanted = max(frames or config.enroll_frames, least)
        live = set(walkers)
        enrollment = Enrollment(
            body_id or _only_confirmed(walkers, self._busy),
            name,
            extend=extend,
            wanted=wanted,
            least=wanted if frames else least,
            window=max(config.window, least),
            deadline=self._clock() + (timeout or config.enroll_timeout),
            scene=scene,
            keep=Keeping(config.keep_gait_frames, config.consent, round(config.retention_days * DAY)),
            views=self._views,
            extends=_person_of(gallery, name) if extend else None,
        )
        if complaint := _complaint(name, frames, timeout):
            enrollment.fail(EnrollError.BAD_REQUEST, complaint)
        elif body_id and body_id not in live and body_id not in self._recent:
            enrollment.fail(EnrollError.UNKNOWN_BODY, _no_such_track(body_id, live, self._recent.gone))
        elif enrollment.body_id in self._busy:
            enrollment.fail(EnrollError.BUSY, _busy(enrollment.body_id))
        elif complaint := refusal or _read_only(gallery):
            enrollment.fail(EnrollError.GALLERY, complaint)
        elif not extend and _is_taken(gallery, name):
            enrollment.fail(
                EnrollError.DUPLICATE_NAME, f"{name!r} is already enrolled: choose another name, or extend that person"
            )
        else:
            self._running.append(enrollment)
            self._present[enrollment] = live
            if enrollment.body_id:
                self._begin_with(enrollment, enrollment.body_id, ended=enrollment.body_id not in live)
        return enrollment

    def choose(self, walkers: Mapping[str, Walker], held: Mapping[str, str], gallery: Gallery) -> None:
        """Give an enrolment that waits for the next walker the track that it is about, if that can be told by now.

        It is the only one that walks in full view, not counting who is being enrolled already or is named as somebody
        else (held: person_id by body_id); of several the only one that has come since the goal. An enrolment whose
        person has left, with too little seen of them, does not wait for another: they would get this one's name.
        """
        for enrollment in self._running:
            if enrollment.body_id:
                continue
            person = enrollment.extends
            person = _person_of(gallery, enrollment.name) if person is None else still(gallery.persons, person)
            theirs = "" if person is None else person.person_id
            walking = [
                body_id
                for body_id, walker in walkers.items()
                if walker.state == TrackState.CONFIRMED
                and not walker.unfit
                and body_id not in self._busy
                and held.get(body_id, theirs) == theirs
            ]
            come = [body_id for body_id in walking if body_id not in self._present[enrollment]]
            found = walking if len(walking) == 1 else come
            if len(found) == 1:
                self._begin_with(enrollment, found[0], ended=False)

    def take(self, body_id: str, good: GoodFrame, bearing: Bearing, gauge: Gauge) -> None:
        """Offer one good gait frame of a track. bearing, gauge: where that track was lately, and its measures."""
        for enrollment in self._running:
            if enrollment.body_id == body_id:
                enrollment.take(good, bearing, gauge)
                return
        self._recent.add(body_id, good, bearing, gauge, self._config.enroll_frames)

    def rename(self, former_id: str, body_id: str) -> None:
        """A track has another id."""
        self._recent.rename(former_id, body_id)
        for enrollment in self._running:
            if enrollment.body_id == former_id:
                enrollment.body_id = body_id

    def doubt(self, body_id: str) -> None:
        """A track may be another person's from now on: of what was seen before nothing is enrolled."""
        self._recent.drop(body_id)

    def lose(self, body_id: str) -> None:
        """A track has ended."""
        self._recent.end(body_id)
        for enrollment in self._running:
            if enrollment.body_id == body_id:
                enrollment.lose()

    def forget(self, person_id: str, gallery: Gallery) -> None:
        """Somebody is about to be forgotten: a walk that was to be added to them would make them anew.

        Who was merged into somebody else lives on there, and the walk is added to that person.
        """
        for enrollment in self._running:
            person = enrollment.extends
            if person is None or person.person_id != person_id:
                continue
            now = still(gallery.persons, person)
            if now is None or now.person_id == person_id:
                enrollment.fail(EnrollError.EMBEDDING, f"{enrollment.name!r} is {GONE}")

    def advance(self, embedder: Embedder, gallery: Gallery, writer: Executor | None) -> None:
        """Move all on as far as is possible without waiting."""
        for enrollment in self._running:
            enrollment.advance(embedder, gallery, self._clock(), writer)
        self._running = [enrollment for enrollment in self._running if not enrollment.done]
        self._present = {enrollment: self._present[enrollment] for enrollment in self._running}

    @property
    def running(self) -> bool:
        """Whether there is any."""
        return bool(self._running)

    @property
    def _busy(self) -> set[str]:
        """Body ids that are being enrolled; "" stands for the next walker."""
        return {enrollment.body_id for enrollment in self._running if not enrollment.done}

    def _begin_with(self, enrollment: Enrollment, body_id: str, *, ended: bool) -> None:
        """Enrol that track, with what has been seen of it. ended: no more of it will come."""
        enrollment.body_id = body_id
        walk = self._recent.take(body_id)
        if walk is not None:
            for good in list(walk.frames)[-enrollment.wanted :]:
                enrollment.take(good, walk.bearing, walk.gauge)
        if ended:
            enrollment.lose()


def _no_such_track(body_id: str, live: Collection[str], gone: Collection[str]) -> str:
    left = f", and just gone are {', '.join(gone)}" if gone else ""
    return f"there is no live track {body_id}: live are {', '.join(sorted(live)) or 'none'}{left}"


def _busy(body_id: str) -> str:
    if body_id:
        return f"track {body_id} is being enrolled already: wait for that, or cancel it"
    return "another enrolment waits for the next walker already: wait for that, cancel it, or name the track to enrol"


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


def _person_of(gallery: Gallery, name: str) -> Person | None:
    """The person of that name; None where there is none yet."""
    try:
        return gallery.find(name.strip())
    except GalleryError:
        return None


def _only_confirmed(walkers: Mapping[str, Walker], busy: Collection[str]) -> str:
    """The track that is meant by no id: the only one in view, unless it is being enrolled already; "" for none."""
    confirmed = [body_id for body_id, walker in walkers.items() if walker.state == TrackState.CONFIRMED]
    return confirmed[0] if len(confirmed) == 1 and confirmed[0] not in busy else ""


def _complaint(name: str, frames: int, timeout: float) -> str:
    """Why nobody can be enrolled like that; empty when somebody can."""
    try:
        clean_name(name)
    except UnfitName as error:
        return str(error)
    if not 0 <= frames <= MOST_FRAMES:
        return f"{frames} gait frames are asked for: from 0 to {MOST_FRAMES} can be gathered"
    return (
        "" if 0.0 <= timeout < math.inf else f"a timeout of {timeout:g} s is none: give seconds, 0 for the usual ones"
    )
