"""How an upright frame at a person is turned: REP-155's body frame, z up and x ahead of the person."""

from collections import deque

import numpy as np
from scipy.spatial.transform import Rotation

from rt_gait_ros.tracking.camera import CameraModel
from rt_gait_ros.tracking.track import Track, TrackState

# Positions of so many seconds tell where somebody walks to: more than a stride, so that the hips have swayed back.
SPAN = 1.0
# Those of less than so many seconds, or over which somebody came less far than so many standard deviations of the two
# ends (and metres), tell nothing.
LEAST_SPAN, DEVIATIONS, LEAST_WAY = 0.5, 2.0, 0.3


class Facing:
    """Remembers where people were, for a camera that stands still on the ground or tells where it is.

    Not thread-safe.
    """

    def __init__(self) -> None:
        self._ways: dict[str, deque[tuple[int, np.ndarray, np.ndarray]]] = {}  # stamp, position, covariance

    def turn(self, tracks: list[Track], camera: CameraModel | None, stamp: int) -> None:
        """Give every track with a position its orientation.

        Where a person walks (Track.walking) and has come far enough in the last second, x is where to; else x points to
        the camera. camera: as the positions were found with. stamp: of the image, ns.
        """
        if camera is None:
            self._ways.clear()
            return
        for track in tracks:
            if track.former_id in self._ways:
                self._ways[track.body_id] = self._ways.pop(track.former_id)
        live = {track.body_id for track in tracks if track.state is not TrackState.LOST}
        self._ways = {body_id: way for body_id, way in self._ways.items() if body_id in live}
        for track in tracks:
            if track.position is not None and track.position_covariance is not None:
                ahead = self._ahead(track, stamp)
                track.orientation = upright(-track.position if ahead is None else ahead, camera.down)

    def _ahead(self, track: Track, stamp: int) -> np.ndarray | None:
        """Where a track walks to, (3,) metres; None where that is not known."""
        assert track.position is not None
        assert track.position_covariance is not None
        way = self._ways.setdefault(track.body_id, deque())
        if way and stamp <= way[-1][0]:  # the clock went back
            way.clear()
        way.append((stamp, track.position, track.position_covariance))
        while stamp - way[0][0] > SPAN * 1e9:
            way.popleft()
        began, start, start_covariance = way[0]
        if not track.walking or stamp - began < LEAST_SPAN * 1e9:
            return None
        come = track.position - start
        length = float(np.linalg.norm(come))
        if length < LEAST_WAY:
            return None
        along = come / length
        variance = float(along @ (start_covariance + track.position_covariance) @ along)
        return come if length > DEVIATIONS * np.sqrt(variance) else None


def upright(ahead: np.ndarray, down: np.ndarray) -> np.ndarray:
    """Quaternion (4,) x, y, z, w of a frame with z against `down` (3,) and x as near to `ahead` (3,) as it can be.

    Both in the frame that the quaternion turns into. Any x where `ahead` is plumb.
    """
    up = -down / np.linalg.norm(down)
    forward = ahead - (ahead @ up) * up
    if np.linalg.norm(forward) < 1e-9:
        forward = np.cross(up, np.eye(3)[np.argmin(np.abs(up))])
    forward /= np.linalg.norm(forward)
    return np.asarray(Rotation.from_matrix(np.column_stack([forward, np.cross(up, forward), up])).as_quat())
