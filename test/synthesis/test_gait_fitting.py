from dataclasses import replace

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from rt_gait_ros.errors import GaitError
from rt_gait_ros.synthesis.gait_fitting import FittedWalk, fit_walk, fit_walks, mirrored
from rt_gait_ros.synthesis.gaits import LOG_STRIDE, Gait, gait, mean_gait
from rt_gait_ros.synthesis.motion_capture import Recording
from rt_gait_ros.synthesis.skeleton import BONE, REST

RATE, LEG = 100.0, 0.8


def recorded(who: Gait, seconds: float = 2.6, heading: float = 0.0, start: float = 0.3, **names: str) -> Recording:
    """What a motion capture system would see of somebody's walk."""
    phase = start + who.hertz(LEG) * np.arange(0.0, seconds, 1 / RATE)
    rotations, offset = who.pose(phase)
    hips = LEG * (offset + np.outer(who.speed * phase, [1.0, 0, 0])) + [0, 0, 0.9]
    ankles = []
    for side, sign in (("l", 1.0), ("r", -1.0)):
        bones = [rotations[:, BONE[f"{side}_{name}"]] @ REST[BONE["l_thigh"]] for name in ("thigh", "shank")]
        ankles.append(hips + rotations[:, 0] @ [0, sign * 0.08, 0] + 0.5 * LEG * (bones[0] + bones[1]))
    turn = Rotation.from_euler("z", heading).as_matrix()
    named = {"source": "cmu", "person": "someone", "walk": "first"} | names
    return Recording(
        **named,
        rate=RATE,
        rotations=turn @ rotations,
        hips=hips @ turn.T,
        ankles=np.stack(ankles, 1) @ turn.T,
        leg_length=LEG,
    )


def bone(walk: FittedWalk, name: str) -> np.ndarray:
    """(3, COEFFICIENTS) of one bone."""
    return walk.features[:LOG_STRIDE].reshape(24, 3, -1)[BONE[name]]


def test_a_recorded_gait_is_found_again():
    fitted = fit_walk(recorded(mean_gait()))
    assert fitted.cycles >= 2
    np.testing.assert_allclose(fitted.features, mean_gait().features, atol=0.03)


@pytest.mark.parametrize("seed", range(3))
def test_a_person_is_found_again_whichever_way_they_walk(seed: int):
    someone = gait(seed)
    fitted = fit_walk(recorded(someone, heading=2.0))
    np.testing.assert_allclose(fitted.features, fit_walk(recorded(someone)).features, atol=1e-6)
    ankle_free = [name for name in BONE if "foot" not in name and "toes" not in name]  # those are levelled
    for name in ankle_free:
        known = someone.features[:LOG_STRIDE].reshape(24, 3, -1)[BONE[name]]
        np.testing.assert_allclose(bone(fitted, name), known, atol=0.08)
    np.testing.assert_allclose(fitted.features[LOG_STRIDE:], someone.features[LOG_STRIDE:], atol=0.03)


def test_the_sole_lies_level_while_it_is_on_the_floor():
    walk = recorded(mean_gait())
    sloped = walk.rotations.copy()
    sloped[:, BONE["l_foot"]] = sloped[:, BONE["l_foot"]] @ Rotation.from_euler("y", 0.4).as_matrix()
    np.testing.assert_allclose(fit_walk(replace(walk, rotations=sloped)).features, fit_walk(walk).features, atol=0.01)


def test_what_a_source_does_not_say_stays_unknown():
    walk, whole = recorded(mean_gait()), recorded(mean_gait())
    walk.rotations[:, [BONE["head"], BONE["l_clavicle"]]] = np.nan
    fitted = fit_walk(walk)
    assert np.isnan(bone(fitted, "head")).all()
    assert np.isnan(bone(fitted, "l_clavicle")).all()
    np.testing.assert_allclose(bone(fitted, "l_upper_arm"), bone(fit_walk(whole), "l_upper_arm"), atol=0.05)
    assert np.isfinite(fitted.features).sum() == len(fitted.features) - 2 * 33


def test_less_than_a_cycle_is_an_error_that_names_the_walk():
    with pytest.raises(GaitError, match="walk first of someone holds no whole gait cycle"):
        fit_walk(recorded(mean_gait(), seconds=0.6))


def test_the_mirror_image_of_a_mirror_image_is_the_walk():
    features = gait(1).features
    assert np.abs(mirrored(features) - features).max() > 0.05
    np.testing.assert_allclose(mirrored(mirrored(features)), features)
    np.testing.assert_allclose(mirrored(mean_gait().features), mean_gait().features, atol=1e-5)


def test_bones_are_seated_alike_in_both_sources():
    plain = [recorded(gait(seed), person=f"c{seed}") for seed in range(3)]
    seated = Rotation.from_euler("y", 0.5).as_matrix()
    others = []
    for seed in range(3):
        walk = recorded(gait(seed), source="schreiber", person=f"s{seed}")
        walk.rotations[:, BONE["l_upper_arm"]] = walk.rotations[:, BONE["l_upper_arm"]] @ seated
        walk.rotations[:, BONE["r_upper_arm"]] = walk.rotations[:, BONE["r_upper_arm"]] @ seated
        others.append(walk)
    walks, left_out = fit_walks([*plain, *others, recorded(gait(3), seconds=0.6)])
    assert len(walks) == 6
    assert left_out == ["walk first of someone holds no whole gait cycle"]
    for cmu, schreiber in zip(walks[:3], walks[3:], strict=True):
        np.testing.assert_allclose(bone(schreiber, "l_upper_arm"), bone(cmu, "l_upper_arm"), atol=0.02)


def test_a_bone_whose_markers_were_mistaken_is_unknown():
    recordings = [
        recorded(gait(seed), source=source, person=f"{source}{seed}")
        for source in ("cmu", "schreiber")
        for seed in range(4)
    ]
    wrong = recordings[1].rotations[:, BONE["r_hand"]]
    wrong[:] = wrong @ Rotation.from_euler("y", 2.5).as_matrix()
    walks, _ = fit_walks(recordings)
    assert np.isnan(bone(walks[1], "r_hand")).all()
    assert sum(np.isnan(walk.features).any() for walk in walks) == 1
