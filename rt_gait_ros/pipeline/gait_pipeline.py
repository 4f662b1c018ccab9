"""The whole chain in one object: an image in, everybody in it with their names out. No ROS."""

import os
import threading
import time
from pathlib import Path
from types import TracebackType
from typing import Any
from weakref import WeakValueDictionary

import numpy as np

from rt_gait_ros.errors import PipelineClosed, UsageError
from rt_gait_ros.fleet.address import is_address
from rt_gait_ros.fleet.opening import default_place, open_for_robot
from rt_gait_ros.frame import Frame
from rt_gait_ros.gait.calibrated import recognizer_config
from rt_gait_ros.gait.config import RecognizerConfig
from rt_gait_ros.gait.enrollment import Enrollment
from rt_gait_ros.gait.identity import IdentityFrame
from rt_gait_ros.gait.known_people import Forgotten, KnownPeople
from rt_gait_ros.gallery.cipher import find_cipher
from rt_gait_ros.gallery.gallery import Gallery
from rt_gait_ros.gallery.person import GalleryInUse, Person
from rt_gait_ros.paths import expand
from rt_gait_ros.pipeline.seen import SeenPerson, seen_person
from rt_gait_ros.pipeline.tracking import TrackingPipeline
from rt_gait_ros.pose.config import PoseConfig
from rt_gait_ros.pose.errors import PoseSettingsError
from rt_gait_ros.pose.person import PoseFrame
from rt_gait_ros.pose.pipeline import checked_image
from rt_gait_ros.resources import resource
from rt_gait_ros.serving.backends import open_client
from rt_gait_ros.serving.inference import InferenceClient
from rt_gait_ros.serving.waiting_client import WaitingClient
from rt_gait_ros.tracking.camera import CameraModel
from rt_gait_ros.tracking.config import TrackerConfig
from rt_gait_ros.tracking.track import TrackFrame, TrackState

# Seconds for an answer of a network, in this process and on a server: a video may be read slower than it plays. That a
# server hangs is said in a time that somebody waits.
PATIENCE, SERVER_PATIENCE = 60.0, 10.0
TICK = 1_000_000_000  # ns of the camera's clock between looks at what waits, as the gait node's once a second


class EnrollmentRefused(UsageError):
    """Nobody can be enrolled like that. enrollment: says why by its `error`, an EnrollError."""

    def __init__(self, enrollment: Enrollment) -> None:
        super().__init__(enrollment.message)
        self.enrollment = enrollment


