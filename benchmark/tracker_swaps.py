"""Two people who cross half a metre apart: how often they end with each other's body ids, with and without gait.

The gait stage is simulated. Once a track has been seen in GAIT_FRAMES images it forms an opinion on it in every
LOOK_EVERY-th: who most of the newer half of them are. One opinion in twenty is withheld, and a share of the others, as
one chooses, is wrong: it is the other of the two. The first opinion names the track; one that differs from its name
takes the name away, and the track is looked at anew.
"""

from collections import deque
from dataclasses import dataclass, field

import numpy as np
from tracker_scenes import RATE, View, scene, walker

from rt_gait_ros.tracking import IdentityFeedback, Tracker, TrackFrame, TrackState

GAIT_FRAMES = 30
LOOK_EVERY = 10
WITHHELD = 0.05
DISTANCE = 0.5  # metres between the two paths
SECONDS = 8.0


@dataclass(slots=True)
class SimulatedGait:
    """Who the tracks are, as a gait stage would find out. wrong: share of its opinions that name the other person."""

    random: np.random.Generator
    wrong: float
    looks: dict[str, deque[int]] = field(default_factory=dict)
    images: dict[str, int] = field(default_factory=dict)
    named: dict[str, str] = field(default_factory=dict)

    def update(self, frame: TrackFrame, people: dict[str, int]) -> tuple[dict[str, str], list[str]]:
        """Names by body id, and contradicted body ids. people: true person of each track seen."""
        live = {track.body_id for track in frame.tracks if track.state != TrackState.LOST}
        for gone in self.looks.keys() - live:
            del self.looks[gone], self.images[gone]
            self.named.pop(gone, None)
        contradicted = []
        for body, person in people.items():
            looks = self.looks.setdefault(body, deque(maxlen=GAIT_FRAMES))
            looks.append(person)
            self.images[body] = self.images.get(body, 0) + 1
            opinion = self._opinion(looks) if self.images[body] % LOOK_EVERY == 0 else None
            if opinion is None:
                continue
            if self.named.setdefault(body, opinion) != opinion:
                contradicted.append(body)
                del self.named[body]
                looks.clear()
        once = {name: body for body, name in self.named.items()}
        return {body: name for name, body in once.items()}, contradicted

    def _opinion(self, looks: deque[int]) -> str | None:
        chance = self.random.random()
        if len(looks) < GAIT_FRAMES or chance < WITHHELD:
            return None
        person = int(np.bincount(list(looks)[-GAIT_FRAMES // 2 :]).argmax())
        return f"p{3 - person if chance < WITHHELD + (1 - WITHHELD) * self.wrong else person}"


def crossing_pair(seed: int) -> list[View]:
    """They come from both sides, meet in the middle, and part again; one may stop there for a moment."""
    random = np.random.default_rng((seed, 7))
    speeds, wait = random.uniform(0.9, 1.4, 2), random.uniform(0, 1.2, 2) * (random.random(2) < 0.5)

    def path(direction: int, depth: float, speed: float, pause: float):
        def at(second: float) -> tuple[float, float]:
            reached = speed * (second - SECONDS / 2)
            along = reached if reached < 0 else max(0.0, reached - speed * pause)
            return direction * along, depth

        return at

    people = [walker(random, path(d, 5 + DISTANCE * k, speeds[k], wait[k])) for k, d in enumerate((1, -1))]
    return scene(people, [number / RATE for number in range(int(SECONDS * RATE))], random)


def swapped(seed: int, wrong: float | None) -> bool | None:
    """Whether the two ended with each other's ids; None when they have others, or were not followed at first.

    wrong: share of the gait stage's opinions that are; None without identity feedback.
    """
    tracker = Tracker(seed=seed)
    identity = IdentityFeedback(tracker)
    gait = SimulatedGait(np.random.default_rng((seed, 8)), wrong or 0.0)
    views = crossing_pair(seed)
    first: dict[int, str] = {}
    last: dict[int, str] = {}
    for number, view in enumerate(views):
        frame = tracker.update(view.poses)
        people = {body: person for person, body in _bodies(view, frame).items()}
        for body, person in people.items():
            last[person] = body
            if number < len(views) // 3:
                first[person] = body
        if wrong is not None:
            identity.take(*gait.update(frame, people), stamp=frame.stamp)
    if len(first) < 2:
        return None
    if {last[1], last[2]} != {first[1], first[2]}:
        return None
    return last[1] == first[2]


def _bodies(view: View, frame: TrackFrame) -> dict[int, str]:
    """Body id by true person of the tracks seen in this image: a track's keypoints are its detection's."""
    who = {id(pose.keypoints): int(number) for pose, number in zip(view.poses.people, view.who, strict=True)}
    seen = [track for track in frame.tracks if track.state == TrackState.CONFIRMED and track.keypoints is not None]
    return {who[id(track.keypoints)]: track.body_id for track in seen if who[id(track.keypoints)]}
