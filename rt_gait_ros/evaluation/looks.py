"""Walks as a recogniser sees them: a look at the newest frames, again and again while somebody walks by."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from rt_gait_ros.datasets.casia_b import Person
from rt_gait_ros.datasets.silhouettes import read_silhouettes
from rt_gait_ros.evaluation.embedding_jobs import Arrays, EmbeddingJob, grouped, half
from rt_gait_ros.gait.walk_embedder import WalkEmbedder

WINDOW = 30  # frames of a look: what the gait node takes at most; its first looks stand on 20 and 25
# Frames between two looks. The gait node has them every five, which takes twice the time here: what that changes was
# not measured, and docs/evaluation.md says that it differs.
EVERY = 10


@dataclass(frozen=True, slots=True)
class EmbedLooks:
    """Job of one person: the looks (K, P, C) float16 at each sequence by "nm-01/090"; none at one that is too short.

    sequences, views: names of those that are wanted. window, every: frames of a look, and between two. Beside the
    looks: how many silhouettes were "damaged", and why pickles were "refused".
    """

    sequences: tuple[str, ...]
    views: tuple[str, ...]
    window: int = WINDOW
    every: int = EVERY

    def __call__(self, files: Sequence[Path], embedder: WalkEmbedder) -> Arrays:
        """Read and embed. Raises GaitError for an embedding that float16 cannot hold."""
        made: Arrays = {}
        damaged = 0
        refused: list[str] = []
        for name, mine in grouped(files, lambda file: f"{file.parent.parent.name}/{file.parent.name}").items():
            sequence, _, view = name.partition("/")
            if sequence not in self.sequences or view not in self.views:
                continue
            read = read_silhouettes(mine)
            damaged += read.damaged
            refused += read.refused
            starts = range(0, len(read.frames) - self.window + 1, self.every)
            looks = [embedder(read.frames[start : start + self.window]) for start in starts]
            if looks:
                made[name] = half(np.stack(looks), embedder.model)
        return made | {"damaged": np.array(damaged), "refused": np.array(refused, np.str_)}


def jobs_of(people: Collection[Person], sequences: Sequence[str], views: Sequence[str]) -> list[EmbeddingJob]:
    """One job for each person, of these sequences from these views."""
    return [EmbeddingJob(person.name, person.files, EmbedLooks(tuple(sequences), tuple(views))) for person in people]
