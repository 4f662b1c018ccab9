import array

import numpy as np
import pytest
from rclpy.serialization import deserialize_message, serialize_message

from rt_gait_ros.gait.identity import Candidate, Identity, IdentityFrame, IdentityStatus
from rt_gait_ros.msg import GaitIdentityArray, PersonPoseArray, PersonTrackArray
from rt_gait_ros.nodes import conversions
from rt_gait_ros.nodes.conversions import MalformedMessage
from rt_gait_ros.nodes.message_records import record_of
from rt_gait_ros.pose.person import PersonPose, PoseFrame
from rt_gait_ros.silhouette.kinds import GAIT_FRAME_KINDS
from rt_gait_ros.tracking.track import Track, TrackFrame, TrackState

STAMP = 1_700_000_000_123_456_789


def keypoints() -> np.ndarray:
    points = np.arange(54, dtype=np.float32).reshape(18, 3)
    points[:, 2] = 0.5
    points[3] = np.nan, np.nan, 0.0
    return points


def gait_frame(kind: str) -> np.ndarray:
    known = GAIT_FRAME_KINDS[kind]
    return np.arange(np.prod(known.shape)).reshape(known.shape).astype(known.dtype)


def pose_frame(kind: str = "silhouette") -> PoseFrame:
    box = np.array([10.0, 20.0, 30.0, 40.0], np.float32)
    return PoseFrame(
        STAMP,
        "camera",
        640,
        480,
        gait_frame_kind=kind,
        people=[
            PersonPose(keypoints(), box, 0.75, gait_frame(kind), 0.5),
            PersonPose(keypoints(), box, 0.25),
        ],
    )


def over_the_wire(message):
    return deserialize_message(serialize_message(message), type(message))


@pytest.mark.parametrize("kind", GAIT_FRAME_KINDS)
def test_poses_come_back_from_their_message(kind):
    before = pose_frame(kind)
    after = conversions.poses_from_message(over_the_wire(conversions.poses_to_message(before)))
    assert (after.stamp, after.frame_id, after.width, after.height) == (STAMP, "camera", 640, 480)
    for old, new in zip(before.people, after.people, strict=True):
        np.testing.assert_array_equal(new.keypoints, old.keypoints)
        np.testing.assert_array_equal(new.box, old.box)
        assert new.confidence == old.confidence
        assert new.quality == old.quality
        assert (new.gait_frame is None) == (old.gait_frame is None)
    np.testing.assert_array_equal(after.people[0].gait_frame, before.people[0].gait_frame)
    assert after.people[0].gait_frame.dtype == before.people[0].gait_frame.dtype


def test_a_frame_that_is_kept_keeps_nothing_of_the_others():
    data = serialize_message(conversions.poses_to_message(pose_frame()))
    after = conversions.poses_from_message(record_of(data, PersonPoseArray))
    assert after.people[0].gait_frame.base is None


@pytest.mark.parametrize(
    ("box", "roi"),
    [
        ([10.2, 20.0, 30.0, 40.0], [10, 20, 31, 40]),
        ([-5.0, -5.0, 20.0, 20.0], [0, 0, 15, 15]),
        ([630.0, 470.0, 50.0, 50.0], [630, 470, 10, 10]),
        ([700.0, 20.0, 30.0, 40.0], [0, 0, 0, 0]),
        ([np.nan, 20.0, 30.0, 40.0], [0, 0, 0, 0]),
        ([10.0, 20.0, np.inf, 40.0], [0, 0, 0, 0]),
    ],
)
def test_boxes_are_clipped_to_the_image(box, roi):
    frame = pose_frame()
    frame.people[0].box = np.array(box, np.float32)
    after = conversions.poses_from_message(conversions.poses_to_message(frame))
    np.testing.assert_array_equal(after.people[0].box, roi)


def track(**fields) -> Track:
    values = {
        "body_id": "abcde",
        "state": TrackState.CONFIRMED,
        "box": np.array([1, 2, 3, 4], np.float32),
        "velocity": np.array([5, -6], np.float32),
        "velocity_covariance": np.array([[1.0, 0.5], [0.5, 2.0]]),
        "keypoints": keypoints(),
        "gait_frame": gait_frame("silhouette"),
        "quality": 0.5,
        "confidence": 0.75,
        "age": 7,
        "missed": 0,
        "walking": True,
        "walking_reason": "joints move as in a walk",
    }
    return Track(**(values | fields))


