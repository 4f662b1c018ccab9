"""Pairs of looks that are surely of one person, or surely of two, from footage that nobody has labelled.

One track is one person; two tracks that are in the picture at once are two. Other pairs are not used: the person of one
track may have come back as another.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

import numpy as np

from rt_gait_ros.evaluation.walks import VideoWalks, Walk
from rt_gait_ros.gait.distance import distances
from rt_gait_ros.gait.gallery import References

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
        tracks = [(walk, _looks(walk, embed, window)) for walk in video.walks if len(walk.frames) >= window]
        for number, (walk, looks) in enumerate(tracks):
            genuine.append(distances(looks, looks)[np.triu_indices(len(looks), 1)])
            impostor += [distances(looks, others).ravel() for rival, others in tracks[:number] if _at_once(walk, rival)]
    return Pairs(np.concatenate([np.zeros(0), *genuine]), np.concatenate([np.zeros(0), *impostor]))


def gallery_pairs(references: References) -> Pairs:
    """Pairs of templates of an enrolled person, and of two."""
    between = distances(references.embeddings, references.embeddings)
    owners = np.searchsorted(references.starts, np.arange(len(references.embeddings)), side="right")
    upper = np.triu(np.ones(between.shape, bool), 1)
    same = owners[:, None] == owners[None]
    return Pairs(between[upper & same], between[upper & ~same])


def joined(pairs: Iterable[Pairs]) -> Pairs:
    """All of them together."""
    parts = list(pairs)
    return Pairs(np.concatenate([p.genuine for p in parts]), np.concatenate([p.impostor for p in parts]))


def _looks(walk: Walk, embed: Embed, window: int) -> np.ndarray:
    starts = range(0, len(walk.frames) - window + 1, window)
    return np.stack([embed(walk.frames[start : start + window]) for start in starts])


def _at_once(first: Walk, second: Walk) -> bool:
    return bool(np.intersect1d(first.indices, second.indices).size)
