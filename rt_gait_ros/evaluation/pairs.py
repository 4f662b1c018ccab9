"""Pairs of looks that are surely of one person, or surely of two, from footage that nobody has labelled.

One track is one person; two tracks that are in the picture at once are two. Other pairs are not used: the person of one
track may have come back as another.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

import numpy as np

from rt_gait_ros.datasets.video_walks import GaitSequence, VideoWalks
from rt_gait_ros.evaluation.held_out import normalised_pairs
from rt_gait_ros.gait.scene import MIN_WALKERS
from rt_gait_ros.gait.views import ViewPrior
from rt_gait_ros.gallery.distance import distances
from rt_gait_ros.gallery.references import References

MOST = 500_000  # pairs of two persons out of a table: more say nothing new

Embed = Callable[[np.ndarray], np.ndarray]


@dataclass(frozen=True, slots=True)
class Pairs:
    """Distances of looks at one person, and of looks at two."""

    genuine: np.ndarray
    impostor: np.ndarray


def footage_pairs(videos: Iterable[VideoWalks], embed: Embed, window: int) -> Pairs:
    """Pairs of looks of `window` frames that share no frame. embed: (S, H, W) gait frames to (P, C)."""
    genuine: list[np.ndarray] = []
    impostor: list[np.ndarray] = []
    for video in videos:
        tracks = _tracks(video, embed, window)
        for number, (walk, looks) in enumerate(tracks):
            genuine.append(distances(looks, looks)[np.triu_indices(len(looks), 1)])
            impostor += [distances(looks, others).ravel() for rival, others in tracks[:number] if _at_once(walk, rival)]
    return Pairs(np.concatenate([np.zeros(0), *genuine]), np.concatenate([np.zeros(0), *impostor]))


def scene_free_pairs(
    videos: Iterable[VideoWalks], embed: Embed, window: int, radius: float, prior: ViewPrior | None = None
) -> Pairs:
    """The same pairs with the scene of each video taken out, as far as the rest of its tracks shows enough walkers.

    radius, prior: as of SceneStatistics. Somebody's other tracks, of which nobody knows, stay in the statistics, as
    they do when the recogniser runs.
    """
    parts = []
    for video in videos:
        tracks = _tracks(video, embed, window)
        together = np.array([[_at_once(one, other) for other, _ in tracks] for one, _ in tracks])
        found = normalised_pairs([looks for _, looks in tracks], together, radius, MIN_WALKERS, prior)
        parts.append(Pairs(*found))
    return joined(parts)


def gallery_pairs(references: References) -> Pairs:
    """Pairs of templates of an enrolled person, and of two."""
    between = distances(references.embeddings, references.embeddings)
    owners = np.searchsorted(references.starts, np.arange(len(references.embeddings)), side="right")
    upper = np.triu(np.ones(between.shape, bool), 1)
    same = owners[:, None] == owners[None]
    return Pairs(between[upper & same], between[upper & ~same])


def matrix_pairs(between: np.ndarray, first: np.ndarray, second: np.ndarray) -> Pairs:
    """Pairs in a table of distances (Q, T); NaN and infinity are none. first, second: (Q,), (T,) whose walks they are.

    Of more than MOST pairs of two persons, evenly chosen ones.
    """
    same = first[:, None] == second[None]
    known = np.isfinite(between)
    impostor = between[~same & known]
    return Pairs(between[same & known], impostor[:: max(1, len(impostor) // MOST)])


def joined(pairs: Iterable[Pairs]) -> Pairs:
    """All of them together."""
    parts = list(pairs)
    none = np.zeros(0)
    return Pairs(
        np.concatenate([none, *(p.genuine for p in parts)]), np.concatenate([none, *(p.impostor for p in parts)])
    )


def _tracks(video: VideoWalks, embed: Embed, window: int) -> list[tuple[GaitSequence, np.ndarray]]:
    return [(walk, _looks(walk, embed, window)) for walk in video.walks if len(walk.frames) >= window]


def _looks(walk: GaitSequence, embed: Embed, window: int) -> np.ndarray:
    starts = range(0, len(walk.frames) - window + 1, window)
    return np.stack([embed(walk.frames[start : start + window]) for start in starts])


def _at_once(first: GaitSequence, second: GaitSequence) -> bool:
    return bool(np.intersect1d(first.indices, second.indices).size)
