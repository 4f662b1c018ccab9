import pytest

from rt_gait_ros.errors import GaitError


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
