"""Closed-set identification: how often the right person is among the nearest."""

import math
from dataclasses import dataclass

import numpy as np

Z95 = 1.959964  # two-sided 95 % of the normal distribution


def wilson(successes: int, trials: int, z: float = Z95) -> tuple[float, float]:
    """Confidence interval of a proportion, 0..1 (Wilson, 1927): sound for few trials and for shares near 0 and 1.

    No trials at all leave everything open: (0, 1).
    """
    if trials == 0:
        return 0.0, 1.0
    share = successes / trials
    middle = (share + z * z / (2 * trials)) / (1 + z * z / trials)
    half = z / (1 + z * z / trials) * math.sqrt(share * (1 - share) / trials + z * z / (4 * trials * trials))
    return max(0.0, middle - half), min(1.0, middle + half)


@dataclass(frozen=True, slots=True)
class RankRate:
    """Share of probes whose person is among the k nearest; shares are 0..1, NaN of no probes."""

    hits: int
    probes: int

    @property
    def rate(self) -> float:
        """The share."""
        return self.hits / self.probes if self.probes else math.nan

    @property
    def ci95(self) -> tuple[float, float]:
        """Its Wilson interval."""
        return wilson(self.hits, self.probes)


def rank_rate(distances: np.ndarray, truth: np.ndarray, rank: int = 1) -> RankRate:
    """Rank-k of probes whose person is enrolled.

    distances: (Q, N) of each probe to each person. truth: (Q,) index of the probe's person, 0..N-1.
    A person exactly as far as the right one counts as nearer: ties are no merit.
    """
    distances, truth = np.asarray(distances), np.asarray(truth, int)
    right = distances[np.arange(len(truth)), truth]
    nearer = (distances <= right[:, None]).sum(axis=1) - 1
    return RankRate(int((nearer < rank).sum()), len(truth))


def to_persons(distances: np.ndarray, persons: np.ndarray, count: int) -> np.ndarray:
    """Distances to templates (Q, T) to distances to the nearest template of each of `count` persons (Q, count).

    persons: (T,) index of each template's person. A person without templates is infinitely far.
    """
    nearest = np.full((len(distances), count), np.inf)
    for column, person in enumerate(persons):
        nearest[:, person] = np.minimum(nearest[:, person], distances[:, column])
    return nearest
