import numpy as np
import pytest
from tracks import walking_track
from visualization_msgs.msg import Marker

from rt_gait_ros.gait.identity import Identity, IdentityFrame, IdentityStatus
from rt_gait_ros.nodes.markers import BODY, Markers
from rt_gait_ros.overlay.draw import track_colours
from rt_gait_ros.tracking.track import Track, TrackFrame, TrackState


def track(body_id: str, state: TrackState = TrackState.CONFIRMED, place: tuple | None = (0.5, 0.1, 3.0)) -> Track:
    position = None if place is None else np.array(place)
    return walking_track(body_id, state=state, position=position, position_covariance=np.eye(3) / 100)


def shown(markers: Markers, stamp: int, *tracks: Track, name: str = "") -> list[Marker]:
    status = IdentityStatus.IDENTIFIED if name else IdentityStatus.COLLECTING
    identities = [Identity(t.body_id, status, stamp, "p1" if name else "", name) for t in tracks[:1]]
    frame = TrackFrame(stamp, "camera", 320, 240, tracks=list(tracks))
    return markers.update(frame, IdentityFrame(stamp, "camera", "gei", identities)).markers


def test_numbers_and_colours_stay_and_a_trail_grows():
    markers = Markers()
    first = shown(markers, 1, track("aaaaa"), track("bbbbb", place=(1, 0, 4)))
    second = shown(markers, 2, track("bbbbb", place=(1, 0, 4.1)), track("aaaaa"))
    bodies = [{(m.ns, m.id): m.color.r for m in seen if m.ns in BODY} for seen in (first, second)]
    assert bodies[0] == bodies[1]
    assert len(bodies[0]) == 6
    dots = [m.id for seen in (first, second) for m in seen if m.ns == "trails"]
    assert len(set(dots)) == 4
    assert all(m.lifetime.sec > 0 for m in second if m.action == Marker.ADD)


def test_who_leaves_is_deleted_at_once_and_who_is_hidden_fades():
    markers = Markers()
    assert shown(markers, 1, track("aaaaa"))[0].action == Marker.DELETEALL
    assert shown(markers, 2, track("aaaaa", TrackState.OCCLUDED, None)) == []
    gone = shown(markers, 3, track("aaaaa", TrackState.LOST, None))
    assert {(m.action, m.ns) for m in gone} == {(Marker.DELETE, space) for space in BODY}
    assert shown(markers, 4) == []


def test_markers_have_the_picture_s_colours():
    frame = TrackFrame(1, "camera", 320, 240, tracks=[track(f"a{letter}aaa") for letter in "abcdefg"])
    identities = IdentityFrame(1, "camera", "gei")
    balls = [m for m in Markers().update(frame, identities).markers if m.ns == "people"]
    wanted = [tuple(channel / 255 for channel in colour) for colour in track_colours(frame, identities).values()]
    got = [(m.color.b, m.color.g, m.color.r) for m in balls]
    assert len(set(got)) == 7
    np.testing.assert_allclose(got, wanted, atol=1e-6)


@pytest.mark.parametrize("name", ["艾达 🙂", "مريم", "علی\u200cرضا", "👩\u200d💻"])
def test_names_of_the_world_stay_as_they_are(name):
    assert any(m.text.startswith(name) for m in shown(Markers(), 1, track("aaaaa"), name=name) if m.ns == "names")


def test_a_name_of_another_node_s_is_one_short_line():
    text = next(
        m.text for m in shown(Markers(), 1, track("aaaaa"), name="Ada\nof\x1b[31m" + "a" * 500) if m.ns == "names"
    )
    assert "\n" not in text
    assert "\x1b" not in text
    assert len(text) < 100
