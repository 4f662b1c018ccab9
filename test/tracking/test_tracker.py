import gc
import logging
import tracemalloc

import numpy as np
import pytest
from boxed_people import PERIOD, image, person, run, run_trouble

from rt_gait_ros.errors import UsageError
from rt_gait_ros.tracking import CameraModel, Tracker, TrackerConfig, TrackState

TENTATIVE, CONFIRMED, OCCLUDED, LOST = TrackState


def states(frames):
    return [[track.state for track in frame.tracks] for frame in frames]


def ids(frame, *wanted):
    return [track.body_id for track in frame.tracks if track.state in (wanted or (CONFIRMED,))]


class TestLife:
    def test_a_track_is_believed_after_three_images(self):
        frames = run(Tracker(), [[person(300)]] * 4)
        assert states(frames) == [[TENTATIVE], [TENTATIVE], [CONFIRMED], [CONFIRMED]]
        assert [frame.tracks[0].age for frame in frames] == [1, 2, 3, 4]

    def test_a_newcomer_missed_twice_is_given_up(self):
        frames = run(Tracker(), [[person(300)], [], [person(300)], [], [], []])
        assert states(frames) == [[TENTATIVE]] * 4 + [[LOST], []]

    def test_the_box_that_is_said_lies_between_what_was_found_and_what_was_expected(self):
        tracker = Tracker()
        run(tracker, [[person(300)]] * 10)
        frame = tracker.update(image(10, [person(320)]))
        expected, found = 300 - 40, 320 - 40
        assert expected + 10 < frame.tracks[0].box[0] < found

    def test_a_known_person_stays_until_the_time_runs_out(self):
        frames = run(Tracker(TrackerConfig(lost_after=0.2)), [[person(300)]] * 3 + [[]] * 7)
        assert states(frames)[3:] == [[OCCLUDED]] * 5 + [[LOST], []]
        assert [frame.tracks[0].missed for frame in frames[3:8]] == [1, 2, 3, 4, 5]
        assert frames[3].tracks[0].gait_frame is None
        assert frames[3].tracks[0].keypoints is None

    def test_confidence_falls_while_unseen(self):
        frames = run(Tracker(), [[person(300)]] * 3 + [[]] * 20)
        confidence = [frame.tracks[0].confidence for frame in frames[3:]]
        assert (np.diff(confidence) < 0).all()
        assert confidence[-1] < 0.6 * confidence[0]

    def test_who_walked_out_over_the_border_is_given_up_early(self):
        path = [[person(1000 + 12 * k)] for k in range(20)] + [[]] * 30
        frames = run(Tracker(), path)
        lost = next(number for number, frame in enumerate(frames) if LOST in [t.state for t in frame.tracks])
        assert lost < 20 + 0.8 * 25

    def test_an_occluded_person_gets_the_same_id_back(self):
        path = [[] if 25 <= k < 45 else [person(200 + 6 * k)] for k in range(80)]
        frames = run(Tracker(), path)
        assert ids(frames[24]) == ids(frames[45]) == ids(frames[-1])

    def test_the_filter_forgets_what_it_drifted_to(self):
        """Somebody who turned round behind a column moves on in the new direction at once."""
        path = [[person(300 + 2 * k)] for k in range(20)] + [[]] * 12
        tracker = Tracker()
        run(tracker, path)
        frame = tracker.update(image(32, [person(330)]))
        assert frame.tracks[0].state == CONFIRMED
        assert frame.tracks[0].velocity[0] < 25  # straight line from 338 to 330, not 50 px/s

    def test_everything_of_a_joined_person_is_handed_on(self):
        seen = person(300)
        frame = run(Tracker(), [[seen]] * 3)[-1]
        track = frame.tracks[0]
        assert track.keypoints is seen.keypoints
        assert track.gait_frame is seen.gait_frame
        assert track.quality == seen.quality
        np.testing.assert_allclose(track.box, seen.box, atol=1)
        assert (frame.stamp, frame.frame_id, frame.width, frame.layout) == (2 * PERIOD, "camera", 1280, "trt_pose")

    def test_a_low_confidence_detection_keeps_a_track_but_begins_none(self):
        tracker = Tracker()
        run(tracker, [[person(300)]] * 3)
        frame = tracker.update(image(3, [person(300, confidence=0.2), person(900, confidence=0.2)]))
        assert states([frame]) == [[CONFIRMED]]

    def test_velocity_is_in_pixels_per_second(self):
        frame = run(Tracker(), [[person(300 + 4 * k, 400 - k)] for k in range(40)])[-1]
        np.testing.assert_allclose(frame.tracks[0].velocity, (100, -25), rtol=0.03)
        assert (np.linalg.eigvalsh(frame.tracks[0].velocity_covariance) > 0).all()


