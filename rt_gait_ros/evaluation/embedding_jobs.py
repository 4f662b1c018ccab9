"""Embeddings of many walks: a job for each person or video, done by many processes, and kept for the next run."""

import hashlib
import io
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from rt_gait_ros import private_file
from rt_gait_ros.archives import DAMAGED
from rt_gait_ros.datasets.silhouettes import read_silhouettes
from rt_gait_ros.errors import GaitError
from rt_gait_ros.gait.model import GaitModel
from rt_gait_ros.gait.walk_embedder import WalkEmbedder, open_embedder
from rt_gait_ros.job_pool import Job, run_missing

Arrays = dict[str, np.ndarray]

# Grows when the same files give other embeddings than before: what is stored is then computed anew.
VERSION = 3


@dataclass(frozen=True, slots=True)
class EmbeddingJob:
    """One piece: the files of one person or video, by one gait network.

    compute: (files, embedder) to named arrays; a function of a module or, where files do not tell the piece, a frozen
    dataclass that can be called: it is sent to other processes, and its repr tells what is stored. networks: others of
    the repository that it asks the embedder's client for.
    """

    name: str
    files: tuple[Path, ...]
    compute: Callable[[Sequence[Path], WalkEmbedder], Arrays]
    networks: tuple[str, ...] = ()


def embed_all(
    jobs: Sequence[EmbeddingJob],
    repository: Path,
    model: str,
    work: Path,
    workers: int,
    progress: Callable[[str], None],
) -> dict[str, Arrays]:
    """What every job computes, by its name; what `work` holds of an earlier run is used again.

    What is kept is of people's bodies: the files are private to their owner. progress: told one line per job, with the
    time that is left. Raises what a job raises; what the others made is kept.
    """
    try:
        private_file.make_folder(work)
    except OSError as error:
        raise GaitError(f"{work} cannot be made: {error.strerror}") from error
    names = {model, *(name for job in jobs for name in job.networks)}
    networks = {name: network_fingerprint(repository / name) for name in names}
    stored = {job.name: work / f"{_key(job, model, networks)}.npz" for job in jobs}
    kept = {name: _load(path) for name, path in stored.items()}
    for name, arrays in kept.items():
        if arrays is None:
            stored[name].unlink(missing_ok=True)
    made = [Job(job.name, stored[job.name], partial(_embed_and_store, job, repository, model)) for job in jobs]
    run_missing(made, workers, lambda finished: progress(str(finished)))
    return {job.name: _read(kept[job.name], stored[job.name]) for job in jobs}


def _read(kept: Arrays | None, path: Path) -> Arrays:
    arrays = kept if kept is not None else _load(path)
    if arrays is None:
        raise GaitError(f"{path} was written and cannot be read: is the disk sound?")
    return arrays


def _embed_and_store(job: EmbeddingJob, repository: Path, model: str, path: Path) -> tuple[str, ...]:
    with open_embedder(repository, model) as embedder:
        arrays: dict[str, Any] = job.compute(job.files, embedder)  # Any: numpy 2's savez has a keyword of another type
    buffer = io.BytesIO()
    np.savez(buffer, **arrays)
    try:
        private_file.replace(path, buffer.getvalue())
    except OSError as error:
        raise GaitError(f"{path} cannot be written: {error.strerror}: the same command goes on from there") from error
    return ()


def network_fingerprint(folder: Path) -> str:
    """Hash of a model's network and its description; what else lies in the folder changes no embedding."""
    described = [path for path in sorted(folder.glob("config.pbtxt")) if path.is_file()]
    return fingerprint(described + sorted(p for p in folder.glob("*/*") if p.is_file()), content=True)


def _load(path: Path) -> Arrays | None:
    """What is kept; None where nothing is, or what a broken disk left of it."""
    try:
        with np.load(path) as arrays:
            return {name: arrays[name] for name in arrays.files}
    except (OSError, *DAMAGED):
        return None


def _key(job: EmbeddingJob, model: str, networks: Mapping[str, str]) -> str:
    named = getattr(job.compute, "__name__", None) or repr(job.compute)
    said = (VERSION, networks[model], job.compute.__module__, named, fingerprint(job.files, content=False))
    others = tuple(networks[name] for name in job.networks)
    return hashlib.sha256(repr(said + others).encode()).hexdigest()[:32]


def fingerprint(files: Sequence[Path], content: bool) -> str:
    """Hash of the files: of what is in them, or of their names, sizes and times."""
    digest = hashlib.sha256()
    for path in files:
        state = path.stat()
        named = path.name if content else f"{path.absolute()} {state.st_size} {state.st_mtime_ns}\n"
        digest.update(named.encode() + (path.read_bytes() if content else b""))
    return digest.hexdigest()


def half(embedding: np.ndarray, model: GaitModel) -> np.ndarray:
    """An embedding as it is kept of many walks, float16. Raises GaitError for one that float16 cannot hold."""
    small: np.ndarray = np.asarray(embedding, np.float16)
    if not np.isfinite(small).all():
        raise GaitError(f"model {model.name} gives embeddings beyond 65504, which this evaluation cannot keep")
    return small


def count(arrays: Mapping[str, Arrays], name: str) -> int:
    """Sum of a figure that every job gives."""
    return sum(int(made[name]) for made in arrays.values())


def embed_silhouettes(
    walks: Mapping[str, Sequence[Path]], cut: Callable[[np.ndarray], np.ndarray], least: int, embedder: WalkEmbedder
) -> Arrays:
    """The embedding (P, C) float16 of each walk whose silhouettes are enough, by its name.

    walks: files by name. cut: the frames of all of a walk's (S, 64, 64) that are embedded. least: of them. Beside the
    embeddings: how many silhouettes were "damaged", and why pickles were "refused". Raises GaitError for an embedding
    that float16 cannot hold.
    """
    made: Arrays = {}
    damaged = 0
    refused: list[str] = []
    for name, files in walks.items():
        read = read_silhouettes(files)
        damaged += read.damaged
        refused += read.refused
        frames = cut(read.frames)
        if len(frames) >= max(least, embedder.model.min_frames, 1):
            made[name] = half(embedder(frames), embedder.model)
    return made | {"damaged": np.array(damaged), "refused": np.array(refused, np.str_)}


def grouped(files: Iterable[Path], name_of: Callable[[Path], str]) -> dict[str, list[Path]]:
    """Files by the name of their walk, in the order given."""
    walks: dict[str, list[Path]] = {}
    for file in files:
        walks.setdefault(name_of(file), []).append(file)
    return walks
