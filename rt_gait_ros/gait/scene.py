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

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import compress

import numpy as np

from rt_gait_ros.errors import GaitError
from rt_gait_ros.gait.distance import distances

MAX_VOTES = 64  # kept per scene: 4 MB of GaitSet's 62 x 256
# Walkers before a scene is normalised. On KTH it pays from five on, and one person counts for up to two (one for each
# direction); below, nobody is normalised and everything is as without.
MIN_WALKERS = 8.0
# Votes that "every channel spreads alike" counts for, beside the spread that was seen. 1, 3 and 10 do equally on KTH.
SPREAD_PRIOR = 3.0
# Votes that a model's own mean counts for, where it ships one: n / (n + k) of the centre is the scene's.
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


def normalisation(votes: np.ndarray, weights: np.ndarray, prior: np.ndarray | None = None) -> Normalisation:
    """The scene of these votes (N, P, C), N >= 1, of these weights (N,). prior: mean (P, C) that the model ships."""
    walkers = float(weights.sum())
    weights = weights / walkers
    mean = np.tensordot(weights, votes, 1)
    spread = drawn_together(np.tensordot(weights, np.square(votes - mean), 1), walkers)
    if prior is not None:
        mean = (walkers * mean + MEAN_PRIOR * prior) / (walkers + MEAN_PRIOR)
    return Normalisation(mean.astype(np.float32), np.maximum(spread, 1e-9).astype(np.float32), walkers)


def is_fresh(stamps: np.ndarray, now: int) -> np.ndarray:
    """Which votes are young enough to be kept, (N,) bool. A stamp from well after now is no time that a vote was at."""
    return np.asarray((stamps > now - MAX_AGE) & (stamps <= now + MAX_AGE))


class SceneStatistics:
    """Running statistics of one scene under one gait model, of bounded size.

    radius: distance of raw embeddings below which two votes count as one person's (Calibration.radius). prior: mean
    embedding (P, C) that the model ships, or None.
    """

    def __init__(self, radius: float, prior: np.ndarray | None = None) -> None:
        self.votes = np.zeros((0, 0, 0), np.float32)
        self.stamps = np.zeros(0, np.int64)
        self.owners: tuple[str, ...] = ()  # of each vote the ids of whom its track was named as, with spaces between
        self._radius = radius
        self._prior = prior
        self._between = np.zeros((0, 0))
        self._normalisation: Normalisation | None = None

    @property
    def walkers(self) -> float:
        """How many different walkers have voted, as far as their embeddings tell."""
        return float(shares(self._between, self._radius).sum())

    @property
    def normalisation(self) -> Normalisation | None:
        """What takes the scene out; None while fewer than MIN_WALKERS have voted."""
        weights = shares(self._between, self._radius)
        if self._normalisation is None and weights.sum() >= MIN_WALKERS:
            self._normalisation = normalisation(self.votes, weights, self._prior)
        return self._normalisation

    def load(self, votes: np.ndarray, stamps: np.ndarray, owners: Sequence[str] = ()) -> None:
        """Take these votes (N, P, C), and no others. owners: see `owners`; () where nobody knows.

        Raises SceneError for what no votes can be.
        """
        if votes.ndim != 3 or stamps.shape != (len(votes),) or not np.isfinite(votes).all():
            raise SceneError(f"votes of shape {votes.shape} with NaN or infinity, or without stamps, are no scene")
        owners = tuple(owners) or ("",) * len(votes)
        self._keep(np.asarray(votes, np.float32), np.asarray(stamps, np.int64), owners)

    def expire(self, now: int) -> bool:
        """Delete votes that are older than MAX_AGE by `now` (ns since the epoch). True if there were any."""
        fresh = is_fresh(self.stamps, now)
        if fresh.all():
            return False
        self._keep(self.votes[fresh], self.stamps[fresh], tuple(compress(self.owners, fresh)))
        return True

    def add(self, embedding: np.ndarray, stamp: int, owner: str = "") -> None:
        """Count one finished track. embedding: (P, C), the mean of its looks. stamp: of now, ns since the epoch.

        owner: person_id that it was named as, if it was.

        When there are too many, the two nearest votes become one: most likely they are one person's.
        Raises SceneError for NaN, infinity or another shape; then nothing is changed.
        """
        vote = np.asarray(embedding, np.float32)[None]
        if vote.ndim != 3 or vote.size == 0 or not np.isfinite(vote).all():
            raise SceneError(f"an embedding of shape {vote.shape[1:]} with NaN or infinity, or none, cannot vote")
        if len(self.votes) and vote.shape != self.votes[:1].shape:
            raise SceneError(f"an embedding of shape {vote.shape[1:]} cannot vote among {self.votes.shape[1:]}")
        self.expire(stamp)
        votes = np.concatenate([self.votes, vote]) if len(self.votes) else vote
        self._keep(votes, np.append(self.stamps, stamp), (*self.owners, owner))
        while len(self.votes) > MAX_VOTES:
            self._merge_nearest()

    def _keep(self, votes: np.ndarray, stamps: np.ndarray, owners: tuple[str, ...]) -> None:
        self.votes, self.stamps, self.owners = votes, stamps, owners
        self._between = distances(votes, votes) if len(votes) else np.zeros((0, 0))
        self._normalisation = None

    def _merge_nearest(self) -> None:
        between = self._between + np.diag(np.full(len(self.votes), np.inf))
        first, second = divmod(int(between.argmin()), len(self.votes))
        rest = np.delete(np.arange(len(self.votes)), [first, second])
        middle = (self.votes[first] + self.votes[second]) / 2.0
        newest = max(self.stamps[first], self.stamps[second])
        both = " ".join(sorted({*self.owners[first].split(), *self.owners[second].split()}))
        owners = (*(self.owners[n] for n in rest), both)
        self._keep(np.concatenate([self.votes[rest], middle[None]]), np.append(self.stamps[rest], newest), owners)
