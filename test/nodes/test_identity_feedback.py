"""The loop between the tracker and the gait node: who returns, and who was taken for somebody else."""

import time

import pytest
from pacing import Stepping, walker
from rclpy.action import ActionClient

from rt_gait_ros.action import EnrollPerson
from rt_gait_ros.gait.identity import Identity, IdentityFrame, IdentityStatus
from rt_gait_ros.msg import GaitIdentity, GaitIdentityArray, PersonPoseArray, PersonTrack, PersonTrackArray
from rt_gait_ros.nodes.conversions import identities_to_message, poses_to_message
from rt_gait_ros.nodes.headers import from_time
from rt_gait_ros.pose.person import PoseFrame

PERIOD = 40_000_000  # ns between images
NAMES = {"inference": "onnxruntime", "accept_distance": 0.3, "margin": 0.0, "beyond_calibration": True}

PAIR = """
from rt_gait_ros.nodes import runner
from rt_gait_ros.nodes.gait_node import GaitNode
from rt_gait_ros.nodes.tracker_node import TrackerNode

def build():
    tracker, gait = TrackerNode(), GaitNode()
    gait.inlet.link, tracker.feedback.link = tracker.outlet, gait.outlet
    return [tracker, gait]

raise SystemExit(runner.run(build, None, ""))
"""


class Pacer(Stepping):
    """Publishes people fifty times a second at most, each after the tracks of the one before; `breadths`: who is there.

    named: a gait node is there as well, whose identities are waited for once there are some.
    """

    _period = 0.02

    def __init__(self, ears, named: bool = False) -> None:
        self.breadths = [6]
        self.tracks = ears.listen(PersonTrackArray, "person_tracks")
        self.identities = ears.listen(GaitIdentityArray, "gait_identities")
        self._ears, self._number, self._start = ears, 0, time.time_ns()
        self._named = named
        self._publisher = ears.create_publisher(PersonPoseArray, "person_poses", 10)

    def step(self) -> None:
        self._number += 1
        people = [walker(self._number + 150 * n, breadth) for n, breadth in enumerate(self.breadths)]
        self._sent = self._start + self._number * PERIOD
        self._answers = self.identities if self._named and self.identities else self.tracks
        self._publisher.publish(poses_to_message(PoseFrame(self._sent, "front", 1280, 720, people=people)))

    @property
    def confirmed(self) -> list[PersonTrack]:
        """Of the newest array."""
        newest = self.tracks[-1].tracks if self.tracks else []
        return [track for track in newest if track.state == PersonTrack.STATE_CONFIRMED]

    def leave_and_return(self) -> str:
        """Nobody is there until all tracks are lost; returns the id of the next one."""
        breadths, self.breadths = self.breadths, []
        self.until(lambda: self.tracks and not self.tracks[-1].tracks)
        self.breadths = breadths
        return self.until(lambda: self.confirmed)[0].body_id


def say(publisher, body_id: str, person_id: str, stamp: int, contradicted=()) -> None:
    status = IdentityStatus.IDENTIFIED if person_id else IdentityStatus.UNKNOWN
    known = Identity(body_id, status, stamp, person_id, person_id)
    publisher.publish(identities_to_message(IdentityFrame(stamp, "front", "model", [known], list(contradicted))))


@pytest.fixture
def tracked(launch, ears):
    """tracked(parameters): a Pacer before a tracker node alone, and a publisher in the gait node's place."""

    def start(parameters):
        pacer = Pacer(ears)
        publisher = ears.create_publisher(GaitIdentityArray, "gait_identities", 10)
        launch("tracker_node", {"lost_after": "0.5", **parameters})
        pacer.until(lambda: pacer.confirmed)
        return pacer, publisher

    return start


def test_what_the_gait_node_says_changes_the_tracks(tracked, ears):
    pacer, publisher = tracked({})
    ears.until(publisher.get_subscription_count)
    (ada,) = {track.body_id for track in pacer.confirmed}

    def name(body_id, **more):
        newest = from_time(pacer.tracks[-1].header.stamp)
        return lambda: say(publisher, body_id, "p1", newest, **more) or pacer.confirmed

    since = from_time(pacer.tracks[-1].header.stamp)  # a name counts when it has stood for a second
    pacer.until(lambda: name(ada)() and from_time(pacer.tracks[-1].header.stamp) - since > 1.5e9)
    again = pacer.leave_and_return()
    assert again != ada
    pacer.until(lambda: name(again)() and pacer.confirmed[0].body_id == ada)
    renamed = [track for array in pacer.tracks for track in array.tracks if track.former_id]
    assert [(track.body_id, track.former_id) for track in renamed] == [(ada, again)]
    assert any(t.body_id == again and t.state == PersonTrack.STATE_LOST for a in pacer.tracks for t in a.tracks)

    def taken_away() -> None:
        say(publisher, ada, "", from_time(pacer.tracks[-1].header.stamp), contradicted=[ada])

    (fresh,) = pacer.until(lambda: taken_away() or (pacer.confirmed and {t.body_id for t in pacer.confirmed} - {ada}))
    assert fresh != again
    ears.until(lambda: ears.diagnosis("tracker_node").get("tracks split") == "1")
    assert ears.diagnosis("tracker_node")["tracks reattached"] == "1"


