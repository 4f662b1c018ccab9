import numpy as np
import pytest
from boxed_people import image, person, run

from rt_gait_ros.tracking import CameraModel, Tracker, TrackState
from rt_gait_ros.tracking.depth import HALF_TRUNK, DepthImage

K = np.array([[800, 0, 640], [0, 800, 360], [0, 0, 1.0]])
FEET = 360 + 800 * 1.5 / 4  # of somebody four metres before a camera 1.5 m above the floor


def depth(metres):
    return DepthImage(0, np.full((720, 1280), metres, np.float32))


def positions(camera, measured, *people):
    """Of the newest tracks, from left to right."""
    tracker = Tracker(camera=camera)
    for number in range(3):
        tracks = tracker.update(image(number, people), depth=measured).tracks
    return [track.position for track in sorted(tracks, key=lambda track: track.box[0])], tracks[0].position_covariance


@pytest.mark.parametrize("keypoints", [True, False])
def test_depth_goes_before_the_floor(keypoints):
    somebody = person(840, FEET - 100, 200, keypoints=keypoints)
    (by_floor,), _ = positions(CameraModel(K, 1.5), None, somebody)
    (by_depth,), covariance = positions(CameraModel(K, 1.5), depth(3.0), somebody)
    assert by_floor[2] == pytest.approx(4.0, rel=0.02)
    assert by_depth[2] == pytest.approx(3.0 + HALF_TRUNK)
    assert by_depth[0] == pytest.approx(200 / 800 * by_depth[2], abs=0.01)
    assert (np.linalg.eigvalsh(covariance) > 0).all()


def test_depth_needs_neither_feet_nor_floor():
    (found,), _ = positions(CameraModel(K), depth(1.5), person(640, 650, 400))
    assert found[2] == pytest.approx(1.5 + HALF_TRUNK)


def test_where_depth_has_a_hole_the_floor_counts():
    (found,), _ = positions(CameraModel(K, 1.5), depth(0.0), person(640, FEET - 100, 200))
    assert found[2] == pytest.approx(4.0, rel=0.02)
    assert positions(CameraModel(K), depth(0.0), person(640, FEET - 100, 200))[0] == [None]
    assert positions(None, depth(3.0), person(640, FEET - 100, 200))[0] == [None]  # no lens


def test_who_is_hidden_has_no_position():
    tracker = Tracker(camera=CameraModel(K, 1.5))
    run(tracker, [[person(640, FEET - 100, 200)]] * 4)
    (track,) = tracker.update(image(4, []), depth=depth(3.0)).tracks
    assert (track.state, track.position) == (TrackState.OCCLUDED, None)
