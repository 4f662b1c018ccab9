"""Tells the pose stage who has a name, so that it looks more often at those who have none."""

import numpy as np

from rt_gait_ros.gait.identity import IdentityFrame, IdentityStatus
from rt_gait_ros.pose.pipeline import PosePipeline
from rt_gait_ros.tracking.track import TrackFrame, TrackState


def tell_names(pose: PosePipeline, tracks: TrackFrame, identities: IdentityFrame) -> None:
    """Between two images of the pose stage: where the tracks of a former image are, and which of them have a name."""
    named = {each.body_id: each.status is IdentityStatus.IDENTIFIED for each in identities.identities}
    known = [track for track in tracks.tracks if track.body_id in named and track.state is not TrackState.LOST]
    boxes = np.array([track.box for track in known], np.float32).reshape(-1, 4)
    pose.hear_names(boxes, [named[track.body_id] for track in known], tracks.stamp * 1e-9)
