import hashlib

import numpy as np
import pytest

from rt_gait_ros.synthesis.gaits import DATA, Gait, gait, mean_gait, statistics
from rt_gait_ros.synthesis.motion import NORMAL
from rt_gait_ros.synthesis.skeleton import BONE, MIRROR, MIRROR_PLACE, REST

CYCLE = np.arange(50) / 50.0


def directions(rotations: np.ndarray, name: str) -> np.ndarray:
    return rotations[:, BONE[name]] @ REST[BONE[name]]


def forward(rotations: np.ndarray, name: str) -> np.ndarray:
    """Angle of a hanging limb before the vertical, degrees."""
    ahead = directions(rotations, name)
    return np.degrees(np.arctan2(ahead[:, 0], -ahead[:, 2]))


def ankle_ahead(rotations: np.ndarray, side: str) -> np.ndarray:
    """Of the hip, in leg lengths of equal halves."""
    return 0.5 * (directions(rotations, f"{side}_thigh") + directions(rotations, f"{side}_shank"))[:, 0]


def test_the_data_file_is_the_one_whose_source_is_told():
    assert hashlib.sha256(DATA.read_bytes()).hexdigest() in DATA.with_name("SOURCE.md").read_text()


def test_the_same_number_is_the_same_person_and_another_is_not():
    np.testing.assert_array_equal(gait(3).features, gait(3).features)
    assert np.abs(gait(3).pose(CYCLE)[0] - gait(4).pose(CYCLE)[0]).max() > 0.1
    np.testing.assert_array_equal(gait(3, spread=0.0).features, mean_gait().features)


def test_rotations_are_rotations():
    rotations, offset = gait(1).pose(CYCLE)
    assert rotations.shape == (50, 23, 3, 3)
    assert offset.shape == (50, 3)
    np.testing.assert_allclose(
        rotations @ np.swapaxes(rotations, -1, -2), np.broadcast_to(np.eye(3), (50, 23, 3, 3)), atol=1e-12
    )
    np.testing.assert_allclose(np.linalg.det(rotations), 1.0)
    np.testing.assert_allclose(gait(1).pose(CYCLE + 7)[0], rotations, atol=1e-9)


def test_the_mean_walk_is_its_own_mirror_image_half_a_cycle_later():
    now, place = mean_gait().pose(CYCLE)
    later, later_place = mean_gait().pose(CYCLE + 0.5)
    mirrored = MIRROR_PLACE[:, None] * later[:, MIRROR] * MIRROR_PLACE
    np.testing.assert_allclose(mirrored, now, atol=1e-5)
    np.testing.assert_allclose(later_place * MIRROR_PLACE, place, atol=1e-5)


def test_nobody_is_quite_symmetric():
    now, later = gait(2).pose(CYCLE)[0], gait(2).pose(CYCLE + 0.5)[0]
    assert np.abs(MIRROR_PLACE[:, None] * later[:, MIRROR] * MIRROR_PLACE - now).max() > 0.02


def test_the_mean_knee_bends_as_textbooks_have_it():
    rotations, _ = mean_gait().pose(np.arange(10) / 10.0)
    knee = forward(rotations, "l_thigh") - forward(rotations, "l_shank")
    assert np.abs(knee - NORMAL[1]).mean() < 10.0
    assert np.corrcoef(knee, NORMAL[1])[0, 1] > 0.95
    assert np.corrcoef(forward(rotations, "l_thigh"), NORMAL[0])[0, 1] > 0.95


def test_phase_zero_is_the_left_heels_strike():
    rotations, _ = mean_gait().pose(CYCLE)
    # the ankle reaches farthest a little before (LATE in gait_fitting)
    assert (CYCLE[ankle_ahead(rotations, "l").argmax()] + 0.04 + 0.5) % 1.0 - 0.5 == pytest.approx(0.0, abs=0.03)
    assert CYCLE[ankle_ahead(rotations, "r").argmax()] + 0.04 == pytest.approx(0.5, abs=0.03)
    assert directions(rotations, "l_foot")[0, 2] > 0.2  # the toes are up


@pytest.mark.parametrize("seed", range(20))
def test_whoever_walks_does_what_people_can(seed: int):
    someone = gait(seed).walk(np.random.default_rng(seed))
    rotations, offset = someone.pose(CYCLE)
    for side, strike in (("l", 0.0), ("r", 0.5)):
        bend = forward(rotations, f"{side}_thigh") - forward(rotations, f"{side}_shank")
        assert bend.min() > -4.0  # seen from the side; about the knee's own axis it is not below 0
        assert 40.0 < bend.max() < 85.0
        flat = (CYCLE - strike) % 1.0
        flat = (flat > 0.14) & (flat < 0.26)
        assert abs(directions(rotations, f"{side}_foot")[flat, 2].mean()) < 0.15  # the sole is on the floor
        ankle = ankle_ahead(rotations, side)
        assert 0.7 * someone.speed / 4 < ankle.max() < 1.5 * someone.speed / 4
    assert np.abs(offset).max() < 0.1
    assert directions(rotations, "head")[:, 2].min() > 0.7
    assert 1.2 < someone.speed < 2.4
    assert 0.7 < someone.hertz(0.85) < 1.25


