"""What all walkers of one scene have in common, so that it can be taken out of their embeddings.

A camera, its place, its light and the masks it gives mark every embedding alike, and mark it as strongly as the person
does. The embeddings of whoever walks by, without any label, show that mark: their mean and their spread per channel. An
embedding is centred by the one, divided by the other and scaled to one length; then two scenes can be compared.

The centring and scaling is that of Z-norm in speaker recognition (Auckenthaler, Carey and Lloyd-Thomas, 2000), done to
embeddings and not to scores. S-norm (Shum et al., 2010) of the scores was measured on top, and gave nothing more.

One track is one vote. Somebody who walks by all day would pull the mean towards that one person, so votes nearer to
each other than one person's looks usually are share a single vote: how often a person passes then hardly matters, and
the sum of the shares says how many different walkers were seen.
"""

from dataclasses import dataclass

import numpy as np

from rt_gait_ros.errors import GaitError

MAX_VOTES = 64  # kept per scene: 4 MB of GaitSet's 62 x 256
# Walkers before a scene is normalised. On KTH it pays from five on, and one person counts for up to two (one for each
# direction); below, nobody is normalised and everything is as without.
MIN_WALKERS = 8.0
# Votes that "every channel spreads alike" counts for, beside the spread that was seen. 1, 3 and 10 do equally on KTH.
SPREAD_PRIOR = 3.0
# Votes that a model's own centres count for, where it ships views: n / (n + k) of the way is the scene's.
MEAN_PRIOR = 4.0
MAX_AGE = 30 * 86_400 * 1_000_000_000  # ns after which a vote is forgotten: places change, and biometric data must go


class SceneError(GaitError):
    """The statistics of a scene cannot be used, or cannot be stored."""


@dataclass(frozen=True, slots=True)
class Normalisation:
    """Takes a scene out of embeddings. centre, spread: (P, C) float32. walkers: different walkers they stand on."""

    centre: np.ndarray
    spread: np.ndarray
    walkers: float

    @property
    def embedding_shape(self) -> tuple[int, ...]:
        """(P, C) of what it may be done to."""
        return self.centre.shape

    def __call__(self, embeddings: np.ndarray) -> np.ndarray:
        """Embeddings (..., P, C) as they are without the scene, float32, of length 1 (root mean square over parts).

        The whole is scaled, not each part: a part that shows little of a person stays short.
        """
        return standardised(embeddings, self.centre, self.spread)


def standardised(embeddings: np.ndarray, centre: np.ndarray, spread: np.ndarray) -> np.ndarray:
    """Embeddings (..., P, C) centred, divided by the spread of each channel, and scaled to length 1, float32."""
    residue = np.asarray(embeddings, np.float32) - centre
    residue /= spread
    length = np.sqrt(np.einsum("...pc,...pc->...", residue, residue) / residue.shape[-2])
    residue /= np.maximum(length, 1e-12)[..., None, None]
    return residue


def drawn_together(variance: np.ndarray, count: float) -> np.ndarray:
    """Spread of each channel from its variance (P, C) over `count` votes, drawn towards the mean variance."""
    return np.sqrt((count * variance + SPREAD_PRIOR * variance.mean()) / (count + SPREAD_PRIOR))


def shares(between: np.ndarray, radius: float) -> np.ndarray:
    """Weight of each vote: one, shared by all that lie within the radius of it. between: (N, N) their distances."""
    return 1.0 / np.maximum((between <= radius).sum(axis=1), 1)


def normalisation(votes: np.ndarray, weights: np.ndarray) -> Normalisation:
    """The scene of these votes (N, P, C), N >= 1, of these weights (N,)."""
    walkers = float(weights.sum())
    weights = weights / walkers
    mean = np.tensordot(weights, votes, 1)
    spread = drawn_together(np.tensordot(weights, np.square(votes - mean), 1), walkers)
    return Normalisation(mean.astype(np.float32), np.maximum(spread, 1e-9).astype(np.float32), walkers)


def is_fresh(stamps: np.ndarray, now: int) -> np.ndarray:
    """Which votes are young enough to be kept, (N,) bool. A stamp from well after now is no time that a vote was at."""
    return np.asarray((stamps > now - MAX_AGE) & (stamps <= now + MAX_AGE))
