"""The running statistics of one scene: the votes of whoever walked by, and what follows from them."""

from collections.abc import Sequence
from itertools import compress

import numpy as np

from rt_gait_ros.gait.scene import MAX_VOTES, MIN_WALKERS, Normalisation, SceneError, is_fresh, normalisation, shares
from rt_gait_ros.gait.views import ViewedNormalisation, ViewPrior, viewed_normalisation
from rt_gait_ros.gallery.distance import distances


class SceneStatistics:
    """Running statistics of one scene under one gait model, of bounded size.

    radius: distance of raw embeddings below which two votes count as one person's (Calibration.radius). prior: the
    views that the model ships, or None.
    """

    def __init__(self, radius: float, prior: ViewPrior | None = None) -> None:
        self.votes = np.zeros((0, 0, 0), np.float32)
        self.stamps = np.zeros(0, np.int64)
        self.owners: tuple[str, ...] = ()  # of each vote the ids of whom its track was named as, with spaces between
        self._radius = radius
        self._prior = prior
        self._between = np.zeros((0, 0))
        self._normalisation: Normalisation | ViewedNormalisation | None = None

    @property
    def walkers(self) -> float:
        """How many different walkers have voted, as far as their embeddings tell."""
        return float(shares(self._between, self._radius).sum())

    @property
    def normalisation(self) -> Normalisation | ViewedNormalisation | None:
        """What takes the scene out; None while fewer than MIN_WALKERS have voted and the model ships no views."""
        if self._normalisation is None:
            weights = shares(self._between, self._radius)
            if self._prior is not None:
                votes = self.votes if len(self.votes) else np.zeros((0, *self._prior.embedding_shape), np.float32)
                self._normalisation = viewed_normalisation(self._prior, votes, weights)
            elif weights.sum() >= MIN_WALKERS:
                self._normalisation = normalisation(self.votes, weights)
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
        self.shrink()

    def shrink(self) -> None:
        """Of more votes than are kept, make the nearest one, until they are not too many."""
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
