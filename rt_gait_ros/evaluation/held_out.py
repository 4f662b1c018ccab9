"""Walks compared as if neither person had ever been seen: what taking out scenes, or views, is worth.

A comparison of a probe with a template uses statistics that hold neither of the two persons. Leaving out
the probe's person alone is not enough: others' templates would then be normalised with themselves among the votes and
the right person's would not, which alone tells who is right (with S-norm it was worth 12 points of rank-1).
"""

from collections.abc import Callable, Sequence
from itertools import combinations_with_replacement

import numpy as np

from rt_gait_ros.errors import UsageError
from rt_gait_ros.gait.scene import MAX_VOTES, Normalisation, normalisation, shares
from rt_gait_ros.gait.views import ViewedNormalisation, ViewError, ViewMoments, ViewPrior, viewed_normalisation
from rt_gait_ros.gallery.distance import distances

MIN_VOTES = 5  # walks that must be left of a scene or view without the two; the live recogniser asks for more
# Groups that people are put into where leaving out single ones would take hours: two groups are left out at a time.
GROUPS = 10
FEWEST = 8  # people whose views are told by others of them; of fewer, next to nobody would be left

# Embeddings (M, P, C) of the walks of two persons or groups, by statistics that hold none of theirs: their places (M,)
# among all walks, and the two, by number.
Without = Callable[[np.ndarray, tuple[int, int]], np.ndarray]


def held_out_distances(
    embeddings: np.ndarray, persons: Sequence[str], scenes: Sequence[str], radius: float
) -> np.ndarray:
    """Distances of all walks to all walks of other scenes, rid of their scenes: (N, N), NaN within a scene.

    embeddings: (N, P, C), of persons (N,) in scenes (N,). radius: as of SceneStatistics.
    Raises UsageError where a scene has too few other walks.
    """
    names, who = np.unique(np.array(persons), return_inverse=True)
    where = np.array(scenes)
    between = distances(embeddings, embeddings)

    def without(wanted: np.ndarray, _pair: tuple[int, int]) -> np.ndarray:
        kept = np.ones(len(who), bool)
        kept[wanted] = False
        return _without_scenes(embeddings, ~kept, kept, where, between, radius)[wanted]

    everything = np.arange(len(who))
    result = pairwise(who, len(names), without, everything, everything)
    result[where[:, None] == where[None]] = np.nan
    return result


def held_out_views(
    embeddings: np.ndarray, persons: np.ndarray, views: np.ndarray, probes: np.ndarray, gallery: np.ndarray
) -> tuple[np.ndarray, float]:
    """Distances of probes to gallery walks (Q, T), rid of their views, and how often the view was told right, 0..1.

    embeddings: (N, P, C), of persons (N,) seen from views (N,), both by name. probes, gallery: places (Q,), (T,) among
    them. The view of a walk is that of the nearest centre. Centres and spreads are always of all groups of people but
    two, so that no comparison stands on more people than another.
    Raises UsageError for fewer than FEWEST people, and where too few walks of a view are left.
    """
    names, who = np.unique(persons, return_inverse=True)
    kinds, seen_from = np.unique(views, return_inverse=True)
    groups = min(GROUPS, len(names))
    if groups < FEWEST:
        raise UsageError(f"{len(names)} people are too few to know the views by: {FEWEST} are needed")
    group = who % groups
    moments = [
        ViewMoments.of(embeddings[group == each], seen_from[group == each], len(kinds)) for each in range(groups)
    ]
    everybody = sum(moments[1:], moments[0])
    told = np.zeros(len(who), bool)

    def without(wanted: np.ndarray, pair: tuple[int, int]) -> np.ndarray:
        first, second = pair
        second = (first + 1) % groups if first == second else second
        try:
            prior = (everybody - moments[first] - moments[second]).prior(MIN_VOTES)
        except ViewError as error:
            raise UsageError(f"too few people to know the views by: without the two compared, {error}") from error
        nearest = prior.nearest(embeddings[wanted])
        told[wanted] = nearest == seen_from[wanted]
        return prior.normalise(embeddings[wanted], nearest)

    return pairwise(group, groups, without, probes, gallery, np.float32), float(told.mean())


