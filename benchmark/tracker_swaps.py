"""Two people who cross half a metre apart: how often they end with each other's body ids, with and without gait.

The gait stage is simulated: it names a track from the people in its last GAIT_FRAMES images, wrongly once in twenty
looks, and takes a name away when the newer half of them is somebody else.
"""

from collections import deque
from dataclasses import dataclass, field

import numpy as np
from tracker_scenes import RATE, View, scene, walker

from rt_gait_ros.tracking import IdentityFeedback, Tracker, TrackFrame, TrackState

GAIT_FRAMES = 30
WRONG = 0.05
DISTANCE = 0.5  # metres between the two paths
SECONDS = 8.0


@dataclass(slots=True)
class SimulatedGait:
    """Who the tracks are, as a gait stage would find out."""

    random: np.random.Generator
    looks: dict[str, deque[int]] = field(default_factory=dict)
    named: dict[str, str] = field(default_factory=dict)

    def update(self, frame: TrackFrame, people: dict[str, int]) -> tuple[dict[str, str], list[str]]:
        """Names by body id, and contradicted body ids. people: true person of each track seen."""
        live = {track.body_id for track in frame.tracks if track.state != TrackState.LOST}
        for gone in self.looks.keys() - live:
            del self.looks[gone]
            self.named.pop(gone, None)
        contradicted = []
        for body, person in people.items():
            looks = self.looks.setdefault(body, deque(maxlen=GAIT_FRAMES))
            looks.append(person)
            newest = [person for person in list(looks)[-GAIT_FRAMES // 2 :] if person]
            if body in self.named and newest and f"p{_most(newest)}" != self.named[body]:
                contradicted.append(body)
                del self.named[body]
                looks.clear()
            elif body not in self.named and len(looks) == GAIT_FRAMES and newest and self.random.random() >= WRONG:
                self.named[body] = f"p{_most(newest)}"
        once = {name: body for body, name in self.named.items()}
        return {body: name for name, body in once.items()}, contradicted


def _most(numbers: list[int]) -> int:
    return int(np.bincount(numbers).argmax())


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


def swapped(seed: int, feedback: bool) -> bool | None:
    """Whether the two ended with each other's ids; None when they have others, or were not followed at first."""
    tracker = Tracker(seed=seed)
    identity = IdentityFeedback(tracker)
    gait = SimulatedGait(np.random.default_rng((seed, 8)))
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
        if feedback:
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
