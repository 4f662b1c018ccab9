import math

import numpy as np
import pytest
from boxed_people import image, person

from rt_gait_ros.pose.layouts import NECK, PARTS
from rt_gait_ros.pose.person import PersonPose, PoseFrame
from rt_gait_ros.sources.synthetic import read_scene
from rt_gait_ros.synthesis.activities import ACTIVITIES
from rt_gait_ros.synthesis.motion import INDEX
from rt_gait_ros.synthesis.sight import extent
from rt_gait_ros.synthesis.sightings import misread, sighting
from rt_gait_ros.synthesis.strollers import make_stroller
from rt_gait_ros.tracking import Tracker
from rt_gait_ros.tracking.walking import CEASES, LONGEST_GAP, MEMORY
from rt_gait_ros.tracking.walking_signs import WINDOW


def play(seen, layout="trt_pose"):
    """Whether it is said in each image of a sighting that the person walks, and why."""
    tracker, said = Tracker(), []
    for stamp, keypoints, box in zip(seen.stamps.tolist(), seen.keypoints, seen.boxes, strict=True):
        people = [PersonPose(keypoints, box, 0.9)]
        track = tracker.update(PoseFrame(stamp, "camera", *seen.size, layout=layout, people=people)).tracks[0]
        said.append((track.walking, track.walking_reason))
    return said


def watch(kind, seed, azimuth=0.0, pixels=100.0, rate=25.0, seconds=1.0, **how):
    """What is said of somebody; seed: of body, manner and errors."""
    random = np.random.default_rng((77, seed))
    times = np.arange(0.0, seconds + 1e-6, 1.0 / rate)
    return play(sighting(kind, make_stroller(3_500_000 + seed), pixels, azimuth, times, random, **how))


@pytest.mark.parametrize("pixels", [45.0, 80.0, 250.0])
def test_walkers_are_known_within_a_second_from_any_side(pixels):
    said = [watch("walks", seed, azimuth=45.0 * seed, pixels=pixels, moving=seed % 3 == 0) for seed in range(8)]
    known = [any(walking for walking, _ in one) for one in said]
    assert sum(known) >= 7
    assert {reason for one in said for walking, reason in one if walking} == {"joints move as in a walk"}


@pytest.mark.parametrize("rate", [7.0, 60.0])
def test_walkers_are_known_at_low_and_high_rates(rate):
    known = [any(walking for walking, _ in watch("walks", seed, 45.0 * seed, rate=rate)) for seed in range(8)]
    assert sum(known) >= 7


@pytest.mark.parametrize("hidden", ["feet", "legs", "cut"])
def test_walkers_whose_legs_are_not_to_be_seen_are_known(hidden):
    known = [any(walking for walking, _ in watch("walks", seed, 45.0 * seed, hidden=hidden)) for seed in range(8)]
    assert sum(known) >= 6


@pytest.mark.parametrize("kind", [kind for kind in ACTIVITIES if kind != "walks"])
def test_other_activities_are_not_taken_for_walking(kind):
    said = [
        watch(kind, seed, 45.0 * seed, pixels=(45.0, 100.0, 250.0)[seed % 3], seconds=3.0, moving=seed % 2 == 0)
        for seed in range(8)
    ]
    assert np.mean([walking for one in said for walking, _ in one]) <= 0.02


@pytest.mark.parametrize("azimuth", [0.0, 45.0, 90.0])
def test_a_walker_who_stops_is_known_to_stand_once_the_walk_has_left_the_window_and_is_forgotten(azimuth):
    """Within 1.1 s: a window of 0.8 s, 0.21 s in which a sure walk falls below CEASES, and 0.08 s between two looks."""
    period, stop = 0.04, 50
    longest = WINDOW + MEMORY * np.log(1.0 / CEASES) + 2 * period  # EVERY is more than one image, and less than two
    for seed in range(11, 15):
        random = np.random.default_rng(5)
        seen = sighting("walks", make_stroller(seed), 150.0, azimuth, np.arange(0.0, 4.0, period), random)
        seen.keypoints[stop:], seen.boxes[stop:] = seen.keypoints[stop], seen.boxes[stop]
        walking = [walks for walks, _ in play(seen)]
        assert all(walking[25:stop])
        assert not any(walking[stop + math.ceil(longest / period) :])