class GaitPipeline:
    """Finds, follows and names the people before one camera. A context manager.

    `process` says what is known by now, and has waited for every network: the same images and settings give the same
    answers, however fast the machine is. Everything that is learnt and enrolled goes to the gallery's file, and to the
    scenes beside it, before the call returns. Methods may be called from any thread; they wait for one another.

    people: the gallery, and what hangs on it. tracks, identities: what was found in the last image, as the ROS messages
    and `overlay.draw_overlay` have it; None before the first.
    """

    people: KnownPeople

    def __init__(
        self,
        gallery: str | Path | Gallery | None = None,
        *,
        gallery_key: str = "",
        model: str = "",
        model_repository: str | Path | None = None,
        triton_url: str = "",
        client: InferenceClient | None = None,
        pose: PoseConfig | None = None,
        tracker: TrackerConfig | None = None,
        recognizer: RecognizerConfig | None = None,
        camera: CameraModel | None = None,
        seed: int | None = 0,
    ) -> None:
        """Open the gallery, and get hold of the networks.

        gallery: file, made where there is none; None: the one that the nodes and `rt-gait` use (opening.default_place);
        or the address of one on a server (`fleet`); or a Gallery that is open, which whoever opened it closes.
        gallery_key: of an encrypted gallery, as `gallery.cipher` names keys. model: gait network, by its name in the
        repository; "": that of `recognizer`. model_repository: None for the package's own. triton_url: HOST:PORT of a
        Triton server's gRPC service that runs the networks; "": they run in this process. client: of your own, instead;
        it stays open. pose, tracker, recognizer: settings; None: the defaults, with what is calibrated for the gait
        network (`gait.recognizer_config` gives these with some of them changed). camera: for positions. seed: of the
        body ids; None gives other ones in each run.

        Raises GalleryInUse, GalleryError, GalleryModelMismatch, InferenceError, UsageError.
        """
        repository = expand(model_repository or resource("model_repository"))
        config = _recognizer_config(recognizer, model, repository)
        self._config = config
        self._mutex = threading.RLock()
        self._clock = _CameraClock()
        self._ticked = 0
        self._closed = False
        self._shares_gallery = isinstance(gallery, Gallery)
        self._client = None if client is not None else _open_client(triton_url, repository)
        self.tracks: TrackFrame | None = None
        self.identities: IdentityFrame | None = None
        networks = client or self._client
        assert networks is not None
        patience = 0.0 if client is not None else SERVER_PATIENCE if triton_url else PATIENCE
        try:
            self.people, self._said = _open_people(self, gallery, gallery_key, repository, config.model)
            self.people.configure(config)
            self._recognizer = self.people.start(WaitingClient(networks, patience), self._clock.seconds)
            pose = _pose_config(pose, self._recognizer.model.gait_frame_kind, config.model)
            self._tracking = TrackingPipeline(networks, pose, tracker, camera=camera, seed=seed)
        except BaseException:
            self._let_go()
            raise

    def process(self, frame: Frame | np.ndarray, stamp: int | None = None) -> tuple[SeenPerson, ...]:
        """Everybody in view after the next image: the tracks that live, out of sight ones too, in the order they began.

        frame: of a source, or an image alone, (H, W, 3) uint8 BGR. stamp: ns of an image alone; None: it was taken now.
        Stamps grow; an image that comes late changes nothing. Raises PoseError for what is no image, and InferenceError
        where a network that finds people does not answer; the next image is processed all the same. A gait network that
        does not answer raises nothing: `problem` and SeenPerson.reason say it.
        """
        with self._mutex:
            self._require_open()
            frame = _as_frame(frame, stamp)
            return self._recognize(self._tracking.process(frame))

    def process_poses(self, poses: PoseFrame) -> tuple[SeenPerson, ...]:
        """The same for the people of one image who were found before, as in a recording of person_poses.

        Raises PoseSettingsError where their gait frames are of another kind than the gait network takes.
        """
        with self._mutex:
            self._require_open()
            kind = self._recognizer.model.gait_frame_kind
            if poses.people and poses.gait_frame_kind != kind:
                raise PoseSettingsError(
                    f"gait network {self._config.model} takes {kind} frames and these poses come with "
                    f"{poses.gait_frame_kind or 'none'}: choose another network, or begin with the images"
                )
            return self._recognize(self._tracking.process_poses(poses))

    @property
    def poses(self) -> PoseFrame | None:
        """Who was found in the last image, before they were tracked."""
        return self._tracking.poses

    @property
    def problem(self) -> str:
        """Why fewer names are given than could be, or what could not be stored, in one line, or ""."""
        with self._mutex:
            self._require_open()
            return self._recognizer.problem or self.people.problem

    def notices(self) -> list[str]:
        """What befell a gallery on a server, or this robot's copy of it, that somebody should hear of; each line once.

        Such as two people of one name, who were kept apart, and a damaged copy, which was made anew.
        """
        with self._mutex:
            self._require_open()
            said, self._said = self._said, []
            return said + self.people.notices()

    @property
    def persons(self) -> tuple[Person, ...]:
        """Everybody enrolled."""
        with self._mutex:
            self._require_open()
            return self.people.gallery.persons

    def enroll(
        self, body_id: str, name: str, *, extend: bool = False, frames: int = 0, timeout: float = 0.0
    ) -> Enrollment:
        """Enrol somebody by the walk seen of them so far and as they walk on: the images that follow move it on.

        body_id: of the track, also of one that left less than 30 s ago; "": the only confirmed one, or else the next
        person who walks, as EnrollPerson.action says. extend: add to a person of that name. frames: good walking
        frames to gather; timeout: seconds of the camera's clock to do so; 0: the settings'. Returns what tells how far
        it is: `done`, and then `person_id`, or `error` and `message`. Raises EnrollmentRefused for a track that is not
        there or is being enrolled, a name that is taken, and what else cannot begin.
        """
        with self._mutex:
            self._require_open()
            enrollment = self.people.enroll(body_id, name, extend=extend, frames=frames, timeout=timeout)
            assert enrollment is not None  # there is a recogniser
            if enrollment.error:
                raise EnrollmentRefused(enrollment)
            return enrollment

    def rename(self, key: str, new_name: str) -> Person:
        """Give a person, by id or name, another name. Raises UnknownPerson, DuplicateName, UnfitName."""
        with self._mutex:
            self._require_open()
            return self.people.rename(key, new_name)

    def merge(self, into: str, other: str) -> Person:
        """Two entries are one person: `other` becomes part of `into`, by id or name. Raises UnknownPerson."""
        with self._mutex:
            self._require_open()
            return self.people.merge(into, other)

    def forget(self, key: str) -> Forgotten:
        """Delete a person, by id or name, and all that any file of this gallery holds of them. Raises UnknownPerson."""
        with self._mutex:
            self._require_open()
            return self.people.forget(key)

    def close(self) -> None:
        """Store what was learnt, and let go of the gallery and the networks. May be called twice."""
        with self._mutex:
            if not self._closed:
                self._let_go()

    def __enter__(self) -> "GaitPipeline":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _recognize(self, tracks: TrackFrame) -> tuple[SeenPerson, ...]:
        self._clock.stamp = tracks.stamp
        identities = self._recognizer.update(tracks)
        self._tracking.informed.take(identities)
        self._recognizer.tick()  # an enrolment that has all its frames is stored with the image that brought them
        if not 0 <= tracks.stamp - self._ticked < TICK:
            self._ticked = tracks.stamp
            self.people.tick()
        self.tracks, self.identities = tracks, identities
        return self._seen(tracks, identities)

    def _seen(self, tracks: TrackFrame, identities: IdentityFrame) -> tuple[SeenPerson, ...]:
        by_body = {identity.body_id: identity for identity in identities.identities}
        return tuple(
            seen_person(track, by_body[track.body_id])
            for track in tracks.tracks
            if track.state != TrackState.LOST and track.body_id in by_body
        )

    def _let_go(self) -> None:
        self._closed = True
        people: KnownPeople | None = getattr(self, "people", None)  # not there where opening it failed
        try:
            if people is not None:
                people.stop()
                people.close()
                if not self._shares_gallery:
                    people.gallery.close()
        finally:
            for path in [path for path, user in _IN_USE.items() if user is self]:
                del _IN_USE[path]
            if self._client is not None:
                self._client.close()

    def _require_open(self) -> None:
        if self._closed:
            raise PipelineClosed("the pipeline is closed: make another GaitPipeline")


