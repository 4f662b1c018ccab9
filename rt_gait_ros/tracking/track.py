"""What the tracker says after one image; the domain side of PersonTrack.msg and PersonTrackArray.msg."""

from dataclasses import dataclass, field
from enum import IntEnum

import numpy as np

from rt_gait_ros.pose.person import ImageHeader


class TrackState(IntEnum):
    """Life of a track; the values of PersonTrack.STATE_*."""

    TENTATIVE = 0
    CONFIRMED = 1
    OCCLUDED = 2
    LOST = 3


@dataclass(slots=True)
class Track:
    """One person followed through time, as of one image: a snapshot that nobody changes afterwards.

    body_id: five characters, the first a letter (REP-155), within a run never given to anybody known to be another.
    box: (4,) float32 x, y, width, height in pixels; predicted while OCCLUDED.
    velocity: (2,) float32 pixels per second of the box centre.
    velocity_covariance: (2, 2) float64, (pixels per second) squared.
    keypoints: (K, 3) float32 as in PersonPose, or None when not seen in this image.
    gait_frame, quality: as in PersonPose; None and 0 when not seen in this image.
    position, position_covariance: (3,) and (3, 3) float64 in metres in the camera's frame, or None when unknown.
    orientation: (4,) float64 quaternion x, y, z, w of an upright frame at the position (tracking.facing); None without.
    confidence: 0..1. age, missed: images since the track began (first = 1) and since it was last seen (0 = now).
    walking, walking_reason: whether the person walks, and what says so ("" when not walking).
    stature: metres from foot to head in this image, and the standard deviation of the part of its error that stays the
        same from image to image (tracking.stature); None when unknown.
    former_id: body id of the same person until the image before, where it has just changed; else empty.
    """

    body_id: str
    state: TrackState
    box: np.ndarray
    velocity: np.ndarray
    velocity_covariance: np.ndarray
    keypoints: np.ndarray | None
    gait_frame: np.ndarray | None
    quality: float
    confidence: float
    age: int
    missed: int
    walking: bool
    walking_reason: str = ""
    position: np.ndarray | None = None
    position_covariance: np.ndarray | None = None
    orientation: np.ndarray | None = None
    former_id: str = ""
    stature: tuple[float, float] | None = None


@dataclass(slots=True)
class TrackFrame(ImageHeader):
    """All live tracks after one image, plus the ones given up in it (LOST). Exists for every image."""

    tracks: list[Track] = field(default_factory=list)