def test_feedback_can_be_switched_off(tracked, ears):
    pacer, publisher = tracked({"identity_feedback": "false"})
    body_id = pacer.confirmed[0].body_id
    seen = len(pacer.tracks)
    newest = from_time(pacer.tracks[-1].header.stamp)
    pacer.until(lambda: say(publisher, body_id, "", newest, [body_id]) or len(pacer.tracks) > seen + 20)
    assert {track.body_id for array in pacer.tracks for track in array.tracks} == {body_id}


def test_identities_that_make_no_sense_are_told_and_skipped(tracked, ears):
    pacer, publisher = tracked({})
    broken = GaitIdentityArray(identities=[GaitIdentity(body_id="abcde", status=9)])
    said = "skipped what the gait stage said: status is 9, which the message does not define"
    pacer.until(lambda: publisher.publish(broken) or said in ears.diagnosis("tracker_node").get("message", ""))
    pacer.until(lambda: said not in ears.diagnosis("tracker_node")["message"] or say(publisher, "zzzzz", "p1", 0))
    assert len({track.body_id for array in pacer.tracks for track in array.tracks}) == 1


def enroll(ears, pacer, name: str) -> str:
    client = ActionClient(ears, EnrollPerson, "/gait_node/enroll_person")
    pacer.until(client.server_is_ready)
    sending = client.send_goal_async(EnrollPerson.Goal(name=name, frames=30))
    pacer.until(sending.done)
    answer = sending.result().get_result_async()
    pacer.until(answer.done)
    client.destroy()
    result = answer.result().result
    assert result.error_msg == ""
    return result.person_id


def named(pacer, body_id: str, person_id: str):
    """The newest array's identity of that track, when it is that person's."""
    newest = pacer.identities[-1].identities if pacer.identities else []
    return next((i for i in newest if (i.body_id, i.person_id) == (body_id, person_id)), None)


def test_two_nodes_keep_a_person_to_one_body(launch, ears, tmp_path):
    pacer = Pacer(ears, named=True)
    launch("tracker_node", {"lost_after": "0.5"})
    launch("gait_node", {**NAMES, "gallery": f"'{tmp_path}/people.gallery'"})
    check_that_a_person_keeps_the_body(ears, pacer)


def test_in_one_process_the_nodes_hand_each_other_objects(launch, ears, tmp_path):
    pacer = Pacer(ears, named=True)
    parameters = {**NAMES, "gallery": f"'{tmp_path}/people.gallery'"}
    of_the_gait_node = {f"gait_node:{name}": value for name, value in parameters.items()}
    launch("pair", {"tracker_node:lost_after": "0.5", **of_the_gait_node}, code=PAIR)
    check_that_a_person_keeps_the_body(ears, pacer)


def check_that_a_person_keeps_the_body(ears, pacer) -> None:
    pacer.until(lambda: pacer.identities and pacer.confirmed)
    person = enroll(ears, pacer, "Ada")
    ada = pacer.confirmed[0].body_id
    since = from_time(pacer.until(lambda: named(pacer, ada, person)).header.stamp)
    pacer.until(lambda: from_time(pacer.identities[-1].header.stamp) - since > 1.5e9 and named(pacer, ada, person))
    again = pacer.leave_and_return()
    assert again != ada
    pacer.until(lambda: named(pacer, ada, person))
    renamed = next(a for a in pacer.tracks if any(t.former_id for t in a.tracks))
    assert [(t.body_id, t.former_id) for t in renamed.tracks if t.former_id] == [(ada, again)]
    # what was gathered under the other id counts: the name stands from the first array with the old one
    about = next(i for i in pacer.identities if i.header.stamp == renamed.header.stamp)
    assert [(i.body_id, i.person_id) for i in about.identities] == [(ada, person)]
    pacer.breadths = [22]  # somebody else, whom the tracker takes for Ada
    (other,) = pacer.until(lambda: pacer.confirmed and {t.body_id for t in pacer.confirmed} - {ada})
    assert other != again
    assert any(array.contradicted == [ada] for array in pacer.identities)
