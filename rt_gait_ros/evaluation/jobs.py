"""Long computations in pieces: many at a time, each kept on disk, so that a run that was broken off goes on."""

import hashlib
import multiprocessing
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from rt_gait_ros.gait.embedder import read_embedding
from rt_gait_ros.gait.model import GaitModel, describe
from rt_gait_ros.gait.stream_embedder import embedder_for
from rt_gait_ros.serving.onnx_client import OnnxClient

Arrays = dict[str, np.ndarray]
Embed = Callable[[np.ndarray], np.ndarray]

# Grows when the same files give other embeddings than before: what is stored is then computed anew.
VERSION = 2


@dataclass(frozen=True, slots=True)
class Job:
    """One piece: the files of one person or video, by one gait network.

    compute: (files, embed, model) to named arrays; a function of a module or, where files do not tell the piece, a
    frozen dataclass that can be called: it is sent to other processes, and its repr tells what is stored.
    """

    name: str
    files: tuple[Path, ...]
    compute: Callable[[Sequence[Path], Embed, GaitModel], Arrays]


def run_jobs(
    jobs: Sequence[Job], repository: Path, model: str, work: Path, workers: int, progress: Callable[[str], None]
) -> dict[str, Arrays]:
    """What every job computes, by its name; what `work` holds of an earlier run is used again.

    progress: told one line per job. Raises what a job raises; what the others made is kept.
    """
    work.mkdir(parents=True, exist_ok=True)
    network = _fingerprint(sorted(path for path in (repository / model).rglob("*") if path.is_file()), content=True)
    stored = {job.name: work / f"{_key(job, network)}.npz" for job in jobs}
    missing = [job for job in jobs if not stored[job.name].exists()]
    if missing:
        context = multiprocessing.get_context("spawn")  # the networks' threads do not survive a fork
        with ProcessPoolExecutor(min(workers, len(missing)), mp_context=context) as pool:
            running = {pool.submit(_run, job, repository, model, stored[job.name]): job.name for job in missing}
            try:
                for number, future in enumerate(as_completed(running), start=len(jobs) - len(missing) + 1):
                    future.result()
                    progress(f"{number}/{len(jobs)} {running[future]}")
            except BaseException:
                pool.shutdown(cancel_futures=True)
                raise
    return {name: _load(path) for name, path in stored.items()}


def _run(job: Job, repository: Path, model: str, path: Path) -> None:
    cv2.setNumThreads(1)
    client = OnnxClient(repository, timeout=120.0)
    try:
        described = describe(client, model)
        embedder = embedder_for(client, described, described.max_frames, deadline=120.0)
        arrays: dict[str, Any] = job.compute(  # Any, since numpy 2's savez has a keyword of another type
            job.files, lambda frames: read_embedding(embedder.embed(frames).result(), described), described
        )
    finally:
        client.close()
    temporary = path.with_suffix(".tmp.npz")  # a run that dies leaves no half file of the right name
    np.savez(temporary, **arrays)
    temporary.replace(path)


def _load(path: Path) -> Arrays:
    with np.load(path) as arrays:
        return {name: arrays[name] for name in arrays.files}


def _key(job: Job, network: str) -> str:
    named = getattr(job.compute, "__name__", None) or repr(job.compute)
    said = repr((VERSION, network, job.compute.__module__, named, _fingerprint(job.files, content=False)))
    return hashlib.sha256(said.encode()).hexdigest()[:32]


def _fingerprint(files: Sequence[Path], content: bool) -> str:
    """Hash of the files: of what is in them, or of their names, sizes and times."""
    digest = hashlib.sha256()
    for path in files:
        state = path.stat()
        digest.update(path.read_bytes() if content else f"{path} {state.st_size} {state.st_mtime_ns}\n".encode())
    return digest.hexdigest()


def count(arrays: Mapping[str, Arrays], name: str) -> int:
    """Sum of a figure that every job gives."""
    return sum(int(made[name]) for made in arrays.values())
