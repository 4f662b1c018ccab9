"""Further views of somebody who is surely known: the tracker knows that it is the same body when they turn.

A track that has been named for a while, by its own looks, clearly within the accept line, with a wide lead over the
runner-up, and seen in every image with nobody near it, is a stretch. While it lasts, looks from a side from which
the person has no template yet are not held against the other sides; when several agree on the side, the newest is kept
as a template, marked LEARNT. Anything else ends the stretch, and then the name has to stand again for as long.
"""

from collections import deque
from collections.abc import Sequence
from concurrent.futures import Executor, Future
from dataclasses import dataclass, field
from itertools import combinations

import numpy as np

from rt_gait_ros.frame import SECOND
from rt_gait_ros.gait.config import RecognizerConfig
from rt_gait_ros.gait.direction import Bearing, Seen, name_of
from rt_gait_ros.gait.embedder import PlacedFrame, window_of
from rt_gait_ros.gait.joint import Claim
from rt_gait_ros.gait.views import ViewPrior
from rt_gait_ros.gallery.departures import Look
from rt_gait_ros.gallery.gallery import Gallery, GalleryError
from rt_gait_ros.gallery.person import LEARNT, Person, Template
from rt_gait_ros.gallery.references import References
from rt_gait_ros.gallery.sides import SAME_SIDE, apart
from rt_gait_ros.silhouette.flow import Place
from rt_gait_ros.tracking.track import Track, TrackFrame, TrackState

# How much clearer than a name that is given one must be to learn from it. In 1000 generated crossings (test_learning)
# nobody is learnt as somebody else with 1 and 1 either (375 templates, with these 201): the reserve is for real people,
# whose looks are less well behaved.
SURE_SHARE, SURE_LEADS = 0.8, 2.0
NEAR = 0.35  # body heights between two boxes below which a tracker may take one for the other
PATIENCE = 6.0  # seconds that a name stands without a look from a side that is known


@dataclass(slots=True)
class Stretch:
    """What one track has been without a break, and what is gathered meanwhile.

    person_id: "" while it is nobody surely. since: when that began, ns. clear_since: since when nobody has been near.
    supported: stamp of the newest look from a known side. frames: newest gait frames, with their stamps, and where they
    were taken. fresh: looks from a new side, which all agree on it.
    """

    bearing: Bearing = field(default_factory=Bearing)
    person_id: str = ""
    since: int = 0
    supported: int = 0
    frames: deque[tuple[int, PlacedFrame]] = field(default_factory=deque)
    fresh: list[tuple[Look, Seen]] = field(default_factory=list)

    def end(self) -> None:
        """The track may be somebody else from now on."""
        self.person_id = ""
        self.fresh.clear()
        self.frames.clear()


