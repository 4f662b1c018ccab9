"""Waiting for a person and following one: goals of a real gait node."""

import time

import numpy as np
import pytest
from gait_goals import Asked, enroll
from geometry_msgs.msg import PoseStamped
from rcl_interfaces.msg import Parameter, ParameterType, ParameterValue
from rcl_interfaces.srv import SetParameters

from rt_gait_ros.action import FollowPerson, WaitForPerson
from rt_gait_ros.msg import GaitIdentity
from rt_gait_ros.srv import ForgetPerson


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
