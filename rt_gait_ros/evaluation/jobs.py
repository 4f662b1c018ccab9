"""Long computations in pieces: many at a time, each kept on disk, so that a run that was broken off goes on."""

import hashlib
import io
import multiprocessing
import time
import zipfile
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from rt_gait_ros import private_file
from rt_gait_ros.errors import GaitError
from rt_gait_ros.gait.embedder import read_embedding
from rt_gait_ros.gait.model import GaitModel, describe
from rt_gait_ros.gait.stream_embedder import embedder_for
from rt_gait_ros.serving.onnx_client import OnnxClient

Arrays = dict[str, np.ndarray]
Embed = Callable[[np.ndarray], np.ndarray]

# Grows when the same files give other embeddings than before: what is stored is then computed anew.
VERSION = 3


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

    What is kept is of people's bodies: the files are private to their owner. progress: told one line per job, with the
    time that is left. Raises what a job raises; what the others made is kept.
    """
    try:
        private_file.make_folder(work)
    except OSError as error:
        raise GaitError(f"{work} cannot be made: {error.strerror}") from error
    network = network_fingerprint(repository / model)
    stored = {job.name: work / f"{_key(job, network)}.npz" for job in jobs}
    kept = {job.name: made for job in jobs if (made := _load(stored[job.name])) is not None}
    missing = [job for job in jobs if job.name not in kept]
    if missing:
        context = multiprocessing.get_context("spawn")  # the networks' threads do not survive a fork
        with ProcessPoolExecutor(min(workers, len(missing)), mp_context=context) as pool:
            running = {pool.submit(_run, job, repository, model, stored[job.name]): job.name for job in missing}
            started = time.monotonic()
            try:
                for done, future in enumerate(as_completed(running), start=1):
                    kept[running[future]] = future.result()
                    left = (time.monotonic() - started) / done * (len(missing) - done)
                    number = len(jobs) - len(missing) + done
                    progress(f"{number}/{len(jobs)} {running[future]}{_remaining(left)}")
            except BaseException:
                pool.shutdown(cancel_futures=True)
                raise
    return {job.name: kept[job.name] for job in jobs}


def network_fingerprint(folder: Path) -> str:
    """Hash of a model's network and its description; what else lies in the folder changes no embedding."""
    described = [path for path in sorted(folder.glob("config.pbtxt")) if path.is_file()]
    return _fingerprint(described + sorted(p for p in folder.glob("*/*") if p.is_file()), content=True)


def _remaining(seconds: float) -> str:
    return f", {seconds / 60:.0f} min left" if seconds >= 90 else f", {seconds:.0f} s left" if seconds >= 1 else ""


def _run(job: Job, repository: Path, model: str, path: Path) -> Arrays:
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
    buffer = io.BytesIO()
    np.savez(buffer, **arrays)
    try:
        private_file.replace(path, buffer.getvalue())
    except OSError as error:
        raise GaitError(f"{path} cannot be written: {error.strerror}: the same command goes on from there") from error
    return arrays


def _load(path: Path) -> Arrays | None:
    """What is kept; None where nothing is, or what a broken disk left of it."""
    try:
        with np.load(path) as arrays:
            return {name: arrays[name] for name in arrays.files}
    except (OSError, ValueError, EOFError, zipfile.BadZipFile):
        return None


def _key(job: Job, network: str) -> str:
    named = getattr(job.compute, "__name__", None) or repr(job.compute)
    said = repr((VERSION, network, job.compute.__module__, named, _fingerprint(job.files, content=False)))
    return hashlib.sha256(said.encode()).hexdigest()[:32]


def _fingerprint(files: Sequence[Path], content: bool) -> str:
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
