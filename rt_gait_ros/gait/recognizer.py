"""Who each track is: gait frames in, identities out, without ever waiting for the network."""

import threading
import time
from collections.abc import Callable
from concurrent.futures import Executor, Future

from rt_gait_ros.errors import UsageError
from rt_gait_ros.gait.answers import answer, unfit
from rt_gait_ros.gait.config import RecognizerConfig
from rt_gait_ros.gait.doubt import Doubt
from rt_gait_ros.gait.embedder import Embedder, read_embedding
from rt_gait_ros.gait.enrolling import Enrollments
from rt_gait_ros.gait.enrollment import Enrollment
from rt_gait_ros.gait.evidence import Evidence, Look, Verdict
from rt_gait_ros.gait.gallery import Gallery, GalleryError
from rt_gait_ros.gait.handover import Relay
from rt_gait_ros.gait.identity import Identity, IdentityFrame, IdentityStatus
from rt_gait_ros.gait.joint import Claim, assign
from rt_gait_ros.gait.learning import Learner
from rt_gait_ros.gait.measures import Measuring
from rt_gait_ros.gait.model import describe
from rt_gait_ros.gait.recent_walks import GoodFrame
from rt_gait_ros.gait.references import References
from rt_gait_ros.gait.scene import MIN_WALKERS, SceneError
from rt_gait_ros.gait.scenes import Scenes
from rt_gait_ros.gait.stream_embedder import embedder_for
from rt_gait_ros.gait.views import ViewPrior
from rt_gait_ros.gait.walkers import Walker
from rt_gait_ros.serving.inference import InferenceClient, InferenceError
from rt_gait_ros.silhouette.flow import FLOW_RATE, Place
from rt_gait_ros.silhouette.lead_in import LeadIn
from rt_gait_ros.silhouette.thinning import Thinning
from rt_gait_ros.tracking.track import Track, TrackFrame, TrackState

NANOSECONDS = 1_000_000_000
LARGE = 4_000_000  # numbers in a gallery: 125 persons of two walks by GaitSet
DEFAULT_SCENE = "default"  # of tracks that name no camera


