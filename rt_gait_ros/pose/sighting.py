"""Somebody whom the whole-image network found: where the person network shall look, and who of the followed it is."""

import math
from dataclasses import dataclass, replace

import numpy as np

from rt_gait_ros.pose.follower import SAME_DETECTION, Follower, distance
from rt_gait_ros.pose.person_network import Region, region_from_keypoints

# Of a network that gives boxes: hips this far from a follower's, in body heights, and a size at most so many times its.
_SAME_PLACE, _SAME_SIZE = 0.3, 1.7
# Whoever is this near to a follower and is not taken for it is the same person seen twice.
_TWICE = 0.12


@dataclass(frozen=True, slots=True)
class Sighting:
    """region: pixels of what was searched. keypoints: (18, 3) there, NaN where missing; None: the network gives none.

    box: (4,) left, top, right, bottom of what was seen of the person. score: 0..1.
    """

    region: Region
    box: np.ndarray
    score: float
    keypoints: np.ndarray | None = None

    def moved(self, x: float, y: float) -> "Sighting":
        """The same in a picture in which what was searched begins at (x, y)."""
        keypoints = None if self.keypoints is None else self.keypoints + np.array([x, y, 0.0], np.float32)
        region = replace(self.region, x=self.region.x + x, y=self.region.y + y)
        return Sighting(region, self.box + np.array([x, y, x, y], np.float32), self.score, keypoints)

    def is_at(self, place: Region) -> bool:
        """Whether it is of the person, or the thing, that was seen there."""
        return _apart(self.region, place) < _SAME_PLACE


def from_keypoints(people: np.ndarray) -> list[Sighting]:
    """Of keypoints (P, 18, 3); those of whom too little was found are left out."""
    found = []
    for person in people:
        region = region_from_keypoints(person)
        if region is not None:
            seen = person[np.isfinite(person[:, 0])]
            box = np.concatenate([seen[:, :2].min(axis=0), seen[:, :2].max(axis=0)])
            found.append(Sighting(region, box.astype(np.float32), float(seen[:, 2].mean()), person))
    return found


def from_boxes(boxes: np.ndarray) -> list[Sighting]:
    """Of boxes (P, 5): left, top, right, bottom, score."""
    return [Sighting(Region.around(*box[:4]), box[:4].astype(np.float32), float(box[4])) for box in boxes]


def without_repeats(sightings: list[Sighting]) -> list[Sighting]:
    """One sighting of each person where windows overlap: the surest."""
    kept: list[Sighting] = []
    for one in sorted(sightings, key=lambda sighting: -sighting.score):
        if all(_apart(one.region, other.region) > _TWICE or _unlike(one.region, other.region) for other in kept):
            kept.append(one)
    return kept


def match(
    sightings: list[Sighting], followers: list[Follower], time: float
) -> tuple[dict[int, Sighting], list[Sighting]]:
    """The sightings of followers, by their numbers, at `time` (s), and those of whoever is new.

    Followers count where they are expected then: whom there was no time to look at has walked on.

    A follower is seen once; who is as near to one as two looks at the same person are is not new.
    """
    expected = [(follower, follower.expected(time)) for follower in followers]
    pairs = sorted(
        (separation, n, m)
        for n, sighting in enumerate(sightings)
        for m, (follower, place) in enumerate(expected)
        if (separation := _separation(sighting, follower, place, time)) < 1.0
    )
    seen: dict[int, Sighting] = {}
    taken: set[int] = set()
    for _, n, m in pairs:
        if n not in taken and m not in seen:
            taken.add(n)
            seen[m] = sightings[n]
    new = [
        sighting
        for n, sighting in enumerate(sightings)
        if n not in taken and not any(_repeats(sighting, follower, place, time) for follower, place in expected)
    ]
    return seen, new


def _separation(sighting: Sighting, follower: Follower, place: Region, time: float) -> float:
    """How unlike a sighting and a follower, who is expected at `place`, are; from 1 on they are two people."""
    if sighting.keypoints is not None:
        return distance(sighting.keypoints, follower.expected_keypoints(time), follower.height) / SAME_DETECTION
    if _unlike(sighting.region, place):
        return float("inf")
    return _apart(sighting.region, place) / _SAME_PLACE


def _repeats(sighting: Sighting, follower: Follower, place: Region, time: float) -> bool:
    if sighting.keypoints is not None:
        return _separation(sighting, follower, place, time) < 1.0
    return _apart(sighting.region, place) < _TWICE


def _apart(first: Region, second: Region) -> float:
    """Distance of two people's hips, in heights of the smaller."""
    return math.hypot(first.x - second.x, first.y - second.y) / min(first.height, second.height)


def _unlike(first: Region, second: Region) -> bool:
    ratio = first.side / second.side
    return not 1.0 / _SAME_SIZE < ratio < _SAME_SIZE
