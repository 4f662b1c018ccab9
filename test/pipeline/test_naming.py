"""Who has a name, for the pose stage."""

import numpy as np
import pytest
from tracks import walking_track

from rt_gait_ros.gait.identity import Identity, IdentityFrame, IdentityStatus
from rt_gait_ros.pipeline.naming import tell_names
from rt_gait_ros.tracking.track import TrackFrame, TrackState


class Listening:
    """In place of a pose pipeline."""

    def hear_names(self, boxes, named, time):
        self.heard = boxes.tolist(), named, time


@pytest.fixture
def pose() -> Listening:
    return Listening()


def test_those_in_view_are_told_with_their_place_and_whether_they_have_a_name(pose):
    boxes = {body: [100.0 * n, 40.0, 60.0, 150.0] for n, body in enumerate(("named", "other", "fresh", "gone"))}
    tracks = [walking_track(body, box=np.array(box, np.float32)) for body, box in boxes.items()]
    tracks[3].state = TrackState.LOST
    identities = [
        Identity("named", IdentityStatus.IDENTIFIED, 1, "p1", "Ada"),
        Identity("other", IdentityStatus.AMBIGUOUS, 1),
        Identity("gone", IdentityStatus.IDENTIFIED, 1, "p2", "Bo"),
        Identity("never", IdentityStatus.IDENTIFIED, 1, "p3", "Cy"),
    ]
    frame = TrackFrame(2_000_000_000, "front", 640, 480, tracks=tracks)
    tell_names(pose, frame, IdentityFrame(2_000_000_000, "front", "model", identities))
    assert pose.heard == ([boxes["named"], boxes["other"]], [True, False], 2.0)


def test_of_nobody_nothing_is_told(pose):
    tell_names(pose, TrackFrame(0, "front", 640, 480), IdentityFrame(0, "front", "model"))
    assert pose.heard == ([], [], 0.0)
