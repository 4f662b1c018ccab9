import numpy as np
import pytest
from boxed_people import image, person, run

from rt_gait_ros.errors import UsageError
from rt_gait_ros.tracking import CameraModel, Tracker, TrackerConfig, TrackState
from rt_gait_ros.tracking.depth import HALF_TRUNK, DepthImage

K = np.array([[800, 0, 640], [0, 800, 360], [0, 0, 1.0]])
FEET = 360 + 800 * 1.5 / 4  # of somebody four metres before a camera 1.5 m above the floor


def depth(metres):
    return DepthImage(0, np.full((720, 1280), metres, np.float32))


def newest(camera, measured, *people, config=TrackerConfig()):  # noqa: B008 (frozen)
    """The tracks after three images."""
    tracker = Tracker(config, camera=camera)
    for number in range(3):
        tracks = tracker.update(image(number, people), depth=measured).tracks
    return tracks


def positions(camera, measured, *people):
    """Of the newest tracks, from left to right."""
    tracks = newest(camera, measured, *people)
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


def test_depth_tells_no_position_of_whom_a_fisheye_shows_beside_itself():
    camera = CameraModel(K * [[0.4], [0.4], [1]], distortion=np.array([1e-9, 0, 0, 0]), fisheye=True)
    in_front, beside = person(300, 300, 200), person(256 + 320 * 1.58, 300, 200)
    assert positions(camera, depth(2.0), in_front)[0][0] is not None
    assert positions(camera, depth(2.0), beside)[0] == [None]


def test_where_depth_has_a_hole_the_floor_counts():
    (found,), _ = positions(CameraModel(K, 1.5), depth(0.0), person(640, FEET - 100, 200))
    assert found[2] == pytest.approx(4.0, rel=0.02)
    assert positions(CameraModel(K), depth(0.0), person(640, FEET - 100, 200))[0] == [None]
    assert positions(None, depth(3.0), person(640, FEET - 100, 200))[0] == [None]  # no lens


def test_a_known_stature_tells_the_distance_without_depth_and_floor():
    """800 pixels are a metre at a distance of one: 1.6 m that are 320 pixels high are four metres away."""
    told = TrackerConfig(stature=1.6)
    somebody = person(840, 400, 320)
    (track,) = newest(CameraModel(K), None, somebody, config=told)
    assert track.position[2] == pytest.approx(4.0, rel=0.02)
    assert track.position[0] == pytest.approx(200 / 800 * track.position[2], abs=0.01)
    assert (np.linalg.eigvalsh(track.position_covariance) > 0).all()
    assert track.stature is None, "what was told is not measured"
    (track,) = newest(CameraModel(K, 1.5), None, person(840, FEET - 100, 200), config=told)
    assert track.position[2] == pytest.approx(4.0, rel=0.02), "the floor goes before it"
    assert track.stature is not None
    (track,) = newest(CameraModel(K, 1.5), depth(3.0), person(840, FEET - 100, 200), config=told)
    assert track.position[2] == pytest.approx(3.0 + HALF_TRUNK), "and so does depth"


def test_a_stature_says_nothing_of_who_is_cut_off_or_sits_or_may_sit():
    told = TrackerConfig(stature=1.6)
    assert newest(CameraModel(K), None, person(640, 650, 400), config=told)[0].position is None
    assert newest(CameraModel(K), None, person(640, 100, 320), config=told)[0].position is None
    sitting = person(640, 400, 320)
    sitting.keypoints[[11, 12], 1] = 400 - 160 + 0.62 * 320  # the hips
    assert newest(CameraModel(K), None, sitting, config=told)[0].position is None
    unknown = person(640, 400, 320, keypoints=False)
    assert newest(CameraModel(K), None, unknown, config=told)[0].position is None


def test_a_camera_of_unknown_attitude_has_positions_by_depth_alone():
    told, somebody = TrackerConfig(stature=1.6), person(640, 400, 320)
    camera = CameraModel(K, 1.5, attitude_known=False)
    assert newest(camera, None, somebody, config=told)[0].position is None
    (track,) = newest(camera, depth(3.0), somebody, config=told)
    assert track.position[2] == pytest.approx(3.0 + HALF_TRUNK)
    assert track.stature is None, "its vertical line is not known"


def test_a_stature_in_centimetres_or_feet_is_refused():
    for wrong in (0.17, 175.0):
        with pytest.raises(UsageError, match="stature"):
            TrackerConfig(stature=wrong)


def test_who_is_hidden_has_no_position():
    tracker = Tracker(camera=CameraModel(K, 1.5))
    run(tracker, [[person(640, FEET - 100, 200)]] * 4)
    (track,) = tracker.update(image(4, []), depth=depth(3.0)).tracks
    assert (track.state, track.position) == (TrackState.OCCLUDED, None)
