"""What is said about the tracks after one image."""

import numpy as np

from rt_gait_ros.pose.person import PoseFrame
from rt_gait_ros.tracking.camera import CameraModel
from rt_gait_ros.tracking.config import TrackerConfig
from rt_gait_ros.tracking.depth import DepthImage
from rt_gait_ros.tracking.position import locate
from rt_gait_ros.tracking.stature import stature
from rt_gait_ros.tracking.table import TrackTable
from rt_gait_ros.tracking.track import Track, TrackState

# Part of the detection in the box that is said; the rest is the filter's, which lags where somebody turns or is cut by
# the border, and knows better where the detector jitters.
MEASURED = 0.5


def snapshot(
    table: TrackTable,
    poses: PoseFrame,
    config: TrackerConfig,
    camera: CameraModel | None,
    depth: DepthImage | None = None,
) -> list[Track]:
    """Tracks of all rows of `table`, with the keypoints and gait frames of the people they were joined to.

    camera: with one, those seen get a position, where `depth`, the floor or a known stature tells it.
    """
    mean = table.box.mean
    boxes = np.concatenate((mean[:, :2] - mean[:, 2:] / 2, mean[:, 2:]), axis=1)
    seen = (table.person >= 0).nonzero()[0]
    if len(seen):
        found = np.array([poses.people[person].box for person in table.person[seen].tolist()])
        boxes[seen] += MEASURED * (found - boxes[seen])
    boxes = boxes.astype(np.float32)
    velocity = table.box.velocity[:, :2].astype(np.float32)
    covariance = np.zeros((len(table), 2, 2))
    covariance[:, 0, 0], covariance[:, 1, 1] = table.box.rate_variance[:, 0], table.box.rate_variance[:, 1]
    tracks = []
    for row, (body_id, former_id, state, person, confidence, age, missed, walking, reason) in enumerate(
        zip(
            table.body_id.tolist(),
            table.former_id.tolist(),
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
            former_id=former_id,
        )
        if camera is not None and pose is not None:
            located = locate(track.box, pose, poses, config, camera, depth)
            if located is not None:
                track.position, track.position_covariance, by = located
                if by != "stature":  # what was put in is no measurement of the person
                    track.stature = stature(pose.box, track.position, camera, poses.height, by_depth=by == "depth")
        tracks.append(track)
    return tracks
