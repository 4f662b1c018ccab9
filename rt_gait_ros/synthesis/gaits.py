"""How real people walk: whole-body gaits drawn from statistics of recorded walks (`gait_fitting` derives them).

who = gait(seed)              # somebody
today = who.walk(random)      # that person on some day
rotations, offset = today.pose(phase)
"""

from dataclasses import dataclass
from functools import cache
from itertools import pairwise
from pathlib import Path

import numpy as np

from rt_gait_ros.synthesis.skeleton import BONE, BONES

HARMONICS = 5
COEFFICIENTS = 1 + 2 * HARMONICS  # mean, then cosine and sine of each harmonic
PLACES = len(BONES)  # channels: the bones' rotation vectors, then the place of the hips
_CHANNELS = PLACES + 1
# What each bone's rotation vector is against: the world (-1), as what legs, trunk and head keep steady is their
# direction in it; for arms and toes the bone before.
BASES = np.full(PLACES, -1)
for _side in "lr":
    _arm = ("thorax", *(f"{_side}_{name}" for name in ("clavicle", "upper_arm", "forearm", "hand")))
    for _before, _bone in (*pairwise(_arm), (f"{_side}_foot", f"{_side}_toes")):
        BASES[BONE[_bone]] = BONE[_before]
FEATURES = _CHANNELS * 3 * COEFFICIENTS + 2
LOG_STRIDE, LOG_CADENCE = FEATURES - 2, FEATURES - 1
GRAVITY = 9.81  # m/s²
DATA = Path(__file__).with_name("data") / "gaits.npz"

# Nobody is drawn farther from the mean than this in any direction, in standard deviations.
FARTHEST = 2.5
# Least bend, radians: a knee or an elbow does not bend backwards.
LEAST_KNEE, LEAST_ELBOW = 0.0, 0.05
# Least share of the mean arm swing: of the recorded people nobody's was below. Within 0.3 of it people are fewer.
LEAST_SWING, SWING_ROOM = 0.2, 0.3
# How far a wrist may be inward of its shoulder, in lengths of the upper arm: none of the recorded ones was more.
# And the length of a forearm in that unit (Winter 2009).
MOST_INWARD, FOREARM = 0.10, 0.79


@dataclass(frozen=True, slots=True)
class GaitStatistics:
    """What `gaits.npz` holds; F is FEATURES.

    mean: (F,). between: (F, K) and between_own: (F,), factors and own deviations of the covariance between people.
    within, within_own: the same of one person's walks at the same pace. pace: (F,) change for each unit of the
    logarithm of speed. pace_spread: deviation of that logarithm between one person's walks.
    """

    mean: np.ndarray
    between: np.ndarray
    between_own: np.ndarray
    within: np.ndarray
    within_own: np.ndarray
    pace: np.ndarray
    pace_spread: float


@cache
def statistics() -> GaitStatistics:
    """Those that the package ships."""
    with np.load(DATA, allow_pickle=False) as data:
        arrays = {name: data[name].astype(float) for name in GaitStatistics.__dataclass_fields__}
    return GaitStatistics(**{**arrays, "pace_spread": float(arrays["pace_spread"])})


