"""Who is named how soon, of a scene whose people are tracked exactly where they are."""

import numpy as np
import pipeline_approaching as approaching
import pytest

from rt_gait_ros.demo.recording import Recording
from rt_gait_ros.gait.identity import Identity, IdentityFrame, IdentityStatus
from rt_gait_ros.sources.synthetic import read_scene
from rt_gait_ros.tracking.track import Track, TrackFrame, TrackState

IMAGES = 100


@pytest.fixture(scope="module")
def scene():
    return read_scene(f"synthetic://approaching?people=4&seconds={IMAGES / 25}")


def recorded(scene, names):
    """Everybody gives a gait frame in each image. names: by the number of a person, the name and the image it is of."""
    recording = Recording(np.arange(IMAGES) / 25)
    zeros = np.zeros(2, np.float32)
    for image in range(IMAGES):
        stamp = 10**18 + image * 40_000_000
        tracks, identities = [], []
        for actor in scene.actors:
            joints = actor.walk.keypoints[image]
            box = np.concatenate([joints.min(axis=0), np.ptp(joints, axis=0)])
            body, frame = f"b000{actor.identity}", np.zeros((64, 64), np.uint8)
            of_it = box, zeros, np.zeros((2, 2)), None, frame, 0.9, 0.9, 9, 0, True
            tracks.append(Track(body, TrackState.CONFIRMED, *of_it))
            name, since = names.get(actor.identity, ("", IMAGES))
            if image >= since:
                identities.append(Identity(body, IdentityStatus.IDENTIFIED, stamp, name, name))
        recording.camera.append(stamp)
        recording.tracks[stamp] = TrackFrame(stamp, "camera", 640, 480, tracks=tracks)
        recording.identities[stamp] = IdentityFrame(stamp, "camera", "model", identities)
    return recording


def test_a_name_counts_from_the_thirtieth_gait_frame_on(scene):
    recording = recorded(scene, {1: ("1", 10), 2: ("2", 54), 3: ("3", 90)})
    assert approaching.figures(recording, scene, 0.5) == (2.0, pytest.approx(1.0))


def test_the_name_of_somebody_else_is_none(scene):
    recording = recorded(scene, {1: ("2", 40), 2: ("2", 40)})
    assert approaching.figures(recording, scene, 0.5)[0] == 1.0


def test_nobody_who_is_named_has_no_time(scene):
    named, after = approaching.figures(recorded(scene, {}), scene, 0.5)
    assert named == 0.0
    assert np.isnan(after)
