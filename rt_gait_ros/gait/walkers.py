"""What the recogniser remembers of the live tracks, and which of them has the better claim to a person."""

from concurrent.futures import Future
from dataclasses import dataclass, field

import numpy as np

from rt_gait_ros.gait.evidence import Evidence, Verdict
from rt_gait_ros.gait.identity import IdentityStatus
from rt_gait_ros.gait.thinning import Thinning
from rt_gait_ros.tracking.track import TrackState


@dataclass(slots=True)
class Request:
    """An embedding under way, and the frames it will stand on."""

    future: "Future[dict[str, np.ndarray]]"
    frames: int
    quality: float
    stamp: int


@dataclass(slots=True)
class Walker:
    """What is remembered of a live track. pace: which of its frames count.

    fresh: good frames since the last request. quality: their running mean.
    looks, mean: how many embeddings there were, and their mean (P, C).
    """

    evidence: Evidence
    state: TrackState
    pace: Thinning
    fresh: int = 0
    quality: float = 0.0
    stamp: int = 0
    request: Request | None = None
    failing_since: int | None = None
    looks: int = 0
    mean: np.ndarray | None = None


@dataclass(slots=True)
class Claim:
    """A track's verdict, and the status that is left of it once every person has at most one track."""

    body_id: str
    walker: Walker
    verdict: Verdict
    status: IdentityStatus = field(init=False)

    def __post_init__(self) -> None:
        self.status = self.verdict.status


def one_track_each(claims: list[Claim], held: dict[str, str], lead: float) -> dict[str, str]:
    """Leave each person to one track; the others that claim them become AMBIGUOUS.

    A track may claim nobody but the person nearest to it, so the optimal assignment falls apart into one choice for
    each person: a track in view before one out of view, and then the nearest, where the one that had the name
    may be farther by `lead`. held: person_id by body_id, as last answered. Returns it as it is now.
    """
    holders: dict[int, list[Claim]] = {}
    for claim in claims:
        if claim.status is IdentityStatus.IDENTIFIED:
            holders.setdefault(claim.verdict.order[0], []).append(claim)

    def rank(claim: Claim) -> tuple[bool, float]:
        best = claim.verdict.order[0]
        had_it = held.get(claim.body_id) == claim.walker.evidence.holds
        return claim.walker.state == TrackState.OCCLUDED, float(claim.verdict.fused[best]) - (lead if had_it else 0.0)

    for rivals in holders.values():
        for loser in sorted(rivals, key=rank)[1:]:
            loser.status = IdentityStatus.AMBIGUOUS
    return {c.body_id: c.walker.evidence.holds for c in claims if c.status is IdentityStatus.IDENTIFIED}
