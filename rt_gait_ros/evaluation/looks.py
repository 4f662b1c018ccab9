"""Walks as a recogniser sees them: a look at the newest frames, again and again while somebody walks by."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from rt_gait_ros.datasets.casia_b import Person
from rt_gait_ros.datasets.silhouettes import read_silhouettes
from rt_gait_ros.evaluation.embedding_jobs import Arrays, EmbeddingJob, grouped, half
from rt_gait_ros.gait.config import RecognizerConfig
from rt_gait_ros.gait.walk_embedder import WalkEmbedder


@dataclass(frozen=True, slots=True)
class Pace:
    """When a recogniser looks, in gait frames of a walk; the defaults are the gait node's.

    first: gathered before the first look. every: between two. window: the newest ones that a look stands on at most.
    """

    first: int = RecognizerConfig.min_frames
    every: int = RecognizerConfig.refresh_every
    window: int = RecognizerConfig.window

    @property
    def whole(self) -> int:
        """Number of the first look that stands on a whole window."""
        return max(0, -(-(self.window - self.first) // self.every))

    def ends(self, frames: int) -> range:
        """How many frames of a walk of so many have come at each look."""
        return range(self.first, frames + 1, self.every)


@dataclass(frozen=True, slots=True)
class EmbedLooks:
    """Job of one person: the looks (K, P, C) float16 at each sequence by "nm-01/090"; none at one that is too short.

    sequences, views: names of those that are wanted. pace: when there is a look. Beside the looks: how many silhouettes
    were "damaged", and why pickles were "refused".
    """

    sequences: tuple[str, ...]
    views: tuple[str, ...]
    pace: Pace = Pace()

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
            ends = [end for end in self.pace.ends(len(read.frames)) if end >= embedder.model.min_frames]
            if ends:
                made[name] = half(embedder.looks(read.frames, ends, self.pace.window), embedder.model)
        return made | {"damaged": np.array(damaged), "refused": np.array(refused, np.str_)}


def jobs_of(people: Collection[Person], sequences: Sequence[str], views: Sequence[str]) -> list[EmbeddingJob]:
    """One job for each person, of these sequences from these views."""
    return [EmbeddingJob(person.name, person.files, EmbedLooks(tuple(sequences), tuple(views))) for person in people]
