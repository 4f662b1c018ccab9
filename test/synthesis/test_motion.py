import numpy as np
import pytest

from rt_gait_ros.synthesis.motion import INDEX, JOINTS, NORMAL, Mood, joints, mood, phases
from rt_gait_ros.synthesis.people import Outfit, person

CYCLE = np.arange(40) / 40.0
MIRROR = [INDEX[name.replace("left", "right") if "left" in name else name.replace("right", "left")] for name in JOINTS]


def test_a_symmetric_person_half_a_cycle_later_is_the_mirror_image(plain: Outfit, usual: Mood):
    someone = person(0, shape=1.0, manner=0.0)
    now = joints(someone, plain, usual, CYCLE)
    later = joints(someone, plain, usual, CYCLE + 0.5)
    np.testing.assert_allclose(later[:, MIRROR] * [1, -1, 1], now, atol=1e-9)


def test_somebody_with_an_asymmetry_is_no_mirror_image(plain: Outfit, usual: Mood):
    someone = person(0, manner=0.0)
    someone.style["leg_asymmetry"] = 0.1
    now, later = joints(someone, plain, usual, CYCLE), joints(someone, plain, usual, CYCLE + 0.5)
    assert np.abs(later[:, MIRROR] * [1, -1, 1] - now).max() > 0.02


@pytest.mark.parametrize("seed", range(5))
def test_a_foot_is_always_on_the_floor_and_none_below(seed: int, plain: Outfit, usual: Mood):
    feet = [INDEX[f"{side}_{end}"] for side in ("left", "right") for end in ("toe", "heel")]
    heights = joints(person(seed), plain, usual, CYCLE)[:, feet, 2]
    np.testing.assert_allclose(heights.min(axis=1), 0.0, atol=1e-9)
    assert heights.max() > 0.1  # and the other one swings


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize(
    ("start", "end", "segment"),
    [
        ("hip", "knee", "thigh"),
        ("knee", "ankle", "shank"),
        ("shoulder", "elbow", "upper_arm"),
        ("elbow", "wrist", "forearm"),
    ],
)
def test_bones_keep_their_length(seed: int, start: str, end: str, segment: str, plain: Outfit):
    someone = person(seed)
    body = joints(someone, plain, mood(np.random.default_rng(seed)), CYCLE)
    for side in ("left", "right"):
        length = np.linalg.norm(body[:, INDEX[f"{side}_{start}"]] - body[:, INDEX[f"{side}_{end}"]], axis=1)
        np.testing.assert_allclose(length, someone.segments[segment], rtol=1e-9)


def test_knees_of_the_average_person_follow_the_published_curve(plain: Outfit, usual: Mood):
    someone = person(0, manner=0.0)
    someone.style["knee_offset"] = 0.0
    body = joints(someone, plain, usual, np.arange(10) / 10.0)
    thigh = body[:, INDEX["left_knee"]] - body[:, INDEX["left_hip"]]
    shank = body[:, INDEX["left_ankle"]] - body[:, INDEX["left_knee"]]
    cosine = (thigh * shank).sum(1) / np.linalg.norm(thigh, axis=1) / np.linalg.norm(shank, axis=1)
    # the fifth harmonic is left out, hence the tolerance
    np.testing.assert_allclose(np.degrees(np.arccos(cosine)), NORMAL[1], atol=4.0)


def test_who_walks_faster_steps_faster_and_wider(plain: Outfit):
    someone, seconds = person(1), np.arange(50) / 25.0
    slow, fast = (Mood(pace, 1.0, np.ones(2), {}) for pace in (0.7, 1.4))
    assert np.ptp(phases(someone, fast, seconds, 0.0)) > np.ptp(phases(someone, slow, seconds, 0.0))
    reach = [np.ptp(joints(someone, plain, how, CYCLE)[:, INDEX["left_ankle"], 0]) for how in (slow, fast)]
    assert reach[1] > reach[0] * 1.2


def test_a_hand_in_a_pocket_does_not_swing(plain: Outfit):
    how = Mood(1.0, 0.0, np.array([0.0, 1.0]), {})
    body = joints(person(2), plain, how, CYCLE)
    swings = [np.ptp((body[:, INDEX[f"{s}_wrist"]] - body[:, INDEX[f"{s}_shoulder"]])[:, 0]) for s in ("left", "right")]
    assert swings[0] == pytest.approx(0.0, abs=1e-9)
    assert swings[1] > 0.1
