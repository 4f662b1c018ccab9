"""The KTH walking protocol: video in, our own silhouettes, pass by pass, across clothes and places.

Every pass of one condition is a probe; all passes of another condition are the gallery.
Each condition is a scene, which normalisation takes out (held_out).
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from rt_gait_ros.datasets.kth import CONDITIONS
from rt_gait_ros.datasets.video_walks import VideoWalks
from rt_gait_ros.errors import UsageError
from rt_gait_ros.evaluation.held_out import held_out_distances
from rt_gait_ros.evaluation.open_set import Comparison
from rt_gait_ros.evaluation.pairs import Pairs, matrix_pairs
from rt_gait_ros.evaluation.recognition import RankRate, rank_rate, to_persons
from rt_gait_ros.gait.config import RecognizerConfig
from rt_gait_ros.gait.fusion import Strangers, fuse
from rt_gait_ros.gallery.distance import distances

MIN_FRAMES = RecognizerConfig.min_frames  # a pass with fewer good frames is lost
# Rank-1 of gait energy images without any training, nearest neighbour, all 25 people of the set; one probe a person.
FLOOR = {("d1", "d4"): 0.609, ("d4", "d1"): 0.478, ("d1", "d3"): 0.0}


@dataclass(frozen=True, slots=True)
class Pass:
    """One walk across the picture.

    person, condition: as in the names of the set's files. embedding: (P, C).
    """

    person: str
    condition: str
    embedding: np.ndarray


@dataclass(frozen=True, slots=True)
class Pair:
    """One condition searched in another.

    passes: rank-1 of single passes. rank5: the same among five. one_pass: rank-1, 0..1, with a single pass of everybody
    in the gallery, the mean over first, second, ... passes. people: rank-1 of persons, all their passes taken together
    by the mean distance. comparison: of probe passes and persons. people_names: of the N persons enrolled. nearest:
    (Q, N) distance of each probe pass to each of them. truth: (Q,) whose pass it is, 0..N-1.
    """

    gallery: str
    probe: str
    passes: RankRate
    rank5: RankRate
    one_pass: float
    people: RankRate
    comparison: Comparison
    people_names: tuple[str, ...]
    nearest: np.ndarray
    truth: np.ndarray


@dataclass(frozen=True, slots=True)
class Result:
    """The whole protocol. total, lost: passes that motion shows, and those of them without an embedding.

    normalised: whether the scenes were taken out. walks: each pass with each of other conditions.
    """

    model: str
    normalised: bool
    pairs: tuple[Pair, ...]
    total: int
    lost: int
    walks: Pairs

    @property
    def comparison(self) -> Comparison:
        """Every probe of all pairs of conditions."""
        return Comparison.joined([pair.comparison for pair in self.pairs])

    def ranks(self) -> dict[int, float]:
        """Rank-k, 0..1, of all probe passes of all pairs, for every k up to the fewest people enrolled."""
        most = min(len(pair.people_names) for pair in self.pairs)
        probes = sum(len(pair.truth) for pair in self.pairs)
        return {
            rank: sum(rank_rate(pair.nearest, pair.truth, rank).hits for pair in self.pairs) / probes
            for rank in range(1, most + 1)
        }

    def confusion(self) -> tuple[list[str], np.ndarray]:
        """Names of the N persons, and (N, N): the share of each one's probe passes that each is nearest to."""
        names = sorted({name for pair in self.pairs for name in pair.people_names})
        counts = np.zeros((len(names), len(names)))
        for pair in self.pairs:
            places = np.array([names.index(name) for name in pair.people_names])
            np.add.at(counts, (places[pair.truth], places[pair.nearest.argmin(axis=1)]), 1.0)
        asked = counts.sum(axis=1, keepdims=True)
        return names, np.where(asked > 0, counts / np.maximum(asked, 1.0), np.nan)

    @property
    def rows(self) -> list[dict]:
        """The rank-k figures of each pair of conditions; shares 0..1."""
        return [_row(pair) | {"scene_normalisation": self.normalised} for pair in self.pairs]


def to_json(results: Sequence[Result]) -> dict:
    """The figures in the shape that every `rt-gait evaluate` gives; shares 0..1.

    results: of the same passes, the one that the recogniser would use last: `open_set` is of that one.
    """
    last = results[-1]
    return {
        "protocol": "kth",
        "model": last.model,
        "open_set": last.comparison.figures(),
        "rows": [row for result in results for row in result.rows],
        "scene_normalisation": [
            {"scene_normalisation": each.normalised, **each.comparison.figures()} for each in results
        ],
        "lost": last.lost,
        "passes": last.total,
    }