class TestIds:
    def test_body_ids_are_never_used_again(self):
        tracker, seen = Tracker(), []
        for begin in range(0, 4000, 40):  # a new person each time, after the last one was given up
            run(tracker, [[person(200 + begin % 800)]] * 3, start=2 * begin)
            seen += ids(tracker.update(image(2 * begin + 3, [person(200 + begin % 800)])))
        assert len(seen) == len(set(seen)) == 100

    def test_a_seed_gives_the_same_ones(self):
        first, second = (ids(run(Tracker(seed=7), [[person(300), person(700)]] * 3)[-1]) for _ in range(2))
        assert first == second


class TestCrossing:
    @pytest.mark.parametrize("gap", [0, 10, 30])
    @pytest.mark.parametrize("keypoints", [True, False])
    def test_two_who_pass_each_other_keep_their_ids(self, gap, keypoints):
        def seen(number):
            left, right = 300 + 8 * number, 900 - 8 * number
            people = [person(left, keypoints=keypoints), person(right, 400 + gap, keypoints=keypoints)]
            return people[:1] if abs(left - right) < 40 else people  # the one behind is hidden

        tracker = Tracker()
        frames = run(tracker, [seen(k) for k in range(76)])
        first = {t.body_id: t.box[0] for t in frames[10].tracks}
        last = {t.body_id: t.box[0] for t in frames[-1].tracks if t.state == CONFIRMED}
        assert first.keys() == last.keys()
        assert min(first, key=first.get) == max(last, key=last.get)

    def test_skeletons_tell_apart_what_boxes_cannot(self):
        """Two people in boxes of the same size on the same place, one bent over: each keeps his track."""

        def bent(x):
            other = person(x)
            other.keypoints[:9, 1] += 60
            return other

        tracker = Tracker(TrackerConfig(box_noise=0.1))
        frames = run(tracker, [[person(400 + 2 * k), bent(440 - 2 * k)] for k in range(20)])
        upright = {t.body_id for f in frames for t in f.tracks if t.keypoints[0, 1] < 330}
        assert len(upright) == 1


class TestStamps:
    def test_an_image_that_repeats_a_stamp_changes_nothing(self, caplog):
        tracker = Tracker()
        before = run(tracker, [[person(300)]] * 3)[-1]
        for _ in range(50):
            after = tracker.update(image(2, [person(700)]))
        assert states([after]) == [[CONFIRMED]]
        assert after.tracks[0].body_id == before.tracks[0].body_id
        assert after.tracks[0].age == 3
        np.testing.assert_array_equal(after.tracks[0].box, before.tracks[0].box)
        assert after.tracks[0].gait_frame is None
        assert len(caplog.records) == 1
        assert tracker.rejected == {"image repeats a stamp or comes late": 50}

    def test_a_late_image_changes_nothing(self):
        tracker = Tracker()
        run(tracker, [[person(300)]] * 4)
        assert states([tracker.update(image(1, []))]) == [[CONFIRMED]]
        assert states([tracker.update(image(4, [person(300)]))]) == [[CONFIRMED]]

    def test_a_bag_replayed_ends_all_tracks_and_begins_others(self, caplog):
        tracker = Tracker()
        first = run(tracker, [[person(300)]] * 30)
        again = run(tracker, [[person(300)]] * 30)
        assert states(again)[0] == [TENTATIVE, LOST]
        assert states(again)[1:3] == [[TENTATIVE], [CONFIRMED]]
        assert ids(first[-1]) != ids(again[-1])
        assert [record.levelno for record in caplog.records] == [logging.WARNING]

    def test_a_long_gap_ends_all_tracks(self):
        tracker = Tracker()
        run(tracker, [[person(300)]] * 3)
        frame = tracker.update(image(0, [person(300)], stamp=3600 * 10**9))
        assert [track.state for track in frame.tracks] == [TENTATIVE, LOST]

    @pytest.mark.parametrize("seed", range(5))
    def test_irregular_ones_are_times_not_counts(self, seed):
        random = np.random.default_rng(seed)
        numbers = np.cumsum(random.integers(1, 8, 60))
        tracker = Tracker()
        frames = [tracker.update(image(n, [person(100 + 3 * n), person(1100 - 3 * n, 360)])) for n in numbers]
        named = {b for f in frames[2:] for b in ids(f)}
        assert len(named) == 2
        np.testing.assert_allclose(abs(frames[-1].tracks[0].velocity[0]), 75, rtol=0.05)


