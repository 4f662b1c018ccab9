"""What is deleted from the files of scenes, or changed in all of them: somebody is forgotten, walks are too old."""

from collections.abc import Collection, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from rt_gait_ros.gait import scene_file
from rt_gait_ros.gait.calibration import Calibration
from rt_gait_ros.gait.scene import SceneError, is_fresh
from rt_gait_ros.gallery.cipher import Cipher
from rt_gait_ros.gallery.distance import distances


@dataclass(frozen=True, slots=True)
class Cleared:
    """What forgetting took from scenes. votes: how many. files: deleted whole, as their votes could be anybody's."""

    votes: int = 0
    files: tuple[Path, ...] = ()


def is_near(vote: np.ndarray, embeddings: np.ndarray, known: Calibration) -> bool:
    """Whether a vote (P, C) is as likely as not of the person with these embeddings (T, P, C), or more."""
    return bool(len(embeddings)) and bool((distances(vote[None], embeddings) <= known.even).any())


def forget_near(
    folder: Path,
    known: Calibration | None,
    embeddings: np.ndarray,
    person_id: str = "",
    cipher: Cipher | None = None,
) -> Cleared:
    """Delete the votes that may be of a person with these embeddings (T, P, C) from every scene in the folder.

    known: calibration of the gait model that made them. Statistics of another model, damaged ones, and all of them
    where there is no calibration are deleted whole: they are learnt anew within a few walkers, and what may be somebody
    who was forgotten must not stay. Raises SceneError where a file can be neither written nor deleted.
    """
    votes, files = 0, []
    for path in scene_file.files(folder):
        gone = _forget_in(path, known, embeddings, person_id, cipher)
        if gone is None:
            scene_file.delete(path)
            files.append(path)
        else:
            votes += gone
    return Cleared(votes, tuple(files))


def _forget_in(
    path: Path, known: Calibration | None, embeddings: np.ndarray, person_id: str, cipher: Cipher | None
) -> int | None:
    """How many votes went from one file; None where it must go as a whole."""
    with scene_file.locked(path):
        try:
            record = scene_file.read(path, cipher)
            if record is None:
                return 0
            if known is None or record.model != known.model or record.votes.shape[1:] != embeddings.shape[1:]:
                return None
            theirs = [person_id in owner.split() for owner in record.owners]
            near = np.array(theirs, bool) | np.array([is_near(vote, embeddings, known) for vote in record.votes], bool)
            if near.any():
                scene_file.write(path, record.only(~near), cipher)
            return int(near.sum())
        except SceneError:
            return None


def forget_named(folder: Path, ids: Collection[str], cipher: Cipher | None = None) -> None:
    """Delete the votes that were named as any of these persons from every file of the folder.

    A file that cannot be read is left alone, one that cannot be written is deleted. Raises SceneError.
    """
    unwritable = []
    for path, record in _each(folder, cipher):
        theirs = np.array([not set(owner.split()).isdisjoint(ids) for owner in record.owners], bool)
        if theirs.any():
            try:
                scene_file.write(path, record.only(~theirs), cipher)
            except SceneError:
                unwritable.append(path)
    for path in unwritable:  # not above: to delete takes the lock itself
        scene_file.delete(path)


def relabelled(owner: str, former: str, person_id: str) -> str:
    """Owners of a vote with one id in the place of another."""
    return " ".join(sorted({person_id if each == former else each for each in owner.split()}))


def relabel_files(folder: Path, former: str, person_id: str, cipher: Cipher | None = None) -> None:
    """Walks in any file of the folder that were named as `former` are of `person_id`. Raises SceneError.

    A file that cannot be read is left alone.
    """
    for path, record in _each(folder, cipher):
        if any(former in owner.split() for owner in record.owners):
            owners = tuple(relabelled(owner, former, person_id) for owner in record.owners)
            scene_file.write(path, replace(record, owners=owners), cipher)


def recrypt_files(folder: Path, former: Cipher | None, cipher: Cipher | None) -> None:
    """Write every file of the folder anew with another key, or with none; what no key opens is deleted.

    One that has the other key already, as after a first try that broke off, stays. Raises SceneError.
    """
    for path in scene_file.files(folder):
        record = _readable(path, cipher) or _readable(path, former)
        if record is None:
            scene_file.delete(path)
            continue
        with scene_file.locked(path):
            scene_file.write(path, record, cipher)


def _readable(path: Path, cipher: Cipher | None) -> scene_file.Record | None:
    try:
        return scene_file.read(path, cipher)
    except SceneError:
        return None


def expire_files(folder: Path, now: int, cipher: Cipher | None = None) -> int:
    """Delete from every file of the folder the votes that are too old. now: ns since the epoch. Returns how many went.

    A file that cannot be read is left alone. Raises SceneError where one cannot be written.
    """
    gone = 0
    for path, record in _each(folder, cipher):
        if (old := ~is_fresh(record.stamps, now)).any():
            scene_file.write(path, record.only(~old), cipher)
            gone += int(old.sum())
    return gone


def _each(folder: Path, cipher: Cipher | None) -> Iterator[tuple[Path, scene_file.Record]]:
    """The files of a folder that can be read, each locked while the caller has it."""
    for path in scene_file.files(folder):
        with scene_file.locked(path):
            record = _readable(path, cipher)
            if record is not None:
                yield path, record
