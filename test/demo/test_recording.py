import numpy as np
import pytest

from rt_gait_ros.demo.recording import Recording
from rt_gait_ros.errors import GaitError
from rt_gait_ros.gait.identity import IdentityFrame


def pair(track):
    return [(track("bbbbb"), None), (track("ccccc", 400), None)]


def test_pace_is_taken_while_people_are_in_view(record, track):
    recording = record([], [], *[pair(track)] * 26, [], [])
    assert recording.pace(people=2)[0] == pytest.approx(25)
    assert recording.pace(people=2)[1] == pytest.approx(26.75, abs=0.1)  # the helper's latencies are 1 ms, 2 ms, ...


def test_dropped_images_slow_the_pace(record, track):
    recording = record(*[pair(track)] * 26, dropped=range(1, 25, 2))
    assert recording.pace(people=2)[0] == pytest.approx(13)


def test_a_crowd_that_never_was_has_no_pace(record, track):
    with pytest.raises(GaitError, match="3 people were never tracked"):
        record(*[pair(track)] * 26).pace(people=3)


def test_frames_are_numbered_from_the_first_image(record):
    recording = record([], [], [])
    assert [recording.frame_number(stamp) for stamp in recording.camera] == [0, 1, 2]
    assert recording.frames_sent == 3


def looked_at(one, quality):
    one.gait_frame, one.quality = np.zeros((64, 64), np.uint8), quality
    return one


def test_gait_frames_are_those_of_the_median_track_that_lasts(record, track):
    def people(number):
        often, seldom = track("bbbbb"), track("ccccc", 400)
        both = [looked_at(often, 0.9) if number % 2 else often, looked_at(seldom, 0.9 if number % 5 == 0 else 0.4)]
        return [(one, None) for one in (*both, *([track("ddddd", 600)] if number < 20 else []))]

    recording = record(*[people(number) for number in range(101)])
    assert recording.gait_frames_per_person(0.5) == pytest.approx((12.5 + 5.25) / 2)
    assert np.isnan(record([]).gait_frames_per_person(0.5))


def test_the_first_name_is_timed_from_the_first_image_of_its_track(record, track, identified):
    one = (track("bbbbb"), None)
    named = (track("bbbbb"), identified("bbbbb"))
    recording = record([named], *[[]] * 24, *[[one]] * 50, [named])
    assert recording.first_name_after(1.0) == pytest.approx(2.0)
    assert recording.first_name_after(0.0) == 0.0
    assert np.isnan(record(*[[named]] * 50).first_name_after(1.0)), "she was there all the time"
    assert np.isnan(record([one]).first_name_after(0.0))


@pytest.mark.parametrize(("speed", "latency"), [(1.0, 4.05), (0.5, 0.05)])
def test_the_latency_of_a_video_that_is_played_slowly_counts_from_when_an_image_is_shown(speed, latency):
    recording = Recording(np.arange(250) / 25, speed, camera=[10**9])
    recording.hear(IdentityFrame(5 * 10**9, "camera", "gaitset", []), 9_050_000_000)
    assert recording.latencies == {5 * 10**9: pytest.approx(latency)}


def test_a_name_is_timed_from_so_many_gait_frames_of_its_track(record, track, identified):
    def seen(number):
        named = identified("bbbbb") if number >= 20 else None
        soon = identified("ccccc") if number >= 2 else None
        never = looked_at(track("ddddd", 600), 0.9 if number < 9 else 0.1)  # too few
        return [
            (looked_at(track("bbbbb"), 0.9), named),
            (looked_at(track("ccccc", 400), 0.9), soon),
            (looked_at(track("eeeee", 500), 0.9), None),
            (never, None),
        ]

    waits = record(*[seen(number) for number in range(30)]).named_after_frames(10, 0.5)
    assert waits == pytest.approx({"bbbbb": 11 / 25, "ccccc": 0.0, "eeeee": np.nan}, nan_ok=True)