def without_joints(seen, images):
    """The same, as the pose stage reports people whom it had no time to look at in these images."""
    seen.keypoints[images] = np.nan, np.nan, 0.0
    return seen


def gait_after(seen, images):
    """What a tracker remembers of a walk after these images of it: when they were, joints, and which were found."""
    tracker = Tracker()
    for number in images:
        people = [PersonPose(seen.keypoints[number], seen.boxes[number], 0.9)]
        tracker.update(PoseFrame(int(seen.stamps[number]), "camera", *seen.size, people=people))
    remembered = tracker._table.gait.images[0]
    return np.delete(remembered, 21, axis=1)  # without the widths of the filtered boxes, which each image moves


def test_images_in_which_there_was_no_time_for_somebody_are_as_those_of_a_slower_camera():
    random = np.random.default_rng(8)
    seen = sighting("walks", make_stroller(14), 60.0, 0.0, np.arange(0.0, 2.0, 0.04), random)
    slower = gait_after(seen, range(0, 49, 3))
    without_joints(seen, [number for number in range(len(seen.stamps)) if number % 3])
    np.testing.assert_allclose(gait_after(seen, range(49)), slower, rtol=1e-5, atol=1e-4)


def test_an_image_without_joints_is_not_kept_be_it_the_first():
    random = np.random.default_rng(8)
    seen = sighting("walks", make_stroller(14), 60.0, 0.0, np.arange(0.0, 2.0, 0.04), random)
    later = gait_after(seen, range(1, 40))
    np.testing.assert_allclose(gait_after(without_joints(seen, [0]), range(40)), later, rtol=1e-5, atol=1e-4)


def seldom_looked_at(kind, seed, every, azimuth):
    """Whether somebody walks in images of 7 s, after the first one, by looks in every `every`th image; times jitter."""
    random = np.random.default_rng((5, seed))
    times = np.arange(175) * 0.04 + random.uniform(-0.01, 0.01, 175)
    seen = sighting(kind, make_stroller(4_000_000 + seed), 100.0, azimuth, times - times[0], random, moving=True)
    without_joints(seen, [number for number in range(175) if number % every])
    return [walks for walks, _ in play(seen)][25:]


@pytest.mark.parametrize("every", [5, 7, 9, 10, 11, 12, 20])
def test_walkers_whom_there_is_seldom_time_to_look_at_are_known(every):
    assert np.mean([seldom_looked_at("walks", seed, every, 90.0) for seed in range(16)]) > 0.8


@pytest.mark.parametrize("azimuth", [0.0, 180.0])
@pytest.mark.parametrize("every", [6, 7, 8])
def test_walkers_who_come_nearer_or_walk_away_are_known_by_few_looks(every, azimuth):
    assert np.mean([seldom_looked_at("walks", seed, every, azimuth) for seed in range(8)]) > 0.85


@pytest.mark.parametrize("kind", [kind for kind in ACTIVITIES if kind != "walks"])
@pytest.mark.parametrize("every", [7, 10])
def test_other_activities_are_not_taken_for_walking_by_few_looks(kind, every):
    """Somebody who turns on the spot before a camera that moves was, in a tenth of the time; a jumping jack as well."""
    said = [seldom_looked_at(kind, seed, every, 45.0 * seed) for seed in range(16)]
    assert np.mean(said) <= 0.06


def breaks_off(kind, seed):
    """Whether somebody walks in images of 5 s, after the first one; half of each second there is no look at them."""
    random = np.random.default_rng((6, seed))
    times = np.arange(125) * 0.04
    seen = sighting(kind, make_stroller(4_100_000 + seed), 100.0, 45.0 * seed, times, random, moving=seed % 2 == 0)
    without_joints(seen, times % 1.0 > 0.5 - 1e-9)
    return [walks for walks, _ in play(seen)][25:]


