"""From recorded walks to the statistics that `gaits` draws people from.

A walk becomes one vector: Fourier coefficients over the gait cycle of each bone's rotation vector and of the hips'
place, and the logarithms of stride length and cadence. Of all walks are fitted the mean, the covariance between people,
the covariance within (the walks of one person), and what a faster pace changes. Every person counts twice, the second
time mirrored.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np
from scipy.spatial.transform import Rotation

from rt_gait_ros.errors import GaitError
from rt_gait_ros.synthesis.gaits import (
    BASES,
    COEFFICIENTS,
    GRAVITY,
    HARMONICS,
    LOG_STRIDE,
    PLACES,
)
from rt_gait_ros.synthesis.motion_capture import Recording
from rt_gait_ros.synthesis.skeleton import BONE, MIRROR, MIRROR_PLACE, MIRROR_ROTATION

STEPS = 64  # moments of a cycle that is averaged
# Radians from the median person's posture beyond which a bone's markers are mistaken. Of 101 walks these are the trunk
# of one person and a hand of one walk.
MISTAKEN = 1.0
# How much later than its ankle is farthest before the hips a heel strikes, in cycles: 34 strikes on the force plates of
# Schreiber and Moissenet have a mean of 0.039 and a deviation of 0.010.
LATE = 0.039
STEADY = 0.15  # a cycle counts if its stride is that near to the walk's median one


@dataclass(frozen=True, slots=True)
class FittedWalk:
    """A walk as a vector (FEATURES,), NaN where its source does not say.

    posture: (23, 3, 3), the bones' mean rotation, x being the way walked. cycles: how many it is the mean of.
    """

    source: str
    person: str
    walk: str
    features: np.ndarray
    posture: np.ndarray
    cycles: int


def _reaches(recording: Recording, ahead: np.ndarray) -> list[np.ndarray]:
    """Moments, in images, at which the left and the right ankle are farthest before the hips: a little before the heels
    strike (after Zeni et al., Gait Posture 27:710, 2008, who take the heels')."""
    reaches = []
    for side in range(2):
        place = (recording.ankles[:, side] - recording.hips) @ ahead
        place = np.interp(np.arange(len(place)), np.flatnonzero(np.isfinite(place)), place[np.isfinite(place)])
        width = max(int(recording.rate * 0.03), 1)
        smooth = np.convolve(np.pad(place, width, mode="edge"), np.ones(2 * width + 1) / (2 * width + 1), "valid")
        reach = int(recording.rate * 0.3)
        found = []
        for now in range(2, len(smooth) - 2):
            near = smooth[max(0, now - reach) : now + reach + 1]
            if smooth[now] == near.max() and smooth[now] > 0.1 * recording.leg_length:
                before, here, after = smooth[now - 1 : now + 2]
                bend = before - 2 * here + after
                found.append(now + (0.5 * (before - after) / bend if bend < 0 else 0.0))
        reaches.append(np.array(found))
    return reaches


def _between_images(tracks: np.ndarray, moments: np.ndarray) -> np.ndarray:
    """Linear interpolation (S, ...) of tracks (T, ...) at moments (S,) in images."""
    low = np.clip(np.floor(moments).astype(int), 0, len(tracks) - 2)
    share = (moments - low).reshape(-1, *([1] * (tracks.ndim - 1)))
    return (1 - share) * tracks[low] + share * tracks[low + 1]


def against_bases(rotations: np.ndarray) -> np.ndarray:
    """Rotation vectors (..., 23, 3) against BASES, NaN where unknown. rotations: (..., 23, 3, 3) in the world.

    The collar bones hardly turn in CMU's recordings; where a source has none, an upper arm's base is the thorax.
    """
    bases = rotations.copy()
    for name in ("l_clavicle", "r_clavicle"):
        bone = bases[..., BONE[name], :, :]
        bone[...] = np.where(np.isfinite(bone), bone, bases[..., BONE["thorax"], :, :])
    based = np.flatnonzero(BASES >= 0)
    against = rotations.copy()
    against[..., based, :, :] = np.swapaxes(bases[..., BASES[based], :, :], -1, -2) @ rotations[..., based, :, :]
    return _vectors(against)


def _vectors(matrices: np.ndarray) -> np.ndarray:
    flat = matrices.reshape(-1, 3, 3)
    good = np.isfinite(flat).all((1, 2))
    vectors = np.full((len(flat), 3), np.nan)
    if good.any():  # older SciPy takes no empty list of rotations
        vectors[good] = Rotation.from_matrix(_nearest(flat[good])).as_rotvec()
    return vectors.reshape(*matrices.shape[:-2], 3)


def fourier(tracks: np.ndarray) -> np.ndarray:
    """Fourier coefficients (..., COEFFICIENTS) of tracks (STEPS, ...) over a cycle: mean, then cosine and sine."""
    spectrum = np.fft.rfft(tracks, axis=0)[: HARMONICS + 1] / len(tracks)
    parts = [spectrum[0].real]
    for order in range(1, HARMONICS + 1):
        parts += [2 * spectrum[order].real, -2 * spectrum[order].imag]
    return np.stack(parts, -1)


def _level_feet(rotations: np.ndarray, reaches: tuple[np.ndarray, np.ndarray], cycle: float) -> np.ndarray:
    """Rotations (T, 23, 3, 3) such that feet and toes lie level while the whole sole is on the floor, which is at a
    fifth of the cycle (Perry, "Gait Analysis", 1992: foot flat from 8 to 31 %). cycle: its length in images."""
    levelled = rotations.copy()
    for side, moments in zip("lr", reaches, strict=True):
        first, last = ((moments + (LATE + share) * cycle).astype(int) for share in (0.14, 0.26))
        flat = np.concatenate([np.arange(start, end + 1) for start, end in zip(first, last, strict=True)])
        flat = flat[flat < len(rotations)]
        for name in ("foot", "toes"):
            bone = BONE[f"{side}_{name}"]
            lying = rotations[flat, bone]
            lying = lying[np.isfinite(lying).all((1, 2))]
            if not len(lying):
                continue
            mean = lying.mean(0)
            turn = Rotation.from_euler("z", -np.arctan2(mean[1, 0], mean[0, 0]))
            levelled[:, bone] = (
                rotations[:, bone] @ (turn * Rotation.from_matrix(_nearest(mean[None])[0])).inv().as_matrix()
            )
    return levelled


def fit_walk(recording: Recording, seats: np.ndarray | None = None) -> FittedWalk:
    """The mean cycle of a walk. seats: (23, 3, 3), how each bone is turned in itself first. Raises GaitError where
    there is no whole cycle."""
    hips = recording.hips
    seen = np.flatnonzero(np.isfinite(hips[:, 0]))
    way = hips[seen[-1], :2] - hips[seen[0], :2]
    turn = Rotation.from_euler("z", -np.arctan2(way[1], way[0])).as_matrix()
    left, right = _reaches(recording, turn[0])
    if not len(left) or not len(right) or len(left) + len(right) < 3:
        raise GaitError(f"walk {recording.walk} of {recording.person} holds no whole gait cycle")
    cycle = float(np.median(np.concatenate([np.diff(left), np.diff(right)])))
    turned = _level_feet(turn @ recording.rotations, (left, right), cycle)
    if seats is not None:
        turned = turned @ seats
    # A cycle is measured from one farthest reach of an ankle to the next of the same; with the phase at its start.
    spans = [(start, end, -LATE) for start, end in pairwise(left)]
    later = [(reach - start) / (end - start) for start, end, _ in spans for reach in right if start < reach < end]
    shift = float(np.mean(later)) if later else 0.5
    spans += [(start, end, shift - LATE) for start, end in pairwise(right)]
    hips, cycles = hips @ turn.T, []
    for start, end, phase in spans:
        found = _cycle(recording, turned, hips, (start, end), phase)
        if found is not None:
            cycles.append(found)
    if not cycles:
        raise GaitError(f"walk {recording.walk} of {recording.person} holds no whole gait cycle")
    strides = np.array([one[1][0] for one in cycles])
    kept = [one for one in cycles if abs(one[1][0] / np.median(strides) - 1) < STEADY]
    body, pace, posture = (np.mean([one[part] for one in kept], 0) for part in range(3))
    features = np.concatenate([body.ravel(), np.log(pace)])
    return FittedWalk(recording.source, recording.person, recording.walk, features, _nearest(posture), len(kept))


def _cycle(
    recording: Recording, turned: np.ndarray, hips: np.ndarray, span: tuple[float, float], phase: float
) -> tuple[np.ndarray, ...] | None:
    """Coefficients (24, 3, COEFFICIENTS), (stride, cadence), and the mean of the
    rotations (23, 3, 3); None where markers were not seen."""
    start, end = span
    share = np.arange(STEPS + 1) / STEPS
    moments = start + (end - start) * share
    rotations = _between_images(turned, moments)
    known = np.isfinite(turned).any((0, 2, 3))
    places = _between_images(hips, moments) / recording.leg_length
    if not (np.isfinite(rotations[:, known]).all() and np.isfinite(places).all()):
        return None
    stride = float(places[-1, 0] - places[0, 0])
    tracks = np.concatenate([against_bases(rotations), places[:, None]], 1)
    # What a walk gains or loses over a cycle is no part of its shape.
    tracks = tracks - (share - 0.5)[:, None, None] * (tracks[-1] - tracks[0])
    coefficients = fourier(tracks[:-1])
    for order in range(1, HARMONICS + 1):  # the cycle began `phase` after the left heel's strike
        both = coefficients[..., 2 * order - 1 : 2 * order + 1]
        wave = (both[..., 0] - 1j * both[..., 1]) * np.exp(-2j * np.pi * order * phase)
        coefficients[..., 2 * order - 1], coefficients[..., 2 * order] = wave.real, -wave.imag
    coefficients[PLACES, :, 0] = 0.0  # the places are deviations
    cadence = recording.rate / (end - start) * np.sqrt(recording.leg_length / GRAVITY)
    return coefficients, np.array([stride, cadence]), rotations[:-1].mean(0)


def _nearest(matrices: np.ndarray) -> np.ndarray:
    """The rotations (N, 3, 3) nearest to matrices; NaN stays.

    By their singular values: `Rotation.from_matrix` of a matrix that is no rotation is another one in older SciPy.
    """
    known = np.isfinite(matrices).all((1, 2))
    rotations = np.full_like(matrices, np.nan)
    left, _, right = np.linalg.svd(matrices[known])
    left[..., 2] *= np.linalg.det(left @ right)[:, None]
    rotations[known] = left @ right
    return rotations


def fit_walks(recordings: Sequence[Recording]) -> tuple[list[FittedWalk], list[str]]:
    """All walks, with bones seated alike in both sources, and one line for each that has no steady cycle.

    Where markers and joint centres sit on bones differs between laboratories, not between their people. The two have
    the mean posture of the source that says more: Schreiber and Moissenet's joint centres for thighs and shanks (CMU's
    skeletons have knees bent by ten degrees more than people have, throughout), CMU's bones for the rest.
    Feet are level in both.
    """
    plain, left_out = _fitted(recordings, {})
    groups: dict[str, list[FittedWalk]] = {"cmu": [], "schreiber": []}
    for walk in plain:
        groups[walk.source].append(walk)
    if not all(groups.values()):
        return plain, left_out
    posture = {source: _posture(walks) for source, walks in groups.items()}
    reference = posture["cmu"].copy()
    legs = [BONE[f"{side}_{name}"] for side in "lr" for name in ("thigh", "shank")]
    reference[legs] = posture["schreiber"][legs]
    feet = [BONE[f"{side}_foot"] for side in "lr"]
    seats = {}
    for source, own in posture.items():
        seats[source] = np.swapaxes(own, 1, 2) @ reference
        seats[source][feet] = np.eye(3)
    return _fitted([_without_mistakes(one, plain, posture) for one in recordings], seats)


def _without_mistakes(recording: Recording, walks: Sequence[FittedWalk], postures: dict[str, np.ndarray]) -> Recording:
    """The recording without bones that are turned far from the median person's, because a marker was taken for
    another."""
    rotations = recording.rotations.copy()
    for walk in walks:
        if (walk.person, walk.walk) == (recording.person, recording.walk):
            turns = _vectors(np.swapaxes(postures[walk.source], 1, 2) @ walk.posture)
            for bone in np.flatnonzero(np.linalg.norm(np.nan_to_num(turns), axis=1) > MISTAKEN):
                rotations[:, bone] = np.nan
    return replace(recording, rotations=rotations)


def _fitted(recordings: Sequence[Recording], seats: dict[str, np.ndarray]) -> tuple[list[FittedWalk], list[str]]:
    walks, left_out = [], []
    for recording in recordings:
        try:
            walks.append(fit_walk(recording, seats.get(recording.source)))
        except GaitError as error:
            left_out.append(str(error))
    return walks, left_out


def _posture(walks: Sequence[FittedWalk]) -> np.ndarray:
    """Rotation (23, 3, 3) of each bone that is the median person's, and mirror symmetric."""
    people: dict[str, list[np.ndarray]] = {}
    for walk in walks:
        people.setdefault(walk.person, []).append(walk.posture)
    middle = np.median([np.mean(postures, 0) for postures in people.values()], 0)
    return _nearest((middle + _mirrored_turn(middle)[MIRROR]) / 2)


def _mirrored_turn(rotations: np.ndarray) -> np.ndarray:
    return MIRROR_PLACE[:, None] * rotations * MIRROR_PLACE


def mirrored(features: np.ndarray) -> np.ndarray:
    """Features (..., FEATURES) of the same walk in a mirror, begun half a cycle later."""
    body = features[..., :LOG_STRIDE].reshape(*features.shape[:-1], PLACES + 1, 3, COEFFICIENTS)
    mirror = body[..., [*MIRROR, PLACES], :, :].copy()
    mirror[..., :PLACES, :, :] *= MIRROR_ROTATION[:, None]
    mirror[..., PLACES, :, :] *= MIRROR_PLACE[:, None]
    for order in range(1, HARMONICS + 1, 2):
        mirror[..., 2 * order - 1 : 2 * order + 1] *= -1.0
    return np.concatenate([mirror.reshape(*features.shape[:-1], -1), features[..., LOG_STRIDE:]], -1)
