"""Tracks that may have gone from one person to another: what was seen before counts for nobody afterwards."""

from collections.abc import Sequence
from itertools import combinations

import numpy as np

from rt_gait_ros.tracking.track import Track, TrackFrame, TrackState

# Seconds unseen after which a track that goes on was taken up again rather than followed.
REATTACHED = 1.0
# As much for a track that had reached a side of the picture: somebody else may have come in there. Detectors lose whom
# they see for shorter.
LEFT = 0.15
SIDE = 0.01  # of the picture's width: how near to its edge a box is cut off there
# Part of the smaller box that two people share, from which on a tracker can take one for the other: while one of them
# is hidden, and while both are seen (of 40 generated crossings three were mixed up so, for two images at most).
HIDDEN, SEEN = 0.3, 0.7
# And up to which part two who are both seen count as apart again: people who walk side by side touch all the time.
APART = 0.15


class Doubt:
    """Watches the tracks for what makes it uncertain whose they are, which lasts until it is over.

    Three kinds: a track that nobody saw for a second and that is seen again; one that was about to leave the picture
    and is seen again after a moment; and two tracks whose boxes overlap, much or while one of them is hidden, who may
    part as each other.
    """

    def __init__(self) -> None:
        self._seen_at: dict[str, int] = {}  # ns, by body id
        self._at_side: set[str] = set()  # body ids of those who were last seen at a side of the picture
        self._met: dict[str, set[str]] = {}  # who may be whom, by body id, since they met

    def anew(self, frame: TrackFrame) -> set[str]:
        """Body ids of tracks whose evidence has to begin anew with this image."""
        live = {track.body_id: track for track in frame.tracks if track.state != TrackState.LOST}
        for track in live.values():
            if track.former_id:  # the gait stage itself said who it is
                self._seen_at.pop(track.former_id, None)
                self._met.pop(track.former_id, None)
                self._at_side.discard(track.former_id)
        self._seen_at = {body: stamp for body, stamp in self._seen_at.items() if body in live}
        self._met = {body: met for body, met in self._met.items() if body in live}
        self._at_side &= live.keys()
        self._meet(list(live.values()))
        doubtful = set()
        for body, track in live.items():
            if track.state == TrackState.OCCLUDED:
                continue
            before = self._seen_at.get(body)
            longest = LEFT if body in self._at_side else REATTACHED
            if before is not None and (frame.stamp - before) / 1e9 > longest:
                doubtful.add(body)
            self._at_side.discard(body)
            if _reaches_side(track.box, frame.width):
                self._at_side.add(body)
            if body in self._met:  # from the meeting on, until the first image in which they are apart
                doubtful.add(body)
                if all(_apart(track, live[other]) for other in self._met[body] if other in live):
                    del self._met[body]
            self._seen_at[body] = frame.stamp
        return doubtful

    def _meet(self, tracks: list[Track]) -> None:
        placed = [(track, track.box.tolist()) for track in tracks]
        for (first, here), (second, there) in combinations(placed, 2):
            if here[0] >= there[0] + there[2] or there[0] >= here[0] + here[2]:  # most are beside each other
                continue
            hidden = TrackState.OCCLUDED in (first.state, second.state)
            if _overlap(here, there) > (HIDDEN if hidden else SEEN):
                self._met.setdefault(first.body_id, set()).add(second.body_id)
                self._met.setdefault(second.body_id, set()).add(first.body_id)


def _apart(track: Track, other: Track) -> bool:
    """Whether a track that is seen can no longer be taken for the other."""
    most = 0.0 if other.state == TrackState.OCCLUDED else APART
    return _overlap(track.box.tolist(), other.box.tolist()) <= most


def _reaches_side(box: np.ndarray, width: int) -> bool:
    """Whether a box (x, y, width, height) touches the left or the right edge of a picture so wide."""
    return width > 0 and bool(box[0] <= SIDE * width or box[0] + box[2] >= (1.0 - SIDE) * width)


def _overlap(first: Sequence[float], second: Sequence[float]) -> float:
    """Part of the smaller of two boxes of x, y, width, height that the other covers; 0 where a box is none."""
    width = min(first[0] + first[2], second[0] + second[2]) - max(first[0], second[0])
    height = min(first[1] + first[3], second[1] + second[3]) - max(first[1], second[1])
    smaller = min(first[2] * first[3], second[2] * second[3])
    return width * height / smaller if width > 0.0 and height > 0.0 and smaller > 0.0 else 0.0
