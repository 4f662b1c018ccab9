"""The view that a walker is seen from, told by the embedding itself, and taken out of it.

People seen from one direction resemble each other more than one person resembles herself from two. That common part is
the mean of many people's embeddings from there, and it can be subtracted before the person is known: the embedding lies
nearest to the mean of its own view. What is left is divided by the spread of each channel and scaled to one length, as
a scene is taken out (gait.scene); then walks from different views can be compared.

A model may ship the centres and spreads of its views (`view_prior.npz`), so that the first walker gains from them.
"""

import io
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from rt_gait_ros.archives import DAMAGED
from rt_gait_ros.errors import GaitError
from rt_gait_ros.gait.scene import MEAN_PRIOR, SPREAD_PRIOR, drawn_together, standardised
from rt_gait_ros.gallery.distance import distances
from rt_gait_ros.paths import replace_file

PRIOR_FILE = "view_prior.npz"  # in a model's folder of the repository, optional: arrays `centres` and `spreads`


class ViewError(GaitError):
    """The statistics of views cannot be used, or cannot be stored."""


@dataclass(frozen=True, slots=True)
class ViewPrior:
    """What embeddings of many people have in common in each of V views.

    centres, spreads: (V, P, C) float32, spreads above 0. The views have no names: which one a walker is seen from is
    told by `nearest`. Raises ViewError for arrays that cannot be that.
    """

    centres: np.ndarray
    spreads: np.ndarray

    def __post_init__(self) -> None:
        """Refuse what is no statistic of views."""
        for name in ("centres", "spreads"):
            array = np.asarray(getattr(self, name), np.float32)
            if array.ndim != 3 or not array.size or not np.isfinite(array).all():
                raise ViewError(f"{name} of views have shape {array.shape}: (V, P, C) without NaN is needed")
            object.__setattr__(self, name, array)
        if self.centres.shape != self.spreads.shape or not (self.spreads > 0.0).all():
            raise ViewError("spreads of views must be above 0, and as many as centres")

    @property
    def views(self) -> int:
        """How many views there are."""
        return len(self.centres)

    @property
    def embedding_shape(self) -> tuple[int, int]:
        """(P, C) of the model that these are of."""
        return self.centres.shape[1], self.centres.shape[2]

    def nearest(self, embeddings: np.ndarray) -> np.ndarray:
        """The view of each embedding (N, P, C), as far as it tells: (N,) 0..V-1, that of the nearest centre.

        Each channel is measured by its mean spread: with GaitSet on CASIA-B's eleven views that is right for 87 % of
        walks, without for 82 %.
        """
        scale = np.sqrt(np.square(self.spreads).mean(axis=0))
        return np.asarray(distances(embeddings / scale, self.centres / scale, np.float32).argmin(axis=1))

    def names(self, embeddings: np.ndarray) -> list[str]:
        """The different views of embeddings (N, P, C), for people to read: they have numbers and no names."""
        return [f"view {view + 1} of {self.views}" for view in np.unique(self.nearest(embeddings)).tolist()]

    def normalise(self, embeddings: np.ndarray, views: np.ndarray | None = None) -> np.ndarray:
        """Embeddings (N, P, C) without their views, float32, of length 1 (root mean square over parts).

        views: (N,) 0..V-1 where they are known otherwise; None: the nearest ones.
        """
        if views is None:
            views = self.nearest(embeddings)
        plain = np.empty(embeddings.shape, np.float32)
        for view in np.unique(views):
            mine = views == view
            plain[mine] = standardised(embeddings[mine], self.centres[view], self.spreads[view])
        return plain


@dataclass(frozen=True, slots=True)
class ViewedNormalisation:
    """Takes a scene out of embeddings, view by view. views: their statistics there. walkers: as Normalisation."""

    views: ViewPrior
    walkers: float

    @property
    def embedding_shape(self) -> tuple[int, ...]:
        """As Normalisation.embedding_shape."""
        return self.views.embedding_shape

    def __call__(self, embeddings: np.ndarray) -> np.ndarray:
        """As Normalisation, each embedding (P, C) of (..., P, C) by the view it is nearest to."""
        return self.views.normalise(embeddings.reshape(-1, *embeddings.shape[-2:])).reshape(embeddings.shape)


