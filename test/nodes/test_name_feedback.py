"""What the pose node hears of who has a name."""

import itertools

import numpy as np
import pytest
from patience import until
from sensor_msgs.msg import Image
from tracks import walking_track

from rt_gait_ros.errors import GaitError
from rt_gait_ros.gait.identity import Identity, IdentityFrame, IdentityStatus
from rt_gait_ros.msg import GaitIdentityArray, PersonTrackArray
from rt_gait_ros.nodes.conversions import identities_to_message, tracks_to_message
from rt_gait_ros.nodes.image_conversion import bgr_to_image
from rt_gait_ros.nodes.links import RESULT_QOS, Link
from rt_gait_ros.nodes.name_feedback import NameFeedback
from rt_gait_ros.tracking.track import TrackFrame

HURRIED = """
from rt_gait_ros.nodes import pose_node
from rt_gait_ros.pose.person import PoseFrame

class Pipeline(pose_node.PosePipeline):
    def process(self, frame):
        self.hurried = {hurried}
        return PoseFrame(frame.stamp, frame.frame_id, 320, 240)

    def hear_names(self, boxes, named, time):
        print("told", boxes.tolist(), named, round(time, 3), flush=True)

def refuse(feedback):
    raise RuntimeError("not allowed")

pose_node.PosePipeline = Pipeline
if {refused}:
    pose_node.NameFeedback.open = refuse
raise SystemExit(pose_node.main())
"""


def tracked(stamp: int, *bodies: str) -> TrackFrame:
    return TrackFrame(stamp, "front", 320, 240, tracks=[walking_track(body) for body in bodies])


def identified(stamp: int, *bodies: str) -> IdentityFrame:
    known = [Identity(body, IdentityStatus.IDENTIFIED, stamp, "p1", "Ada") for body in bodies]
    return IdentityFrame(stamp, "front", "model", known)


@pytest.fixture
def feedback(node):
    made = NameFeedback(node)
    yield made
    made.close()


@pytest.fixture
def publishers(node):
    tracks = node.create_publisher(PersonTrackArray, "person_tracks", RESULT_QOS)
    return tracks, node.create_publisher(GaitIdentityArray, "gait_identities", RESULT_QOS)


def test_the_newest_of_both_is_read_once_it_is_open(feedback, publishers):
    clock = itertools.count(1.0)
    assert feedback.read(next(clock)) is None
    assert [publisher.get_subscription_count() for publisher in publishers] == [0, 0]
    feedback.open()
    feedback.open()
    until(lambda: all(publisher.get_subscription_count() == 1 for publisher in publishers))
    assert feedback.read(next(clock)) is None
    for stamp in (40_000_000, 80_000_000):
        publishers[0].publish(tracks_to_message(tracked(stamp, "aaaaa")))
        publishers[1].publish(identities_to_message(identified(stamp, "aaaaa")))
    heard = []

    def newest() -> bool:
        feedback.look()
        heard.append(feedback.read(next(clock)))
        publishers[0].publish(tracks_to_message(tracked(120_000_000, "aaaaa", "bbbbb")))
        publishers[1].publish(identities_to_message(identified(120_000_000, "aaaaa")))
        return heard[-1] is not None and heard[-1][0].stamp == 120_000_000

    until(newest)
    tracks, identities = heard[-1]
    assert [track.body_id for track in tracks.tracks] == ["aaaaa", "bbbbb"]
    assert [identity.name for identity in identities.identified] == ["Ada"]


def test_what_makes_no_sense_is_an_error_and_the_next_is_read(node, feedback):
    clock = itertools.count(1.0)
    tracks = Link(node, PersonTrackArray, "tracks", RESULT_QOS)
    identities = Link(node, GaitIdentityArray, "identities", RESULT_QOS)
    feedback.tracks.link, feedback.identities.link = tracks, identities
    feedback.open()
    wrong = identities_to_message(identified(1, "aaaaa"))
    wrong.identities[0].status = 77
    tracks.send(tracked(1, "aaaaa"))
    identities.send(wrong)
    with pytest.raises(GaitError, match="status"):
        feedback.read(next(clock))
    tracks.send(tracked(2, "aaaaa"))
    identities.send(identified(2, "aaaaa"))
    assert feedback.read(next(clock)) is not None


def test_stages_of_one_process_hand_on_objects_and_they_are_read_now_and_then(node, feedback):
    tracks = Link(node, PersonTrackArray, "tracks", RESULT_QOS)
    identities = Link(node, GaitIdentityArray, "identities", RESULT_QOS)
    feedback.tracks.link, feedback.identities.link = tracks, identities
    tracks.send(tracked(1, "aaaaa"))
    feedback.open()
    assert feedback.read(1.0) is None  # it came before
    said = [(tracked(n, "aaaaa"), identified(n, "aaaaa")) for n in (2, 3)]
    for frame, names in said:
        tracks.send(frame)
        identities.send(names)
    assert feedback.read(1.01) is None  # too soon
    assert feedback.read(2.0) == said[1]
    assert feedback.read(3.0) is None  # nothing new
    feedback.close()
    assert not tracks.watched


@pytest.mark.parametrize("hurried", [True, False])
def test_a_pose_node_without_time_for_everybody_hears_who_has_a_name(launch, ears, hurried):
    images = ears.create_publisher(Image, "image_raw", 5)
    tracks = ears.create_publisher(PersonTrackArray, "person_tracks", 10)
    identities = ears.create_publisher(GaitIdentityArray, "gait_identities", 10)
    node = launch("pose_node", {"triton_url": "'127.0.0.1:1'"}, code=HURRIED.format(hurried=hurried, refused=False))
    stamp = itertools.count(40_000_000, 40_000_000)

    def step() -> None:
        now = next(stamp)
        images.publish(bgr_to_image(np.zeros((240, 320, 3), np.uint8), now, "front"))
        tracks.publish(tracks_to_message(tracked(now, "aaaaa", "bbbbb")))
        identities.publish(identities_to_message(identified(now, "aaaaa")))

    handled = lambda: int(ears.diagnosis("pose_node").get("received", 0)) > 40  # noqa: E731
    ears.until(lambda: step() or ("told" in node.said if hurried else handled()))
    assert (tracks.get_subscription_count() > 0) == hurried
    assert ("told [[100.0, 40.0, 60.0, 150.0]] [True]" in node.said) == hurried
    if hurried:
        assert ears.change_state("pose_node", "deactivate")
        ears.until(lambda: tracks.get_subscription_count() == 0)


def test_where_the_middleware_refuses_it_the_node_says_so_and_goes_on(launch, ears):
    images = ears.create_publisher(Image, "image_raw", 5)
    node = launch("pose_node", {"triton_url": "'127.0.0.1:1'"}, code=HURRIED.format(hurried=True, refused=True))
    stamp = itertools.count(40_000_000, 40_000_000)
    picture = np.zeros((240, 320, 3), np.uint8)

    def told() -> bool:
        images.publish(bgr_to_image(picture, next(stamp), "front"))
        return "cannot be heard: not allowed" in ears.diagnosis("pose_node").get("message", "")

    ears.until(told)
    before = int(ears.diagnosis("pose_node")["received"])
    ears.until(lambda: told() and int(ears.diagnosis("pose_node")["received"]) > before + 5)
    assert node.said.count("cannot be heard") == 1
