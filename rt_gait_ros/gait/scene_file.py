"""The statistics of scenes on disk: one private file per gait model and scene, FOLDER/MODEL/SCENE.scene.

They are derived from the bodies of people who walked by, without names: they have mode 0600, are encrypted where the
gallery is, and `rt-gait scene forget` deletes them. Schema 2 says as whom a walk was named, by the
permanent id, so that forgetting somebody finds their walks; and its checksum is of the header, too.
"""

import io
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from itertools import compress
from pathlib import Path
from urllib.parse import quote, unquote

import numpy as np

from rt_gait_ros import private_file
from rt_gait_ros.archives import DAMAGED
from rt_gait_ros.gait.scene import MAX_VOTES, SceneError
from rt_gait_ros.gallery.cipher import Cipher, KeyProblem

KIND, SCHEMA, SUFFIX = "scene", 2, ".scene"
_SEALED = b"sealed "  # before the id of the key and what it seals
LOCK_SECONDS = 5.0
MAX_NAME = 200  # characters of the quoted name: it becomes a file name


@dataclass(frozen=True, slots=True)
class Record:
    """What a file holds. votes: (N, P, C) float32. stamps: (N,) int64, ns since the epoch. owners: who."""

    model: str
    scene: str
    votes: np.ndarray
    stamps: np.ndarray
    owners: tuple[str, ...] = ()

    def only(self, chosen: np.ndarray) -> "Record":
        """The record of some votes. chosen: (N,) bool."""
        owners = tuple(compress(self.owners, chosen))
        return replace(self, votes=self.votes[chosen], stamps=self.stamps[chosen], owners=owners)


def folder_of(gallery: Path) -> Path:
    """Where the scenes of a gallery file are kept: beside it."""
    return gallery.with_name(f"{gallery.name}.scenes")


def file_of(folder: Path, model: str, scene: str) -> Path:
    """Path of the statistics of a scene. Raises SceneError for an unfit name, whoever gave it."""
    name = quote(scene, safe="").replace(".", "%2E")
    if not scene.strip() or len(name) > MAX_NAME or not scene.isprintable():
        raise SceneError(
            f"{scene!r} is no name of a scene: use printable characters, {MAX_NAME} at most when quoted as in a URL"
        )
    if not model.strip() or model.startswith(".") or set("/\\") & set(model) or not model.isprintable():
        raise SceneError(
            f"{model[:80]!a} is no name of a gait model: use printable characters, no / and \\, and no dot at the start"
        )
    if len(quote(model, safe="")) > MAX_NAME:
        raise SceneError(f"{model[:80]!a}... is too long for a name of a gait model: {MAX_NAME} characters at most")
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


def read(path: Path, cipher: Cipher | None = None) -> Record | None:
    """What the file holds; None where it is not there. Raises SceneError for one that is damaged, sealed or too new."""
    advice = "start it anew with `rt-gait scene forget`"
    try:
        data = private_file.read(path)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise SceneError(f"scene {path} cannot be read: {error.strerror}") from error
    schema = private_file.schema_of(data, KIND)
    if schema is not None and schema > SCHEMA:
        raise SceneError(f"scene {path} has schema {schema}, this version reads up to {SCHEMA}: {advice}")
    payload = private_file.payload_of(data, bare=schema == 1)
    if schema is None or payload is None:
        raise SceneError(f"scene {path} is damaged or no file of a scene: {advice}")
    try:
        return _record(_opened(payload, cipher))
    except KeyProblem as error:
        raise SceneError(f"scene {path} cannot be opened: {error}") from error
    except DAMAGED as error:
        raise SceneError(f"scene {path} does not hold what it should ({error}): {advice}") from error


def write(path: Path, record: Record, cipher: Cipher | None = None, *, erase: bool = False) -> None:
    """Replace the file, atomically and durably, mode 0600. The caller holds the lock. Raises SceneError.

    erase: as private_file.replace.
    """
    buffer = io.BytesIO()
    owners = np.array(list(record.owners) or [""] * len(record.votes), np.str_)
    np.savez(buffer, model=record.model, scene=record.scene, votes=record.votes, stamps=record.stamps, owners=owners)
    payload = buffer.getvalue()
    if cipher is not None:
        payload = _SEALED + cipher.key_id.encode() + b"\n" + cipher.seal(payload, KIND.encode())
    try:
        private_file.replace(path, private_file.seal(KIND, SCHEMA, payload), erase=erase)
    except OSError as error:
        raise SceneError(f"scene {path} could not be written ({error.strerror}): the old file is whole") from error


def delete(path: Path) -> None:
    """Delete a scene's file and what a killed writer left of it. Raises SceneError."""
    with locked(path):
        try:
            private_file.remove_leftovers(path)
            if path.is_symlink():
                path.unlink()
            private_file.erase(path)
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
        private_file.make_own_folder(path.parent.parent)
        private_file.make_own_folder(path.parent)
    except OSError as error:
        raise SceneError(f"scene {path} cannot be locked for writing: {error.strerror}") from error
    return private_file.locked(path, LOCK_SECONDS, f"scene {path}", SceneError)


def _opened(payload: bytes, cipher: Cipher | None) -> bytes:
    if not payload.startswith(_SEALED):
        return payload
    key_id, _, sealed = payload[len(_SEALED) :].partition(b"\n")
    if cipher is None or cipher.key_id.encode() != key_id:
        raise KeyProblem("it is encrypted, and its key was not named" if cipher is None else "it has another key")
    return cipher.open(sealed, KIND.encode())


def _record(payload: bytes) -> Record:
    with np.load(io.BytesIO(payload), allow_pickle=False) as arrays:
        if sum(info.file_size for info in arrays.zip.infolist()) > private_file.MAX_BYTES:
            raise ValueError("it would unpack to more than any scene has")
        votes, stamps = arrays["votes"], arrays["stamps"]
        if votes.dtype.kind != "f" or stamps.dtype.kind != "i" or votes.ndim != 3 or stamps.shape != (len(votes),):
            raise ValueError("its walks are no embeddings, or have no stamps")
        if len(votes) > MAX_VOTES:
            raise ValueError(f"it has {len(votes)} walks, of which no scene keeps more than {MAX_VOTES}")
        owners = arrays["owners"] if "owners" in arrays else np.full(len(votes), "")
        if owners.shape != (len(votes),):
            raise ValueError("its walks and whose they are do not agree")
        return Record(str(arrays["model"]), str(arrays["scene"]), votes, stamps, tuple(map(str, owners)))