@dataclass(frozen=True, slots=True)
class Gait:
    """Somebody's way of walking. features: (FEATURES,), laid out as in `gait_fitting`."""

    features: np.ndarray

    @property
    def speed(self) -> float:
        """Leg lengths (hip to ankle joint) that a cycle of two steps covers."""
        return float(np.exp(self.features[LOG_STRIDE]))

    @property
    def cadence(self) -> float:
        """Cycles in a time of sqrt(leg length / gravity): legs of any length swing alike in that unit."""
        return float(np.exp(self.features[LOG_CADENCE]))

    def hertz(self, leg_length: float) -> float:
        """Cycles a second of somebody with such legs, hip to ankle joint in metres."""
        return self.cadence * float(np.sqrt(GRAVITY / leg_length))

    def walk(self, random: np.random.Generator, variety: float = 1.0) -> "Gait":
        """The same person on some day. variety: factor on what differs between one person's walks, pace included."""
        known = statistics()
        pace = known.pace_spread * _bounded(random, 1)[0] * known.pace
        day = pace + _draw(random, known.within, known.within_own)
        return Gait(_with_swing(self.features + variety * day, room=0.0))

    def at_pace(self, change: float) -> "Gait":
        """The same person faster or slower. change: of the logarithm of speed; 0.1 is a tenth faster."""
        return Gait(self.features + change * statistics().pace)

    def pose(self, phase: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Pose at each moment. phase: (T,) cycles; whole numbers are the left heel's strikes.

        Returns the rotations (T, 23, 3, 3) of the bones in the world against the rest pose of `skeleton`, and the
        deviation (T, 3) of the hip joints' midpoint in leg lengths: ahead of a steady pace, to the left, and above
        the mean height.
        """
        angle = 2 * np.pi * np.asarray(phase, float)[:, None] * np.arange(1, HARMONICS + 1)
        waves = np.ones((len(angle), COEFFICIENTS))
        waves[:, 1::2], waves[:, 2::2] = np.cos(angle), np.sin(angle)
        tracks = waves @ self.features[:LOG_STRIDE].reshape(-1, COEFFICIENTS).T
        tracks = tracks.reshape(len(waves), _CHANNELS, 3)
        _keep_joints(tracks)
        rotations = _matrices(tracks[:, :PLACES])
        _keep_arms(rotations)
        return _world(rotations), tracks[:, PLACES]


def mean_gait() -> Gait:
    """The mean of everybody."""
    return Gait(statistics().mean)


def gait(seed: int | np.random.Generator, spread: float = 1.0) -> Gait:
    """Some person's gait; the same number is always the same person. spread: factor on the deviation between people."""
    random = seed if isinstance(seed, np.random.Generator) else np.random.default_rng((0x6A18, seed))
    known = statistics()
    return Gait(_with_swing(known.mean + spread * _draw(random, known.between, known.between_own), SWING_ROOM))


def _bounded(random: np.random.Generator, count: int) -> np.ndarray:
    """Normal deviates, drawn in to at most FARTHEST."""
    return np.clip(random.standard_normal(count), -FARTHEST, FARTHEST)


def _draw(random: np.random.Generator, factors: np.ndarray, own: np.ndarray) -> np.ndarray:
    return factors @ _bounded(random, factors.shape[1]) + own * _bounded(random, len(own))


def _with_swing(features: np.ndarray, room: float) -> np.ndarray:
    """Features of somebody whose arms swing against the legs, if little.

    Deviations are drawn as if they were normal, but nobody's arms swing with the legs: shares of the mean swing that
    are less than `room` above LEAST_SWING are drawn in to above it.
    """
    features = features.copy()
    own, usual = (one[:LOG_STRIDE].reshape(_CHANNELS, 3, COEFFICIENTS) for one in (features, statistics().mean))
    for bone in _SWUNG:
        beat = usual[bone, :, 1:3]
        share = float((own[bone, :, 1:3] * beat).sum() / (beat**2).sum())
        short = LEAST_SWING + room - share
        if short > 0.0:
            wanted = LEAST_SWING + (room * np.exp(-short / room) if room else 0.0)
            own[bone, :, 1:3] += (wanted - share) * beat
    return features


_SWUNG = [BONE[f"{side}_{name}"] for side in "lr" for name in ("upper_arm", "forearm")]
# Ways the elbows bend, as turns of the forearms: the mean of the recorded ones.
_ELBOWS = (("l_forearm", np.array([0.5, 0.0, -0.866])), ("r_forearm", np.array([-0.5, 0.0, 0.866])))


def _keep_joints(tracks: np.ndarray) -> None:
    """Bend back, in place, what joints cannot do. tracks: (T, CHANNELS, 3)."""
    for side in "lr":
        thigh, shank = tracks[:, BONE[f"{side}_thigh"], 1], tracks[:, BONE[f"{side}_shank"], 1]
        np.maximum(shank, thigh + LEAST_KNEE, out=shank)
    for name, way in _ELBOWS:
        forearm = tracks[:, BONE[name]]
        forearm += np.maximum(LEAST_ELBOW - forearm @ way, 0.0)[:, None] * way


def _keep_arms(rotations: np.ndarray) -> None:
    """Turn arms, in place, that would go through the trunk. rotations: (T, 23, 3, 3) against BASES."""
    for side, sign in (("l", 1.0), ("r", -1.0)):
        upper_arm, forearm = rotations[:, BONE[f"{side}_upper_arm"]], rotations[:, BONE[f"{side}_forearm"]]
        along = np.array([0.0, sign, 0.0])
        wrist = upper_arm @ along + FOREARM * (upper_arm @ (forearm @ along)[..., None])[..., 0]
        reach = np.hypot(wrist[:, 1], wrist[:, 2])
        turn = np.arcsin(np.clip(-MOST_INWARD / np.maximum(reach, 1e-9), -1.0, 0.0))
        turn = sign * np.maximum(turn - np.arctan2(sign * wrist[:, 1], -wrist[:, 2]), 0.0)
        upper_arm[:] = _matrices(turn[:, None] * np.array([1.0, 0.0, 0.0])) @ upper_arm


def _matrices(vectors: np.ndarray) -> np.ndarray:
    """Rotation matrices (..., 3, 3) of rotation vectors (..., 3): Rodrigues' formula."""
    angle = np.sqrt((vectors**2).sum(-1))
    sine = np.sinc(angle / np.pi)  # sin(angle) / angle
    versine = 0.5 * np.sinc(angle / (2 * np.pi)) ** 2  # (1 - cos(angle)) / angle²
    x, y, z = np.moveaxis(vectors, -1, 0)
    matrices = versine[..., None, None] * vectors[..., :, None] * vectors[..., None, :]
    for row, column, value in ((2, 1, x), (0, 2, y), (1, 0, z)):
        matrices[..., row, column] += sine * value
        matrices[..., column, row] -= sine * value
    cosine = 1.0 - versine * angle**2
    for axis in range(3):
        matrices[..., axis, axis] += cosine
    return matrices


def _world(rotations: np.ndarray) -> np.ndarray:
    """Rotations (T, 23, 3, 3) in the world, in place, from those against BASES."""
    for bone in np.flatnonzero(BASES >= 0):  # bases come before what is based on them
        rotations[:, bone] = rotations[:, BASES[bone]] @ rotations[:, bone]
    return rotations
