import numpy as np
import pytest
from tracks import walking_track

from rt_gait_ros.gait.identity import Identity, IdentityFrame, IdentityStatus
from rt_gait_ros.tracking.track import TrackFrame, TrackState
from rt_gait_ros.web.words import MISSED, NodeReport, css, nodes_of, people_of, remembered, situation


def track(body_id="abcde", state=TrackState.CONFIRMED, position=None):
    return walking_track(body_id, state=state, position=position)


def people(*tracks, identities=()):
    return people_of(
        TrackFrame(0, "camera", 640, 480, tracks=list(tracks)), IdentityFrame(0, "camera", "m", list(identities))
    )


def test_who_is_named_comes_first_and_who_has_left_not_at_all():
    ada = Identity("zzzzz", IdentityStatus.IDENTIFIED, 0, "p1", "Ada", 0.931)
    found = people(
        track(), track("zzzzz", position=np.array([0, 3, 4.0])), track("gone1", TrackState.LOST), identities=[ada]
    )
    assert [person["body_id"] for person in found] == ["zzzzz", "abcde"]
    assert (found[0]["name"], found[0]["probability"], found[0]["distance"]) == ("Ada", 0.93, 5.0)
    assert found[0]["reason"] == found[0]["headline"] == ""


def test_who_has_no_name_has_a_reason():
    unknown = Identity("abcde", IdentityStatus.UNKNOWN, 0, reason="is like nobody who is enrolled")
    assert people(track(), identities=[unknown])[0]["reason"] == "This person is like nobody who is enrolled."
    assert "just appeared" in people(track())[0]["reason"]
    assert "Nothing comes from gait_node" in people_of(TrackFrame(0, "", 640, 480, tracks=[track()]), None)[0]["reason"]


@pytest.mark.parametrize("name", ["李雷", "مريم", "👩‍🚀", "<img src=x onerror=alert(1)>"])
def test_a_name_comes_as_it_is(name):
    known = Identity("abcde", IdentityStatus.IDENTIFIED, 0, "p1", name, float("nan"))
    assert people(track(), identities=[known])[0]["name"] == name


def test_what_turns_a_line_around_is_shown_as_such():
    known = Identity("abcde", IdentityStatus.IDENTIFIED, 0, "p1", "a\u202eb\nc", 0.5)
    assert people(track(), identities=[known])[0]["name"] == "a\\u202eb\\nc"


def test_colours_of_opencv_become_those_of_a_style_sheet():
    assert css((1, 2, 255)) == "#ff0201"


def test_how_things_stand():
    def level(age, now=1.0, **nodes):
        reports = {name: NodeReport(level, message, 0.0) for name, (level, message) in nodes.items()}
        return situation(nodes_of(reports, now), age, "in ROS domain 3")

    well = dict.fromkeys(("tracker_node", "pose_node", "gait_node"), (0, ""))
    assert level(None)[0] == "gone"
    assert "domain 3" in level(None)[1]
    assert level(0.5, **well) == ("live", "Live")
    assert level(99.0, 50.0, **well)[0] == "gone"
    assert "no images come" in level(9.0, **well)[1]
    assert "pose_node: Triton is away" in level(9.0, **well | {"pose_node": (2, "Triton is away")})[1]
    assert "tracker_node is not running" in level(None, pose_node=(0, ""))[1]


def test_a_node_that_the_others_go_on_without_is_not_missed_for_ever():
    reports = {name: NodeReport(0, "", 100.0) for name in ("pose_node", "tracker_node", "overlay_node")}

    def sentence(now):
        heard = {name: NodeReport(0, "", now) for name in ("pose_node", "tracker_node")}
        return situation(nodes_of(remembered(reports | heard, now), now), 0.5, "")

    assert "overlay_node no longer answers" in sentence(100.0 + MISSED)[1]
    assert sentence(101.0 + MISSED) == ("live", "Live")
    all_ended = situation(nodes_of(remembered(reports, 500.0), 500.0), None, "")[1]
    assert "pose_node, tracker_node, overlay_node no longer answer" in all_ended