def test_tracks_come_back_from_their_message():
    still = {"walking": False, "walking_reason": ""}
    occluded = track(state=TrackState.OCCLUDED, keypoints=None, gait_frame=None, quality=0.0, missed=3, **still)
    placed = track(
        body_id="fghij",
        former_id="klmno",
        position=np.array([1.0, 2.0, 3.0]),
        position_covariance=np.diag([1.0, 2.0, 3.0]),
        orientation=np.array([0.5, -0.5, 0.5, -0.5]),
        stature=(1.75, 0.0625),
    )
    before = TrackFrame(STAMP, "camera", 640, 480, tracks=[track(), occluded, placed])
    after = conversions.tracks_from_message(over_the_wire(conversions.tracks_to_message(before)))
    assert (after.layout, after.gait_frame_kind) == ("trt_pose", "silhouette")
    for old, new in zip(before.tracks, after.tracks, strict=True):
        for name in (
            "body_id",
            "former_id",
            "state",
            "quality",
            "confidence",
            "age",
            "missed",
            "walking",
            "walking_reason",
            "stature",
        ):
            assert getattr(new, name) == getattr(old, name)
        for name in (
            "box",
            "velocity",
            "velocity_covariance",
            "keypoints",
            "gait_frame",
            "position",
            "position_covariance",
            "orientation",
        ):
            wanted, got = getattr(old, name), getattr(new, name)
            assert (got is None) == (wanted is None), name
            if wanted is not None:
                np.testing.assert_array_equal(got, wanted)


@pytest.mark.parametrize("motion", [None, np.array([[1.0, 0.25, -3.5], [-0.25, 1.0, 2.0]])])
def test_the_camera_motion_comes_back(motion):
    before = pose_frame()
    before.camera_motion = motion
    after = conversions.poses_from_message(over_the_wire(conversions.poses_to_message(before)))
    np.testing.assert_array_equal(after.camera_motion, motion)


@pytest.mark.parametrize("values", [[1.0], [1.0] * 5 + [np.nan], [np.inf] + [0.0] * 5, [0.0] * 7])
def test_a_camera_motion_that_is_none_is_refused(values):
    message = conversions.poses_to_message(pose_frame())
    message.camera_motion = array.array("f", values)
    with pytest.raises(MalformedMessage, match="camera_motion"):
        conversions.poses_from_message(message)


def test_identities_come_back_from_their_message():
    known = Identity(
        "abcde", IdentityStatus.IDENTIFIED, STAMP, "p1", "Ada", 0.5, 0.25, 30, (Candidate("p1", "Ada", 0.5, 0.125),)
    )
    new = Identity("fghij", IdentityStatus.COLLECTING, STAMP, reason="does not walk")
    before = IdentityFrame(STAMP, "camera", "gait_energy_image", [known, new], ["fghij"])
    after = conversions.identities_from_message(over_the_wire(conversions.identities_to_message(before)))
    assert after.identities[0] == known
    assert np.isnan(after.identities[1].confidence)
    assert after.identities[1].reason == "does not walk"
    assert (after.stamp, after.model, after.contradicted) == (STAMP, "gait_energy_image", ["fghij"])


def _set(path: str, value):
    def spoil(message):
        *parents, name = path.split(".")
        for parent in parents:
            message = getattr(message, parent)
        setattr(message, name, value)

    return spoil


def _floats(*values: float) -> "array.array[float]":
    return array.array("f", values)


@pytest.mark.parametrize(
    ("spoil", "line"),
    [
        (_set("keypoints", _floats(1, 2, 3)), "3 keypoint values where layout trt_pose has 54"),
        (_set("keypoints", _floats(*([np.nan, 1, 0.5] * 18))), "not finite"),
        (_set("keypoints", _floats(*([1, 1, 1.5] * 18))), "not within 0..1"),
        (_set("keypoints", _floats(*([1, 1, np.nan] * 18))), "not within 0..1"),
        (_set("confidence", float("nan")), "confidence is nan"),
        (_set("quality", 2.0), "quality is 2.0"),
        (_set("gait_frame.width", 63), "gait frame is 63x64"),
        (_set("gait_frame.encoding", "bgr8"), "'bgr8'"),
        (_set("gait_frame.data", array.array("B", bytes(64))), "64 bytes"),
    ],
)
def test_malformed_person_is_refused(spoil, line):
    message = conversions.poses_to_message(pose_frame())
    spoil(message.people[0])
    with pytest.raises(MalformedMessage, match=line):
        conversions.poses_from_message(message)


