"""What is said about the tracks after one image."""

import numpy as np

from rt_gait_ros.pose.person import PersonPose, PoseFrame
from rt_gait_ros.tracking.camera import HIP_LEVEL, HIPS, CameraModel
from rt_gait_ros.tracking.config import TrackerConfig
from rt_gait_ros.tracking.detections import BORDER
from rt_gait_ros.tracking.table import TrackTable
from rt_gait_ros.tracking.track import Track, TrackState

# Part of the detection in the box that is said; the rest is the filter's, which lags where somebody turns or is cut by
# the border, and knows better where the detector jitters.
MEASURED = 0.5


def snapshot(table: TrackTable, poses: PoseFrame, config: TrackerConfig, camera: CameraModel | None) -> list[Track]:
    """Tracks of all rows of `table`, with the keypoints and gait frames of the people they were joined to."""
    mean = table.box.mean
    boxes = np.concatenate((mean[:, :2] - mean[:, 2:] / 2, mean[:, 2:]), axis=1)
    seen = np.flatnonzero(table.person >= 0)
    if len(seen):
        found = np.array([poses.people[person].box for person in table.person[seen].tolist()])
        boxes[seen] += MEASURED * (found - boxes[seen])
    boxes = boxes.astype(np.float32)
    velocity = table.box.velocity[:, :2].astype(np.float32)
    covariance = np.zeros((len(table), 2, 2))
    covariance[:, [0, 1], [0, 1]] = table.box.rate_variance[:, :2]
    tracks = []
    for row, (body_id, state, person, confidence, age, missed, walking, reason) in enumerate(
        zip(
            table.body_id.tolist(),
            table.state.tolist(),
            table.person.tolist(),
            table.confidence.tolist(),
            table.age.tolist(),
            table.missed.tolist(),
            table.gait.walking.tolist(),
            table.gait.reasons(),
            strict=True,
        )
    ):
        pose = poses.people[person] if person >= 0 else None
        track = Track(
            body_id=body_id,
            state=TrackState(state),
            box=boxes[row],
            velocity=velocity[row],
            velocity_covariance=covariance[row],
            keypoints=None if pose is None else pose.keypoints,
            gait_frame=None if pose is None else pose.gait_frame,
            quality=0.0 if pose is None else pose.quality,
            confidence=confidence,
            age=age,
            missed=missed,
            walking=walking,
            walking_reason=reason,
        )
        if camera is not None and pose is not None:
            _place(track, pose, poses, camera, config)
        tracks.append(track)
    return tracks


def _place(track: Track, pose: PersonPose, poses: PoseFrame, camera: CameraModel, config: TrackerConfig) -> None:
    """Give the track its position, when the whole person down to the floor is in the image."""
    left, top, width, height = track.box.astype(np.float64)
    if top + height >= poses.height - BORDER > 0:
        return
    foot = np.array([left + width / 2, top + height])
    hip = _mid_hips(pose, poses.layout)
    if hip is None:
        hip = np.array([foot[0], top + HIP_LEVEL * height])
    located = camera.locate(foot, hip, (config.box_noise * height) ** 2)
    if located is not None:
        track.position, track.position_covariance = located


def _mid_hips(pose: PersonPose, layout: str) -> np.ndarray | None:
    """Pixel (2,) between the hips, or None when they were not found."""
    if layout not in HIPS or len(pose.keypoints) <= max(HIPS[layout]):
        return None
    middle = np.asarray(pose.keypoints, dtype=np.float64)[list(HIPS[layout]), :2].mean(axis=0)
    return middle if np.isfinite(middle).all() else None
