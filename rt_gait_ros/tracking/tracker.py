"""The tracker: people per image in, tracks that keep their identity out."""

import logging
from collections import Counter

import numpy as np

from rt_gait_ros.errors import UsageError
from rt_gait_ros.pose.person import PoseFrame
from rt_gait_ros.tracking.association import associate
from rt_gait_ros.tracking.body_ids import BodyIds
from rt_gait_ros.tracking.box_noise import BoxNoise
from rt_gait_ros.tracking.camera import CameraModel
from rt_gait_ros.tracking.config import TrackerConfig
from rt_gait_ros.tracking.depth import DepthImage
from rt_gait_ros.tracking.detections import Detections, empty_detections, keypoint_count, read_detections
from rt_gait_ros.tracking.facing import Facing
from rt_gait_ros.tracking.similarity import corners
from rt_gait_ros.tracking.snapshot import snapshot
from rt_gait_ros.tracking.table import TrackTable
from rt_gait_ros.tracking.track import Track, TrackFrame, TrackState

_log = logging.getLogger(__name__)

# An image at most this much older (s) than the last one arrived late and changes nothing; an older one still means that
# the clock was set back or a recording began again, and so all tracks end.
LATE = 0.5

# Images in a row that may miss a tentative track.
DOUBT = 1

# Detections after which a track's velocity is known well enough to tell the detector's noise from it.
SETTLED = 5

# A predicted box with less than this part inside the image belongs to somebody who walked out.
INSIDE = 0.3