class Learner:
    """Watches the tracks of one recogniser, and adds to its gallery. Not thread-safe.

    problem: why something could not be stored, in one line, or "". unseen: by person_id, who was seen last from a side
    from which there is no template, in one line for people.
    """

    def __init__(
        self, config: RecognizerConfig, views: ViewPrior | None = None, writer: Executor | None = None
    ) -> None:
        """views: of the gait model, or None. writer: what stores; None: `advance` does."""
        self.problem = ""
        self.unseen: dict[str, str] = {}
        self._config, self._views, self._writer = config, views, writer
        self._stretches: dict[str, Stretch] = {}
        self._references: References | None = None
        self._scene = ""
        self._due: list[tuple[str, Template]] = []
        self._busy: set[str] = set()  # person_ids of what is due or being stored
        self._writing: Future[None] | None = None

    def use_config(self, config: RecognizerConfig) -> None:
        """Go on with other settings."""
        self._config = config

    def observe(self, tracks: TrackFrame, scene: str) -> None:
        """Take all tracks of one image, before their looks. scene: what the camera sees."""
        self._scene = scene
        live = [track for track in tracks.tracks if track.state != TrackState.LOST]
        crowded = _crowded(live)
        for track in live:
            stretch = self._stretches.pop(track.former_id, None) if track.former_id else None
            if stretch is not None:  # by the gait: that must not teach the gait
                stretch.end()
                self._stretches[track.body_id] = stretch
            stretch = self._stretches.setdefault(track.body_id, Stretch())
            stretch.bearing.add(track, tracks.stamp, (tracks.width, tracks.height))
            seen = track.state == TrackState.CONFIRMED and not track.missed
            if track.former_id or not seen or track.body_id in crowded:
                stretch.end()
        for body_id in self._stretches.keys() - {track.body_id for track in live}:
            del self._stretches[body_id]

    def keep(self, body_id: str, frame: np.ndarray, stamp: int, place: Place | None = None) -> None:
        """Take a gait frame that is used. place: where it was taken, of networks on flow."""
        stretch = self._stretches.get(body_id)
        if stretch is not None:
            stretch.frames.append((stamp, (frame, place)))
            while len(stretch.frames) > self._config.window:
                stretch.frames.popleft()

    def bearing(self, body_id: str) -> Bearing:
        """Where a track was lately."""
        return self._stretches.setdefault(body_id, Stretch()).bearing

    def settle(self, claims: Sequence[Claim], references: References | None, stamp: int) -> None:
        """Take what is claimed after one image."""
        self._references = references
        known = {person.person_id for person in references.persons} if references is not None else set()
        self.unseen = {person_id: line for person_id, line in self.unseen.items() if person_id in known}
        for claim in claims:
            if references is not None and claim.person >= 0:
                self._tell_side(references.persons[claim.person], claim.walker.seen)
            stretch = self._stretches.get(claim.body_id)
            if stretch is None:
                continue
            person_id = self._surely(claim, references) if references is not None else ""
            if claim.verdict.contradicted:
                stretch.end()
            elif person_id != stretch.person_id:  # its frames stay: the track is the same
                stretch.fresh.clear()
                stretch.person_id, stretch.since, stretch.supported = person_id, stamp, stamp

    def takes(self, body_id: str, look: Look) -> bool:
        """Whether a look is from a side that cannot be compared with what is known: it is then no evidence."""
        stretch, references = self._stretches.get(body_id), self._references
        if not self._config.learn or stretch is None or references is None or not stretch.person_id:
            return False
        if look.stamp - stretch.since < self._config.learn_after * SECOND:
            return False
        index = references.index(stretch.person_id)
        if index is None:
            return False
        person = references.persons[index]
        seen = self._seen(stretch, look)
        distances = references.nearest(look.embedding[None])[0]
        # half a turn looks like neither side, and where no direction tells it, nothing else does
        bend = seen.turning or (seen.degrees is None and distances[index] > SURE_SHARE * self._config.accept_line)
        covered = self._covered(person, look, seen)
        if covered and not bend:
            self.unseen.pop(stretch.person_id, None)
            stretch.supported = look.stamp
            stretch.fresh.clear()
            return False
        if covered and self._views is None and seen.degrees is None and not seen.turning:
            return False  # nothing tells sides apart here
        if not covered:
            self.unseen[stretch.person_id] = _unseen(person, seen)
        rival = int(distances.argmin())
        another = rival != index and distances[rival] <= self._config.accept_line
        if another or self._is_full(person) or look.stamp - stretch.supported > PATIENCE * SECOND:
            stretch.end()
            return False
        if stretch.person_id not in self._busy:  # what is being stored will say whether this side is known
            self._gather(stretch, look, seen, fresh=not covered)
        return True

    def advance(self, gallery: Gallery) -> None:
        """Store what is due, or have it stored, without waiting for what is under way."""
        if self._writing is not None and self._writing.done():
            finished, self._writing = self._writing, None
            finished.result()
            self._busy = {person_id for person_id, _ in self._due}
        if self._due and self._writing is None:
            due, self._due = self._due, []
            if self._writer is None:
                self._store(gallery, due)
                self._busy.clear()
            else:
                self._writing = self._writer.submit(self._store, gallery, due)

    def _surely(self, claim: Claim, references: References) -> str:
        """person_id of whom a track surely is; "" where that is not sure enough to learn from."""
        verdict, config = claim.verdict, self._config
        if claim.person < 0 or not claim.alone or claim.person != verdict.order[0]:
            return ""
        # In a household a name may stand on directions alone, which tell a member from a stranger less surely.
        near = max(verdict.fused[claim.person], verdict.plain[claim.person]) <= SURE_SHARE * config.accept_line
        others = np.delete(verdict.plain, claim.person)
        lead = min(verdict.margin, float(others.min(initial=np.inf) - verdict.plain[claim.person]))
        clear = lead >= SURE_LEADS * config.margin_line
        return references.persons[claim.person].person_id if near and clear else ""

    def _tell_side(self, person: Person, seen: Seen) -> None:
        """Say whether there is a template from where somebody is seen who has a name, as far as that is known."""
        covered = None if seen.degrees is None else _is_known_from(person, seen.degrees)
        if covered:
            self.unseen.pop(person.person_id, None)
        elif covered is False:
            self.unseen[person.person_id] = _unseen(person, seen)

    def _seen(self, stretch: Stretch, look: Look) -> Seen:
        """From where the frames of a look were seen."""
        used = [stamp for stamp, _ in stretch.frames][-max(look.frames, 1) :]
        seen = stretch.bearing.seen(used[0], look.stamp) if used else Seen()
        if used and used[0] < stretch.since:  # some of its frames are from before the stretch
            return Seen(turning=True)
        return seen

    def _covered(self, person: Person, look: Look, seen: Seen) -> bool:
        """Whether a person has a template from where this look was seen, or may have."""
        covered = None if seen.degrees is None else _is_known_from(person, seen.degrees)
        if covered is not None:
            return covered
        if self._views is None:
            return True
        mine = self._views.nearest(look.embedding[None])[0]
        return bool((self._views.nearest(person.embeddings) == mine).any())

    def _is_full(self, person: Person) -> bool:
        return sum(template.origin == LEARNT for template in person.templates) >= self._config.learn_limit

    def _gather(self, stretch: Stretch, look: Look, seen: Seen, *, fresh: bool) -> None:
        if seen.turning or not fresh:
            stretch.fresh.clear()
            return
        if stretch.fresh and not self._same_side(stretch.fresh[-1], (look, seen)):
            stretch.fresh.clear()
        stretch.fresh.append((look, seen))
        if len(stretch.fresh) < self._config.agreeing_embeddings:
            return
        stretch.fresh.clear()
        stood_on = [frame for stamp, frame in stretch.frames if stamp <= look.stamp][-max(look.frames, 1) :]
        frames = window_of(stood_on) if stood_on and self._config.keep_gait_frames else None
        view: float | str = "" if seen.degrees is None else round(seen.degrees, 1)
        template = Template(look.embedding, look.stamp, frames, self._scene, view, LEARNT)
        self._due.append((stretch.person_id, template))
        self._busy.add(stretch.person_id)

    def _same_side(self, first: tuple[Look, Seen], second: tuple[Look, Seen]) -> bool:
        if first[1].degrees is not None and second[1].degrees is not None:
            return apart(first[1].degrees, second[1].degrees) <= SAME_SIDE
        if self._views is None:
            return False
        sides = self._views.nearest(np.stack([first[0].embedding, second[0].embedding]))
        return bool(sides[0] == sides[1])

    def _store(self, gallery: Gallery, due: Sequence[tuple[str, Template]]) -> None:
        try:
            for person_id, template in due:
                gallery.learn(person_id, template, self._config.learn_limit)
        except GalleryError as error:
            self.problem = f"a view that was learnt is not kept: {error}"
        else:
            self.problem = ""


