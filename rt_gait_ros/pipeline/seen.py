"""What a pipeline says about the people in one image."""

import math
from dataclasses import dataclass

import numpy as np

from rt_gait_ros.gait.identity import Candidate, Identity, IdentityStatus
from rt_gait_ros.tracking.track import Track, TrackState


@dataclass(frozen=True, slots=True, eq=False)  # arrays are not equal or unequal as wholes
class SeenPerson:
    """One person in one image, and who that is as far as is known by now. Nobody changes it afterwards.

    body_id: five characters that stay with the person while they are followed. Where recognition finds out that this
        is somebody who was seen before, they get the id of then back, and former_id is the one until this image.
    state: of the track; TENTATIVE while it may still turn out to be nobody, OCCLUDED while the box is predicted.
    box: (4,) float32 x, y, width, height in pixels; may reach over the border of the image.
    keypoints: (K, 3) float32 x, y in pixels and confidence 0..1, NaN, NaN, 0 where not found; None while OCCLUDED. K is
        18, in the order of `pose.layouts` "trt_pose".
    confidence: that there is somebody, 0..1.
    walking: whether the person walks; only walking people can be recognised.
    position: (3,) metres of the hips in the camera's optical frame (x right, y down, z ahead); None without a
        CameraModel, or where it does not tell.
    status: what is claimed: COLLECTING, UNKNOWN, IDENTIFIED or AMBIGUOUS, as in GaitIdentity.msg.
    person_id, name: of whoever it is in the gallery; "" unless IDENTIFIED.
    probability: that the claim made by `status` is right, 0..1; NaN while COLLECTING, and without a calibration.
    distance: to the nearest person of the gallery, in the gait network's own measure; NaN where none was compared.
    frames: gait frames that the newest look stands on, or that were gathered for the first.
    reason: why there is no name, in one line; "" for IDENTIFIED.
    candidates: the nearest persons of the gallery, best first.
    """

    body_id: str
    state: TrackState
    box: np.ndarray
    keypoints: np.ndarray | None
    confidence: float
    walking: bool
    position: np.ndarray | None
    status: IdentityStatus
    person_id: str = ""
    name: str = ""
    probability: float = math.nan
    distance: float = math.nan
    frames: int = 0
    reason: str = ""
    candidates: tuple[Candidate, ...] = ()
    former_id: str = ""


def seen_person(track: Track, identity: Identity) -> SeenPerson:
    """A track and its identity together."""
    return SeenPerson(
        track.body_id,
        track.state,
        track.box,
        track.keypoints,
        track.confidence,
        track.walking,
        track.position,
        identity.status,
        identity.person_id,
        identity.name,
        identity.confidence,
        identity.candidates[0].distance if identity.candidates else math.nan,
        identity.frames_used,
        identity.reason,
        identity.candidates,
        track.former_id,
    )