class Tracker:
    """Follows people through a stream of PoseFrames. One instance per camera; not thread-safe.

    rejected: how much was left out so far, by reason; each reason is also logged, once.
    camera: with one, tracks get a position; may be set at any time.
    """

    def __init__(
        self, config: TrackerConfig | None = None, camera: CameraModel | None = None, seed: int | None = None
    ) -> None:
        """Begin a run. seed: of the body ids; the same seed gives the same ids, None different ones each run."""
        self.config = config or TrackerConfig()
        self.camera = camera
        self.rejected: Counter[str] = Counter()
        self._ids = BodyIds(seed)
        self._layout = ""
        self._table = TrackTable.start(empty_detections(0), np.empty(0, dtype=np.int64), [], 0)
        self._stamp: int | None = None
        self._farewells: list[TrackTable] = []
        self._noise = BoxNoise()
        self._facing = Facing()

    def update(self, poses: PoseFrame, motion: np.ndarray | None = None, depth: DepthImage | None = None) -> TrackFrame:
        """Take in one image's people; call it for every image, empty ones too.

        motion: (2, 3) affine that maps pixels of the last image to pixels of this one, when the camera moves; None:
        what poses.camera_motion says. depth: of this image, registered to it; counts with a `camera`.
        Returns all live tracks and, once, those given up. An image that repeats a stamp or comes late changes nothing.
        Raises UsageError when `motion` is not such a map.
        """
        motion = _checked(poses.camera_motion if motion is None else motion)
        known = set(self.rejected)
        elapsed = 0.0 if self._stamp is None else (poses.stamp - self._stamp) / 1e9
        if self._stamp is not None and -LATE < elapsed <= 0:
            self.rejected["image repeats a stamp or comes late"] += 1
            self._table.person[:] = -1
            lost: list[Track] = []
        else:
            lost = self._advance(poses, elapsed, motion)
        tracks = snapshot(self._table, poses, self.config, self.camera, depth) + lost
        self._facing.turn(tracks, self.camera, poses.stamp)
        self._table.former_id[:] = ""
        for reason in self.rejected.keys() - known:
            _log.warning("tracker: %s (said once, then only counted)", reason)
        return TrackFrame(
            poses.stamp, poses.frame_id, poses.width, poses.height, poses.layout, poses.gait_frame_kind, tracks
        )

    def lives(self, body_id: str, stamp: int | None = None) -> bool:
        """Say whether there is a track of that id, and was already at `stamp` (ns)."""
        rows = self._rows(body_id)
        return len(rows) > 0 and (stamp is None or int(self._table.named_at[rows[0]]) <= stamp)

    def split(self, body_id: str) -> str | None:
        """Give a live track a new id, because it went from one person to another; returns the id, None without track.

        The old id is LOST with the next image.
        """
        rows = self._rows(body_id)
        if not len(rows):
            return None
        self._rename(rows, self._ids.new())
        self._table.former_id[rows] = ""
        return str(self._table.body_id[rows[0]])

    def reattach(self, body_id: str, former_id: str) -> bool:
        """Give a live track the id of one that was given up, because it is the same person; the newer id is LOST.

        False, and nothing happens, when `body_id` has no track, or `former_id` has one or was never given.
        """
        rows = self._rows(body_id)
        if not len(rows) or not self._ids.issued(former_id) or len(self._rows(former_id)):
            return False
        self._rename(rows, former_id)
        return True

    def merge(self, body_id: str, fragment_id: str) -> bool:
        """Two live tracks are one person: one track goes on, as `body_id`, where the person was seen last.

        False, and nothing happens, when one of them has no track, or both were seen in the last image: two people.
        """
        kept, other = self._rows(body_id), self._rows(fragment_id)
        if not len(kept) or not len(other) or kept[0] == other[0]:
            return False
        if self._table.missed[kept[0]] == 0 and self._table.missed[other[0]] == 0:
            return False
        if self._table.missed[kept[0]] <= self._table.missed[other[0]]:
            self._farewell(other)
            self._table.keep(self._table.body_id != fragment_id)
        else:
            self._table.keep(self._table.body_id != body_id)
            self._rename(self._rows(fragment_id), body_id)
        return True

    def _rows(self, body_id: str) -> np.ndarray:
        return np.flatnonzero(self._table.body_id == body_id)

    def _rename(self, rows: np.ndarray, body_id: str) -> None:
        self._farewell(rows)
        unsaid = self._table.former_id[rows] != ""  # renamed twice between two images: listeners know the first id
        self._table.former_id[rows] = np.where(unsaid, self._table.former_id[rows], self._table.body_id[rows])
        self._table.body_id[rows] = body_id
        self._table.named_at[rows] = self._stamp

    def _farewell(self, rows: np.ndarray) -> None:
        """Say with the next image that the ids of these tracks have ended."""
        ended = self._table.take(rows)
        ended.state[:], ended.person[:], ended.former_id[:] = TrackState.LOST, -1, ""
        self._farewells.append(ended)

    def _advance(self, poses: PoseFrame, elapsed: float, motion: np.ndarray | None) -> list[Track]:
        """Everything that a new image changes; returns the tracks that end with it."""
        if elapsed < 0:
            self.rejected["stamps jump back: all tracks end"] += 1
        self._stamp = poses.stamp
        self._follow_layout(poses.layout)
        if motion is not None:
            self._table.warp(motion)
        self._table.predict(max(elapsed, 0.0), self.config.acceleration)
        lost = [track for table in self._farewells for track in snapshot(table, poses, self.config, self.camera)]
        self._farewells.clear()
        lost += self._give_up(self._unseen_too_long(poses) | (elapsed < 0), poses)
        detections = read_detections(poses, self.config, self.rejected)
        configured = detections.noise
        detections.noise = configured * self._noise.scale
        found = associate(self._table, detections, self.config, poses.layout, (poses.width, poses.height))
        self._learn(found.rows, found.columns, detections, configured)
        self._join(found.rows, found.columns, detections, poses)
        self._settle()
        lost += self._give_up((self._table.state == TrackState.TENTATIVE.value) & (self._table.missed > DOUBT), poses)
        if len(found.newcomers):
            names = [self._ids.new() for _ in found.newcomers]
            newcomers = TrackTable.start(detections, found.newcomers, names, poses.stamp)
            newcomers.gait.begin(detections.keypoints[found.newcomers], poses.layout)
            self._table.extend(newcomers)
        return lost

    def _follow_layout(self, layout: str) -> None:
        """Forget stored keypoints when the layout changes: the new ones mean other joints."""
        if layout != self._layout:
            self._layout = layout
            self._table.keypoints = np.full((len(self._table), keypoint_count(layout), 3), np.nan)

    def _unseen_too_long(self, poses: PoseFrame) -> np.ndarray:
        """Rows (N,) bool whose time has run out before this image."""
        unseen = (poses.stamp - self._table.seen_at) / 1e9
        least = min(self.config.exit_after, self.config.lost_after)
        if not (unseen > least).any():
            return np.zeros(len(unseen), dtype=bool)
        patience = np.full(len(self._table), self.config.lost_after)
        if poses.width > 0 and poses.height > 0:
            places = corners(self._table.box.mean)
            size = np.array([poses.width, poses.height], dtype=np.float64)
            inside = np.maximum(np.minimum(places[:, 2:], size) - np.maximum(places[:, :2], 0), 0)
            part = (inside / self._table.box.mean[:, 2:]).prod(axis=1)
            patience[part < INSIDE] = least
        return unseen > patience

    def _give_up(self, rows: np.ndarray, poses: PoseFrame) -> list[Track]:
        """Drop `rows` (N,) bool; returns their last words."""
        if not rows.any():
            return []
        lost = self._table.take(rows)
        lost.state[:] = TrackState.LOST
        self._table.keep(~rows)
        return snapshot(lost, poses, self.config, self.camera)

    def _join(self, rows: np.ndarray, columns: np.ndarray, detections: Detections, poses: PoseFrame) -> None:
        """Take in the pairs of track rows and detection rows that belong together."""
        if not len(rows):
            return
        table = self._table
        elapsed = (poses.stamp - table.seen_at[rows]) / 1e9
        table.join(rows, detections, columns, poses.stamp, self.config.acceleration)
        table.gait.update(rows, detections.keypoints[columns], poses.layout, elapsed, table.box)

    def _learn(self, rows: np.ndarray, columns: np.ndarray, detections: Detections, configured: np.ndarray) -> None:
        """Learn the detector's noise from the pairs whose tracks were in sight and settled."""
        steady = (self._table.missed[rows] == 1) & (self._table.hits[rows] >= SETTLED)
        rows, columns = rows[steady], columns[steady]
        if len(rows):
            box = self._table.box
            residual = detections.box[columns] - box.mean[rows]
            self._noise.learn(residual, box.variance[rows], configured[columns], detections.whole[columns])

    def _settle(self) -> None:
        """Set every row's state from what this image brought."""
        table = self._table
        believed = (table.state != TrackState.TENTATIVE.value) | (table.hits >= self.config.confirm_after)
        seen = table.missed == 0
        table.state[believed & seen] = TrackState.CONFIRMED
        table.state[believed & ~seen] = TrackState.OCCLUDED


def _checked(motion: np.ndarray | None) -> np.ndarray | None:
    """The camera motion as (2, 3) float64; UsageError when it cannot be one."""
    if motion is None:
        return None
    affine = np.asarray(motion, dtype=np.float64)
    if affine.shape != (2, 3) or not np.isfinite(affine).all() or abs(np.linalg.det(affine[:, :2])) < 1e-6:
        raise UsageError(
            "tracker: camera motion is not an invertible 2×3 affine; give the map from the last image to this"
        )
    return affine
