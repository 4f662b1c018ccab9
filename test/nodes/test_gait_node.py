import os
import time
from functools import cached_property
from types import SimpleNamespace

import cv2
import numpy as np
import pytest
from action_msgs.msg import GoalStatus
from geometry_msgs.msg import PoseStamped
from pacing import Stepping
from rcl_interfaces.msg import Parameter, ParameterType, ParameterValue
from rcl_interfaces.srv import SetParameters
from rclpy.action import ActionClient

from rt_gait_ros.action import EnrollPerson, FollowPerson, WaitForPerson
from rt_gait_ros.gait import scene_file
from rt_gait_ros.msg import GaitIdentity, GaitIdentityArray, PersonTrackArray
from rt_gait_ros.nodes.conversions import tracks_to_message
from rt_gait_ros.nodes.gait_node import GaitNode
from rt_gait_ros.srv import ForgetPerson, ListPersons, MergePersons, RenamePerson, SetGallery
from rt_gait_ros.tracking.facing import upright
from rt_gait_ros.tracking.track import Track, TrackFrame, TrackState

from .conftest import words

RESULT = EnrollPerson.Result
UPRIGHT = upright(np.array([0.0, 0.0, -1.0]), np.array([0.0, 1.0, 0.0]))


class Asked:
    """A goal sent to an action of the gait node, and what came of it."""

    def __init__(self, ears, turn, kind, name, **fields) -> None:
        self._turn = turn
        self._client = ActionClient(ears, kind, f"/gait_node/{name}")
        turn(self._client.server_is_ready)
        self.feedback = []
        take = lambda message: self.feedback.append(message.feedback)  # noqa: E731
        sending = self._client.send_goal_async(kind.Goal(**fields), feedback_callback=take)
        turn(sending.done)
        self._handle = sending.result()
        self._answer = self._handle.get_result_async()

    def cancel(self) -> None:
        """Returns once that has been granted."""
        self._turn(self._handle.cancel_goal_async().done)

    @cached_property
    def result(self):
        self._turn(self._answer.done)
        self._client.destroy()
        return self._answer.result().result


def silhouette(number: int, width: int) -> np.ndarray:
    """A walker of a given breadth, whose legs swing."""
    picture = np.zeros((64, 64), np.uint8)
    cv2.ellipse(picture, (32, 24), (width, 20), 0, 0, 360, 255, -1)
    swing = int(8 * np.sin(number / 4))
    for foot in (32 - swing, 32 + swing):
        cv2.line(picture, (32, 40), (foot, 63), 255, 4)
    return picture


class Walkers(Stepping):
    """Publishes tracks at every turn; `widths` says who is there."""

    def __init__(self, ears) -> None:
        self.widths = {"aaaaa": 6}
        self.position: np.ndarray | None = None
        self.apart = 0.0  # pixels from one to the next
        self._ears = ears
        self._number = 0
        self._publisher = ears.create_publisher(PersonTrackArray, "person_tracks", 10)

    def step(self) -> None:
        self._number += 1
        tracks = [
            Track(
                body_id, TrackState.CONFIRMED, np.array([10 + self.apart * place, 10, 50, 100], np.float32),
                np.zeros(2), np.zeros((2, 2)),
                None, silhouette(self._number, width), 0.9, 0.9, self._number, 0, True, position=self.position,
                position_covariance=None if self.position is None else np.eye(3),
                orientation=None if self.position is None else UPRIGHT,
            )
            for place, (body_id, width) in enumerate(self.widths.items())
        ]  # fmt: skip
        frame = TrackFrame(time.time_ns(), "front", 640, 480, tracks=tracks)
        self._publisher.publish(tracks_to_message(frame))


@pytest.fixture
def gait(launch, ears, triton_server, tmp_path):
    ears.listen(GaitIdentityArray, "gait_identities")
    launch(
        "gait_node",
        {
            "triton_url": f"'{triton_server.url}'",
            "gallery": f"'{tmp_path}/people.gallery'",
            "accept_distance": "1000.0",
            "margin": "0.0",
            "beyond_calibration": "true",
        },
    )
    walkers = Walkers(ears)
    walkers.until(lambda: ears.heard["gait_identities"])
    return walkers


def enroll(ears, gait, *, between=lambda feedback: None, **fields):
    client = ActionClient(ears, EnrollPerson, "/gait_node/enroll_person")
    gait.until(client.server_is_ready)
    feedback = []
    sending = client.send_goal_async(EnrollPerson.Goal(**fields), feedback_callback=feedback.append)
    ears.until(sending.done)
    if sending.result().status < GoalStatus.STATUS_SUCCEEDED:
        between(feedback)
    answer = sending.result().get_result_async()
    gait.until(answer.done)
    client.destroy()
    return answer.result().result, [message.feedback for message in feedback]