class _CameraClock:
    """The time that the images tell. stamp: ns, of the newest. Not a method of the pipeline, which it would keep."""

    def __init__(self) -> None:
        self.stamp = 0

    def seconds(self) -> float:
        return self.stamp * 1e-9


# Which pipeline of this process has a gallery: two would each learn without the other, and give one body two ids.
_IN_USE: "WeakValueDictionary[Path, GaitPipeline]" = WeakValueDictionary()
_OPENING = threading.Lock()
os.register_at_fork(after_in_child=_IN_USE.clear)


def _open_people(
    pipeline: GaitPipeline, place: str | Path | Gallery | None, key: str, repository: Path, model: str
) -> tuple[KnownPeople, list[str]]:
    """The people, and what was done that somebody should hear of."""
    gallery, said = (place, "") if isinstance(place, Gallery) else _open_gallery(place, key, repository, model)
    with _OPENING:
        if gallery.path in _IN_USE:
            if gallery is not place:
                gallery.close()
            raise GalleryInUse(
                f"gallery {gallery.path} is used by another pipeline of this process: close that one first, or use it"
            )
        _IN_USE[gallery.path] = pipeline
    return KnownPeople(gallery, repository, background=False), [said] if said else []


def _open_gallery(place: str | Path | None, key: str, repository: Path, model: str) -> tuple[Gallery, str]:
    place, cipher = default_place() if place is None else place, find_cipher(key)
    return open_for_robot(place, cipher, repository, model) if is_address(place) else (Gallery(place, cipher), "")


def _open_client(triton_url: str, repository: Path) -> InferenceClient:
    if triton_url:
        return open_client("triton", triton_url, repository, timeout=SERVER_PATIENCE)
    return open_client("onnxruntime", "", repository, timeout=PATIENCE)


def _recognizer_config(config: RecognizerConfig | None, model: str, repository: Path) -> RecognizerConfig:
    if config is None:
        return recognizer_config(repository, model=model or RecognizerConfig.model)
    if model not in ("", config.model):
        raise UsageError(f"model is {model} and recognizer is for {config.model}: give one of them, or the same twice")
    return config


def _pose_config(config: PoseConfig | None, kind: str, model: str) -> PoseConfig:
    """Settings of the pose stage that make what the gait network takes. Raises PoseSettingsError for others."""
    if config is None:
        return PoseConfig(gait_frame_kind=kind)
    if config.gait_frame_kind != kind:
        raise PoseSettingsError(
            f"gait network {model} takes {kind} frames and pose makes {config.gait_frame_kind or 'none'}: "
            f'set gait_frame_kind to "{kind}", or choose another network'
        )
    return config


def _as_frame(frame: Any, stamp: int | None) -> Frame:
    if not isinstance(frame, Frame):
        frame = Frame(checked_image(frame), time.time_ns() if stamp is None else stamp)
    elif stamp is not None:
        raise UsageError("a frame has a stamp of its own: give a stamp with an image alone")
    if not isinstance(frame.stamp, int | np.integer) or frame.stamp < 0:  # seconds as a float would be no time at all
        raise UsageError(f"the stamp is {frame.stamp!r}: give whole nanoseconds, as time.time_ns() does")
    return frame