class GaitRecognizer:
    """Names the tracks of one camera. Starts no thread and waits for nothing but the gallery's disk when that changes.

    Its methods may be called from any thread, one at a time. `problem` is the line for the diagnostics: why fewer names
    are given than could be, or "".
    """

    def __init__(
        self,
        client: InferenceClient,
        gallery: Gallery,
        config: RecognizerConfig,
        clock: Callable[[], float] = time.monotonic,
        scenes: Scenes | None = None,
        writer: Executor | None = None,
        views: ViewPrior | None = None,
    ) -> None:
        """Ask the server about the gait network (the only blocking call), and check the gallery against it.

        clock: seconds, for the time limits of enrolments. scenes: of this gait model, for whoever made them to save;
        None: no scene is taken out. writer: stores enrolments and what is learnt; None: `update` and `tick` do, and
        wait for the disk. views: that the gait model ships, or None.
        Raises InferenceError, GalleryModelMismatch.
        """
        model = describe(client, config.model)
        gallery.require_model(model.name)
        self.model = model
        self.gallery = gallery
        self._config = config
        self._clock = clock
        self._embedder: Embedder = embedder_for(client, model, config.window, config.deadline)
        self._walkers: dict[str, Walker] = {}
        self._doubt = Doubt()
        self._held: dict[str, str] = {}  # person_id by body_id, as last answered
        self._mutex = threading.RLock()
        self._scenes = scenes
        self._writer = writer
        self._enrollments = Enrollments(config, model.min_frames, clock, views)
        self._learner = Learner(config, views, writer)
        self._measuring = Measuring()
        self._relay = Relay(config, model.name)
        self._refreshing: Future[bool] | None = None
        self._scene = ""
        self._outage = self._gallery_problem = self._input_problem = self._scene_problem = ""

    @property
    def _rate(self) -> float:
        """Gait frames per second that are used of each track; 0 for all.

        A window of flow is of every image of one walk: no frame of a pause may be in it.
        """
        return 0.0 if self.model.gait_frame_kind == "flow" else self._config.frame_rate

    @property
    def problem(self) -> str:
        """Why fewer names are given than could be, in one line, or ""."""
        return (
            self._outage or self._gallery_problem or self._input_problem or self._scene_problem or self._learner.problem
        )

    @property
    def scene(self) -> str:
        """What is seen, and whether it is taken out of embeddings, in one line for the diagnostics."""
        if self._scenes is None or not self._config.scene_normalisation or not self._scene:
            return "not taken out"
        with self._mutex:
            try:
                walkers = self._scenes.walkers(self._scene)
            except SceneError as error:
                return str(error)
            least = 0.0 if self._scenes.knows_views else MIN_WALKERS
        return f"{self._scene}: {walkers:.0f} walkers seen, taken out from {least:.0f} on"

    @property
    def unseen(self) -> str:
        """Who was seen last from a side from which nothing is stored, in one line for the diagnostics."""
        with self._mutex:
            return "; ".join(self._learner.unseen.values()) or "none"

    def update(self, tracks: TrackFrame) -> IdentityFrame:
        """Take the tracks after one image; say who each live one is, as far as is known by now.

        Embeddings asked for in one call count in a later one. A LOST track is forgotten and not in the answer.
        """
        with self._mutex:
            comes = any(track.gait_frame is not None for track in tracks.tracks)
            self._input_problem = self.model.refuse_kind(tracks.gait_frame_kind) if comes else ""
            self._scene = self._config.scene or tracks.frame_id or DEFAULT_SCENE
            self._learner.observe(tracks, self._scene)
            self._measuring.observe(tracks)
            for track in tracks.tracks:
                if track.former_id:
                    self._rename(track.former_id, track.body_id)
            for body_id in self._doubt.anew(tracks):
                self._begin_anew(body_id)
            for track in tracks.tracks:
                self._observe(track, tracks.stamp)
            self._relay.observe(self._walkers.values(), tracks.stamp, self.gallery.store.handover)
            for body_id in self._walkers.keys() - {t.body_id for t in tracks.tracks if t.state != TrackState.LOST}:
                self._leave(body_id)
            self._enrollments.choose(self._walkers, self._held, self.gallery)
            self.tick()
            references = self._references()
            claims = [Claim(b, w, self._verdict(b, w, tracks.stamp, references)) for b, w in self._walkers.items()]
            if references is not None:
                self._held = assign(claims, self._held, references, self._config)
            self._learner.settle(claims, references, tracks.stamp)
            frame = IdentityFrame(tracks.stamp, tracks.frame_id, self.model.name)
            if references is not None:
                problem, frames = self._input_problem or self._outage, self._embedder.frames
                frame.identities = [
                    answer(claim, references, self._config, frames(claim.body_id), self.model.min_frames, problem)
                    for claim in claims
                ]
                frame.contradicted = [claim.body_id for claim in claims if claim.verdict.contradicted]
            else:
                self._held = {}
                frame.identities = [
                    Identity(c.body_id, IdentityStatus.COLLECTING, c.walker.stamp, reason=self.problem) for c in claims
                ]
            return frame

    def tick(self) -> None:
        """Move embeddings and enrolments on, and follow what other processes did to the gallery.

        `update` does it too; call this while no images come.
        """
        with self._mutex:
            self.follow_gallery()
            for body_id, walker in self._walkers.items():
                self._gather(body_id, walker)
            self._enrollments.advance(self._embedder, self.gallery, self._writer)
            self._learner.advance(self.gallery)

    def use_gallery(self, gallery: Gallery, scenes: Scenes | None) -> None:
        """Take another gallery and its scenes from now on. Raises GalleryModelMismatch, and keeps the present ones."""
        gallery.require_model(self.model.name)
        with self._mutex:
            self.gallery = gallery
            self._scenes = scenes
            self._gallery_problem = self._scene_problem = ""

    def disown(self, person_id: str) -> None:
        """Somebody is about to be forgotten: what was seen of them counts for no scene, and no enrolment adds to it."""
        with self._mutex:
            self._enrollments.forget(person_id, self.gallery)
            for body_id, walker in self._walkers.items():
                if person_id in (self._held.get(body_id), walker.evidence.last_held):
                    walker.looks, walker.mean = 0, None

    def use_config(self, config: RecognizerConfig) -> None:
        """Go on with other settings, for the tracks in view, too.

        Raises UsageError for another model, window or deadline, which the embeddings so far were made with.
        """
        for name in ("model", "window", "deadline"):
            if getattr(config, name) != getattr(self._config, name):
                raise UsageError(f"{name} cannot be changed while the recogniser runs: start the gait node anew")
        with self._mutex:
            self._config = config
            self._enrollments.use_config(config)
            self._learner.use_config(config)
            self._relay.use_config(config)
            for walker in self._walkers.values():
                walker.evidence.use_config(config)

    def enroll(
        self, body_id: str, name: str, *, extend: bool = False, frames: int = 0, timeout: float = 0.0
    ) -> Enrollment:
        """Start to enrol a live track; the arguments are the fields of EnrollPerson.action's goal.

        Returns at once. Updates move the enrolment on; one that is refused is done already.
        """
        with self._mutex:
            return self._enrollments.begin(
                body_id,
                name,
                self._walkers,
                self._scene,
                self.gallery,
                extend=extend,
                frames=frames,
                timeout=timeout,
            )

    def _observe(self, track: Track, stamp: int) -> None:
        if track.state == TrackState.LOST:
            return
        walker = self._walkers.get(track.body_id)
        if walker is None:
            most = self._config.window if self._rate else 1
            walker = Walker(Evidence(self._config), track.state, Thinning(self._rate), LeadIn(most))
            self._walkers[track.body_id] = walker
        walker.state = track.state
        walker.unfit = unfit(track, self._config.min_quality)
        frame = track.gait_frame
        if frame is None or not track.quality >= self._config.min_quality or self._input_problem:
            return
        if refusal := self.model.refuse_shape(frame.shape):
            self._input_problem = refusal
            return
        if not walker.pace.takes(stamp):
            return
        place = Place.of(round(stamp * FLOW_RATE / NANOSECONDS), track.box)
        good = GoodFrame(frame, track.quality, stamp, place)
        for _, counting in walker.lead_in.take(good, stamp, walking=track.walking):
            self._use(track.body_id, walker, counting)

    def _use(self, body_id: str, walker: Walker, good: GoodFrame) -> None:
        """Take one good gait frame of somebody who walks."""
        self._embedder.add(body_id, good.frame, good.place)
        walker.take(good, self._rate)
        self._learner.keep(body_id, good.frame, good.stamp)
        self._enrollments.take(
            body_id,
            good.frame,
            good.quality,
            good.stamp,
            good.place,
            self._learner.bearing(body_id),
            self._measuring.gauge(body_id),
        )
        frames = self._embedder.frames(body_id)
        config, enough = self._config, frames >= self.model.min_frames
        if enough and walker.due(frames, config.min_frames, config.refresh_every):
            walker.ask(self._embedder.request(body_id), frames)

    def _rename(self, former_id: str, body_id: str) -> None:
        """The tracker gave the track of a person the id that the person had before: all that is known of it stays.

        What was known under that id is older, and is dropped. An enrolment under either id goes on.
        """
        walker = self._walkers.pop(former_id, None)
        if walker is None:  # the array that said so was said twice, or the one before was missed
            return
        self._walkers[body_id] = walker
        walker.lead_in.clear()
        self._embedder.rename(former_id, body_id)
        self._held.pop(body_id, None)
        if former_id in self._held:
            self._held[body_id] = self._held.pop(former_id)
        self._enrollments.rename(former_id, body_id)

    def _begin_anew(self, body_id: str) -> None:
        """The track may be another person's now: nothing seen so far counts, for a name or for its scene."""
        walker = self._walkers.get(body_id)
        if walker is None:
            return
        walker.begin_anew()
        self._held.pop(body_id, None)
        self._embedder.drop(body_id)
        self._enrollments.doubt(body_id)

    def close(self) -> None:
        """End all tracks: nothing more will come, and their scene has seen them."""
        with self._mutex:
            for body_id in list(self._walkers):
                self._leave(body_id)

    def _leave(self, body_id: str) -> None:
        walker = self._walkers.pop(body_id)
        self._relay.part(walker, self.gallery.store.handover)
        self._vote(walker)
        self._embedder.drop(body_id)
        self._enrollments.lose(body_id)

    def _vote(self, walker: Walker) -> None:
        """A track that ended counts for its scene. Not before: nobody's walk is to be held against itself."""
        if (
            self._scenes is None
            or not self._config.scene_normalisation
            or walker.looks < self._config.agreeing_embeddings
        ):
            return
        assert walker.mean is not None
        try:
            self._scenes.vote(self._scene, walker.mean, walker.evidence.last_held)
        except SceneError as error:
            self._scene_problem = str(error)

    def _gather(self, body_id: str, walker: Walker) -> None:
        """Turn a finished request into a look. One that failed is asked for again with the next frames."""
        request = walker.request
        if request is None or not request.future.done():
            return
        walker.request = None
        try:
            embedding = read_embedding(request.future.result(), self.model)
        except InferenceError as error:
            self._outage = str(error)
            if walker.failing_since is None:
                walker.failing_since = request.stamp
            return
        self._outage = ""
        walker.failing_since = None
        walker.looks += 1
        walker.mean = embedding if walker.mean is None else walker.mean + (embedding - walker.mean) / walker.looks
        look = Look(embedding, request.quality, request.frames, request.stamp)
        if not self._learner.takes(body_id, look):
            walker.evidence.add(look)
            self._relay.join(walker, self.gallery.store.handover)

    def follow_gallery(self) -> None:
        """Take over what other processes did to the gallery; a gallery that cannot be used is a `problem`."""
        with self._mutex:
            try:
                if self._refreshed():
                    self._gallery_problem = ""
                self.gallery.require_model(self.model.name)
            except GalleryError as error:
                self._gallery_problem = str(error)

    def _references(self) -> References | None:
        """The gallery as last followed; None while it belongs to another gait model."""
        references = self.gallery.references
        return self._without_scenes(references) if references.model in ("", self.model.name) else None

    def _refreshed(self) -> bool:
        """Take over what other processes did to the gallery: at once, or beside this where that takes a while."""
        if self._refreshing is not None:
            if not self._refreshing.done():
                return False
            finished, self._refreshing = self._refreshing, None
            return finished.result()
        if self._writer is None or self.gallery.references.embeddings.size < LARGE:
            return self.gallery.refresh()
        if self.gallery.changed:
            self._refreshing = self._writer.submit(self.gallery.refresh)
        return False

    def _without_scenes(self, references: References) -> References:
        calibration = self._config.calibration
        self._scene_problem = ""
        if self._scenes is None or not self._config.scene_normalisation or not (calibration and calibration.scene):
            return references
        try:
            found = self._scenes.references(references, self._scene)
        except SceneError as error:
            self._scene_problem = str(error)
            return references
        self._scene_problem = self._scenes.problem
        return found

    def _verdict(self, body_id: str, walker: Walker, stamp: int, references: References | None) -> Verdict:
        failing = walker.failing_since
        # a stamp that jumped back is no longer of the clock that the outage began by
        if failing is not None and abs(stamp - failing) > self._config.outage_grace * NANOSECONDS:
            walker.evidence.clear()
        if references is None:
            return Verdict(IdentityStatus.COLLECTING)
        verdict = walker.evidence.judge(references, self._measuring.shift(body_id, references, self._config))
        if verdict.contradicted:
            self._measuring.start_again(body_id)
        return verdict
