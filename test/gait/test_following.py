import math

import numpy as np
import pytest

from rt_gait_ros.gait.following import Following, sight_of
from rt_gait_ros.gait.identity import Identity, IdentityFrame, IdentityStatus
from rt_gait_ros.tracking.camera import CameraModel
from rt_gait_ros.tracking.facing import upright
from rt_gait_ros.tracking.track import TrackFrame, TrackState

ADA, BOB = "ada-id", "bob-id"
LENS = np.array([[500.0, 0, 320], [0, 500.0, 240], [0, 0, 1]])


def named(body_id, person_id, confidence=0.9):
    return Identity(body_id, IdentityStatus.IDENTIFIED, 1, person_id=person_id, confidence=confidence)


def nameless(body_id, status=IdentityStatus.COLLECTING):
    return Identity(body_id, status, 1)


@pytest.fixture
def look(walk):
    """look(following, (track, identity), ..., now=1.0, contradicted=()) shows one image."""

    def show(following, *pairs, now=1.0, contradicted=()):
        tracks = TrackFrame(1, "camera", 640, 480, tracks=[track for track, _ in pairs])
        identities = IdentityFrame(1, "camera", "m", [i for _, i in pairs if i is not None], list(contradicted))
        return following.observe(tracks, identities, now)

    return show


@pytest.fixture
def following(look, walk):
    """Follows Ada, who is track aaaaa."""
    following = Following(ADA, 0.0, 0.0)
    assert look(following, (walk("aaaaa", 1), named("aaaaa", ADA))).track.body_id == "aaaaa"
    return following


def test_nobody_is_followed_before_the_name_is_given(look, walk):
    following = Following(ADA, 0.0, 0.0)
    assert look(following, (walk("aaaaa", 1), nameless("aaaaa")), (walk("bbbbb", 1), named("bbbbb", BOB))) is None
    assert following.lost(3.0) == 3.0


def test_a_track_stays_the_persons_through_moments_without_a_name(look, walk, following):
    for status in (IdentityStatus.COLLECTING, IdentityStatus.AMBIGUOUS, IdentityStatus.UNKNOWN):
        assert look(following, (walk("aaaaa", 1), nameless("aaaaa", status)))


@pytest.mark.parametrize(
    ("identity", "contradicted"),
    [(named("aaaaa", BOB), ()), (nameless("aaaaa"), ("aaaaa",)), (None, ())],
    ids=["named as another", "contradicted", "ended"],
)
def test_a_track_that_is_somebody_elses_or_ended_is_let_go(look, walk, following, identity, contradicted):
    assert look(following, (walk("aaaaa", 1), identity), contradicted=contradicted) is None
    assert following.body_id == ""
    assert look(following, (walk("aaaaa", 1), nameless("aaaaa"))) is None  # and does not come back by itself


def test_the_name_moves_the_eye_to_another_track(look, walk, following):
    seen = look(following, (walk("aaaaa", 1), nameless("aaaaa")), (walk("bbbbb", 1), named("bbbbb", ADA)))
    assert seen.track.body_id == "bbbbb"


def test_a_track_that_gets_another_id_is_followed_on(look, walk, following):
    assert look(following, (walk("ccccc", 1, former_id="aaaaa"), nameless("ccccc"))).track.body_id == "ccccc"


def test_a_hidden_person_is_lost_for_as_long_as_they_are_hidden(look, walk, following):
    hidden = walk("aaaaa", 1, state=TrackState.OCCLUDED, frame=False)
    assert look(following, (hidden, nameless("aaaaa")), now=2.0) is None
    assert following.lost(2.5) == pytest.approx(1.5)
    assert look(following, (walk("aaaaa", 1), nameless("aaaaa")), now=3.0)
    assert following.lost(3.5) == 0.0
    look(following, (walk("aaaaa", 1), nameless("aaaaa")), now=4.0)
    assert following.seen(4.0) == pytest.approx(1 / 4)  # from 3 to 4
    following.blind()
    assert following.lost(5.0) == pytest.approx(1.0)


def test_too_little_confidence_takes_no_track_but_keeps_one(look, walk):
    following = Following(ADA, 0.8, 0.0)
    assert look(following, (walk("aaaaa", 1), named("aaaaa", ADA, 0.7))) is None
    assert look(following, (walk("aaaaa", 1), named("aaaaa", ADA, math.nan))) is None
    assert look(following, (walk("aaaaa", 1), named("aaaaa", ADA, 0.9)))
    assert look(following, (walk("aaaaa", 1), named("aaaaa", ADA, 0.7)))


@pytest.mark.parametrize("tilt", [0.0, 0.4])
@pytest.mark.parametrize(
    ("aside", "ahead", "distance", "bearing"),
    [(0, 4, 4, 0), (-3, 4, 5, math.atan2(3, 4)), (3, 4, 5, -math.atan2(3, 4))],
)
def test_distance_and_bearing_are_along_the_ground(walk, tilt, aside, ahead, distance, bearing):
    camera = CameraModel(LENS, 1.5, tilt)
    forward = np.array([0, -math.sin(tilt), math.cos(tilt)])  # along the ground, in the optical frame
    track = walk("aaaaa", 1)
    track.position = aside * np.array([1.0, 0, 0]) + ahead * forward + 0.6 * camera.down
    track.orientation = upright(-track.position, camera.down)
    sight = sight_of(track, 640)
    assert (sight.distance, sight.bearing) == (pytest.approx(distance), pytest.approx(bearing))


def test_a_camera_that_looks_straight_down_has_a_bearing(walk):
    track = walk("aaaaa", 1)
    track.position, track.orientation = np.array([1.0, 0.0, 2.0]), upright(np.array([1.0, 0, 0]), np.array([0, 0, 1.0]))
    sight = sight_of(track, 640)
    assert (sight.distance, sight.bearing) == (pytest.approx(1.0), pytest.approx(-math.pi / 2))


def test_without_metres_there_is_the_place_in_the_image(walk):
    sight = sight_of(walk("aaaaa", 1), 100)
    assert math.isnan(sight.distance)
    assert math.isnan(sight.bearing)
    assert sight.offset == pytest.approx(-0.5)
    assert math.isnan(sight_of(walk("aaaaa", 1), 0).offset)