@pytest.mark.parametrize("spread", [1.0, 2.0])
def test_arms_swing_against_the_legs(spread: float):
    found = []
    for someone in [mean_gait(), *(gait(seed, spread) for seed in range(40))]:
        rotations, _ = someone.pose(CYCLE)
        for side in "lr":
            arm, leg = forward(rotations, f"{side}_upper_arm"), forward(rotations, f"{side}_thigh")
            found.append(np.corrcoef(arm, leg)[0, 1])
    assert found[0] < -0.9
    assert np.median(found) < -0.8
    assert np.mean(np.array(found) > 0.0) < 0.05


def test_feet_slide_little():
    """A foot that lies on the floor goes back under the hips as fast as they go ahead."""
    for someone in [mean_gait(), *(gait(seed) for seed in range(5))]:
        rotations, offset = someone.pose(CYCLE)
        place = ankle_ahead(rotations, "l") + offset[:, 0] + someone.speed * CYCLE
        assert np.ptp(place[6:15]) < 0.06


def test_one_persons_days_are_nearer_to_each_other_than_to_other_people():
    random = np.random.default_rng(0)
    people = [gait(seed) for seed in range(12)]
    days = np.array([[someone.walk(random).pose(CYCLE[::5])[0] for _ in range(4)] for someone in people])
    within = np.sqrt(((days - days.mean(1, keepdims=True)) ** 2).mean())
    between = np.sqrt(((days.mean(1) - days.mean((0, 1))) ** 2).mean())
    assert 0.2 * between < within < 0.8 * between
    someone = people[0]
    np.testing.assert_array_equal(someone.walk(random, variety=0.0).features, someone.features)


def test_a_faster_pace_is_longer_and_quicker_steps_in_the_shares_of_people():
    slow, fast = mean_gait(), mean_gait().at_pace(0.2)
    assert np.log(fast.speed * fast.cadence / (slow.speed * slow.cadence)) == pytest.approx(0.2, abs=1e-3)
    assert 0.3 < np.log(fast.speed / slow.speed) / 0.2 < 0.7
    assert np.ptp(forward(fast.pose(CYCLE)[0], "l_thigh")) > np.ptp(forward(slow.pose(CYCLE)[0], "l_thigh"))


@pytest.mark.parametrize(("side", "sign"), [("l", 1.0), ("r", -1.0)])
def test_an_arm_does_not_go_through_the_trunk(side: str, sign: float):
    features = mean_gait().features.copy()
    features[:-2].reshape(24, 3, -1)[BONE[f"{side}_upper_arm"], 0, 0] -= sign * 0.5
    rotations, _ = Gait(features).pose(CYCLE)
    chest = np.swapaxes(rotations[:, BONE["thorax"]], 1, 2)
    wrist = directions(rotations, f"{side}_upper_arm") + 0.79 * directions(rotations, f"{side}_forearm")
    assert (sign * (chest @ wrist[..., None])[:, 1]).min() > -0.2
    others = set(BONE) - {f"{side}_{name}" for name in ("upper_arm", "forearm", "hand")}
    chosen = [BONE[name] for name in sorted(others)]
    np.testing.assert_allclose(rotations[:, chosen], mean_gait().pose(CYCLE)[0][:, chosen])


def test_everybody_is_drawn_from_the_statistics():
    known = statistics()
    drawn = np.array([gait(seed).features for seed in range(2000)])
    np.testing.assert_allclose(drawn.mean(0), known.mean, atol=0.06)
    expected = np.sqrt((known.between**2).sum(1) + known.between_own**2)
    arms = np.zeros(24, bool)
    arms[[BONE[f"{side}_{name}"] for side in "lr" for name in ("upper_arm", "forearm")]] = True  # see _with_swing
    others = np.append(np.repeat(~arms, 33), [True, True])
    np.testing.assert_allclose(drawn.std(0)[others], expected[others], rtol=0.15, atol=1e-6)


def test_a_bend_the_wrong_way_is_taken_out():
    features = mean_gait().features.copy()
    tracks = features[:-2].reshape(24, 3, -1)
    tracks[BONE["l_shank"], 1, 0] -= 0.5
    rotations, _ = Gait(features).pose(CYCLE)
    assert (forward(rotations, "l_thigh") - forward(rotations, "l_shank")).min() > -2.0