def test_enrolled_walker_is_named(ears, gait):
    result, feedback = enroll(
        ears,
        gait,
        body_id="aaaaa",
        name="Ada",
        frames=150,
        timeout=600.0,
        between=lambda feedback: ears.until(lambda: feedback),
    )
    assert (result.error_code, result.error_msg) == (RESULT.ERROR_NONE, "")
    assert result.embeddings >= 1
    assert all(not message.views and "not known" in message.advice for message in feedback)  # treads on the spot
    assert {message.frames_wanted for message in feedback} == {150}
    gathered = [message.frames_gathered for message in feedback]
    assert gathered == sorted(gathered)

    def named():
        (identity,) = ears.heard["gait_identities"][-1].identities or [GaitIdentity()]
        return identity.status == GaitIdentity.STATUS_IDENTIFIED and identity

    identity = gait.until(named)
    assert (identity.body_id, identity.name, identity.person_id) == ("aaaaa", "Ada", result.person_id)
    assert identity.header.frame_id == "front"
    persons = ears.call(ListPersons, "/gait_node/list_persons")
    assert [person.name for person in persons.persons] == ["Ada"]
    assert persons.model == "gaitset_small_v3_stream"


@pytest.mark.parametrize(
    ("fields", "error", "line"),
    [
        ({"body_id": "zzzzz", "name": "Ada"}, RESULT.ERROR_UNKNOWN_BODY, "zzzzz"),
        ({"body_id": "aaaaa", "name": " "}, RESULT.ERROR_BAD_REQUEST, "is no name"),
        ({"body_id": "aaaaa", "name": "Ada", "timeout": -1.0}, RESULT.ERROR_BAD_REQUEST, "negative"),
        ({"body_id": "aaaaa", "name": "Ada", "frames": 1000, "timeout": 0.3}, RESULT.ERROR_TIMEOUT, "came in time"),
    ],
)
def test_enrolment_is_refused_with_a_reason(ears, gait, fields, error, line):
    result, _ = enroll(ears, gait, **fields)
    assert result.error_code == error
    assert line in result.error_msg
    assert result.person_id == ""


def test_taken_name_and_lost_track(ears, gait):
    assert enroll(ears, gait, name="Ada", frames=20)[0].error_code == RESULT.ERROR_NONE
    assert enroll(ears, gait, name="ada", frames=20)[0].error_code == RESULT.ERROR_DUPLICATE_NAME
    assert enroll(ears, gait, name="Ada", extend=True, frames=20)[0].error_code == RESULT.ERROR_NONE
    result, _ = enroll(ears, gait, name="Bob", frames=900, between=lambda feedback: gait.widths.clear())
    assert result.error_code == RESULT.ERROR_TRACK_LOST


def test_services_change_the_gallery(ears, gait, tmp_path):
    enroll(ears, gait, name="Ada", frames=20)
    enroll(ears, gait, name="Bob", frames=20)
    rename = ears.call(RenamePerson, "/gait_node/rename_person", person="Bob", new_name="Ada")
    assert not rename.success
    assert "already enrolled" in rename.message
    assert ears.call(RenamePerson, "/gait_node/rename_person", person="Bob", new_name="Bert").success
    assert ears.call(MergePersons, "/gait_node/merge_persons", into_person="Ada", from_person="Bert").success
    assert not ears.call(ForgetPerson, "/gait_node/forget_person", person="Bert").success
    aside = tmp_path / "people.gallery.corrupt-20260101T000000-abcd"
    aside.write_bytes(b"once a gallery")
    forgotten = ears.call(ForgetPerson, "/gait_node/forget_person", person="Ada")
    assert forgotten.success
    assert str(aside) in forgotten.message
    assert not ears.call(ListPersons, "/gait_node/list_persons").persons
    other = str(tmp_path / "other.gallery")
    assert ears.call(SetGallery, "/gait_node/set_gallery", path=other).success
    assert not ears.call(SetGallery, "/gait_node/set_gallery", path="/dev/null/x").success
    thesis = tmp_path / "thesis.pdf"
    thesis.write_bytes(b"%PDF")
    refused = ears.call(SetGallery, "/gait_node/set_gallery", path=str(thesis))
    assert (refused.success, thesis.read_bytes()) == (False, b"%PDF")
    assert "is not a gallery" in refused.message
    assert ears.call(ListPersons, "/gait_node/list_persons").path == other


