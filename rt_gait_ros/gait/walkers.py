"""What the recogniser remembers of the live tracks."""

from concurrent.futures import Future
from dataclasses import dataclass, field

import numpy as np

from rt_gait_ros.gait.evidence import Evidence
from rt_gait_ros.gait.recent_walks import GoodFrame
from rt_gait_ros.silhouette.lead_in import LeadIn
from rt_gait_ros.silhouette.thinning import Thinning
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
    """What is remembered of a live track.

    pace: which of its frames count. lead_in: good frames from before it was known to walk.
    fresh: good frames since the last request. quality: their running mean.
    looks, mean: how many embeddings there were, and their mean (P, C).
    unfit: why its newest image said nothing about its gait; "" when it did.
    others: person_ids of whom it cannot be, because they surely walked beside it.
    left: stamp of the newest look that was left to other cameras.
    """

    evidence: Evidence
    state: TrackState
    pace: Thinning
    lead_in: LeadIn[GoodFrame]
    fresh: int = 0
    quality: float = 0.0
    stamp: int = 0
    request: Request | None = None
    failing_since: int | None = None
    looks: int = 0
    mean: np.ndarray | None = None
    unfit: str = ""
    others: set[str] = field(default_factory=set)
    left: int = -1
