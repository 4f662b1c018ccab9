"""What people do before a camera, as joints alone: they walk, or one of the things that are not walking.

No picture is made, so a second of somebody takes a few milliseconds. Walks are those of `gaits`. For the rest, the
same bodies are moved by hand, from the mean posture of a walk; everybody fidgets more or less.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from scipy.spatial.transform import Rotation

from rt_gait_ros.synthesis.bodies import pose
from rt_gait_ros.synthesis.gaits import COEFFICIENTS, LOG_STRIDE, Gait
from rt_gait_ros.synthesis.skeleton import BONE
from rt_gait_ros.synthesis.strollers import Stroller, restrain

SOLE = 0.02  # metres from the floor to the joints at the tips of the toes
ESCALATOR = np.radians(30.0)  # the usual incline (EN 115: at most 30 degrees above 6 m of rise)
_LEGS = {side: [BONE[f"{side}_{name}"] for name in ("thigh", "shank", "foot", "toes")] for side in "lr"}
_ARMS = {side: [BONE[f"{side}_{name}"] for name in ("upper_arm", "forearm", "hand")] for side in "lr"}
_TRUNK = [BONE[name] for name in ("lower_back", "upper_back", "thorax", "neck", "upper_neck", "head")]


@dataclass(frozen=True, slots=True)
class Activity:
    """T moments of somebody. joints: (T, J, 3) around the place where they are, looking along x, the floor at 0,
    metres. ahead: (T,) metres travelled the way they look at first. turned: (T,) radians from it."""

    joints: np.ndarray
    ahead: np.ndarray
    turned: np.ndarray


@dataclass(slots=True)
class _Motion:
    """What an activity changes. rotations: (T, bones, 3, 3) in the world. offset: (T, 3) of the hips, metres. rise:
    (T,) metres of the floor below the feet."""

    rotations: np.ndarray
    offset: np.ndarray
    ahead: np.ndarray
    turned: np.ndarray
    rise: np.ndarray


def act(kind: str, who: Stroller, seconds: np.ndarray, random: np.random.Generator) -> Activity:
    """Somebody who does one of ACTIVITIES. seconds: (T,)."""
    motion = ACTIVITIES[kind](who, seconds, random)
    _, joints = pose(who.body, who.body.vertices[:0], motion.rotations, motion.offset)
    lowest = joints[..., 2].min(axis=1) - SOLE - motion.rise
    return Activity(joints - lowest[:, None, None] * np.array([0.0, 0.0, 1.0]), motion.ahead, motion.turned)


def _walks(who: Stroller, seconds: np.ndarray, random: np.random.Generator) -> _Motion:
    today = who.gait.walk(random, 1.0)
    hertz = today.hertz(who.body.leg)
    rotations, offset = today.pose(random.random() + hertz * seconds)
    who.posture.take(rotations)
    restrain(rotations, random, 1.0)
    nothing = np.zeros(len(seconds))
    ahead = today.speed * who.body.leg * hertz * seconds
    return _Motion(rotations, offset * who.body.leg, ahead, nothing.copy(), nothing)


def _stands(who: Stroller, seconds: np.ndarray, random: np.random.Generator) -> _Motion:
    """On both legs: the weight sways and shifts, a knee gives, arms and head move a little."""
    still = who.gait.features.copy()
    still[:LOG_STRIDE].reshape(-1, COEFFICIENTS)[:, 1:] = 0.0
    rotations, _ = Gait(still).pose(np.zeros(len(seconds)))
    who.posture.take(rotations)
    restrain(rotations, random, 2.0)
    unrest = random.uniform(0.0, 1.0)
    for side in "lr":
        apart = random.uniform(-0.02, 0.15) * (1.0 if side == "l" else -1.0)  # legs apart, or together
        _turn(rotations, _LEGS[side][:2], np.array([apart, 0.0, 0.0]))
        _turn(rotations, _LEGS[side][:2], np.array([0.0, random.normal(0.0, 0.08), 0.0]))
        gives = np.maximum(_slow(seconds, random), 0.0)[:, None] * unrest * np.array([0.0, 0.12, 0.0])
        _turn(rotations, _LEGS[side][:1], -gives)
        _turn(rotations, _LEGS[side][1:2], gives)
        _fidget(rotations, _ARMS[side], 0.25 * unrest, seconds, random)
    _fidget(rotations, _TRUNK, 0.06 * unrest, seconds, random)
    _fidget(rotations, _TRUNK[-1:], 0.3 * unrest, seconds, random)
    sway = np.stack([_slow(seconds, random) for _ in range(2)], -1) * (0.01 + 0.03 * unrest)  # radians about the feet
    _lean(rotations, sway)
    hips = np.zeros((len(seconds), 3))
    hips[:, :2] = np.stack([sway[:, 0], sway[:, 1]], -1) * who.body.leg
    nothing = np.zeros(len(seconds))
    return _Motion(rotations, hips, nothing.copy(), nothing.copy(), nothing.copy())


def _waves(who: Stroller, seconds: np.ndarray, random: np.random.Generator) -> _Motion:
    """With one arm or both, a forearm or the whole arm."""
    motion = _stands(who, seconds, random)
    swing = np.sin(2 * np.pi * (random.uniform(0.8, 2.5) * seconds + random.random()))
    raised, wide, whole = random.uniform(1.0, 2.6), random.uniform(0.25, 0.7), random.random() < 0.3
    for side in ("lr", "l", "r")[random.integers(3)]:
        sign = 1.0 if side == "l" else -1.0
        bones = _ARMS[side]
        lifted = np.array([sign * raised, 0.0, 0.0])
        _turn(motion.rotations, bones, lifted)
        turning = swing[:, None] * np.array([wide, 0.0, 0.0])
        _turn(motion.rotations, bones if whole else bones[1:], turning)
    _lean(motion.rotations, 0.02 * swing[:, None] * random.normal(size=2))
    return motion


def _turns(who: Stroller, seconds: np.ndarray, random: np.random.Generator) -> _Motion:
    """On the spot, in small steps, to and fro."""
    motion = _stands(who, seconds, random)
    rate = np.radians(random.uniform(30.0, 180.0))  # a second, at the most
    pace = random.uniform(0.5, 0.9)  # pairs of steps a second
    lift = random.uniform(0.1, 0.3)  # radians of the thigh: 1 to 4 cm of the foot
    beat = 2 * np.pi * (pace * seconds + random.random())
    for side, sign in (("l", 1.0), ("r", -1.0)):
        up = (lift * np.maximum(sign * np.sin(beat), 0.0))[:, None] * np.array([0.0, 1.0, 0.0])
        _turn(motion.rotations, _LEGS[side][:1], -up)
        _turn(motion.rotations, _LEGS[side][1:], up)
    motion.turned += np.cumsum(np.diff(seconds, prepend=seconds[0]) * rate * _slow(seconds, random, 0.4).clip(-1, 1))
    return motion


def _sits(who: Stroller, seconds: np.ndarray, random: np.random.Generator) -> _Motion:
    """On a chair; a foot taps now and then, hands lie in the lap or move."""
    motion = _stands(who, seconds, random)
    for side in "lr":
        bent = np.array([0.0, -random.uniform(1.25, 1.6), 0.0])
        _turn(motion.rotations, _LEGS[side][:1], bent)
        _turn(motion.rotations, _LEGS[side][1:2], np.array([0.0, random.normal(0.0, 0.2), 0.0]))
        _turn(motion.rotations, _ARMS[side][:1], np.array([0.0, -random.uniform(0.2, 0.6), 0.0]))
        _turn(motion.rotations, _ARMS[side][1:], np.array([0.0, -random.uniform(0.8, 1.5), 0.0]))
    if random.random() < 0.3:
        tap = 0.05 * np.maximum(np.sin(2 * np.pi * random.uniform(1.0, 3.0) * seconds), 0.0)
        _turn(motion.rotations, _LEGS["lr"[random.integers(2)]][:1], tap[:, None] * np.array([0.0, -1.0, 0.0]))
    motion.offset[:, :2] *= 0.3
    return motion


def _wheelchair(who: Stroller, seconds: np.ndarray, random: np.random.Generator) -> _Motion:
    """Pushed by somebody who walks, whose steps are felt a little."""
    motion = _sits(who, seconds, random)
    speed, steps = random.uniform(0.6, 1.5), random.uniform(1.5, 2.1)
    beat = np.sin(2 * np.pi * (steps * seconds + random.random()))
    motion.ahead += speed * seconds + random.uniform(0.0, 0.01) * beat
    motion.rise += random.uniform(0.0, 0.004) * beat
    return motion


def _escalator(who: Stroller, seconds: np.ndarray, random: np.random.Generator) -> _Motion:
    """Or a moving walkway: standing, carried along."""
    motion = _stands(who, seconds, random)
    incline = float(random.choice([-ESCALATOR, 0.0, ESCALATOR]))
    way = random.uniform(0.45, 0.75) * seconds
    motion.ahead += way * np.cos(incline)
    motion.rise += way * np.sin(incline)
    return motion


def _jumps(who: Stroller, seconds: np.ndarray, random: np.random.Generator) -> _Motion:
    """Jumping jacks: legs apart and together, arms up and down."""
    motion = _stands(who, seconds, random)
    open_ = (1.0 - np.cos(2 * np.pi * (random.uniform(0.5, 1.2) * seconds + random.random())))[:, None] / 2.0
    for side, sign in (("l", 1.0), ("r", -1.0)):
        _turn(motion.rotations, _LEGS[side][:2], open_ * np.array([sign * random.uniform(0.3, 0.45), 0.0, 0.0]))
        _turn(motion.rotations, _ARMS[side], open_ * np.array([sign * random.uniform(1.5, 2.6), 0.0, 0.0]))
    return motion


def _crouches(who: Stroller, seconds: np.ndarray, random: np.random.Generator) -> _Motion:
    """Down and up again, over and over, or once."""
    motion = _stands(who, seconds, random)
    down = (1.0 - np.cos(2 * np.pi * (random.uniform(0.2, 0.7) * seconds + random.random())))[:, None] / 2.0
    bend = down * np.array([0.0, random.uniform(0.6, 1.5), 0.0])
    for side in "lr":
        _turn(motion.rotations, _LEGS[side][:1], -bend)
        _turn(motion.rotations, _LEGS[side][1:2], 0.7 * bend)
    _turn(motion.rotations, _TRUNK, 0.3 * bend)
    return motion


ACTIVITIES: dict[str, Callable[[Stroller, np.ndarray, np.random.Generator], _Motion]] = {
    "walks": _walks,
    "stands": _stands,
    "sits": _sits,
    "waves": _waves,
    "turns": _turns,
    "wheelchair": _wheelchair,
    "escalator": _escalator,
    "jumps": _jumps,
    "crouches": _crouches,
}


def _slow(seconds: np.ndarray, random: np.random.Generator, fastest: float = 0.6) -> np.ndarray:
    """(T,) something that changes as unrest does, of deviation about 1: waves of up to `fastest` hertz."""
    hertz, phase = random.uniform(0.05, fastest, 4), random.random(4)
    return np.asarray(np.sin(2 * np.pi * (hertz * seconds[:, None] + phase)).sum(axis=1) / np.sqrt(2.0))


def _fidget(
    rotations: np.ndarray, bones: list[int], angle: float, seconds: np.ndarray, random: np.random.Generator
) -> None:
    """Turn bones, in place, slowly to and fro about some axis; a movement comes and goes."""
    axis = random.normal(size=3)
    often = np.maximum(_slow(seconds, random, 0.3), 0.0) * _slow(seconds, random, 1.0)
    _turn(rotations, bones, angle * often[:, None] * axis / np.linalg.norm(axis))


def _lean(rotations: np.ndarray, sway: np.ndarray) -> None:
    """Lean the whole body, in place, as a pendulum that stands on its feet. sway: (T, 2) radians ahead and left."""
    vectors = np.stack([-sway[:, 1], sway[:, 0], np.zeros(len(sway))], -1)
    _turn(
        rotations,
        [bone for bone in range(rotations.shape[1]) if bone not in (*_LEGS["l"][2:], *_LEGS["r"][2:])],
        vectors,
    )


def _turn(rotations: np.ndarray, bones: list[int], vectors: np.ndarray) -> None:
    """Turn bones, in place, by rotation vectors (T, 3), or one (3,), in the world."""
    turns = Rotation.from_rotvec(vectors).as_matrix()
    rotations[:, bones] = turns[..., None, :, :] @ rotations[:, bones]
