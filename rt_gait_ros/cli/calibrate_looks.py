"""Looks at people for `rt-gait calibrate`: of footage, of people who are labelled, and of generated walkers."""

import argparse
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from rt_gait_ros.cli.output import progress
from rt_gait_ros.datasets import folders
from rt_gait_ros.datasets.folders import read_numbers
from rt_gait_ros.datasets.video_walks import VIDEO_ENDINGS, VideoWalks, read_all
from rt_gait_ros.errors import UsageError
from rt_gait_ros.evaluation.day_pairs import Looks, film_looks, folder_jobs, generated_jobs
from rt_gait_ros.evaluation.embedding_jobs import Arrays, EmbeddingJob, embed_all
from rt_gait_ros.gait.model import GaitModel
from rt_gait_ros.gait.walk_embedder import WalkEmbedder
from rt_gait_ros.serving.cache import cache_folder


def require_silhouettes(model: GaitModel) -> None:
    """Refuse a network that takes other gait frames than are made here. Raises UsageError."""
    if model.gait_frame_kind != "silhouette":
        raise UsageError(f"{model.name} takes {model.gait_frame_kind} frames; here only silhouettes are made")


def walks(arguments: argparse.Namespace, videos: Sequence[Path], repository: Path) -> dict[Path, VideoWalks]:
    """The walks in recordings, kept in --work."""
    return read_all(videos, repository, arguments.work or cache_folder() / "walks", arguments.workers, progress)


def labelled(arguments: argparse.Namespace, repository: Path, embedder: WalkEmbedder, window: int) -> list[Looks]:
    """Looks at people on several days, of each source that is named. Raises UsageError for less than two people."""
    found = []
    embedded: dict[str, Arrays] = {}
    if arguments.labelled is not None:
        numbers = read_numbers(arguments.people, str(arguments.labelled)) if arguments.people else None
        jobs_of_folder = folder_jobs(arguments.labelled, window, numbers)
        people = folders.people_of(arguments.labelled, numbers)
        if numbers and (line := folders.absent(numbers, [who.name for who in people], arguments.labelled)):
            progress(line)
        videos = [path for who in people for path in sorted(who.iterdir()) if path.suffix.lower() in VIDEO_ENDINGS]
        embedded = _run(arguments, repository, jobs_of_folder)
        refused = [line for arrays in embedded.values() for line in arrays["refused"]]
        if refused:
            progress(f"{len(refused)} pickles were refused, the first: {refused[0]}")
        if videos:
            films = walks(arguments, videos, repository)
            for who, arrays in film_looks(films, embedder, window).items():
                embedded[who] = embedded.get(who, {}) | arrays
        found.append(Looks.of(embedded))
    found += generated(arguments, repository, arguments.generated, window)
    for looks in found:
        if len(np.unique(looks.persons)) < 2:
            raise UsageError("only one person walks there: two people at least, on two days each, can be compared")
    return found


def generated(arguments: argparse.Namespace, repository: Path, people: int, window: int) -> list[Looks]:
    """Looks at so many generated persons, if any."""
    return [Looks.of(_run(arguments, repository, generated_jobs(people, window)))] if people else []


def _run(arguments: argparse.Namespace, repository: Path, jobs: list[EmbeddingJob]) -> dict[str, Arrays]:
    work = arguments.work or cache_folder() / "embeddings"
    return embed_all(jobs, repository, arguments.model, work, arguments.workers, progress)
