"""Who each track is: gait frames in, identities out, without ever waiting for the network."""

import threading
import time
from collections.abc import Callable
from concurrent.futures import Executor
from dataclasses import replace

import numpy as np

from rt_gait_ros.errors import UsageError
from rt_gait_ros.frame import SECOND
from rt_gait_ros.gait.answers import answer
from rt_gait_ros.gait.config import RecognizerConfig
from rt_gait_ros.gait.direction import Seen
from rt_gait_ros.gait.doubt import Doubt
from rt_gait_ros.gait.enrolling import Enrollments
from rt_gait_ros.gait.enrollment import Enrollment
from rt_gait_ros.gait.evidence import Verdict
from rt_gait_ros.gait.handover import Relay
from rt_gait_ros.gait.identity import Identity, IdentityFrame, IdentityStatus
from rt_gait_ros.gait.intake import Intake, new_walker, rate_of
from rt_gait_ros.gait.joint import Claim, assign
from rt_gait_ros.gait.learning import Learner
from rt_gait_ros.gait.measures import Measuring
from rt_gait_ros.gait.model import GaitModel, describe
from rt_gait_ros.gait.network import Network, NetworkInUse, no_enrolment
from rt_gait_ros.gait.recent_walks import GoodFrame
from rt_gait_ros.gait.scenes import Scenes
from rt_gait_ros.gait.searching import Searching
from rt_gait_ros.gait.stream_embedder import embedder_for
from rt_gait_ros.gait.views import ViewPrior
from rt_gait_ros.gait.walkers import Walker
from rt_gait_ros.gallery.gallery import Gallery
from rt_gait_ros.gallery.references import References
from rt_gait_ros.serving.inference import InferenceClient
from rt_gait_ros.tracking.track import Track, TrackFrame, TrackState

