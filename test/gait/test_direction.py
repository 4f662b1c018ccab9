import numpy as np
import pytest

from rt_gait_ros.gait.direction import Bearing, advice, middle_of, name_of, names_of
from rt_gait_ros.gallery.sides import apart
from rt_gait_ros.tracking.track import TrackState

PERIOD = 40_000_000
SIZE = (640, 480)


def bearing_of(walk, places, *, metres):
    """Where somebody was: places (T, 2), metres to the right of and before a camera."""
    bearing = Bearing()
    for number, (x, z) in enumerate(places):
        track = walk("aaaaa", 20, state=TrackState.CONFIRMED)
        height = 560 * 1.75 / z
        track.box = np.array([320 + 560 * x / z - height / 6, 240 - 0.6 * height, height / 3, height], np.float32)
        if metres:
            track.position = np.array([x, 0.1, z])
        bearing.add(track, number * PERIOD, SIZE)
    return bearing


@pytest.mark.parametrize("metres", [True, False], ids=["metres", "image alone"])
@pytest.mark.parametrize(
    ("velocity", "degrees"),
    [((0, -1.2), 0), ((1.2, 0), 90), ((0, 1.2), 180), ((-1.2, 0), 270), ((0.85, -0.85), 45), ((-0.85, 0.85), 225)],
)
def test_a_direction_is_told_relative_to_the_camera(walk, velocity, degrees, metres):
    places = np.array([0.0, 5.0]) + np.linspace(-0.6, 0.6, 30)[:, None] * velocity
    seen = bearing_of(walk, places, metres=metres).seen(0, 29 * PERIOD)
    assert not seen.turning
    assert apart(seen.degrees, degrees) < 12.0


def test_the_line_of_sight_counts_and_not_the_optical_axis(walk):
    """Who walks straight at the camera from the side of the picture is seen from the front."""
    places = np.array([2.0, 5.0]) * np.linspace(1.0, 0.75, 30)[:, None]
    assert apart(bearing_of(walk, places, metres=True).seen(0, 29 * PERIOD).degrees, 0) < 2.0


def test_a_bend_is_no_direction(walk):
    steps = np.concatenate([np.tile([0.05, 0.0], (15, 1)), np.tile([0.0, -0.05], (15, 1))])
    seen = bearing_of(walk, np.array([0.0, 5.0]) + np.cumsum(steps, axis=0), metres=True).seen(0, 29 * PERIOD)
    assert (seen.degrees, seen.turning) == (None, True)


def test_nothing_is_told_of_who_stands_or_was_seen_for_a_moment(walk):
    still = bearing_of(walk, np.tile([0.0, 5.0], (30, 1)), metres=True)
    assert still.seen(0, 29 * PERIOD).degrees is None
    places = np.array([0.0, 5.0]) + np.linspace(-0.6, 0.6, 30)[:, None] * [1.2, 0]
    assert bearing_of(walk, places, metres=True).seen(0, 5 * PERIOD).degrees is None


def test_views_have_names_and_say_what_is_missing():
    assert [name_of(degrees) for degrees in (350, 20, 46, 181, 270)] == [
        "front",
        "front",
        "front right",
        "back",
        "left",
    ]
    assert names_of([181.0, "", 2.0, 355.0]) == ["front", "back"]
    assert "not known" in advice([""])
    for ends in ([0.0], [180.0], [0.0, 180.0]):
        assert advice(ends) == "walk across the image, there and back"
    for sides in ([90.0], [270.0], [90.0, 270.0]):
        assert advice(sides) == "walk towards the camera, turn round and walk back"
    for seen in ([0.0, 90.0], [270.0, 180.0], [45.0]):
        assert advice(seen) == "turn round and walk back"
    for enough in ([0.0, 180.0, 90.0], [0.0, 180.0, 90.0, 270.0], [50.0, 230.0], [60.0, 130.0]):
        assert advice(enough) == ""
    assert middle_of([350.0, 10.0]) == pytest.approx(0.0, abs=1e-6) or middle_of([350.0, 10.0]) == pytest.approx(360.0)
    assert middle_of([0.0, 180.0]) is None
