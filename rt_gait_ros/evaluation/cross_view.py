"""Walks of one condition searched among enrolled walks, view by view: the tables of the cross-view data sets."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from rt_gait_ros.evaluation.open_set import Comparison
from rt_gait_ros.evaluation.recognition import RankRate, rank_rate, to_persons, wilson


@dataclass(frozen=True, slots=True)
class Searched:
    """Q probes held against T enrolled walks of N persons.

    between: (Q, T) distances. truth, seen_from: (Q,) person 0..N-1 and view of each probe. owners, enrolled_from,
    sequences: (T,) person, view and sequence of each enrolled walk.
    """

    between: np.ndarray
    truth: np.ndarray
    seen_from: np.ndarray
    owners: np.ndarray
    enrolled_from: np.ndarray
    sequences: np.ndarray

    def nearest(self, walks: np.ndarray) -> np.ndarray:
        """Distance of each probe to each person's nearest among these walks (T,) bool: (Q, N); infinite where none."""
        return to_persons(self.between[:, walks], self.owners[walks], int(self.owners.max()) + 1)


@dataclass(frozen=True, slots=True)
class Cell:
    """Probes of one view searched in the gallery of one view."""

    gallery: str
    probe: str
    rank1: RankRate


@dataclass(frozen=True, slots=True)
class CrossView:
    """One condition. cells: every pair of a gallery view and a probe view that has probes.

    probes: walks. one_walk: by the view enrolled, rank-1 (0..1) of probes from all other views where everybody is
    enrolled with one walk; the mean over the walks that there are of that view. comparison, rank1, rank5: each probe
    among the walks of all other views at once.
    """

    cells: tuple[Cell, ...]
    probes: int
    one_walk: dict[str, float]
    comparison: Comparison
    rank1: float
    rank5: float

    @classmethod
    def of(cls, searched: Searched, views: Sequence[str]) -> "CrossView | None":
        """views: in the order of the rows. None where no probe has its person enrolled from another view."""
        cells: list[Cell] = []
        one_walk: dict[str, float] = {}
        rows = np.arange(len(searched.truth))
        pooled = np.full((len(rows), int(searched.owners.max()) + 1), np.inf)
        for view in views:
            enrolled = searched.enrolled_from == view
            if not enrolled.any():
                continue
            nearest = searched.nearest(enrolled)
            cells += _cells(nearest, searched, view, views)
            other = searched.seen_from != view
            pooled[other] = np.minimum(pooled[other], nearest[other])
            rate = _one_walk(searched, enrolled)
            one_walk |= {} if math.isnan(rate) else {view: rate}
        # of whoever has no walk from another view there is nothing to be mistaken for
        usable = np.isfinite(pooled[rows, searched.truth]) & (np.isfinite(pooled).sum(axis=1) > 1)
        if not usable.any() or all(cell.gallery == cell.probe for cell in cells):
            return None
        pooled, truth = pooled[usable], searched.truth[usable]
        rank1, rank5 = rank_rate(pooled, truth).rate, rank_rate(pooled, truth, 5).rate
        return cls(tuple(cells), len(rows), one_walk, Comparison.of(pooled, truth), rank1, rank5)

    @property
    def without_identical_view(self) -> float:
        """Mean rank-1 of the pairs of different views, 0..1: the figure of papers."""
        return float(np.mean([cell.rank1.rate for cell in self.cells if cell.gallery != cell.probe]))

    @property
    def with_identical_view(self) -> float:
        """Mean rank-1 of all pairs of views, 0..1."""
        return float(np.mean([cell.rank1.rate for cell in self.cells]))

    def by_probe_view(self) -> dict[str, float]:
        """Mean rank-1 of each probe view over the other views: the columns of the papers' tables."""
        return _means([(cell.probe, cell.rank1.rate) for cell in self.cells if cell.gallery != cell.probe])

    def summary(self) -> dict:
        """The figures of the condition; shares 0..1."""
        rate = self.without_identical_view
        return {
            "without_identical_view": rate,
            "with_identical_view": self.with_identical_view,
            # of as many trials as there are sequences: the views in which one is searched are no new evidence
            "ci95": list(wilson(round(rate * self.probes), self.probes)),
            "probes": self.probes,
            "one_walk_enrolled": float(np.mean(list(self.one_walk.values()))) if self.one_walk else None,
            "one_walk_by_enrolled_view": self.one_walk,
            "all_other_views_enrolled": self.rank1,
            "rank5_all_other_views_enrolled": self.rank5,
            "by_probe_view": self.by_probe_view(),
        }


def _cells(nearest: np.ndarray, searched: Searched, view: str, views: Sequence[str]) -> list[Cell]:
    """The row of one gallery view. nearest: (Q, N) in it. Who is not enrolled from there is not asked for."""
    own = nearest[np.arange(len(searched.truth)), searched.truth]
    cells = []
    for probe in views:
        asked = (searched.seen_from == probe) & np.isfinite(own)
        if asked.any():
            cells.append(Cell(view, probe, rank_rate(nearest[asked], searched.truth[asked])))
    return cells


def _one_walk(searched: Searched, enrolled: np.ndarray) -> float:
    """Rank-1 of probes from other views with each sequence of the view alone enrolled; the mean, NaN of none."""
    rates = []
    for sequence in np.unique(searched.sequences[enrolled]):
        nearest = searched.nearest(enrolled & (searched.sequences == sequence))
        own = nearest[np.arange(len(searched.truth)), searched.truth]
        asked = np.isfinite(own) & ~np.isin(searched.seen_from, searched.enrolled_from[enrolled])
        if asked.any():
            rates.append(rank_rate(nearest[asked], searched.truth[asked]).rate)
    return float(np.mean(rates)) if rates else math.nan


def _means(pairs: list[tuple[str, float]]) -> dict[str, float]:
    return {
        name: float(np.mean([value for other, value in pairs if other == name]))
        for name in dict.fromkeys(n for n, _ in pairs)
    }