def embed_passes(
    videos: Mapping[tuple[str, str], VideoWalks], embed: Callable[[np.ndarray], np.ndarray]
) -> tuple[list[Pass], int]:
    """Embeddings of all passes, and how many passes were lost. embed: (S, 64, 64) gait frames to (P, C)."""
    passes, lost = [], 0
    for (person, condition), video in videos.items():
        for frames in video.by_pass(MIN_FRAMES):
            if frames is None:
                lost += 1
            else:
                passes.append(Pass(person, condition, embed(frames)))
    return passes, lost


def compare(passes: Sequence[Pass], normalised: bool, radius: float = 0.0) -> np.ndarray:
    """Distances of all passes to all passes: (N, N). normalised: without the scenes, and NaN within a condition.

    radius: as of SceneStatistics. Raises UsageError where there are too few people to know a scene by.
    """
    embeddings = np.stack([p.embedding for p in passes])
    if not normalised:
        return distances(embeddings, embeddings)
    return held_out_distances(embeddings, [p.person for p in passes], [p.condition for p in passes], radius)


def fused(first: np.ndarray, second: np.ndarray, passes: Sequence[Pass]) -> np.ndarray:
    """Scores of two models together; how far apart strangers are is taken from all comparisons across conditions."""
    where = np.array([p.condition for p in passes])
    across = where[:, None] != where[None]
    return fuse([first, second], [Strangers.of(first[across]), Strangers.of(second[across])])


def evaluate(
    passes: Sequence[Pass], lost: int, model: str, between: np.ndarray | None = None, normalised: bool = False
) -> Result:
    """Every condition searched in every other one. Raises UsageError where too little is left to search.

    between: (N, N) distances of the passes (`compare`, `fused`); None: plain ones. normalised: what they are.
    """
    if between is None:
        between = compare(passes, normalised)
    pairs = []
    for gallery in CONDITIONS:
        for probe in CONDITIONS:
            if gallery != probe:
                pair = _pair(passes, gallery, probe, between)
                pairs += [pair] if pair is not None else []
    if not pairs:
        raise UsageError("no two conditions hold passes of the same people: there is nothing to evaluate")
    persons, where = (np.array([getattr(p, name) for p in passes]) for name in ("person", "condition"))
    across = np.where(np.triu(where[:, None] != where[None]), between, np.nan)
    walks = matrix_pairs(across, persons, persons)
    return Result(model, normalised, tuple(pairs), len(passes) + lost, lost, walks)


def _pair(passes: Sequence[Pass], gallery: str, probe: str, between: np.ndarray) -> Pair | None:
    """One condition in another; probes whose person has no pass left in the gallery are not asked for."""
    enrolled = [n for n, p in enumerate(passes) if p.condition == gallery]
    people = sorted({passes[n].person for n in enrolled})
    probes = [n for n, p in enumerate(passes) if p.condition == probe and p.person in people]
    if len(people) < 2 or not probes:
        return None
    truth = np.array([people.index(passes[n].person) for n in probes])
    owners = np.array([people.index(passes[n].person) for n in enrolled])
    templates = between[np.ix_(probes, enrolled)]
    nearest = to_persons(templates, owners, len(people))
    seen = np.unique(truth)
    together = np.stack([nearest[truth == person].mean(axis=0) for person in seen])
    return Pair(
        gallery,
        probe,
        rank_rate(nearest, truth),
        rank_rate(nearest, truth, 5),
        _one_pass(templates, owners, truth),
        rank_rate(together, seen),
        Comparison.of(nearest, truth),
        tuple(people),
        nearest,
        truth,
    )


def _one_pass(templates: np.ndarray, owners: np.ndarray, truth: np.ndarray) -> float:
    """Rank-1 where the gallery is everybody's n-th pass alone, counted round, in the mean over n."""
    own = [np.flatnonzero(owners == person) for person in range(owners.max() + 1)]
    rates = []
    for turn in range(max(map(len, own))):
        chosen = np.array([passes[turn % len(passes)] for passes in own])
        rates.append(rank_rate(templates[:, chosen], truth).rate)
    return float(np.mean(rates))


def _row(pair: Pair) -> dict:
    return {
        "gallery": pair.gallery,
        "probe": pair.probe,
        "rank1": pair.passes.rate,
        "ci95": list(pair.passes.ci95),
        "probes": pair.passes.probes,
        "rank1_one_pass": pair.one_pass,
        "rank5": pair.rank5.rate,
        "rank1_person": pair.people.rate,
        "ci95_person": list(pair.people.ci95),
        "people": pair.people.probes,
        "floor": FLOOR.get((pair.gallery, pair.probe)),
    }
