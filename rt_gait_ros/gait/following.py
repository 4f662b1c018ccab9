"""Keeping an eye on one enrolled person; the domain side of FollowPerson.action."""

import math
import threading
from dataclasses import dataclass

import numpy as np
from scipy.spatial.transform import Rotation

from rt_gait_ros.gait.identity import Identity, IdentityFrame, IdentityStatus
from rt_gait_ros.tracking.track import Track, TrackFrame, TrackState


@dataclass(frozen=True, slots=True)
class Sight:
    """Where the person is in one image. track: theirs, as of that image.

    distance, bearing: metres along the ground and radians, 0 ahead of the camera, left positive; NaN without a position
    in metres. offset: -1 at the left border of the image, 1 at the right; NaN in an image of unknown width.
    """

    track: Track
    distance: float
    bearing: float
    offset: float


class Following:
    """Which track is the person's, image after image. Its methods may be called from any thread.

    A track is taken for the person when it is named so, and stays theirs through moments without a name: until it ends,
    is named as somebody else, or its name is contradicted.
    """

    def __init__(self, person_id: str, min_confidence: float, now: float) -> None:
        """person_id: of the gallery. min_confidence: least to take a track, 0..1; 0: any. now: seconds of any clock."""
        self.person_id = person_id
        self.body_id = ""
        self.confidence = math.nan
        self.sight: Sight | None = None
        self._least = min_confidence
        self._began = self._seen_at = self._observed_at = now
        self._in_view = 0.0
        self._mutex = threading.Lock()

    def observe(self, tracks: TrackFrame, identities: IdentityFrame, now: float) -> Sight | None:
        """Take one image's tracks and who they are; returns where the person is in it, None where they are not."""
        with self._mutex:
            self._settle(tracks, identities)
            track = next((track for track in tracks.tracks if track.body_id == self.body_id), None)
            if track is not None and track.state is TrackState.CONFIRMED:
                if self.sight is not None:
                    self._in_view += now - self._observed_at
                self._seen_at = now
                self.sight = sight_of(track, tracks.width)
            else:
                self.sight = None
            self._observed_at = now
            return self.sight

    def blind(self) -> None:
        """No image has come for a while."""
        with self._mutex:
            self.sight = None

    def lost(self, now: float) -> float:
        """Seconds since the person was last in view, or since the beginning; 0 while in view."""
        with self._mutex:
            return 0.0 if self.sight is not None else now - self._seen_at

    def lasted(self, now: float) -> float:
        """Seconds since the beginning."""
        return now - self._began

    def seen(self, now: float) -> float:
        """Share of the time so far in which the person was in view, 0..1."""
        with self._mutex:
            return min(1.0, self._in_view / max(now - self._began, 1e-9))

    def _settle(self, tracks: TrackFrame, identities: IdentityFrame) -> None:
        """Decide which track is the person's."""
        renamed = [track.body_id for track in tracks.tracks if track.former_id and track.former_id == self.body_id]
        if renamed:
            self.body_id = renamed[0]
        theirs = [identity for identity in identities.identities if self._is_theirs(identity)]
        if theirs:
            self.body_id, self.confidence = theirs[0].body_id, theirs[0].confidence
            return
        present = {identity.body_id: identity for identity in identities.identities}.get(self.body_id)
        another = present is not None and present.person_id not in ("", self.person_id)
        if present is None or another or self.body_id in identities.contradicted:
            self.body_id, self.confidence = "", math.nan

    def _is_theirs(self, identity: Identity) -> bool:
        if identity.status is not IdentityStatus.IDENTIFIED or identity.person_id != self.person_id:
            return False
        # Without a calibration confidence is NaN, which is enough for whoever asks for none.
        return identity.body_id == self.body_id or self._least <= 0.0 or identity.confidence >= self._least


def sight_of(track: Track, width: int) -> Sight:
    """Where a track is. width: of the image, pixels; 0: unknown."""
    offset = float(2.0 * (track.box[0] + track.box[2] / 2) / width - 1.0) if width > 0 else math.nan
    if track.position is None or track.orientation is None:
        return Sight(track, math.nan, math.nan, offset)
    up = Rotation.from_quat(track.orientation).apply([0.0, 0.0, 1.0])
    ground = track.position - (track.position @ up) * up
    ahead = np.array([0.0, 0.0, 1.0]) - up[2] * up  # where the optical axis leads along the ground
    if np.linalg.norm(ahead) < 1e-6:  # a camera that looks straight down: the image's upper side is ahead
        ahead = np.array([0.0, -1.0, 0.0]) + up[1] * up
    left = np.cross(up, ahead)
    return Sight(track, float(np.linalg.norm(ground)), math.atan2(ground @ left, ground @ ahead), offset)