def wait_for(ears, gait, *, cancel=False, **fields):
    goal = Asked(ears, gait.until, WaitForPerson, "wait_for_person", **fields)
    if cancel:
        goal.cancel()
    return goal.result


def test_waiting_for_a_person(ears, gait):
    nobody = wait_for(ears, gait, person="Ada", timeout=0.5)
    assert nobody.error_code == WaitForPerson.Result.ERROR_UNKNOWN_PERSON
    enroll(ears, gait, name="Ada", frames=20)
    seen = wait_for(ears, gait, person="Ada")
    assert (seen.error_code, seen.identity.name) == (WaitForPerson.Result.ERROR_NONE, "Ada")
    gait.widths.clear()
    gait.until(lambda: not ears.heard["gait_identities"][-1].identities)
    late = wait_for(ears, gait, timeout=0.3)
    assert late.error_code == WaitForPerson.Result.ERROR_TIMEOUT
    assert late.identity.body_id == ""
    assert wait_for(ears, gait, cancel=True).error_msg == "cancelled"


def test_a_wait_is_for_who_is_in_view_now(ears, gait):
    """What the node knew before it was deactivated, or before the tracker fell silent, is nobody's presence."""
    enroll(ears, gait, name="Ada", frames=20)
    gait.until(lambda: ears.heard["gait_identities"][-1].identities[0].status == GaitIdentity.STATUS_IDENTIFIED)
    assert wait_for(ears, gait, person="Ada").error_code == WaitForPerson.Result.ERROR_NONE
    gone = time.monotonic() + 2.5
    ears.until(lambda: time.monotonic() > gone)
    stale = Asked(ears, ears.until, WaitForPerson, "wait_for_person", person="Ada", timeout=0.3)
    assert "was not seen within" in stale.result.error_msg
    pending = Asked(ears, gait.until, WaitForPerson, "wait_for_person", person="Ada", min_confidence=1.0)
    assert ears.change_state("gait_node", "deactivate")
    assert "deactivated" in pending.result.error_msg
    asked = Asked(ears, ears.until, WaitForPerson, "wait_for_person", person="Ada")
    assert "inactive: activate it" in asked.result.error_msg


def test_a_followed_person_is_where_the_tracks_are(ears, gait):
    enroll(ears, gait, name="Ada", frames=20)
    poses = ears.listen(PoseStamped, "followed_pose")
    gait.position = np.array([-1.0, 0.5, 4.0])
    follow = Asked(ears, gait.until, FollowPerson, "follow_person", person="Ada")
    # perhaps first of tracks from before, without a position
    gait.until(lambda: follow.feedback and follow.feedback[-1].body_id and follow.feedback[-1].distance > 0.0)
    feedback = follow.feedback[-1]
    assert (feedback.name, feedback.body_id, feedback.lost) == ("Ada", "aaaaa", 0.0)
    assert feedback.distance == pytest.approx(np.hypot(1, 4), rel=1e-3)
    assert feedback.bearing == pytest.approx(np.arctan2(1, 4), rel=1e-3)
    assert feedback.offset == pytest.approx(35 / 320 - 1)
    gait.until(lambda: poses)
    assert (poses[-1].header.frame_id, poses[-1].pose.position.z) == ("front", 4.0)
    second = Asked(ears, gait.until, FollowPerson, "follow_person", person="Ada").result
    assert second.error_code == FollowPerson.Result.ERROR_BUSY
    assert "Ada is being followed" in second.error_msg
    gait.widths.clear()
    gait.until(lambda: follow.feedback[-1].lost > 0.5)
    assert np.isnan(follow.feedback[-1].distance)
    assert follow.feedback[-1].body_id == ""
    follow.cancel()  # as a behaviour tree does that changes its mind: the next goal comes at once
    following = Asked(ears, gait.until, FollowPerson, "follow_person", person="Ada", duration=0.1).result
    assert following.error_code == FollowPerson.Result.ERROR_NONE, following.error_msg
    assert (follow.result.error_code, follow.result.error_msg) == (FollowPerson.Result.ERROR_ENDED, "cancelled")


