"""Mean and covariances of the walks that `gait_fitting` has made vectors of."""

import io
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from rt_gait_ros.errors import GaitError
from rt_gait_ros.paths import replace_file
from rt_gait_ros.synthesis.gait_fitting import FittedWalk, mirrored
from rt_gait_ros.synthesis.gaits import (
    FEATURES,
    LOG_CADENCE,
    LOG_STRIDE,
    GaitStatistics,
)

# Share of the variance that each coefficient has for itself. Thirty people span sixty directions with their mirror
# images, all people more: with it, the sampler also makes people who are no mixture of those recorded.
OWN = 0.10
KEPT = 0.97  # of the shared variance is in the factors that are kept
# Weight of the assumption that pace changes nothing: the squared changes of pace that a slope is measured by are
# compared with it.
PACE_PRIOR = 0.02
# Deviation, in radians, that nothing is taken to fall short of: a joint may be a hinge in one source alone.
FLOOR = 0.007


@dataclass(frozen=True, slots=True)
class Fit:
    """statistics, and what they rest on: people and walks of each source, and figures to judge them by."""

    statistics: GaitStatistics
    people: dict[str, int]
    walks: dict[str, int]
    figures: dict[str, float]


@dataclass(frozen=True, slots=True)
class _Person:
    """One person's mean walk. seen: (FEATURES,) bool, which features are known. value: those. walks: number."""

    seen: np.ndarray
    value: np.ndarray
    walks: int


def fit_statistics(walks: Sequence[FittedWalk]) -> Fit:
    """Statistics of all walks. Raises GaitError where there is too little to fit."""
    if len({walk.person for walk in walks}) < 3 or "cmu" not in {walk.source for walk in walks}:
        raise GaitError("too few people to fit: at least three, some of them of CMU's library, which has all the bones")
    if len({walk.person for walk in walks if walk.source == "cmu"}) == sum(walk.source == "cmu" for walk in walks):
        raise GaitError("nobody of CMU's library walks twice: the variation within a person cannot be fitted")
    walks = [*walks, *(_mirror(walk) for walk in walks)]
    groups = _groups(walks)
    pace = _pace(groups)
    within = _within([group for group in groups if group[0].source == "cmu"], pace)
    people = [_person(group) for group in groups]
    mean, between = _between(people, within)
    names = {walk.person: walk.source for walk in walks if not walk.person.endswith(_MIRRORED)}
    counts = {source: list(names.values()).count(source) for source in dict.fromkeys(names.values())}
    recorded = [walk.source for walk in walks if not walk.person.endswith(_MIRRORED)]
    factors, own = _factors(between)
    within_factors, within_own = _factors(within)
    speeds = [
        _speed(walk.features) - np.mean([_speed(other.features) for other in group])
        for group in groups
        if group[0].source == "cmu" and len(group) > 1
        for walk in group
    ]
    figures = {
        "between_factors": factors.shape[1],
        "between_shared": float((factors**2).sum() / np.trace(between)),
        "within_factors": within_factors.shape[1],
        "within_shared": float((within_factors**2).sum() / np.trace(within)),
        "within_share_of_between": float(np.trace(within) / np.trace(between)),
    }
    fitted = GaitStatistics(mean, factors, own, within_factors, within_own, pace, float(np.std(speeds)))
    return Fit(fitted, counts, {source: recorded.count(source) for source in counts}, figures)


_MIRRORED = "-mirrored"


def _groups(walks: Sequence[FittedWalk]) -> list[list[FittedWalk]]:
    """Walks by person."""
    groups: dict[str, list[FittedWalk]] = {}
    for walk in walks:
        groups.setdefault(walk.person, []).append(walk)
    return list(groups.values())


def _mirror(walk: FittedWalk) -> FittedWalk:
    return replace(walk, person=walk.person + _MIRRORED, features=mirrored(walk.features))


def _speed(features: np.ndarray) -> float:
    return float(features[LOG_STRIDE] + features[LOG_CADENCE])


def _pace(groups: Sequence[Sequence[FittedWalk]]) -> np.ndarray:
    """Change (FEATURES,) for each unit of the logarithm of speed, from people who walked at several."""
    top, bottom = np.zeros(FEATURES), np.full(FEATURES, PACE_PRIOR)
    bottom[LOG_STRIDE:] = 0.0  # these two add up to the speed
    for group in groups:
        values = np.array([walk.features for walk in group])
        change = values - values.mean(0)
        speed = change[:, LOG_STRIDE] + change[:, LOG_CADENCE]
        top += np.nan_to_num(speed @ change)
        bottom += np.where(np.isnan(change).any(0), 0.0, speed @ speed)
    return top / bottom