def _is_known_from(person: Person, degrees: float) -> bool | None:
    """Whether a person has a template from there; None where not all of their sides are known."""
    known = [template.view for template in person.templates]
    if any(isinstance(view, str) for view in known):
        return None
    return any(apart(float(view), degrees) <= SAME_SIDE for view in known)


def _unseen(person: Person, seen: Seen) -> str:
    """That there is no template from there, in one line for people."""
    side = "another side" if seen.degrees is None else f"side {name_of(seen.degrees)}"
    return f"{person.name}: {side}"


def _crowded(tracks: Sequence[Track]) -> set[str]:
    """Tracks that are so near to another one, hidden ones too, that a tracker may take one for the other."""
    if len(tracks) < 2:
        return set()
    found: set[str] = set()
    for first, second in combinations([(track.body_id, *_with_room(track)) for track in tracks], 2):
        name, left, top, right, bottom = first
        other, other_left, other_top, other_right, other_bottom = second
        if left < other_right and other_left < right and top < other_bottom and other_top < bottom:
            found |= {name, other}
    return found


def _with_room(track: Track) -> tuple[float, float, float, float]:
    """Left, top, right and bottom of a track's box and of what is too near to it."""
    x, y, width, height = track.box.tolist()
    room = NEAR * height
    return x - room, y - room, x + width + room, y + height + room
