"""When a track's evidence begins anew."""

import numpy as np
import pytest
from tracks import walking_track

from rt_gait_ros.gait.doubt import Doubt
from rt_gait_ros.tracking.track import Track, TrackFrame, TrackState

PERIOD = 40_000_000  # ns


def track(body_id: str, x: float, hidden: bool = False, former_id: str = "") -> Track:
    state = TrackState.OCCLUDED if hidden else TrackState.CONFIRMED
    box = np.array([x, 100, 60, 180], np.float32)
    return walking_track(body_id, state=state, box=box, missed=int(hidden), former_id=former_id)


class Watch:
    """Feeds a Doubt image after image."""

    def __init__(self) -> None:
        self._doubt, self._number = Doubt(), 0

    def see(self, *tracks: Track, images: int = 1) -> set[str]:
        """All body ids that begin anew in so many images of the same."""
        anew: set[str] = set()
        for _ in range(images):
            self._number += 1
            anew |= self._doubt.anew(TrackFrame(self._number * PERIOD, "front", 640, 480, tracks=list(tracks)))
        return anew


@pytest.fixture
def watch() -> Watch:
    return Watch()


def test_who_walks_alone_is_not_doubted(watch):
    assert not watch.see(track("aaaaa", 100), track("bbbbb", 400), images=50)


def test_a_short_gap_with_nobody_near_is_no_doubt(watch):
    watch.see(track("aaaaa", 100))
    assert not watch.see(track("aaaaa", 100, hidden=True), images=15)
    assert not watch.see(track("aaaaa", 110))


def test_a_track_taken_up_after_a_second_begins_anew_once(watch):
    watch.see(track("aaaaa", 100))
    assert not watch.see(track("aaaaa", 100, hidden=True), images=30)
    assert watch.see(track("aaaaa", 110)) == {"aaaaa"}
    assert not watch.see(track("aaaaa", 110), images=30)


@pytest.mark.parametrize("x", [-20, 3, 575, 610])
def test_a_track_that_was_leaving_the_picture_begins_anew_when_it_is_seen_again(watch, x):
    """Who comes in there may be somebody else; the detector misses people for two images all the time."""
    watch.see(track("aaaaa", x))
    assert not watch.see(track("aaaaa", x, hidden=True), images=2)
    assert not watch.see(track("aaaaa", x))
    assert not watch.see(track("aaaaa", x, hidden=True), images=5)
    assert watch.see(track("aaaaa", x)) == {"aaaaa"}
    assert not watch.see(track("aaaaa", x), images=30)
    assert not watch.see(track("aaaaa", 300))
    assert not watch.see(track("aaaaa", 300, hidden=True), images=15)
    assert not watch.see(track("aaaaa", 300))


def test_two_who_cross_and_hide_each_other_are_in_doubt_until_they_part(watch):
    watch.see(track("aaaaa", 100), track("bbbbb", 300))
    assert watch.see(track("aaaaa", 200), track("bbbbb", 205, hidden=True), images=5) == {"aaaaa"}
    assert watch.see(track("aaaaa", 220), track("bbbbb", 190)) == {"aaaaa", "bbbbb"}  # both are seen, and overlap
    assert watch.see(track("aaaaa", 300), track("bbbbb", 100)) == {"aaaaa", "bbbbb"}
    assert not watch.see(track("aaaaa", 320), track("bbbbb", 80), images=30)


def test_two_who_met_and_then_walk_side_by_side_are_apart_though_they_touch(watch):
    watch.see(track("aaaaa", 200), track("bbbbb", 205, hidden=True))
    assert watch.see(track("aaaaa", 200), track("bbbbb", 240)) == {"aaaaa", "bbbbb"}
    assert watch.see(track("aaaaa", 200), track("bbbbb", 252)) == {"aaaaa", "bbbbb"}
    assert not watch.see(track("aaaaa", 200), track("bbbbb", 252), images=30)
    watch.see(track("aaaaa", 200), track("bbbbb", 205, hidden=True))
    assert watch.see(track("aaaaa", 200), track("bbbbb", 252, hidden=True), images=5) == {"aaaaa"}


def test_two_side_by_side_who_are_both_seen_are_not_doubted(watch):
    assert not watch.see(track("aaaaa", 200), track("bbbbb", 225), images=30)


def test_two_whose_boxes_are_one_are_in_doubt(watch):
    assert watch.see(track("aaaaa", 200), track("bbbbb", 210)) == {"aaaaa", "bbbbb"}


def test_who_is_left_when_the_hidden_one_is_gone_begins_anew(watch):
    watch.see(track("aaaaa", 200), track("bbbbb", 205, hidden=True), images=5)
    assert watch.see(track("aaaaa", 200)) == {"aaaaa"}


def test_what_the_gait_stage_itself_said_is_no_doubt(watch):
    watch.see(track("ccccc", 100), images=3)
    assert not watch.see(track("aaaaa", 100, former_id="ccccc"), images=3)
