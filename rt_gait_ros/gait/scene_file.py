"""The statistics of scenes on disk: one private file per gait model and scene, FOLDER/MODEL/SCENE.scene.

They are derived from the bodies of people who walked by, without names: they stay on this machine, have mode 0600, and
`rt-gait scene forget` deletes them.
"""

import io
import zipfile
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote, unquote

import numpy as np

from rt_gait_ros.gait import private_file
from rt_gait_ros.gait.scene import SceneError

KIND, SCHEMA, SUFFIX = "scene", 1, ".scene"
LOCK_SECONDS = 5.0
MAX_NAME = 200  # characters of the quoted name: it becomes a file name


@dataclass(frozen=True, slots=True)
class Record:
    """What a file holds. votes: (N, P, C) float32. stamps: (N,) int64, ns since the epoch."""

    model: str
    scene: str
    votes: np.ndarray
    stamps: np.ndarray


def folder_of(gallery: Path) -> Path:
    """Where the scenes of a gallery file are kept: beside it."""
    return gallery.with_name(f"{gallery.name}.scenes")


def file_of(folder: Path, model: str, scene: str) -> Path:
    """Path of the statistics of a scene. Raises SceneError for an unfit name."""
    name = quote(scene, safe="").replace(".", "%2E")
    if not scene.strip() or len(name) > MAX_NAME or not scene.isprintable():
        raise SceneError(
            f"{scene!r} is no name of a scene: use printable characters, {MAX_NAME} at most when quoted as in a URL"
        )
    return folder / quote(model, safe="") / f"{name}{SUFFIX}"


def files(folder: Path) -> list[Path]:
    """Every file of statistics, of all models."""
    return sorted(folder.glob(f"*/*{SUFFIX}"))


def name_of(path: Path) -> str:
    """The scene whose file this should be."""
    return unquote(path.name.removesuffix(SUFFIX))


def model_of(path: Path) -> str:
    """The gait model whose file this should be."""
    return unquote(path.parent.name)


def read(path: Path) -> Record | None:
    """What the file holds; None where it is not there. Raises SceneError for one that is damaged or too new."""
    advice = "start it anew with `rt-gait scene forget`"
    try:
        data = path.read_bytes()
    except FileNotFoundError:
        return None
    except OSError as error:
        raise SceneError(f"scene {path} cannot be read: {error.strerror}") from error
    schema = private_file.schema_of(data, KIND)
    if schema is not None and schema > SCHEMA:
        raise SceneError(f"scene {path} has schema {schema}, this version reads up to {SCHEMA}: {advice}")
    payload = private_file.payload_of(data)
    if schema is None or payload is None:
        raise SceneError(f"scene {path} is damaged or no file of a scene: {advice}")
    try:
        with np.load(io.BytesIO(payload), allow_pickle=False) as arrays:
            return Record(str(arrays["model"]), str(arrays["scene"]), arrays["votes"], arrays["stamps"])
    except (KeyError, ValueError, zipfile.BadZipFile) as error:
        raise SceneError(f"scene {path} does not hold what it should ({error}): {advice}") from error


def write(path: Path, record: Record) -> None:
    """Replace the file, atomically and durably, mode 0600. The caller holds the lock. Raises SceneError."""
    buffer = io.BytesIO()
    np.savez(buffer, model=record.model, scene=record.scene, votes=record.votes, stamps=record.stamps)
    try:
        private_file.replace(path, private_file.seal(KIND, SCHEMA, buffer.getvalue()))
    except OSError as error:
        raise SceneError(f"scene {path} could not be written ({error.strerror}): the old file is whole") from error


def delete(path: Path) -> None:
    """Delete a scene's file and what a killed writer left of it. Raises SceneError."""
    with locked(path):
        try:
            private_file.remove_leftovers(path)
            path.unlink(missing_ok=True)
            private_file.sync_folder(path.parent)
        except OSError as error:
            raise SceneError(f"scene {path} cannot be deleted: {error.strerror}") from error


def signature(path: Path) -> tuple[int, int, int]:
    """What tells one state of the file from another."""
    try:
        stat = path.stat()
    except OSError:
        return 0, 0, 0
    return stat.st_ino, stat.st_mtime_ns, stat.st_size


def locked(path: Path) -> AbstractContextManager[None]:
    """Be the only writer of the file among all processes. Raises SceneError."""
    try:
        private_file.make_folder(path.parent.parent)
        private_file.make_folder(path.parent)
    except OSError as error:
        raise SceneError(f"scene {path} cannot be locked for writing: {error.strerror}") from error
    return private_file.locked(path, LOCK_SECONDS, f"scene {path}", SceneError)
