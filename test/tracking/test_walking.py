import numpy as np
import pytest

from rt_gait_ros.tracking import Tracker

from .conftest import image, person

SECONDS = np.arange(0, 4, 0.04)


def play(motion, height=200.0, noise=0.0, seed=0):
    """Walking flag and reason in every image of somebody whose ankles are (dx, dy) apart and whose box is at x, height.

    motion: seconds to dx, dy in heights, x in pixels, height factor.
    """
    random, tracker, said = np.random.default_rng(seed), Tracker(), []
    for number, second in enumerate(SECONDS):
        dx, dy, x, size = motion(second)
        tall = height * size
        somebody = person(x, 600 - tall / 2, tall)
        ankles = somebody.keypoints[[15, 16], :2]
        ankles[:, 0] = x + tall * np.array([dx, -dx]) / 2
        ankles[:, 1] += tall * np.array([dy, -dy]) / 2
        somebody.keypoints[[15, 16], :2] = ankles + random.normal(0, noise, (2, 2))
        track = tracker.update(image(number, [somebody])).tracks[0]
        said.append((track.walking, track.walking_reason))
    return said


def share(said, first=40):
    return np.mean([walking for walking, _ in said[first:]])


def stride(amplitude):
    """Distance of the ankles at 110 steps a minute."""
    return lambda second: amplitude * np.sin(2 * np.pi * second * 110 / 60 / 2)


@pytest.mark.parametrize(
    ("name", "motion", "reason"),
    [
        ("side, camera along", lambda s: (stride(0.35)(s), 0, 640, 1), "ankles pass each other"),
        ("front, robot ahead", lambda s: (0.08, stride(0.06)(s), 640, 1), "ankles pass each other"),
        ("legs hidden", lambda s: (0, 0, 200 + 100 * s, 1), "box travels"),
        ("coming nearer", lambda s: (0.08, 0, 640, np.exp(0.25 * s)), "box grows or shrinks"),
    ],
)
def test_who_walks(name, motion, reason):
    said = play(motion)
    assert share(said) > 0.95
    assert said[-1][1] == reason


def jack(second):
    """A jumping jack a second and a half: legs apart and together, arms up make the box taller."""
    phase = (1 - np.cos(2 * np.pi * second / 1.5)) / 2
    return 0.1 + 0.3 * phase, 0, 640 + 5 * np.sin(9 * second), 1 + 0.08 * phase


def crouch(second):
    phase = (1 - np.cos(2 * np.pi * second / 2)) / 2
    return 0.1 + 0.05 * phase, 0, 640, 1 - 0.05 * phase


@pytest.mark.parametrize("noise", [0.0, 1.5])
@pytest.mark.parametrize(
    ("name", "motion"),
    [
        ("stands", lambda s: (0.05, 0, 640, 1)),
        ("stands with legs apart", lambda s: (0.3, 0, 640, 1)),
        ("jumping jacks", jack),
        ("crouches", crouch),
        ("shifts weight once", lambda s: (0.15 * np.sign(s - 2), 0, 640, 1)),
    ],
)
def test_who_does_not(name, motion, noise):
    assert share(play(motion, noise=noise)) == 0.0


@pytest.mark.parametrize("height", [60.0, 120.0, 300.0])
def test_the_jitter_of_keypoints_is_no_step(height):
    said = [share(play(lambda s: (0.02, 0, 640, 1), height, noise=1.5, seed=seed)) for seed in range(10)]
    assert np.mean(said) < 0.01


def test_a_walker_who_stops_is_known_to_stand_within_a_second():
    said = play(lambda s: (stride(0.35)(min(s, 2.0)), 0, 640, 1))
    walking = [walking for walking, _ in said]
    assert walking[48]
    assert not any(walking[75:])


def test_missing_ankles_are_no_steps():
    tracker = Tracker()
    for number in range(60):
        somebody = person(640, swing=stride(0.35)(number * 0.04))
        somebody.keypoints[16] = (np.nan, np.nan, 0)
        track = tracker.update(image(number, [somebody])).tracks[0]
    assert not track.walking
    assert track.walking_reason == ""
