"""How many who pass are named, in a scene whose people are tracked exactly where they are."""

import numpy as np
import pipeline_people as people
import pytest

from rt_gait_ros.demo.recording import Recording
from rt_gait_ros.gait.identity import Identity, IdentityFrame, IdentityStatus
from rt_gait_ros.synthesis.scenes import crowd
from rt_gait_ros.tracking.track import Track, TrackFrame, TrackState

IMAGES, FPS = 100, 25.0


@pytest.fixture(scope="module")
def scene():
    return crowd("approaching", people=4, seconds=IMAGES / FPS, fps=FPS)


def recorded(scene, names, gone=()):
    """Everybody is followed from image 10 on. names: by the number of a person, the name and the image it is of.

    gone: numbers of those who are followed for a second only.
    """
    recording = Recording(np.arange(IMAGES) / FPS)
    zeros = np.zeros(2, np.float32)
    for image in range(IMAGES):
        stamp = 10**18 + image * 40_000_000
        tracks, identities = [], []
        for actor in scene.actors:
            joints = actor.walk.keypoints[image]
            box = np.concatenate([joints.min(axis=0), np.ptp(joints, axis=0)])
            body = f"b000{actor.identity}"
            state = TrackState.OCCLUDED if actor.identity in gone and image > 35 else TrackState.CONFIRMED
            if image >= 10:
                tracks.append(Track(body, state, box, zeros, np.zeros((2, 2)), None, None, 0.0, 0.9, 9, 0, True))
            name, since = names.get(actor.identity, ("", IMAGES))
            if image >= since:
                identities.append(Identity(body, IdentityStatus.IDENTIFIED, stamp, name, name))
        recording.camera.append(stamp)
        recording.tracks[stamp] = TrackFrame(stamp, "camera", 640, 480, tracks=tracks)
        recording.identities[stamp] = IdentityFrame(stamp, "camera", "model", identities)
    return recording


def test_a_pass_has_its_own_name_or_none_or_a_wrong_one(scene):
    share, seconds, wrong = people.passes(recorded(scene, {1: ("1", 35), 2: ("2", 60), 3: ("4", 40)}), scene)
    assert (share, seconds, wrong) == (50.0, pytest.approx(1.5), 1.0)


def test_who_is_gone_at_once_is_not_counted(scene):
    share, seconds, wrong = people.passes(recorded(scene, {1: ("1", 35)}, gone=(2, 3, 4)), scene)
    assert (share, seconds, wrong) == (100.0, pytest.approx(1.0), 0.0)


def test_without_any_name_there_is_no_time(scene):
    share, seconds, wrong = people.passes(recorded(scene, {}), scene)
    assert share == wrong == 0.0
    assert np.isnan(seconds)


def test_somebody_is_enrolled_from_the_first_image_in_which_they_are(scene):
    coming = crowd("crossing", people=2, seconds=4.0)
    for actor in coming.actors:
        first = people._comes(actor, coming)
        across = actor.walk.keypoints[..., 0]
        assert first > 0
        assert not ((across[:first] > 0) & (across[:first] < coming.camera.width)).any()
    assert people._comes(scene.actors[0], scene) == 0