def test_breaks_between_looks_neither_end_a_walk_nor_begin_one():
    assert np.mean([breaks_off("walks", seed) for seed in range(8)]) > 0.9
    others = [kind for kind in ACTIVITIES if kind != "walks"]
    assert np.mean([breaks_off(kind, number) for number, kind in enumerate(others * 2)]) <= 0.03


def test_who_has_no_joints_any_longer_is_judged_by_the_box():
    random = np.random.default_rng(9)
    seen = sighting("walks", make_stroller(15), 150.0, 90.0, np.arange(0.0, 2.0, 0.04), random)
    without_joints(seen, slice(25, None))
    reasons = [reason for _, reason in play(seen)]
    assert reasons[24] == "joints move as in a walk"
    assert reasons[-1] == "box travels"


def test_after_a_gap_the_last_second_is_watched_anew():
    random = np.random.default_rng(6)
    seen = sighting("walks", make_stroller(12), 150.0, 90.0, np.arange(0.0, 2.0, 0.04), random)
    seen.stamps[25:] += int((LONGEST_GAP + 0.2) * 1e9)
    assert all(walks for walks, _ in play(seen)[25:])  # what was known of a walker stays until more is known


def approaching(actor, random):
    """(T, 18, 3) keypoints and (T, 4) boxes of somebody of a scene, with errors as measured."""
    walk = actor.walk
    joints = [INDEX[name] for name in PARTS if name != "neck"]
    shoulders = [INDEX["left_shoulder"], INDEX["right_shoulder"]]
    points = np.insert(walk.keypoints[:, joints], NECK, walk.keypoints[:, shoulders].mean(axis=1), axis=1)
    boxes = np.array([extent(capsules) for capsules in walk.capsules])
    read = misread(points, np.ptp(boxes[:, 1::2], axis=1), np.arange(len(points)) / 25.0, random)
    boxes[:, 2:] -= boxes[:, :2]
    sure = np.where(np.isfinite(read[..., :1]), 0.9, 0.0)
    return np.concatenate([read, sure], axis=-1).astype(np.float32), boxes.astype(np.float32)


def test_four_people_who_come_from_20_m_straight_at_the_camera_walk():
    scene = read_scene("synthetic://approaching?people=4&seconds=8")
    random, tracker = np.random.default_rng(3), Tracker()
    seen = [approaching(actor, random) for actor in scene.actors]
    said = []
    for number in range(len(scene)):
        people = [PersonPose(keypoints[number], boxes[number], 0.9) for keypoints, boxes in seen]
        tracks = tracker.update(PoseFrame(1 + number * 40_000_000, "camera", 640, 480, people=people)).tracks
        said.append([track.walking for track in tracks])
    after = np.array(said[50:])  # two seconds
    assert after.shape[1] == 4
    assert after.any(axis=0).all()
    assert after.mean() > 0.7


def bare(x, height=200.0):
    """Somebody of whom no joint is found."""
    return person(x, 600 - height / 2, height, keypoints=False)


@pytest.mark.parametrize("layout", ["trt_pose", "unheard_of"])
@pytest.mark.parametrize(
    ("motion", "reason"),
    [
        (lambda s: (200 + 100 * s, 200.0), "box travels"),
        (lambda s: (640, 100.0 * np.exp(0.25 * s)), "box grows or shrinks"),
        (lambda s: (640, 200.0), ""),
    ],
)
def test_people_without_joints_are_judged_by_their_boxes(layout, motion, reason):
    tracker = Tracker()
    for number in range(100):
        track = tracker.update(image(number, [bare(*motion(number * 0.04))], layout=layout)).tracks[0]
    assert track.walking_reason == reason
    assert track.walking == bool(reason)