def test_following_ends_with_a_reason(ears, gait):
    result = FollowPerson.Result
    for fields, error, line in (
        ({"person": "Bob"}, result.ERROR_UNKNOWN_PERSON, "Bob"),
        ({"person": ""}, result.ERROR_UNKNOWN_PERSON, ""),
        ({"person": "Ada", "lost_timeout": -1.0}, result.ERROR_BAD_REQUEST, "lost_timeout is -1"),
        ({"person": "Ada", "duration": float("nan")}, result.ERROR_BAD_REQUEST, "duration is nan"),
        ({"person": "Ada", "min_confidence": 2.0}, result.ERROR_BAD_REQUEST, "min_confidence is 2"),
    ):
        refused = Asked(ears, gait.until, FollowPerson, "follow_person", **fields).result
        assert refused.error_code == error
        assert line in refused.error_msg
    enroll(ears, gait, name="Ada", frames=20)
    gait.until(lambda: ears.heard["gait_identities"][-1].identities[0].name == "Ada")
    for duration in (1.0, 10.0, 100.0):  # a busy machine may not see her within a second
        enough = Asked(ears, gait.until, FollowPerson, "follow_person", person="Ada", duration=duration).result
        if enough.seen > 0.0 and enough.body_id:
            break
    assert (enough.error_code, enough.body_id) == (result.ERROR_NONE, "aaaaa")
    assert enough.seen > 0.0
    forgotten = Asked(ears, gait.until, FollowPerson, "follow_person", person="Ada")
    assert ears.call(ForgetPerson, "/gait_node/forget_person", person="Ada").success
    assert forgotten.result.error_code == result.ERROR_FORGOTTEN
    assert "Ada is no longer in the gallery" in forgotten.result.error_msg
    enroll(ears, gait, name="Bob", frames=20)
    gait.widths.clear()
    gait.until(lambda: not ears.heard["gait_identities"][-1].identities)
    lost = Asked(ears, gait.until, FollowPerson, "follow_person", person="Bob", lost_timeout=0.5).result
    assert lost.error_code == result.ERROR_LOST
    assert "Bob was not seen for 0.5 s" in lost.error_msg
    pending = Asked(ears, gait.until, FollowPerson, "follow_person", person="Bob")
    assert ears.change_state("gait_node", "deactivate")
    assert pending.result.error_code == result.ERROR_ENDED


def test_whom_the_parameter_says_is_followed(ears, gait):
    poses = ears.listen(PoseStamped, "followed_pose")
    gait.position = np.array([0.0, 0.5, 4.0])
    enroll(ears, gait, name="艾达 🙂", frames=20)
    wanted = ParameterValue(type=ParameterType.PARAMETER_STRING, string_value="艾达 🙂")
    asked = [Parameter(name="follow", value=wanted)]
    assert ears.call(SetParameters, "/gait_node/set_parameters", parameters=asked).results[0].successful
    gait.until(lambda: poses)
    assert ears.call(ForgetPerson, "/gait_node/forget_person", person="艾达 🙂").success
    gait.until(lambda: "parameter 'follow'" in ears.diagnosis("gait_node").get("message", ""))


def test_waiting_without_sense_is_refused(ears, gait):
    for fields, line in (
        ({"timeout": -1.0}, "timeout is -1"),
        ({"timeout": float("nan")}, "timeout is nan"),
        ({"min_confidence": float("nan")}, "min_confidence is nan"),
        ({"min_confidence": 60.0}, "min_confidence is 60"),
    ):
        refused = wait_for(ears, gait, person="Ada", **fields)
        assert refused.error_code == WaitForPerson.Result.ERROR_BAD_REQUEST
        assert line in refused.error_msg


def test_services_before_configuring_say_so(launch, ears, tmp_path):
    parameters = {"autostart": "false", "gallery": f"'{tmp_path}/g'", "gallery_folder": "'~nobody_of_this_name/g'"}
    node = launch("gait_node", parameters)
    answer = ears.call(ForgetPerson, "/gait_node/forget_person", person="Ada")
    assert not answer.success
    assert "configure it first" in answer.message
    assert not ears.change_state("gait_node", "configure")
    node.wait_until_says("cannot configure: ~nobody_of_this_name/g: there is no user nobody_of_this_name here")
    assert "Traceback" not in node.said


def test_what_walkers_share_is_kept_when_the_node_ends(ears, launch, tmp_path):
    ears.listen(GaitIdentityArray, "gait_identities")
    gallery = tmp_path / "people.gallery"
    node = launch("gait_node", {"inference": "onnxruntime", "model": "gait_energy_image", "gallery": f"'{gallery}'"})
    walkers = Walkers(ears)
    walkers.until(lambda: ears.heard["gait_identities"])
    walkers.until(lambda: "0 walkers seen" in ears.diagnosis("gait_node").get("scene", ""))
    enroll(ears, walkers, name="Ada", frames=40)
    walkers.until(lambda: [i.status for i in ears.heard["gait_identities"][-1].identities] != [0])
    node.end()
    (file,) = scene_file.files(scene_file.folder_of(gallery))
    assert scene_file.name_of(file) == "front"
    assert scene_file.read(file).votes.shape == (1, 1, 2816)
    assert file.stat().st_mode & 0o777 == 0o600