def viewed_normalisation(prior: ViewPrior, votes: np.ndarray, weights: np.ndarray) -> ViewedNormalisation:
    """What takes a scene out from the first walker on: the model's views, moved to where this scene's walkers are.

    votes: (N, P, C) and their weights (N,), N >= 0. What the walkers of all views have in common against the model's
    centres moves every view, as MEAN_PRIOR says; what is left over moves the view it was seen in, likewise; spreads are
    drawn from the model's towards those of the scene, as SPREAD_PRIOR says.
    """
    walkers = float(weights.sum())
    if not walkers:
        return ViewedNormalisation(prior, 0.0)
    views = prior.nearest(votes)
    residues = votes - prior.centres[views]
    shift = np.tensordot(weights, residues, 1) / (walkers + MEAN_PRIOR)
    views = ViewPrior(prior.centres + shift, prior.spreads).nearest(votes)
    centres, variances = prior.centres + shift, np.square(prior.spreads)
    for view in np.unique(views):
        mine = weights * (views == view)
        seen = float(mine.sum())
        centres[view] += np.tensordot(mine, votes - centres[view], 1) / (seen + MEAN_PRIOR)
        within = np.tensordot(mine, np.square(votes - centres[view]), 1)
        variances[view] = (within + SPREAD_PRIOR * MEAN_PRIOR * variances[view]) / (seen + SPREAD_PRIOR * MEAN_PRIOR)
    return ViewedNormalisation(ViewPrior(centres, np.sqrt(variances)), walkers)


@dataclass(frozen=True, slots=True)
class ViewMoments:
    """How many embeddings each of V views has, their sums and the sums of their squares: what a ViewPrior is made of.

    count: (V,). total, squares: (V, P, C) float64. Those of disjoint sets of people add up, and can be taken away
    again: statistics without somebody cost no second look at everybody else.
    """

    count: np.ndarray
    total: np.ndarray
    squares: np.ndarray

    @classmethod
    def of(cls, embeddings: np.ndarray, views: np.ndarray, number: int) -> "ViewMoments":
        """Of embeddings (N, P, C), each of one of `number` views (N,)."""
        count = np.bincount(views, minlength=number)
        total = np.zeros((number, *embeddings.shape[1:]))
        squares = np.zeros_like(total)
        for view in np.flatnonzero(count):
            seen = np.asarray(embeddings[views == view], np.float64)
            total[view], squares[view] = seen.sum(axis=0), np.square(seen).sum(axis=0)
        return cls(count, total, squares)

    def __add__(self, other: "ViewMoments") -> "ViewMoments":
        return ViewMoments(self.count + other.count, self.total + other.total, self.squares + other.squares)

    def __sub__(self, other: "ViewMoments") -> "ViewMoments":
        return ViewMoments(self.count - other.count, self.total - other.total, self.squares - other.squares)

    def prior(self, least: int = 2) -> ViewPrior:
        """Centres and spreads. Raises ViewError where a view has fewer than `least` embeddings."""
        if (self.count < least).any():
            raise ViewError(f"a view has {self.count.min()} embeddings: {least} are needed to know what it looks like")
        count = self.count[:, None, None]
        centres = self.total / count
        variances = np.maximum(self.squares / count - np.square(centres), 0.0)
        spreads = [drawn_together(variance, each) for variance, each in zip(variances, self.count, strict=True)]
        return ViewPrior(centres.astype(np.float32), np.maximum(np.stack(spreads), 1e-9).astype(np.float32))


def find_prior(repository: Path, model: str) -> ViewPrior | None:
    """The views that a model ships, or None. Raises ViewError for a file that holds none."""
    path = repository / model / PRIOR_FILE
    if not path.exists():
        return None
    try:
        with np.load(path, allow_pickle=False) as arrays:
            return ViewPrior(arrays["centres"], arrays["spreads"])
    except (OSError, *DAMAGED) as error:
        raise ViewError(f"{path} does not hold the centres and spreads of views ({error}): delete it") from error
    except ViewError as error:
        raise ViewError(f"{path}: {error}") from None


def save_prior(path: Path, prior: ViewPrior) -> None:
    """Write what `find_prior` reads; the file is whole or not there. Raises ViewError."""
    buffer = io.BytesIO()
    np.savez_compressed(buffer, centres=prior.centres, spreads=prior.spreads)
    try:
        replace_file(path, buffer.getvalue())
    except OSError as error:
        raise ViewError(f"{path} cannot be written: {error.strerror}") from error
