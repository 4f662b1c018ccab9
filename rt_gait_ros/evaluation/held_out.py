"""Walks compared as if neither person had ever been seen in either scene: what scene normalisation is worth.

A comparison of a probe with a template uses statistics of both scenes that hold neither of the two persons. Leaving out
the probe's person alone is not enough: others' templates would then be normalised with themselves among the votes and
the right person's would not, which alone tells who is right (with S-norm it was worth 12 points of rank-1).
"""

from collections.abc import Sequence
from itertools import combinations_with_replacement

import numpy as np

from rt_gait_ros.errors import UsageError
from rt_gait_ros.gait.distance import distances
from rt_gait_ros.gait.scene import Normalisation, normalisation, shares

MIN_VOTES = 5  # walks that must be left of a scene without the two; the live recogniser asks for more


def held_out_distances(
    embeddings: np.ndarray, persons: Sequence[str], scenes: Sequence[str], radius: float
) -> np.ndarray:
    """Distances of all walks to all walks of other scenes, rid of their scenes: (N, N), NaN within a scene.

    embeddings: (N, P, C), of persons (N,) in scenes (N,). radius: as of SceneStatistics.
    Raises UsageError where a scene has too few other walks.
    """
    who, where = np.array(persons), np.array(scenes)
    result = np.full((len(who), len(who)), np.nan)
    between = distances(embeddings, embeddings)
    for first, second in combinations_with_replacement(sorted(set(persons)), 2):
        kept = (who != first) & (who != second)
        plain = _without_scenes(embeddings, ~kept, kept, where, between, radius)
        for one, other in {(first, second), (second, first)}:
            rows, columns = np.flatnonzero(who == one), np.flatnonzero(who == other)
            result[np.ix_(rows, columns)] = distances(plain[rows], plain[columns])
    result[where[:, None] == where[None]] = np.nan
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


def normalised_pairs(
    looks: Sequence[np.ndarray], at_once: np.ndarray, radius: float, walkers: float
) -> tuple[np.ndarray, np.ndarray]:
    """Distances of looks at one person, and at two, of one scene that neither of them has voted in.

    looks: of N tracks, (K, P, C) each. at_once: (N, N), whether two are in the picture together, and so are two people.
    walkers: different walkers that the others must be; pairs without are left out.
    """
    genuine, impostor = [np.zeros(0)], [np.zeros(0)]
    means = np.stack([track.mean(axis=0) for track in looks]) if looks else np.zeros((0, 1, 1))
    between = distances(means, means) if looks else np.zeros((0, 0))
    for one, other in combinations_with_replacement(range(len(looks)), 2):
        if (one == other and len(looks[one]) < 2) or (one != other and not at_once[one, other]):
            continue
        others = np.delete(np.arange(len(looks)), [one, other])
        weights = shares(between[np.ix_(others, others)], radius)
        if weights.sum() < walkers:
            continue
        scene = normalisation(means[others], weights)
        found = distances(scene(looks[one]), scene(looks[other]))
        if one == other:
            genuine.append(found[np.triu_indices(len(found), 1)])
        else:
            impostor.append(found.ravel())
    return np.concatenate(genuine), np.concatenate(impostor)