def _within(groups: Sequence[Sequence[FittedWalk]], pace: np.ndarray) -> np.ndarray:
    """Covariance (FEATURES, FEATURES) of one person's walks at one pace."""
    total, freedom = np.zeros((FEATURES, FEATURES)), 0
    for group in groups:
        values = np.array([walk.features for walk in group])
        change = np.nan_to_num(values - np.ma.masked_invalid(values).mean(0).filled(np.nan))
        change = change - (change[:, LOG_STRIDE] + change[:, LOG_CADENCE])[:, None] * pace
        total += change.T @ change
        freedom += len(group) - 1
    return _shrunk(total / freedom)


def _shrunk(covariance: np.ndarray) -> np.ndarray:
    return (1.0 - OWN) * covariance + OWN * np.diag(np.diag(covariance))


def _person(group: Sequence[FittedWalk]) -> _Person:
    value = np.ma.masked_invalid([walk.features for walk in group]).mean(0).filled(np.nan)
    known = np.isfinite(value)
    return _Person(known, value[known], len(group))


def _between(people: Sequence[_Person], within: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Mean (FEATURES,) and covariance between people, by one round of expectation and maximisation.

    Each person's true usual walk is unknown, and seen through the mean of a few walks, and for some not in all bones.
    """
    whole = np.array([person.value for person in people if len(person.value) == FEATURES])
    mean, covariance = whole.mean(0), np.cov(whole.T, bias=True)
    # Half of what the few people with all bones seem to share is chance: what is filled must not lean on that.
    covariance = 0.5 * (covariance + np.diag(np.maximum(np.diag(covariance), FLOOR**2)))
    guesses, doubt = np.zeros((len(people), FEATURES)), np.zeros((FEATURES, FEATURES))
    gains: dict[tuple[bytes, int], tuple[np.ndarray, np.ndarray]] = {}  # by what is known, and how well
    for number, person in enumerate(people):
        key = person.seen.tobytes(), person.walks
        if key not in gains:
            seen = covariance[person.seen]
            noise = within[np.ix_(person.seen, person.seen)] / person.walks + 1e-9 * np.eye(len(person.value))
            gain = np.linalg.solve(seen[:, person.seen] + noise, seen).T
            gains[key] = gain, covariance - gain @ seen
        gain, left = gains[key]
        guesses[number] = mean + gain @ (person.value - mean[person.seen])
        doubt += left
    mean = guesses.mean(0)
    change = guesses - mean
    return mean, _shrunk((change.T @ change + doubt) / len(people))


def _factors(covariance: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Factors (FEATURES, K) of what coefficients share, and the deviations (FEATURES,) that are each one's own."""
    own = OWN * np.diag(covariance)
    values, vectors = np.linalg.eigh(covariance - np.diag(own))
    values, vectors = np.maximum(values[::-1], 0.0), vectors[:, ::-1]
    count = int(np.searchsorted(np.cumsum(values) / values.sum(), KEPT)) + 1
    factors = vectors[:, :count] * np.sqrt(values[:count])
    largest = np.take_along_axis(factors, np.abs(factors).argmax(0)[None], 0)
    factors *= np.sign(largest)  # the sign of an eigenvector is chance
    rest = np.diag(covariance) - (factors**2).sum(1)
    return factors, np.sqrt(np.maximum(rest, 0.0))


def write_statistics(path: Path, statistics: GaitStatistics) -> None:
    """Write what `gaits.statistics` reads; factors in half precision. Raises GaitError."""
    arrays = {name: np.asarray(getattr(statistics, name)) for name in GaitStatistics.__dataclass_fields__}
    kinds = {name: np.float16 if array.ndim == 2 else np.float32 for name, array in arrays.items()}
    kept = {name: array.astype(kinds[name]) for name, array in arrays.items()}
    content = io.BytesIO()
    np.savez_compressed(content, allow_pickle=False, **kept)
    try:
        replace_file(path, content.getvalue())
    except OSError as error:
        raise GaitError(f"{path} cannot be written: {error.strerror}") from error
