import cv2
import numpy as np
import pytest
from tracks import walking_track

from rt_gait_ros.gait.identity import Identity, IdentityFrame, IdentityStatus
from rt_gait_ros.overlay import Trails, colour_of, draw_overlay
from rt_gait_ros.overlay.draw import gait_frame_picture
from rt_gait_ros.tracking.track import TrackFrame, TrackState

SHAPE = (400, 600, 3)


def make_track(body_id="abcde", box=(200, 100, 80, 200), state=TrackState.CONFIRMED, **fields):
    keypoints = np.tile(np.array([box[0] + 20, box[1] + 60, 0.9], np.float32), (18, 1))
    keypoints[::2, 1] += 80
    values = {"keypoints": keypoints, "quality": 0.9, "age": 30, **fields}
    return walking_track(body_id, state=state, box=np.array(box, np.float32), **values)


def frames(*tracks, identities=(), stamp=0):
    return (
        TrackFrame(stamp, "camera", SHAPE[1], SHAPE[0], tracks=list(tracks)),
        IdentityFrame(stamp, "camera", "model", list(identities)),
    )


def draw(*tracks, identities=(), shape=SHAPE, **options):
    return draw_overlay(np.full(shape, 128, np.uint8), *frames(*tracks, identities=identities), **options)


def painted(image, region):
    return int((image[region] != 128).any(axis=-1).sum())


def coloured(image, colour):
    return int((image == colour).all(axis=-1).sum())


def test_the_given_image_stays_as_it_was():
    image = np.full(SHAPE, 128, np.uint8)
    drawn = draw_overlay(image, *frames(make_track()))
    assert (image == 128).all()
    assert drawn.shape == image.shape
    assert (drawn != image).any()


def test_nobody_draws_nothing():
    assert (draw() == 128).all()


@pytest.mark.parametrize("state", [TrackState.CONFIRMED, TrackState.OCCLUDED])
@pytest.mark.parametrize("box", [(10, 10, 3e9, 3e9), (4e9, 4e9, 4e9, 4e9), (-3e9, 0, 6e9, 300)])
def test_a_box_and_joints_beyond_any_picture_are_drawn_as_far_as_they_are_in_it(state, box, monkeypatch):
    lines = []
    monkeypatch.setattr(cv2, "line", lambda *line: lines.append(line))
    joints = np.tile(np.array([-3e9, 1e30, 0.9], np.float32), (18, 1))
    draw(make_track(box=box, state=state, keypoints=joints), trails=Trails())
    assert len(lines) < 5000


def test_a_lost_track_is_not_drawn():
    assert (draw(make_track(state=TrackState.LOST)) == 128).all()


def test_the_box_has_the_colour_of_the_body():
    drawn = draw(make_track(keypoints=None))
    assert tuple(drawn[200, 200]) == colour_of("abcde")
    assert coloured(drawn, colour_of("abcde")) > 2 * (80 + 200)


def test_a_named_person_keeps_the_colour_under_another_body():
    named = [Identity(body, IdentityStatus.IDENTIFIED, 0, "person-1", "Ana", 0.9) for body in ("abcde", "bcdef")]
    boxes = [draw(make_track(i.body_id, keypoints=None), identities=[i])[200, 200] for i in named]
    assert tuple(boxes[0]) == tuple(boxes[1]) == colour_of("person-1")


def test_an_occluded_box_is_dashed():
    def side(state):
        return coloured(draw(make_track(state=state, keypoints=None))[110:290, 195:206], colour_of("abcde"))

    assert 0.3 * side(TrackState.CONFIRMED) < side(TrackState.OCCLUDED) < 0.8 * side(TrackState.CONFIRMED)


def test_joints_that_were_not_found_are_left_out():
    keypoints = np.full((18, 3), np.nan, np.float32)
    keypoints[:, 2] = 0
    assert (draw(make_track(keypoints=keypoints)) == draw(make_track(keypoints=None))).all()


@pytest.mark.parametrize(
    "box", [(-50, -80, 80, 200), (560, 300, 120, 300), (0, 0, 600, 400), (300, 100, 0, 0), (5000, 5000, 10, 10)]
)
@pytest.mark.parametrize("shape", [SHAPE, (120, 160, 3), (1080, 1920, 3), (16, 16, 3)])
def test_people_at_the_border_and_beyond_are_no_trouble(box, shape):
    silhouette = np.full((64, 64), 255, np.uint8)
    assert draw(make_track(box=box, gait_frame=silhouette), shape=shape).shape == shape


def test_the_inset_shows_the_gait_frame_beside_the_box():
    drawn = draw(make_track(gait_frame=np.full((64, 64), 255, np.uint8)))
    assert (drawn[260:290, 290:330] == 255).all()


def test_the_inset_moves_to_the_other_side_at_the_border():
    drawn = draw(make_track(box=(510, 100, 80, 200), gait_frame=np.full((64, 64), 255, np.uint8)))
    assert (drawn[260:290, 460:500] == 255).all()


@pytest.mark.parametrize(("gathered", "part"), [(0, 0.0), (10, 0.5), (20, 1.0)])
def test_collecting_shows_how_far_it_is(gathered, part):
    identity = Identity("abcde", IdentityStatus.COLLECTING, 0, frames_used=gathered)
    drawn = draw(make_track(keypoints=None), identities=[identity], frames_wanted=20)
    row = (drawn[97] > 240).all(axis=-1)
    plate = np.flatnonzero((drawn[97] != 128).any(axis=-1))
    assert row.sum() / len(plate) == pytest.approx(part, abs=0.04)


def test_two_people_one_above_the_other_get_labels_apart():
    close = [make_track("abcde"), make_track("bcdef", box=(205, 102, 80, 200))]
    alone = painted(draw(close[0], identities=()), np.s_[:100])
    assert painted(draw(*close), np.s_[:100]) >= 1.8 * alone


@pytest.mark.parametrize(
    "gait_frame",
    [np.zeros((64, 64), np.uint8), np.zeros((64, 44, 2), np.uint8), np.full((60, 60, 2), -300, np.int16)],
)
def test_every_kind_of_gait_frame_has_a_picture(gait_frame):
    picture = gait_frame_picture(gait_frame)
    assert picture.shape == (*gait_frame.shape[:2], 3)
    assert picture.dtype == np.uint8


def test_trails_follow_the_feet_and_forget_the_gone():
    trails = Trails()
    for k in range(50):
        tracks, _ = frames(make_track(box=(200 + k, 100, 80, 200)), stamp=k * 100_000_000)
        trails.update(tracks)
    assert len(trails.of("abcde")) == 21  # two seconds at ten images a second
    assert trails.of("abcde")[-1].tolist() == [289, 300]
    trails.update(frames(stamp=50)[0])
    assert len(trails.of("abcde")) == 0