@pytest.mark.parametrize("field", ["keypoint_layout", "gait_frame_kind"])
def test_unknown_vocabulary_is_refused(field):
    message = conversions.poses_to_message(pose_frame())
    setattr(message, field, "klingon")
    with pytest.raises(MalformedMessage, match="'klingon' is unknown"):
        conversions.poses_from_message(message)


@pytest.mark.parametrize(
    ("spoil", "line"),
    [
        (_set("body_id", "12345"), "REP-155"),
        (_set("body_id", "abcdef"), "REP-155"),
        (_set("state", 9), "state is 9"),
        (_set("position.x", float("inf")), "not finite"),
        (_set("orientation.w", float("nan")), "orientation of track"),
        (_set("orientation.w", 0.0), "orientation of track"),
        (_set("stature", float("nan")), "stature of track"),
        (_set("stature_deviation", -1.0), "stature of track"),
    ],
)
def test_malformed_track_is_refused(spoil, line):
    placed = track(position=np.zeros(3), position_covariance=np.eye(3))
    message = conversions.tracks_to_message(TrackFrame(STAMP, "camera", 640, 480, tracks=[placed]))
    spoil(message.tracks[0])
    with pytest.raises(MalformedMessage, match=line):
        conversions.tracks_from_message(message)


@pytest.mark.parametrize("whose", ["identities[0]", "identities[0].candidates[0]"])
def test_a_confidence_that_is_none_is_refused(whose):
    known = Identity(
        "abcde", IdentityStatus.IDENTIFIED, STAMP, "p1", "Ada", 0.5, 0.25, 30, (Candidate("p1", "Ada", 0.5, 0.1),)
    )
    message = conversions.identities_to_message(IdentityFrame(STAMP, "camera", "gait_energy_image", [known]))
    person = message.identities[0] if whose == "identities[0]" else message.identities[0].candidates[0]
    person.confidence = float("inf")
    with pytest.raises(MalformedMessage, match="confidence is inf"):
        conversions.identities_from_message(message)


@pytest.mark.parametrize(("field", "other"), [("keypoint_layout", "coco"), ("gait_frame_kind", "flow")])
def test_tracks_of_several_layouts_or_kinds_are_refused(field, other):
    message = conversions.tracks_to_message(TrackFrame(STAMP, "camera", 640, 480, tracks=[track(), track()]))
    setattr(message.tracks[1], field, other)
    with pytest.raises(MalformedMessage, match=f"several values of {field}: {other}, "):
        conversions.tracks_from_message(message)


def every_part(message):
    """A message and all messages within it."""
    yield message
    for name in message.get_fields_and_field_types():
        value = getattr(message, name)
        for part in value if isinstance(value, list) else [value]:
            if hasattr(part, "get_fields_and_field_types"):
                yield from every_part(part)


def test_what_is_said_of_one_is_changed_without_the_others():
    """Boxes outside the image, people without a gait frame and without a position: parts that say nothing."""
    outside = np.array([-9, -9, 3, 3], np.float32)
    poses = PoseFrame(STAMP, "camera", 640, 480, people=[PersonPose(keypoints(), outside, 0.5)] * 2)
    tracks = TrackFrame(STAMP, "camera", 640, 480, tracks=[track(box=outside, gait_frame=None), track(), track()])
    new = Identity("fghij", IdentityStatus.COLLECTING, STAMP)
    identities = IdentityFrame(STAMP, "camera", "gait_energy_image", [new, new], ["fghij"])
    for convert, frame in (
        (conversions.poses_to_message, poses),
        (conversions.tracks_to_message, tracks),
        (conversions.identities_to_message, identities),
    ):
        parts = [id(part) for message in (convert(frame), convert(frame)) for part in every_part(message)]
        assert len(set(parts)) == len(parts)
    covariance = conversions.tracks_to_message(tracks).tracks[0]
    covariance.position_covariance[:] = covariance.velocity_covariance[:] = 9.0
    again = conversions.tracks_to_message(tracks).tracks[0]
    assert max(again.position_covariance) == 0.0
    assert max(again.velocity_covariance) == 2.0


@pytest.mark.parametrize(
    ("convert", "kind"),
    [
        (conversions.poses_from_message, PersonPoseArray),
        (conversions.tracks_from_message, PersonTrackArray),
        (conversions.identities_from_message, GaitIdentityArray),
    ],
)
def test_empty_messages_are_fine(convert, kind):
    assert convert(kind()).stamp == 0