def held_out_moved_views(
    embeddings: np.ndarray, persons: np.ndarray, prior: ViewPrior, probes: np.ndarray, gallery: np.ndarray
) -> np.ndarray:
    """Distances of probes to gallery walks (Q, T), rid of the views that a model ships, moved by walkers of the scene.

    As held_out_views, but nobody says which view a walk is from: as the recogniser does it, up to MAX_VOTES walks of
    the gallery move the prior, evenly chosen among those of other groups than the two compared.
    Raises UsageError for fewer than FEWEST people.
    """
    names, who = np.unique(persons, return_inverse=True)
    groups = min(GROUPS, len(names))
    if groups < FEWEST:
        raise UsageError(f"{len(names)} people are too few to move views by: {FEWEST} are needed")
    group = who % groups

    def without(wanted: np.ndarray, pair: tuple[int, int]) -> np.ndarray:
        others = gallery[~np.isin(group[gallery], pair)]
        votes = others[np.unique(np.linspace(0, len(others) - 1, MAX_VOTES).round().astype(int))]
        return viewed_normalisation(prior, embeddings[votes], np.ones(len(votes)))(embeddings[wanted])

    return pairwise(group, groups, without, probes, gallery)


def pairwise(
    who: np.ndarray,
    number: int,
    without: Without,
    probes: np.ndarray,
    gallery: np.ndarray,
    precision: type = np.float64,
) -> np.ndarray:
    """Distances of probes to gallery walks (Q, T), each two persons' or groups' with statistics of all others.

    who: (N,) whose each walk is, 0..number-1. probes, gallery: places (Q,), (T,) among the N. precision: as of
    `distances`.
    """
    result = np.full((len(probes), len(gallery)), np.nan)
    asked, enrolled = who[probes], who[gallery]
    for first, second in combinations_with_replacement(range(number), 2):
        wanted = np.flatnonzero((who == first) | (who == second))
        plain = without(wanted, (first, second))
        for one, other in {(first, second), (second, first)}:
            rows, columns = np.flatnonzero(asked == one), np.flatnonzero(enrolled == other)
            left, right = np.searchsorted(wanted, probes[rows]), np.searchsorted(wanted, gallery[columns])
            result[np.ix_(rows, columns)] = distances(plain[left], plain[right], precision)
    return result


def _without_scenes(
    embeddings: np.ndarray, wanted: np.ndarray, kept: np.ndarray, where: np.ndarray, between: np.ndarray, radius: float
) -> np.ndarray:
    """The wanted embeddings without their scenes, whose statistics are of those kept; the others are as they were."""
    plain = np.array(embeddings, np.float32)
    for scene in sorted(set(where[wanted])):
        votes = kept & (where == scene)
        if votes.sum() < MIN_VOTES:
            raise UsageError(f"{scene} has {votes.sum()} walks of others: {MIN_VOTES} are needed to know the scene")
        mine = wanted & (where == scene)
        plain[mine] = _normalisation(embeddings[votes], between[np.ix_(votes, votes)], radius)(embeddings[mine])
    return plain


def _normalisation(votes: np.ndarray, between: np.ndarray, radius: float) -> Normalisation:
    return normalisation(votes, shares(between, radius))


def taken_out(votes: np.ndarray, weights: np.ndarray, prior: ViewPrior | None) -> Normalisation | ViewedNormalisation:
    """What takes a scene of these votes (N, P, C) of these weights (N,) out, as SceneStatistics does it."""
    return normalisation(votes, weights) if prior is None else viewed_normalisation(prior, votes, weights)


def normalised_pairs(
    looks: Sequence[np.ndarray], at_once: np.ndarray, radius: float, walkers: float, prior: ViewPrior | None = None
) -> tuple[np.ndarray, np.ndarray]:
    """Distances of looks at one person, and at two, of one scene that neither of them has voted in.

    looks: of N tracks, (K, P, C) each. at_once: (N, N), whether two are in the picture together, and so are two people.
    walkers: different walkers that the others must be; pairs without are left out. prior: the views that the model
    ships, which make any number of walkers enough.
    """
    genuine, impostor = [np.zeros(0)], [np.zeros(0)]
    means = np.stack([track.mean(axis=0) for track in looks]) if looks else np.zeros((0, 1, 1))
    between = distances(means, means) if looks else np.zeros((0, 0))
    for one, other in combinations_with_replacement(range(len(looks)), 2):
        if (one == other and len(looks[one]) < 2) or (one != other and not at_once[one, other]):
            continue
        others = np.delete(np.arange(len(looks)), [one, other])
        weights = shares(between[np.ix_(others, others)], radius)
        if prior is None and weights.sum() < walkers:
            continue
        scene = taken_out(means[others], weights, prior)
        found = distances(scene(looks[one]), scene(looks[other]))
        if one == other:
            genuine.append(found[np.triu_indices(len(found), 1)])
        else:
            impostor.append(found.ravel())
    return np.concatenate(genuine), np.concatenate(impostor)
