"""What is deleted from the files of scenes, or changed in all of them: somebody is forgotten, walks are too old."""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from rt_gait_ros.gait import scene_file
from rt_gait_ros.gait.calibration import Calibration
from rt_gait_ros.gait.scene import SceneError, is_fresh
from rt_gait_ros.gallery.cipher import Cipher
from rt_gait_ros.gallery.distance import distances
from rt_gait_ros.gallery.person import Person

AT_ONCE = 256  # embeddings that votes are compared with at once: 32 MB of GaitSet's in double precision


@dataclass(frozen=True, slots=True)
class Cleared:
    """What forgetting took from scenes. votes: how many. files: deleted whole, as their votes could be anybody's."""

    votes: int = 0
    files: tuple[Path, ...] = ()


def are_near(votes: np.ndarray, embeddings: Sequence[np.ndarray], known: Calibration) -> np.ndarray:
    """Whether each vote (V, P, C) is as likely as not of one with any of these embeddings (P, C), or more: (V,)."""
    found = np.zeros(len(votes), bool)
    for first in range(0, len(embeddings), AT_ONCE):
        found |= (distances(votes, np.asarray(embeddings[first : first + AT_ONCE])) <= known.even).any(axis=1)
    return found


def left_by(persons: Sequence[Person]) -> tuple[list[np.ndarray], set[str]]:
    """By what the votes of persons are found: all of their embeddings (P, C), and their ids."""
    return [each.embedding for person in persons for each in person.templates], {each.person_id for each in persons}


def forget_near(
    folder: Path,
    known: Calibration | None,
    embeddings: Sequence[np.ndarray],
    ids: Collection[str] = (),
    cipher: Cipher | None = None,
) -> Cleared:
    """Delete the votes that may be of persons with these embeddings (P, C) from every scene in the folder.

    known: calibration of the gait model that made them. ids: of the persons; what was named so goes as well. Statistics
    of another model, damaged ones, and all of them where there is no calibration are deleted whole: they are learnt
    anew within a few walkers, and what may be somebody who was forgotten must not stay. Raises SceneError where a file
    can be neither written nor deleted.
    """
    votes, files = 0, []
    for path in scene_file.files(folder):
        gone = _forget_in(path, known, embeddings, ids, cipher)
        if gone is None:
            scene_file.delete(path)
            files.append(path)
        else:
            votes += gone
    return Cleared(votes, tuple(files))


def _forget_in(
    path: Path, known: Calibration | None, embeddings: Sequence[np.ndarray], ids: Collection[str], cipher: Cipher | None
) -> int | None:
    """How many votes went from one file; None where it must go as a whole."""
    with scene_file.locked(path):
        try:
            record = scene_file.read(path, cipher)
            if record is None:
                return 0
            shape = record.votes.shape[1:]
            if known is None or record.model != known.model or any(each.shape != shape for each in embeddings):
                return None
            near = _are_named(record.owners, ids) | are_near(record.votes, embeddings, known)
            if near.any():
                scene_file.write(path, record.only(~near), cipher, erase=True)
            return int(near.sum())
        except SceneError:
            return None


def forget_named(folder: Path, ids: Collection[str], cipher: Cipher | None = None) -> None:
    """Delete the votes that were named as any of these persons from every file of the folder.

    A file that cannot be read is left alone, one that cannot be written is deleted. Raises SceneError.
    """
    unwritable = []
    for path, record in _each(folder, cipher):
        theirs = _are_named(record.owners, ids)
        if theirs.any():
            try:
                scene_file.write(path, record.only(~theirs), cipher, erase=True)
            except SceneError:
                unwritable.append(path)
    for path in unwritable:  # not above: to delete takes the lock itself
        scene_file.delete(path)


def _are_named(owners: Sequence[str], ids: Collection[str]) -> np.ndarray:
    return np.array([not set(owner.split()).isdisjoint(ids) for owner in owners], bool)


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
        with scene_file.locked(path):
            record = _readable(path, cipher) or _readable(path, former)
            if record is not None:
                scene_file.write(path, record, cipher, erase=True)
        if record is None:  # not above: to delete takes the lock itself
            scene_file.delete(path)


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
            scene_file.write(path, record.only(~old), cipher, erase=True)
            gone += int(old.sum())
    return gone


def _each(folder: Path, cipher: Cipher | None) -> Iterator[tuple[Path, scene_file.Record]]:
    """The files of a folder that can be read, each locked while the caller has it."""
    for path in scene_file.files(folder):
        with scene_file.locked(path):
            record = _readable(path, cipher)
            if record is not None:
                yield path, record
