"""What can be set on a tracker, with range, meaning and source of every value."""

import math
from dataclasses import dataclass, field, fields
from typing import Any

from rt_gait_ros.errors import UsageError


def _setting(default: float, low: float, high: float, doc: str) -> Any:
    """One number of the configuration; range and meaning travel in the field's metadata, for parameter descriptions."""
    return field(default=default, metadata={"range": (low, high), "doc": doc})


@dataclass(frozen=True)
class TrackerConfig:
    """Settings of a Tracker; times in seconds, so that they hold at any frame rate.

    Raises UsageError when a value is out of its range.
    """

    high_confidence: float = _setting(
        0.45, 0.0, 1.0, "detections at least this sure meet the tracks first (ByteTrack, Zhang et al. 2022: 0.5-0.6)"
    )
    low_confidence: float = _setting(
        0.1,
        0.0,
        1.0,
        "detections below are ignored; those between this and high_confidence only keep tracks (ByteTrack)",
    )
    confirm_after: int = _setting(3, 1, 100, "images in which a new track must be seen to be believed (SORT min_hits)")
    lost_after: float = _setting(
        2.0, 0.05, 60.0, "seconds unseen after which a track is given up (ByteTrack, OC-SORT: 30 frames = 1 s)"
    )
    exit_after: float = _setting(
        0.4, 0.0, 60.0, "seconds unseen after which a track that walked out over the border is given up"
    )
    acceleration: float = _setting(
        0.22, 0.01, 10.0, "how freely people change their velocity: white noise in body heights / s^1.5"
    )
    box_noise: float = _setting(
        0.06, 0.001, 0.5, "standard deviation of a detected box in body heights (DeepSORT, Wojke et al. 2017: 1/20)"
    )
    gate: float = _setting(
        23.0,
        1.0,
        100.0,
        "largest squared Mahalanobis distance of a join (chi-square, 4 degrees: all but 1 in 8000; DeepSORT: 0.95)",
    )
    appearance_weight: float = _setting(
        9.0, 0.0, 100.0, "weight of 1 - overlap of boxes and of 1 - OKS of keypoints beside the motion log-likelihood"
    )
    unmatched_cost: float = _setting(
        25.0, 1.0, 200.0, "a join that costs more is refused: the track stays unseen and a new one may begin"
    )
    max_people: int = _setting(200, 1, 2000, "detections used per image, the surest first; the rest is dropped")

    def __post_init__(self) -> None:
        for item in fields(self):
            value, (low, high) = getattr(self, item.name), item.metadata["range"]
            if not isinstance(value, int | float) or not math.isfinite(value) or not low <= value <= high:
                raise UsageError(f"tracker: {item.name} is {value!r}; set it to a number from {low} to {high}")
            if item.type in (int, "int") and value != int(value):
                raise UsageError(f"tracker: {item.name} is {value!r}; set it to a whole number")
        if self.low_confidence > self.high_confidence:
            raise UsageError(f"tracker: low_confidence {self.low_confidence} is above high_confidence; lower it")
