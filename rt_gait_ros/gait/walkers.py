"""What the recogniser remembers of the live tracks."""

from collections import deque
from concurrent.futures import Future
from dataclasses import dataclass, field

import numpy as np

from rt_gait_ros.gait.direction import Seen
from rt_gait_ros.gait.evidence import Evidence, Verdict
from rt_gait_ros.gait.household import Middles
from rt_gait_ros.gait.identity import Identity
from rt_gait_ros.gait.model import GaitModel
from rt_gait_ros.gait.recent_walks import GoodFrame
from rt_gait_ros.silhouette.lead_in import LeadIn
from rt_gait_ros.silhouette.thinning import Thinning, news, worth
from rt_gait_ros.tracking.track import TrackState


@dataclass(slots=True)
class Request:
    """An embedding under way by a network, and the frames it will stand on."""

    future: "Future[dict[str, np.ndarray]]"
    model: GaitModel
    frames: int
    quality: float
    stamp: int


@dataclass(slots=True)
class Walker:
    """What is remembered of a live track.

    pace: which of its frames count. lead_in: good frames from before it was known to walk.
    fresh: good frames since the last request. quality: their running mean.
    fresh_extra, extra: what the fresh frames add, and what all are worth, beyond their number, because they come apart.
    stamp: of the newest good frame; 0 before the first. before: of the one that the next is counted after; 0 for none.
    looks, mean: how many embeddings there were, and their mean (P, C). recent: the newest of them. seen: from where the
    newest was seen. middles: what its looks are compared by (gait.company); None: plainly. compared: the number of
    looks and the gallery that this was decided for.
    unfit: why its newest image said nothing about its gait; "" when it did.
    others: person_ids of whom it cannot be, because they surely walked beside it.
    left: stamp of the newest look that was left to other cameras. answered: what was said last that was not COLLECTING,
    after the verdict that it stands on.
    """

    evidence: Evidence
    state: TrackState
    pace: Thinning
    lead_in: LeadIn[GoodFrame]
    fresh: int = 0
    quality: float = 0.0
    fresh_extra: float = 0.0
    extra: float = 0.0
    stamp: int = 0
    before: int = 0
    request: Request | None = None
    failing_since: int | None = None
    looks: int = 0
    mean: np.ndarray | None = None
    unfit: str = ""
    others: set[str] = field(default_factory=set)
    left: int = -1
    answered: tuple[Verdict, Identity] | None = None
    recent: deque[np.ndarray] = field(default_factory=deque)
    seen: Seen = field(default_factory=Seen)
    middles: Middles | None = None
    compared: tuple[int, tuple[int, ...]] = (0, ())

    def take(self, good: GoodFrame, rate: float) -> None:
        """Count one more good frame of somebody who walks. rate: frames a second of which each counts as one, or 0."""
        self.fresh += 1
        self.quality += (good.quality - self.quality) / self.fresh
        if 0 < self.before < good.stamp:
            self.extra += worth(good.stamp - self.before, rate) - 1.0
            self.fresh_extra += news(good.stamp - self.before, rate) - 1.0
        self.stamp = self.before = good.stamp

    def due(self, frames: int, least: int, every: int) -> bool:
        """Whether a look is due. frames: gathered. least: that it needs. every: fresh ones. Halves count as whole."""
        fresh = self.fresh + self.fresh_extra
        return self.request is None and round(frames + self.extra, 3) >= least - 0.5 and round(fresh, 3) >= every - 0.5

    def ask(self, future: "Future[dict[str, np.ndarray]]", model: GaitModel, frames: int) -> None:
        """Begin to wait for a network's embedding of that many frames, the newest one included."""
        self.request = Request(future, model, frames, self.quality, self.stamp)
        self.fresh, self.fresh_extra = 0, 0.0

    @property
    def lately(self) -> np.ndarray:
        """Mean (P, C) float32 of the newest looks, of which there is one at least."""
        return np.stack(self.recent).mean(axis=0, dtype=np.float32)

    def look(self, embedding: np.ndarray, seen: Seen, most: int) -> None:
        """Take one more look (P, C), and from where it was seen. most: looks that are the newest."""
        self.looks += 1
        if self.mean is None:
            self.mean = embedding
        else:  # in one array: embeddings are large
            mean = embedding - self.mean
            mean /= self.looks
            mean += self.mean
            self.mean = mean
        self.recent.append(embedding)
        while len(self.recent) > most:
            self.recent.popleft()
        self.seen = seen

    def unlook(self) -> None:
        """No look so far counts for its scene, or for others."""
        self.looks, self.mean = 0, None
        self.recent.clear()

    def begin_anew(self) -> None:
        """Nothing seen so far counts: the track may be another person's now."""
        self.see_nothing()
        self.lead_in.clear()
        self.fresh, self.fresh_extra, self.extra = 0, 0.0, 0.0
        self.before = 0

    def see_nothing(self) -> None:
        """No look so far counts, for a name or for its scene."""
        self.evidence.clear()
        self.request = None
        self.unlook()
        self.middles, self.compared = None, (0, ())
        self.others.clear()
