import pytest

from rt_gait_ros.demo.report import Enrolment, Verdict, bodies, build_report, judge
from rt_gait_ros.gait.identity import Identity, IdentityStatus
from rt_gait_ros.tracking.track import TrackState

ENROLLED = Enrolment("Ada", "aaaaa", "id-Ada", 1)


def test_a_body_is_what_was_said_of_it(record, track, identified):
    collecting = Identity("bbbbb", IdentityStatus.COLLECTING, 0, frames_used=3)
    images = [[(track("bbbbb", 100), collecting)]] * 2 + [[(track("bbbbb", 120), identified("bbbbb"))]] * 3
    (body,) = bodies(record([], *images))
    assert (body.body_id, body.begin, body.end, body.x) == ("bbbbb", 0.04, 0.2, 112.0)
    assert (body.status, body.name, body.confidence, body.frames_used) == ("IDENTIFIED", "Ada", 0.9, 30)
    assert body.said == {"COLLECTING": 2, "IDENTIFIED": 3}


def test_a_body_that_was_never_confirmed_is_nobody(record, track):
    assert bodies(record([(track("bbbbb", state=TrackState.TENTATIVE), None)])) == []


def test_a_lost_track_does_not_make_the_story_longer(record, track):
    (body,) = bodies(record([(track("bbbbb"), None)], [], [(track("bbbbb", state=TrackState.LOST), None)]))
    assert body.end == 0.0


EMPTY: list = [[]] * 5
WALKER, WALKER_NAMED = ("bbbbb", 100, False), ("bbbbb", 100, True)
STRANGER_NAMED = ("ccccc", 400, True)


@pytest.mark.parametrize(
    ("images", "enrolment", "verdict"),
    [
        pytest.param([*EMPTY, [WALKER], [WALKER_NAMED]], ENROLLED, Verdict(True, ()), id="walker comes back"),
        pytest.param([[WALKER_NAMED]] * 9, ENROLLED, Verdict(False, ()), id="track of the enrolment goes on"),
        pytest.param([*EMPTY, [WALKER], [WALKER]], ENROLLED, Verdict(False, ()), id="not recognised"),
        pytest.param([*EMPTY, [STRANGER_NAMED]], ENROLLED, Verdict(False, ("ccccc",)), id="a stranger is named"),
        pytest.param([*EMPTY, [WALKER_NAMED]], Enrolment("Ada", error="lost"), Verdict(False, ()), id="not enrolled"),
        pytest.param(
            [*EMPTY, [WALKER_NAMED, STRANGER_NAMED]], ENROLLED, Verdict(True, ("ccccc",)), id="both are named"
        ),
    ],
)
def test_only_a_new_track_of_the_walker_counts(record, track, identified, images, enrolment, verdict):
    people = [[(track(body, x), identified(body) if named else None) for body, x, named in image] for image in images]
    given = judge(bodies(record(*people)), enrolment, 0.15, 300.0)
    assert given == verdict
    assert given.passed == (verdict == Verdict(True, ()))


def test_the_report_counts_frames_and_percentiles(record):
    recording = record(*[[]] * 10, dropped=(3, 4))
    report = build_report(recording, [], ENROLLED, Verdict(True, ()), {"rmw": "rmw_fastrtps_cpp"})
    assert (report["frames_in"], report["frames_processed"], report["frames_dropped"]) == (10, 8, 2)
    assert report["latency_ms"]["p50"] == pytest.approx(6.5)
    assert report["latency_ms"]["p95"] == pytest.approx(9.6, abs=0.1)
    assert report["rmw"] == "rmw_fastrtps_cpp"
    assert report["passed"] is True


def test_an_image_whose_camera_info_was_lost_was_sent_all_the_same(record):
    recording = record(*[[]] * 10, dropped=(3, 4))
    del recording.camera[3]
    report = build_report(recording, [], ENROLLED, Verdict(True, ()), {})
    assert (report["frames_in"], report["frames_dropped"]) == (10, 2)


def test_nothing_recorded_is_no_number(record):
    report = build_report(record(), [], ENROLLED, Verdict(False, ()), {})
    assert report["latency_ms"] == {"p50": None, "p95": None}
