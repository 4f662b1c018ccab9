"""What is said of a person, put together."""

import math

import numpy as np
from tracks import walking_track

from rt_gait_ros.gait.identity import Candidate, Identity, IdentityStatus
from rt_gait_ros.pipeline.seen import seen_person
from rt_gait_ros.tracking.track import TrackState

TRACK = walking_track(
    "abcde",
    box=np.array([1, 2, 3, 4], np.float32),
    confidence=0.75,
    age=9,
    position=np.array([0.5, 0.0, 4.0]),
    former_id="bcdef",
)
ADA, EVE = Candidate("p1", "Ada", 0.9, 0.31), Candidate("p2", "Eve", 0.05, 0.4)


def test_a_person_is_a_track_and_an_identity():
    identity = Identity("abcde", IdentityStatus.IDENTIFIED, 1, "p1", "Ada", 0.9, 0.09, 30, (ADA, EVE), "")
    person = seen_person(TRACK, identity)
    assert (person.body_id, person.state, person.former_id) == ("abcde", TrackState.CONFIRMED, "bcdef")
    assert (person.box is TRACK.box, person.position is TRACK.position, person.confidence) == (True, True, 0.75)
    assert (person.status, person.person_id, person.name) == (IdentityStatus.IDENTIFIED, "p1", "Ada")
    assert (person.probability, person.distance, person.frames) == (0.9, 0.31, 30)
    assert person.candidates == (ADA, EVE)


def test_who_has_no_name_has_the_reason_and_no_distance():
    identity = Identity("abcde", IdentityStatus.UNKNOWN, 1, confidence=1.0, reason="nobody is enrolled")
    person = seen_person(TRACK, identity)
    assert (person.name, person.reason, person.probability) == ("", "nobody is enrolled", 1.0)
    assert math.isnan(person.distance)
