"""Virtual people nobody trained on, recognised across views: what views, camera heights and frames do to a gait model.

They are no proof that real people are told apart: `evaluate kth` is nearer to that.

Every walk is a template and a probe, in clothes and masks of its own. A cell of the cross-view matrix searches the
walks of one azimuth among those of another, a single walk of everybody in the gallery, for each pair of camera heights.
Pairs of one azimuth and different heights are shown and are in no mean, nor are walks ever compared with themselves.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from rt_gait_ros.errors import UsageError
from rt_gait_ros.evaluation.embedding_jobs import Arrays
from rt_gait_ros.evaluation.open_set import Comparison, equal_error_rate
from rt_gait_ros.evaluation.recognition import RankRate, rank_rate, wilson
from rt_gait_ros.evaluation.virtual_people import Cast, view_name
from rt_gait_ros.gait.scene import MIN_WALKERS, Normalisation, normalisation
from rt_gait_ros.gallery.distance import distances

View = tuple[int, float]  # azimuth in degrees, height of the camera in metres


@dataclass(frozen=True, slots=True)
class Result:
    """The whole protocol, with the scene of each view taken out or not (normalised). Shares 0..1, NaN of no probes.

    rank1, eer: (A, A) of probe and gallery azimuth; probes: (A, A) walks that were searched. heights: (H, H) rank-1 of
    probe and gallery height, the mean over different azimuths. by_frames: probes of so many frames in whole walks of
    another day from the same view. comparison: each probe among the walks of all other azimuths at once. walks, lost:
    of the people tested, on both days.
    """

    model: str
    cast: Cast
    normalised: bool
    rank1: np.ndarray
    eer: np.ndarray
    probes: np.ndarray
    heights: np.ndarray
    by_frames: dict[int, RankRate]
    comparison: Comparison
    walks: int
    lost: int

    @property
    def mean(self) -> float:
        """Rank-1, the mean over all pairs of different azimuths."""
        return float(np.nanmean(_different(self.rank1)))

    @property
    def rows(self) -> list[dict]:
        """Every cell of the matrix that has probes."""
        azimuths = self.cast.azimuths
        return [
            {
                "gallery": f"{gallery:03d}",
                "probe": f"{probe:03d}",
                **_figures(self.rank1[p, g], int(self.probes[p, g])),
                "eer": float(self.eer[p, g]),
                "scene_normalisation": self.normalised,
            }
            for g, gallery in enumerate(azimuths)
            for p, probe in enumerate(azimuths)
            if self.probes[p, g]
        ]

    def summary(self) -> dict:
        """The means and the open-set figures."""
        probes = len(self.comparison.genuine)
        return {
            "scene_normalisation": self.normalised,
            **_figures(self.mean, probes),
            "eer_pairs": float(np.nanmean(_different(self.eer))),
            **self.comparison.figures(),
        }

    def height_rows(self) -> list[dict]:
        """Rank-1 of every pair of camera heights that has probes."""
        said = [f"{height:g}" for height in self.cast.heights]
        return [
            {"gallery": said[g], "probe": said[p], "rank1": float(rate), "scene_normalisation": self.normalised}
            for (p, g), rate in np.ndenumerate(self.heights)
            if not np.isnan(rate)
        ]

    def frame_rows(self) -> list[dict]:
        """Rank-1 over the number of frames of the probe."""
        return [
            {
                "frames": count,
                "rank1": found.rate,
                "ci95": list(found.ci95),
                "probes": found.probes,
                "scene_normalisation": self.normalised,
            }
            for count, found in self.by_frames.items()
        ]


def to_json(results: Sequence[Result]) -> dict:
    """The figures in the shape that every `rt-gait evaluate` gives; shares 0..1. `open_set` is of the last result."""
    last = results[-1]
    return {
        "protocol": "virtual",
        "model": last.model,
        "rows": [row for result in results for row in result.rows],
        "open_set": last.comparison.figures(),
        "scene_normalisation": [result.summary() for result in results],
        "by_height": [row for result in results for row in result.height_rows()],
        "by_frames": [row for result in results for row in result.frame_rows()],
        "lost": last.lost,
        "walks": last.walks,
        "people": last.cast.people,
        "seed": last.cast.seed,
    }


def evaluate(embedded: Mapping[str, Arrays], cast: Cast, model: str, normalised: bool) -> Result:
    """The protocol on what the cast's jobs made. normalised: take out what the strangers have in common in each view.

    Raises UsageError where there are too few strangers to know a view by, or too few walks left to compare.
    """
    looks = _Looks(embedded, cast, normalised)
    matrix = _Matrix(cast)
    for first, azimuth in enumerate(cast.azimuths):
        probes = looks.of_azimuth(azimuth)
        for second in range(first, len(cast.azimuths)):
            gallery = probes if second == first else looks.of_azimuth(cast.azimuths[second])
            matrix.add(first, second, _between(probes, gallery))
    by_frames = {count: _of_frames(looks, cast, count) for count in cast.counts}
    seen = sum(len(looks.walks(view)) for view in cast.views) + sum(len(looks.walks_again(view)) for view in cast.again)
    total = cast.people * (len(cast.views) + len(cast.again))
    return Result(
        model,
        cast,
        normalised,
        matrix.rates(),
        matrix.eer,
        matrix.searched.sum(axis=2),
        matrix.height_rates(),
        {count: found for count, found in by_frames.items() if found.probes},
        matrix.comparison(),
        total,
        total - seen,
    )


class _Looks:
    """Embeddings by view, put together when they are asked for: all at once would fill the memory."""

    def __init__(self, embedded: Mapping[str, Arrays], cast: Cast, normalised: bool) -> None:
        tested, strangers = cast.numbers
        self._tested = [embedded[str(number)] for number in tested]
        self._strangers = [embedded[str(number)] for number in strangers]
        self._heights = cast.heights
        self._shape = next((array.shape for arrays in self._tested for array in arrays.values()), (1, 1))
        self._scenes = {view: self._scene(view) for view in cast.views} if normalised else {}

    def walks(self, view: View) -> list[np.ndarray]:
        """Embeddings of this view that are there."""
        return [arrays[view_name(*view)] for arrays in self._tested if view_name(*view) in arrays]

    def walks_again(self, view: View) -> list[Arrays]:
        """Who was seen well enough from this view on the other day."""
        start = f"again/{view_name(*view)}/"
        return [arrays for arrays in self._tested if any(name.startswith(start) for name in arrays)]

    def of_azimuth(self, azimuth: int) -> np.ndarray:
        """(H, N, P, C) float32, NaN of walks that were lost."""
        return np.stack([self.of_view((azimuth, height)) for height in self._heights])

    def of_view(self, view: View, count: int | None = None) -> np.ndarray:
        """(N, P, C) float32, NaN of walks that were lost. count: those of the other day, of so many frames."""
        name = view_name(*view) if count is None else f"again/{view_name(*view)}/{count}"
        looks = np.full((len(self._tested), *self._shape), np.nan, np.float32)
        for place, arrays in enumerate(self._tested):
            if name in arrays:
                looks[place] = arrays[name]
        return self._scenes[view](looks) if self._scenes else looks

    def _scene(self, view: View) -> Normalisation:
        """What those who are not tested have in common; they are different people and have one vote each."""
        name = view_name(*view)
        votes = [np.asarray(arrays[name], np.float32) for arrays in self._strangers if name in arrays]
        if len(votes) < MIN_WALKERS:
            raise UsageError(
                f"{len(votes)} strangers were seen in view {name}: scene normalisation takes {MIN_WALKERS:g}, "
                "see --strangers and --scene-normalisation"
            )
        return normalisation(np.stack(votes), np.ones(len(votes)))


class _Matrix:
    """Gathers the searches of all pairs of azimuths. Axes are probe azimuth, gallery azimuth, heights likewise."""

    def __init__(self, cast: Cast) -> None:
        azimuths, heights = len(cast.azimuths), len(cast.heights)
        self._people = np.arange(cast.people)
        self._hits = np.zeros((azimuths, azimuths, heights, heights), int)
        self._asked = np.zeros_like(self._hits)
        self.searched = np.zeros((azimuths, azimuths, heights), int)  # walks of each height in any gallery
        self.eer = np.full((azimuths, azimuths), np.nan)
        self._nearest = np.full((azimuths, heights, cast.people, cast.people), np.inf, np.float32)

    def add(self, first: int, second: int, between: np.ndarray) -> None:
        """Search two azimuths in each other. between: (H, N, H, N) distances of the first's walks to the second's."""
        self._search(first, second, between)
        if first != second:
            turned = between.transpose(2, 3, 0, 1)
            self._search(second, first, turned)
            for probe, table in ((first, between), (second, turned)):
                found = np.where(np.isnan(table), np.inf, table).min(axis=2)
                self._nearest[probe] = np.minimum(self._nearest[probe], found)
        self.eer[first, second] = self.eer[second, first] = self._pairs_eer(between, first == second)

    def rates(self) -> np.ndarray:
        """Rank-1 of every pair of azimuths: the mean over pairs of heights."""
        return _mean(_share(self._hits, self._asked), (2, 3))

    def height_rates(self) -> np.ndarray:
        """Rank-1 of every pair of heights: the mean over pairs of different azimuths."""
        shares = _share(self._hits, self._asked)
        shares[np.arange(len(shares)), np.arange(len(shares))] = np.nan
        return _mean(shares, (0, 1))

    def comparison(self) -> Comparison:
        """Each probe among all other azimuths at once. Raises UsageError where nobody is left to compare."""
        tables, truth = [], []
        for table in self._nearest.reshape(-1, len(self._people), len(self._people)):
            enrolled = np.isfinite(table).any(axis=0)  # whose every walk from elsewhere was lost is no template
            usable = np.isfinite(table[self._people, self._people])
            if enrolled.sum() >= 2 and usable.any():
                tables.append(table[usable])
                truth.append(self._people[usable])
        if not tables:
            raise UsageError("too few walks gave an embedding: there is nothing to compare")
        return Comparison.of(np.concatenate(tables), np.concatenate(truth))

    def _search(self, probe: int, gallery: int, between: np.ndarray) -> None:
        for p in range(between.shape[0]):
            counted = np.zeros(len(self._people), bool)
            for g in range(between.shape[2]):
                if probe == gallery and p == g:
                    continue  # the very same walks
                usable, found = _searched(between[p, :, g])
                self._hits[probe, gallery, p, g], self._asked[probe, gallery, p, g] = found.hits, found.probes
                counted |= usable
            self.searched[probe, gallery, p] = counted.sum()

    def _pairs_eer(self, between: np.ndarray, same: bool) -> float:
        """EER of single walks of two azimuths."""
        heights, people = between.shape[:2]
        counted = ~np.isnan(between)
        if same:
            counted &= ~np.eye(heights, dtype=bool)[:, None, :, None]
        own = np.broadcast_to(np.eye(people, dtype=bool)[None, :, None], between.shape)
        genuine, impostor = between[counted & own], between[counted & ~own]
        return equal_error_rate(genuine, impostor) if len(genuine) and len(impostor) else np.nan


def _between(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """Distances of all walks of two azimuths: (H, N, P, C) twice to (H, N, H, N) float32, NaN of those lost."""
    heights, people = first.shape[:2]
    flat = (heights * people, *first.shape[2:])
    found = distances(first.reshape(flat), second.reshape(flat))
    return found.astype(np.float32).reshape(heights, people, heights, people)


def _searched(table: np.ndarray) -> tuple[np.ndarray, RankRate]:
    """Who of the N probes can be searched, and rank-1 of them. table: (N, N) distances, NaN of walks that were lost."""
    usable = ~np.isnan(np.diagonal(table))
    asked = np.where(np.isnan(table), np.inf, table)[usable]
    return usable, rank_rate(asked, np.flatnonzero(usable))


def _of_frames(looks: _Looks, cast: Cast, count: int) -> RankRate:
    """Probes of so many frames among the whole walks of another day, each view by itself."""
    found = [_searched(distances(looks.of_view(view, count), looks.of_view(view)))[1] for view in cast.again]
    return RankRate(sum(each.hits for each in found), sum(each.probes for each in found))


def _different(cells: np.ndarray) -> np.ndarray:
    return np.where(np.eye(len(cells), dtype=bool), np.nan, cells)


def _share(hits: np.ndarray, asked: np.ndarray) -> np.ndarray:
    return np.where(asked > 0, hits / np.maximum(asked, 1), np.nan)


def _mean(shares: np.ndarray, axes: tuple[int, int]) -> np.ndarray:
    """Mean of those that are no NaN, NaN of none."""
    known = ~np.isnan(shares)
    return _share(np.where(known, shares, 0.0).sum(axis=axes), known.sum(axis=axes))


def _figures(rate: float, probes: int) -> dict:
    # of as many trials as there are walks: the views in which one is searched are no new evidence
    return {"rank1": float(rate), "ci95": list(wilson(round(rate * probes), probes)), "probes": probes}