DEFAULT_SCENE = "default"  # of tracks that name no camera
_LOOK = 1_200_000_000  # ns that the frames of a look take at 25 a second


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
        Raises InferenceError; GalleryModelMismatch, but for a gallery on a server, of which `problem` says it.
        """
        model = describe(client, config.model)
        if not gallery.store.is_shared:  # a robot's copy follows its server; until then `problem` says it
            gallery.require_model(model.name)
        self.own_config = self._config = config  # own: without what is other for the network in use
        own = Network(model, embedder_for(client, model, config.window, config.deadline))
        self._use = NetworkInUse(own, clock)
        self._walkers: dict[str, Walker] = {}
        self._doubt = Doubt()
        self._held: dict[str, str] = {}  # person_id by body_id, as last answered
        self._mutex = threading.RLock()
        self._search = Searching(gallery, scenes, model.name, writer)
        self._writer = writer
        self._enrollments = Enrollments(config, model.min_frames, clock, views)
        self._learner = Learner(config, views, writer)
        self._measuring = Measuring()
        self._relay = Relay(config, model.name)
        self._intake = Intake()

    @property
    def model(self) -> GaitModel:
        """The gait network in use."""
        return self._use.model

    @property
    def problem(self) -> str:
        """Why fewer names are given than could be, in one line, or ""."""
        search = self._search
        return (
            self._use.outage
            or search.gallery_problem
            or self._intake.problem
            or search.scene_problem
            or self._learner.problem
        )

    @property
    def gallery(self) -> Gallery:
        """What the tracks are compared with."""
        return self._search.gallery

    @property
    def scene(self) -> str:
        """What is seen, and whether it is taken out of embeddings, in one line for the diagnostics."""
        with self._mutex:
            return self._search.line(self._config)

    @property
    def directions(self) -> str:
        """Whether looks are compared by directions with those in view (gait.company), in one line."""
        with self._mutex:
            return self._search.directions(self._config)

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
            self._intake.observe(tracks, self.model)
            self._search.scene = self._config.scene or tracks.frame_id or DEFAULT_SCENE
            self._learner.observe(tracks, self._search.scene)
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
            references = self._search.references(self._config)
            claims = [Claim(b, w, self._verdict(b, w, tracks.stamp, references)) for b, w in self._walkers.items()]
            if references is not None:
                self._held = assign(claims, self._held, references, self._config)
            self._learner.settle(claims, references, tracks.stamp)
            frame = IdentityFrame(tracks.stamp, tracks.frame_id, self.model.name)
            if references is not None:
                problem, frames = self._intake.problem or self._use.outage, self._use.embedder.frames
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
            self._use.let_go_of_former(self._walkers)
            self._enrollments.advance(self._use.embedder, self.gallery, self._writer)
            self._learner.advance(self.gallery)

    def use_gallery(self, gallery: Gallery, scenes: Scenes | None) -> None:
        """Take another gallery and its scenes from now on. Raises GalleryModelMismatch, and keeps the present ones."""
        with self._mutex:
            self._search.use(gallery, scenes)

    def disown(self, person_id: str) -> None:
        """Somebody is about to be forgotten: what was seen of them counts for no scene, and no enrolment adds to it."""
        with self._mutex:
            self._enrollments.forget(person_id, self.gallery)
            for body_id, walker in self._walkers.items():
                if person_id in (self._held.get(body_id), walker.evidence.last_held):
                    walker.unlook()

    def use_config(self, config: RecognizerConfig) -> None:
        """Go on with other settings, for the tracks in view, too.

        Raises UsageError for another model, window or deadline, which the embeddings so far were made with.
        """
        for name in ("model", "window", "deadline"):
            if getattr(config, name) != getattr(self.own_config, name):
                raise UsageError(f"{name} cannot be changed while the recogniser runs: start the gait node anew")
        with self._mutex:
            self.own_config = config
            self._apply_config()

    def _apply_config(self) -> None:
        """Go by the settings, with what is other for the network in use."""
        config = self._config = replace(self.own_config, **self._use.network.settings)
        self._enrollments.use_config(config)
        self._learner.use_config(config)
        self._relay.use_config(config)
        for walker in self._walkers.values():
            walker.evidence.use_config(config)

    def use_network(self, network: Network) -> bool | None:
        """Go on with another network, which takes the same gait frames; returns whether the evidence is kept.

        None: the present one stays, for an enrolment runs, whose walk that network could not add to the gallery.

        Every track begins with the newest frames that the former network had of it. What that one was asked is still
        waited for where its embeddings may be compared with the new one's; else everybody is looked at anew.
        """
        with self._mutex:
            if network.apart and self._enrollments.running:
                return None
            kept = self._use.replace(network, self._walkers)
            self._search.translation = network.translation
            if not kept:
                for walker in self._walkers.values():
                    walker.see_nothing()
                    walker.fresh = self._config.refresh_every  # a look with the next frame
                self._held.clear()
            self._apply_config()
            self._use.let_go_of_former(self._walkers)
            return kept

    @property
    def accept_line(self) -> float:
        """The accept line in force, in the measure of the network in use."""
        return self._config.accept_line

    @property
    def lost(self) -> bool:
        """Whether the server says that it does not have the network in use."""
        return self._use.lost

    @property
    def in_transit(self) -> bool:
        """Whether answers of a former network are still waited for."""
        return self._use.in_transit

    @property
    def look_time(self) -> float | None:
        """Seconds within which 95 % of the newest looks were answered; None before there are enough to tell."""
        with self._mutex:
            return self._use.look_time

    def translate(self) -> None:
        """Embed by the network in use what came into a gallery that is of another one; blocks for that. Raises
        InferenceError, GalleryError."""
        with self._mutex:
            translation, references = self._search.translation, self.gallery.references
        if translation is not None:
            translation.make(references)

    @property
    def untranslated(self) -> bool:
        """Whether there is anything to `translate`."""
        with self._mutex:
            translation = self._search.translation
            return translation is not None and translation.lacks(self.gallery.references)

    def samples(self, most: int) -> list[np.ndarray]:
        """The newest frames of up to `most` people in view, as the network is sent them."""
        with self._mutex:
            return self._use.samples(self._walkers, most)

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
                self._search.scene,
                self.gallery,
                extend=extend,
                frames=frames,
                timeout=timeout,
                refusal=no_enrolment(self.model) if self._use.network.apart else "",
            )

    def _observe(self, track: Track, stamp: int) -> None:
        if track.state == TrackState.LOST:
            return
        if track.body_id not in self._walkers:
            self._walkers[track.body_id] = new_walker(track, self.model, self._config)
        walker = self._walkers[track.body_id]
        for good in self._intake.frames(walker, track, stamp, self.model, self._config):
            self._take(track.body_id, walker, good)

    def _take(self, body_id: str, walker: Walker, good: GoodFrame) -> None:
        """Take one good gait frame of somebody who walks."""
        self._use.embedder.add(body_id, good.frame, good.place)
        walker.take(good, rate_of(self.model, self._config))
        self._learner.keep(
            body_id, good.frame, good.stamp, good.place if self.model.gait_frame_kind == "flow" else None
        )
        self._enrollments.take(body_id, good, self._learner.bearing(body_id), self._measuring.gauge(body_id))
        frames = self._use.embedder.frames(body_id)
        config, enough = self._config, frames >= self.model.min_frames
        if enough and walker.due(frames, config.min_frames, config.refresh_every):
            self._use.ask(body_id, walker, frames)

    def _rename(self, former_id: str, body_id: str) -> None:
        """The tracker gave the track of a person the id that the person had before: all that is known of it stays.

        What was known under that id is older, and is dropped. An enrolment under either id goes on.
        """
        walker = self._walkers.pop(former_id, None)
        if walker is None:  # the array that said so was said twice, or the one before was missed
            return
        self._walkers[body_id] = walker
        walker.lead_in.clear()
        self._use.embedder.rename(former_id, body_id)
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
        self._use.embedder.drop(body_id)
        self._enrollments.doubt(body_id)

    def close(self) -> None:
        """End all tracks: nothing more will come, and their scene has seen them."""
        with self._mutex:
            for body_id in list(self._walkers):
                self._leave(body_id)

    def _leave(self, body_id: str) -> None:
        walker = self._walkers.pop(body_id)
        self._relay.part(walker, self.gallery.store.handover)
        self._search.vote(walker, self._config)
        self._use.embedder.drop(body_id)
        self._enrollments.lose(body_id)

    def _gather(self, body_id: str, walker: Walker) -> None:
        """Take the look that a finished request gave."""
        look = self._use.answer(walker)
        if look is None:
            return
        if not self._use.network.apart:
            self._search.shape = look.embedding.shape
        sides = self._search.asks_for_sides(self._config)
        seen = self._learner.bearing(body_id).seen(look.stamp - _LOOK, look.stamp) if sides else Seen()
        if seen.degrees is not None:
            look = replace(look, degrees=seen.degrees)
        walker.look(look.embedding, seen, self._config.decision_embeddings)
        if not self._learner.takes(body_id, look):
            walker.evidence.add(look)
            self._relay.join(walker, self.gallery.store.handover)

    def follow_gallery(self) -> None:
        """Take over what other processes did to the gallery; a gallery that cannot be used is a `problem`."""
        with self._mutex:
            self._search.follow()

    def _verdict(self, body_id: str, walker: Walker, stamp: int, references: References | None) -> Verdict:
        failing = walker.failing_since
        # a stamp that jumped back is no longer of the clock that the outage began by
        if failing is not None and abs(stamp - failing) > self._config.outage_grace * SECOND:
            walker.evidence.clear()
        if references is None:
            return Verdict(IdentityStatus.COLLECTING)
        stands = bool(walker.evidence.last_held) or body_id in self._held
        compared = self._search.compared(references, walker, self._walkers.values(), self._config, stands=stands)
        verdict = walker.evidence.judge(compared, self._measuring.shift(body_id, references, self._config))
        if verdict.contradicted:
            self._measuring.start_again(body_id)
        return verdict