def test_no_caller_leads_set_gallery_out_of_its_folder_or_the_node_astray(ears, launch, tmp_path):
    gallery = tmp_path / "own" / "people.gallery"
    launch("gait_node", {"inference": "onnxruntime", "model": "gait_energy_image", "gallery": f"'{gallery}'"})
    assert ears.call(SetGallery, "/gait_node/set_gallery", path="guests.gallery").success
    os.mkfifo(gallery.parent / "pipe")
    (gallery.parent / "zero").symlink_to("/dev/zero")
    names = (
        "n" * 300,
        "~nobodyofthatname/x",
        "../x.gallery",
        "pipe",
        "zero",
        "/dev/zero",
        str(tmp_path / "x"),
        "\x1b[31m",
    )
    for path in names:
        refused = ears.call(SetGallery, "/gait_node/set_gallery", path=path)
        assert not refused.success
        assert refused.message.isprintable()
    assert ears.call(ListPersons, "/gait_node/list_persons").path == str(gallery.with_name("guests.gallery"))
    assert [path.name for path in tmp_path.iterdir() if path.name.startswith("x")] == []


LIGHTER = {"model_light": "gaitset_small_v3", "capacity": "0.2", "capacity_light": "100.0"}


def test_more_people_have_the_lighter_network_look_at_them_and_looks_still_count(launch, ears, triton_server, tmp_path):
    ears.listen(GaitIdentityArray, "gait_identities")
    parameters = {
        "triton_url": f"'{triton_server.url}'",
        "gallery": f"'{tmp_path}/people.gallery'",
        "accept_distance": "1000.0",
        "margin": "0.0",
        "beyond_calibration": "true",
        # an eighth of a look a second at each: no machine answers these too late
        "refresh_every": "200",
        "agreeing_embeddings": "1",
        "deadline": "60.0",
        **LIGHTER,
    }
    node = launch("gait_node", parameters)
    gait = Walkers(ears)
    gait.until(lambda: ears.heard["gait_identities"])
    result, _ = enroll(ears, gait, body_id="aaaaa", name="Ada", frames=20, timeout=600.0)
    assert (result.error_code, result.error_msg) == (RESULT.ERROR_NONE, "")

    def name():
        (first, *_) = ears.heard["gait_identities"][-1].identities or [GaitIdentity()]
        return first.name

    gait.until(lambda: name() == "Ada")
    assert gait.until(lambda: ears.diagnosis("gait_node").get("network")) == "gaitset_small_v3_stream"
    gait.apart = 300.0  # who is near may be the other: then nothing seen before counts
    gait.widths["bbbbb"] = 14
    gait.until(lambda: ears.diagnosis("gait_node").get("network") == "gaitset_small_v3")
    assert ears.diagnosis("gait_node")["embeddings"] == "comparable with the gallery's"
    node.wait_until_says("names and evidence are kept")
    gait.until(lambda: ears.heard["gait_identities"][-1].model == "gaitset_small_v3")
    since = [message for message in ears.heard["gait_identities"] if message.model == "gaitset_small_v3"]
    hers = [each for message in since for each in message.identities if each.body_id == "aaaaa"]
    assert hers
    assert GaitIdentity.STATUS_COLLECTING not in {identity.status for identity in hers}  # her look still counts


def test_a_lighter_networks_mover_that_is_closed_meanwhile_is_read_once():
    said = []

    class Stepped:
        problem = "slow"

        def step(self, people):
            node._mover = None  # as another thread does that stops the node

        def notices(self):
            return []

    node = SimpleNamespace(_mover=Stepped(), _tell=lambda *words: said.append(words))
    GaitNode._move(node, 1)
    assert said == [("networks", "slow")]


def test_a_lighter_network_of_which_nothing_is_known_ends_the_node_with_one_line(in_turn, tmp_path):
    bad = [
        ({"capacity": "0.0"}, "nobody has measured how many looks a second gaitset_small_v3_stream carries here"),
        ({"capacity": "200.0"}, "gaitset_small_v3 carries 100 looks a second and gaitset_small_v3_stream 200"),
        ({"model_light": "gaitset_small_v3_stream"}, "name another network, or none"),
        ({"frame_rate": "0.0"}, "model_light needs a frame_rate above 0"),
    ]
    common = {"gallery": f"'{tmp_path}/people.gallery'"} | LIGHTER
    for (code, said), (_, line) in zip(in_turn(*(words("gait_node", common | change) for change, _ in bad)), bad,
                                       strict=True):  # fmt: skip
        assert code == 2
        assert line in said
        assert "Traceback" not in said