class TestBadInput:
    def test_good_people_raise_no_warning(self, caplog):
        tracker = Tracker()
        run(tracker, [[person(300), person(700)]] * 10)
        assert not tracker.rejected
        assert not caplog.records

    def test_each_reason_is_logged_once(self, caplog):
        bad = [person(300), person(500), person(700)]
        bad[0].box[2] = np.nan
        bad[1].box[3] = 0
        bad[2].confidence = float("nan")
        tracker = Tracker()
        frames = run(tracker, [[*bad, person(900)]] * 5)
        assert states(frames)[-1] == [CONFIRMED]
        assert tracker.rejected == {"box or confidence is not a number": 10, "box has no area": 5}
        assert len(caplog.records) == 2

    def test_of_ten_thousand_detections_max_people_are_followed(self):
        random = np.random.default_rng(0)
        crowd = [person(x, y, 50, c) for x, y, c in random.uniform((0, 0, 0.1), (1280, 720, 1), (10_000, 3))]
        tracker = Tracker()
        frames = run(tracker, [crowd] * 4)
        assert len(frames[-1].tracks) == TrackerConfig().max_people
        assert tracker.rejected.keys() == {"more people than max_people"}

    def test_images_without_people_have_no_tracks(self):
        assert states(run(Tracker(), [[]] * 3)) == [[], [], []]

    def test_a_box_far_outside_the_image(self):
        frames = run(Tracker(), [[person(-5e6)], [person(3e30)], [person(300)]])
        assert all(np.isfinite(t.box).all() for f in frames for t in f.tracks)

    def test_an_unknown_size_of_the_image(self):
        tracker = Tracker()
        frames = [tracker.update(image(k, [person(300)], size=(0, 0))) for k in range(3)]
        assert states(frames)[-1] == [CONFIRMED]

    def test_a_track_keeps_its_id_where_the_layout_changes(self):
        tracker = Tracker()
        run(tracker, [[person(300)]] * 3)
        coco = person(300)
        coco.keypoints = coco.keypoints[:17]
        frame = tracker.update(image(3, [coco], layout="coco"))
        unknown = tracker.update(image(4, [coco], layout="hand"))
        assert ids(frame) == ids(unknown)
        assert not tracker.rejected.keys() - {"keypoints do not fit the layout"}

    @pytest.mark.parametrize("motion", [np.eye(3), np.zeros((2, 3)), np.full((2, 3), np.nan), [[1, 2], [3, 4]]])
    def test_a_camera_motion_that_is_no_affine_is_refused(self, motion):
        with pytest.raises(UsageError, match="affine"):
            Tracker().update(image(0, []), motion)


class TestLongRun:
    def test_memory_is_flat_whatever_comes(self, caplog):
        """Bags replayed, stamps that go back, repeat and jump, boxes that are none, and a crowd."""
        tracker = Tracker()
        run_trouble(tracker, 0, 500)
        gc.collect()
        tracemalloc.start()
        run_trouble(tracker, 500, 1000)
        gc.collect()
        before = tracemalloc.get_traced_memory()[0]
        run_trouble(tracker, 2400, 3400)
        gc.collect()
        after = tracemalloc.get_traced_memory()[0]
        tracemalloc.stop()
        assert after - before < 20_000
        assert tracker.rejected["stamps jump back: all tracks end"] >= 9
        assert len(caplog.messages) == len(tracker.rejected) >= 4


class TestCamera:
    def test_motion_that_is_told_keeps_everybody(self):
        """The camera pans by two body widths between two images."""
        tracker = Tracker()
        run(tracker, [[person(300), person(460)]] * 5)
        pan = np.array([[1, 0, 160.0], [0, 1, 0]])
        before = {round(t.box[0]): t.body_id for t in tracker.update(image(5, [person(300), person(460)])).tracks}
        frame = tracker.update(image(6, [person(460), person(620)]), pan)
        after = {round(t.box[0]): t.body_id for t in frame.tracks}
        assert after[420] == before[260]
        assert after[580] == before[420]
        np.testing.assert_allclose([t.velocity[0] for t in frame.tracks], 0, atol=10)

    def test_tracks_get_a_position_with_a_camera_model(self):
        tracker = Tracker(camera=CameraModel(np.array([[800, 0, 640], [0, 800, 360], [0, 0, 1.0]]), 1.5, 0.0))
        feet = 360 + 800 * 1.5 / 4  # four metres away
        track = run(tracker, [[person(640, feet - 100, 200)]] * 3)[-1].tracks[0]
        assert track.position[2] == pytest.approx(4.0, rel=0.02)
        assert track.position[0] == pytest.approx(0.0, abs=0.02)
        assert (np.linalg.eigvalsh(track.position_covariance) > 0).all()

    def test_no_position_for_who_is_cut_by_the_lower_border(self):
        tracker = Tracker(camera=CameraModel(np.array([[800, 0, 640], [0, 800, 360], [0, 0, 1.0]]), 1.5, 0.0))
        assert run(tracker, [[person(640, 650, 200)]] * 3)[-1].tracks[0].position is None


def test_the_motion_that_the_pose_stage_tells_is_followed():
    """A camera that turns by 60 pixels an image: without its motion nobody would be joined."""
    motion = np.array([[1.0, 0, -60], [0, 1, 0]])
    for told, bodies in ((motion, 1), (None, 15)):
        tracker, found = Tracker(seed=0), set()
        for number in range(15):
            poses = image(number, [person(1100 - 60 * number, height=100)])
            poses.camera_motion = told
            found |= {track.body_id for track in tracker.update(poses).tracks}
        assert len(found) == bodies
