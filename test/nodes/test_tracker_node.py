import array
import time

import numpy as np
from pacing import Stepping

from rt_gait_ros.msg import PersonPoseArray, PersonTrack, PersonTrackArray
from rt_gait_ros.nodes.conversions import poses_to_message
from rt_gait_ros.nodes.headers import from_time
from rt_gait_ros.pose.person import PersonPose, PoseFrame


def poses(stamp: int, people: int = 1) -> PersonPoseArray:
    walker = PersonPose(
        np.column_stack([np.full(18, 120.0), np.linspace(60, 240, 18), np.full(18, 0.9)]).astype(np.float32),
        np.array([100, 50, 60, 200], np.float32),
        0.9,
    )
    return poses_to_message(PoseFrame(stamp, "front", 640, 480, people=[walker] * people))


class Walk(Stepping):
    """Publishes `people` at one place, each image after the tracks of the one before."""

    def __init__(self, ears) -> None:
        self.people = 1
        self.tracks = self._answers = ears.listen(PersonTrackArray, "person_tracks")
        self._ears, self._sent = ears, time.time_ns()
        self.publisher = ears.create_publisher(PersonPoseArray, "person_poses", 10)

    def step(self) -> None:
        self._sent += 40_000_000
        self.publisher.publish(poses(self._sent, self.people))


def test_every_image_gets_tracks_and_empty_ones_too(launch, ears):
    walk = Walk(ears)
    tracks = walk.tracks
    launch("tracker_node", {"lost_after": "0.5"})
    ears.until(lambda: walk.publisher.get_subscription_count() and ears.count_publishers("/person_tracks"))
    walk.until(lambda: any(t.state == PersonTrack.STATE_CONFIRMED for m in tracks for t in m.tracks))
    (body_id,) = {track.body_id for message in tracks for track in message.tracks}
    walk.people = 0
    walk.until(lambda: any(t.state == PersonTrack.STATE_LOST for m in tracks for t in m.tracks))
    walk.until(lambda: not tracks[-1].tracks)
    assert {t.body_id for m in tracks for t in m.tracks} == {body_id}
    stamps = [from_time(message.header.stamp) for message in tracks]
    steps = np.diff(stamps)
    assert np.all((steps > 0) & (steps % 40_000_000 == 0))  # a busy machine drops some
    assert {message.header.frame_id for message in tracks} == {"front"}


def test_malformed_poses_are_told_once_and_skipped(launch, ears):
    tracks = ears.listen(PersonTrackArray, "person_tracks")
    publisher = ears.create_publisher(PersonPoseArray, "person_poses", 10)
    node = launch("tracker_node")

    def spoiled() -> None:
        message = poses(time.time_ns())
        message.people[0].keypoints = array.array("f", [np.nan] * 7)
        publisher.publish(message)

    ears.until(lambda: spoiled() or int(ears.diagnosis("tracker_node").get("malformed", 0)) > 3)
    assert not tracks
    assert node.said.count("7 keypoint values") == 1
    ears.until(lambda: publisher.publish(poses(time.time_ns())) or tracks)


def test_people_are_tracked_without_stamps_and_that_is_said(launch, ears):
    tracks = ears.listen(PersonTrackArray, "person_tracks")
    publisher = ears.create_publisher(PersonPoseArray, "person_poses", 10)
    launch("tracker_node")
    confirmed = lambda: any(t.state == PersonTrack.STATE_CONFIRMED for m in tracks for t in m.tracks)  # noqa: E731
    ears.until(lambda: publisher.publish(poses(0)) or confirmed())
    said = lambda: ears.diagnosis("tracker_node").get("message", "")  # noqa: E731
    ears.until(lambda: "header.stamp on /person_poses is 0: the time of arrival is used" in said())
    newest = from_time(tracks[-1].header.stamp)
    assert abs(newest - time.time_ns()) < 60 * 10**9


def test_two_senders_with_clocks_apart_are_told(launch, ears):
    one, other = (ears.create_publisher(PersonPoseArray, "person_poses", 10) for _ in range(2))
    launch("tracker_node")
    said = lambda: ears.diagnosis("tracker_node").get("message", "")  # noqa: E731

    def both() -> None:
        one.publish(poses(time.time_ns()))
        other.publish(poses(time.time_ns() + 2 * 10**9))

    ears.until(lambda: both() or "two senders with clocks apart share it" in said())


def test_what_bad_messages_say_reaches_the_log_escaped_cut_and_seldom(launch, ears):
    publisher = ears.create_publisher(PersonPoseArray, "person_poses", 10)
    node = launch("tracker_node")
    number, began = [0], time.monotonic()

    def spoiled() -> None:
        message = poses(time.time_ns())
        number[0] += 1
        message.keypoint_layout = f"{number[0]}\x1b[2J\nfake line" + "x" * 10_000
        publisher.publish(message)

    ears.until(lambda: spoiled() or int(ears.diagnosis("tracker_node").get("malformed", 0)) > 50)
    lines = [line for line in node.said.splitlines() if "skipped what came in" in line]
    half_minutes = 1 + (time.monotonic() - began) // 30  # begun, each with three lines
    assert 1 <= len(lines) <= 3 * (1 + half_minutes)
    assert r"\x1b[2J\nfake line" in lines[0]
    assert "\x1b" not in node.said
    assert max(map(len, node.said.splitlines())) < 500
    assert len(ears.diagnosis("tracker_node")["message"]) <= 300
