"""Tracks and their names as vision_msgs has detections, for what understands those."""

from typing import Any

import numpy as np
from geometry_msgs.msg import Pose, PoseWithCovariance

from rt_gait_ros.gait.identity import Identity, IdentityFrame, IdentityStatus
from rt_gait_ros.nodes.conversions import pose_to_message
from rt_gait_ros.nodes.headers import to_header
from rt_gait_ros.nodes.links import RESULT_QOS, Link
from rt_gait_ros.nodes.optional_messages import find_message
from rt_gait_ros.nodes.stage import Stage
from rt_gait_ros.tracking.track import Track, TrackFrame, TrackState

UNNAMED = "person"  # class of whoever has no name
FIELDS = {
    "Detection2DArray": ("header", "detections"),
    "Detection2D": ("header", "results", "bbox", "id"),
    "ObjectHypothesisWithPose": ("hypothesis", "pose"),
    "ObjectHypothesis": ("class_id", "score"),
    "BoundingBox2D": ("center", "size_x", "size_y"),
}


class Detections:
    """Publishes the topic `detections` while somebody subscribes."""

    def __init__(self, node: Stage) -> None:
        """Raises UsageError where vision_msgs is not installed, or of another version."""
        self._kinds = {name: find_message("vision_msgs", name, fields, "detections") for name, fields in FIELDS.items()}
        self._link: Link[Any] = Link(node, self._kinds["Detection2DArray"], "detections", RESULT_QOS)

    def send(self, tracks: TrackFrame, identities: IdentityFrame) -> None:
        """Say who was seen where in one image; from the worker."""
        if not self._link.watched:
            return
        known = {identity.body_id: identity for identity in identities.identities}
        seen = [track for track in tracks.tracks if track.state is TrackState.CONFIRMED]
        detections = [self._one(track, known.get(track.body_id), tracks) for track in seen]
        header = to_header(tracks.stamp, tracks.frame_id)
        self._link.send(self._kinds["Detection2DArray"](header=header, detections=detections))

    def close(self) -> None:
        """Publish no more."""
        self._link.close()

    def _one(self, track: Track, identity: Identity | None, tracks: TrackFrame) -> Any:
        named = identity is not None and identity.status is IdentityStatus.IDENTIFIED
        result = self._kinds["ObjectHypothesisWithPose"](pose=_pose(track, tracks))
        result.hypothesis.class_id = identity.person_id if identity is not None and named else UNNAMED
        sure = identity.confidence if identity is not None and named else track.confidence
        result.hypothesis.score = float(sure)  # NaN: a name of a gait model without a calibration
        box = self._kinds["BoundingBox2D"](size_x=float(track.box[2]), size_y=float(track.box[3]))
        box.center.position.x, box.center.position.y = (track.box[:2] + track.box[2:] / 2).astype(float).tolist()
        header = to_header(tracks.stamp, tracks.frame_id)
        return self._kinds["Detection2D"](header=header, results=[result], bbox=box, id=track.body_id)


def _pose(track: Track, tracks: TrackFrame) -> PoseWithCovariance:
    """Where the track is; of infinite variance where that is not known. Which way it is turned is not measured."""
    covariance = np.diag([np.inf] * 6)
    if track.position is None:
        return PoseWithCovariance(pose=Pose(), covariance=covariance.ravel())
    if track.position_covariance is not None:
        covariance[:3, :3] = track.position_covariance
    pose = pose_to_message(track, tracks.stamp, tracks.frame_id).pose
    return PoseWithCovariance(pose=pose, covariance=covariance.ravel())
