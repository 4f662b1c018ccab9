"""One score from several gait models that look at the same walk in different ways.

Distances of two models have different units, so each is first measured against how strangers differ: its own centre and
spread over comparisons that hardly ever are of one person (Z-norm). The sum of such scores ranks as a sum of calibrated
log-odds does whose slopes are as the reciprocal spreads; but it needs no pairs of known persons, which a new model or a
new place does not have, and it claims no probability: two models that see the same silhouette err together, and adding
their log-odds would count one error twice.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

MAD_TO_DEVIATION = 1.4826  # standard deviation of a normal distribution over its median absolute deviation


@dataclass(frozen=True, slots=True)
class Strangers:
    """How far apart strangers are for one model: centre and spread of their distances."""

    centre: float
    spread: float

    @classmethod
    def of(cls, distances: np.ndarray) -> "Strangers":
        """From comparisons of which most are of two persons, whoever they are; medians do not mind the others.

        Raises ValueError for distances that are all alike, or with NaN: they say nothing.
        """
        centre = float(np.median(distances))
        spread = MAD_TO_DEVIATION * float(np.median(np.abs(distances - centre)))
        if not spread > 0.0:
            raise ValueError("distances that are all alike, or with NaN, have no spread to fuse by")
        return cls(centre, spread)


def fuse(distances: Sequence[np.ndarray], strangers: Sequence[Strangers]) -> np.ndarray:
    """Mean of the models' distances, in spreads from how far apart strangers are: low is one person, 0 is strangers.

    distances: of the same comparisons by each model, of one shape. strangers: of each model.
    """
    scores = [(each - model.centre) / model.spread for each, model in zip(distances, strangers, strict=True)]
    return np.mean(np.stack(scores), axis=0)
