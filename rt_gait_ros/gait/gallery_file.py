"""The gallery on disk: one private file, written whole, read whole.

Its payload is a zip archive: index.json, and one .npy per embedding and per stored gait-frame sequence. Writers take
turns by flock on a side file. Schema 2 added the scene of each template; files of schema 1 are read, and written anew
with the next change.
"""

import io
import json
import os
import secrets
import time
import zipfile
from contextlib import AbstractContextManager
from dataclasses import dataclass
from glob import escape
from pathlib import Path

import numpy as np

from rt_gait_ros.errors import GaitError
from rt_gait_ros.gait import private_file

KIND, SCHEMA = "gallery", 2
LOCK_SECONDS = 5.0


class GalleryError(GaitError):
    """The gallery cannot do what was asked; nothing was changed."""


class GalleryCorrupt(GalleryError):
    """The file is no gallery, or not a whole one."""


class GalleryTooNew(GalleryError):
    """The file was written by a later version of this package."""


@dataclass(frozen=True, slots=True)
class Template:
    """One stored look at a person's walk.

    embedding: (P, C) float32. stamp: of the last gait frame in it, ns since the epoch.
    frames: the gait frames it was made of, (S, H, W) or (S, H, W, C), or None where they were not kept.
    scene: where it was taken (see rt_gait_ros.gait.scene); "" where that is not known.
    """

    embedding: np.ndarray
    stamp: int
    frames: np.ndarray | None = None
    scene: str = ""


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody enrolled. person_id is permanent and says nothing of the name. enrolled, updated: ns since the epoch."""

    person_id: str
    name: str
    enrolled: int
    updated: int
    templates: tuple[Template, ...]

    @property
    def embeddings(self) -> np.ndarray:
        """All stored looks: (T, P, C) float32."""
        return np.stack([template.embedding for template in self.templates])


@dataclass(frozen=True, slots=True)
class Content:
    """All that a gallery file holds. model and gait_frame_kind are empty while nobody is enrolled."""

    model: str = ""
    gait_frame_kind: str = ""
    persons: tuple[Person, ...] = ()


def pack(content: Content) -> bytes:
    """The bytes of a gallery file."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        index = {
            "model": content.model,
            "gait_frame_kind": content.gait_frame_kind,
            "persons": [_pack_person(archive, person) for person in content.persons],
        }
        archive.writestr("index.json", json.dumps(index))
    return private_file.seal(KIND, SCHEMA, buffer.getvalue())


def unpack(data: bytes, path: Path) -> Content:
    """The inverse of pack. path is for the messages. Raises GalleryCorrupt or GalleryTooNew."""
    schema = private_file.schema_of(data, KIND)
    if schema is None:
        raise GalleryCorrupt(
            f"gallery {path} is not a gallery, or its beginning is damaged: move it away or restore a copy"
        )
    if schema > SCHEMA:
        raise GalleryTooNew(
            f"gallery {path} has schema {schema}, this version reads up to {SCHEMA}: "
            "update rt_gait_ros, or choose another gallery"
        )
    payload = private_file.payload_of(data)
    if payload is None:
        raise GalleryCorrupt(f"gallery {path} is damaged (its checksum does not fit): move it away or restore a copy")
    try:
        with zipfile.ZipFile(io.BytesIO(payload)) as archive:
            index = json.loads(archive.read("index.json"))
            persons = tuple(_unpack_person(archive, record) for record in index["persons"])
        return Content(index["model"], index["gait_frame_kind"], persons)
    except (KeyError, TypeError, ValueError, zipfile.BadZipFile) as error:
        raise GalleryCorrupt(
            f"gallery {path} does not hold what it should ({error}): move it away or restore a copy"
        ) from error


def read(path: Path) -> Content:
    """What the file holds; a file that is not there is an empty gallery. Raises GalleryError."""
    try:
        return unpack(path.read_bytes(), path)
    except FileNotFoundError:
        return Content()
    except OSError as error:
        raise GalleryError(f"gallery {path} cannot be read: {error.strerror}") from error


def write(path: Path, content: Content) -> None:
    """Replace the file, atomically and durably, private to its owner (0600). On GalleryError the old file is whole.

    The caller holds the lock.
    """
    try:
        private_file.replace(path, pack(content))
    except OSError as error:
        raise GalleryError(
            f"gallery {path} could not be written ({error.strerror}): nothing was changed, make room and try again"
        ) from error


def set_aside(path: Path, why: str) -> Path:
    """Rename the file to NAME.WHY-TIME-CHANCE, which is nobody else's. Returns the new path."""
    aside = path.with_name(f"{path.name}.{why}-{time.strftime('%Y%m%dT%H%M%S')}-{secrets.token_hex(2)}")
    try:
        os.rename(path, aside)
        private_file.sync_folder(path.parent)
    except OSError as error:
        raise GalleryError(f"gallery {path} is unusable and cannot be moved aside: {error.strerror}") from error
    return aside


def asides(path: Path) -> list[Path]:
    """Files that set_aside has made of this gallery and nobody has removed."""
    return sorted(path.parent.glob(f"{escape(path.name)}.*-????????T??????-????"))


def make_folder(folder: Path) -> None:
    """Create a missing folder, private to its owner (0700); one that is there keeps its mode. Raises GalleryError."""
    try:
        private_file.make_folder(folder)
    except OSError as error:
        raise GalleryError(f"folder {folder} cannot be made for the gallery: {error.strerror}") from error


def locked(path: Path) -> AbstractContextManager[None]:
    """Be the only writer of the gallery among all processes. The system frees the lock of one that dies.

    Raises GalleryError where another process keeps it for more than LOCK_SECONDS.
    """
    return private_file.locked(path, LOCK_SECONDS, f"gallery {path}", GalleryError)


def _pack_person(archive: zipfile.ZipFile, person: Person) -> dict:
    templates = []
    for number, template in enumerate(person.templates):
        _pack_array(archive, f"{person.person_id}/{number}.embedding.npy", template.embedding)
        if template.frames is not None:
            _pack_array(archive, f"{person.person_id}/{number}.frames.npy", template.frames)
        templates.append({"stamp": template.stamp, "frames": template.frames is not None, "scene": template.scene})
    return {
        "person_id": person.person_id,
        "name": person.name,
        "enrolled": person.enrolled,
        "updated": person.updated,
        "templates": templates,
    }


def _unpack_person(archive: zipfile.ZipFile, record: dict) -> Person:
    folder = record["person_id"]
    templates = tuple(
        Template(
            _unpack_array(archive, f"{folder}/{number}.embedding.npy"),
            template["stamp"],
            _unpack_array(archive, f"{folder}/{number}.frames.npy") if template["frames"] else None,
            template.get("scene", ""),
        )
        for number, template in enumerate(record["templates"])
    )
    return Person(folder, record["name"], record["enrolled"], record["updated"], templates)


def _pack_array(archive: zipfile.ZipFile, name: str, array: np.ndarray) -> None:
    buffer = io.BytesIO()
    np.lib.format.write_array(buffer, np.ascontiguousarray(array), allow_pickle=False)
    # Embeddings hardly compress; silhouettes do, twenty-fold.
    method = zipfile.ZIP_DEFLATED if array.dtype == np.uint8 else zipfile.ZIP_STORED
    archive.writestr(zipfile.ZipInfo(name), buffer.getvalue(), compress_type=method, compresslevel=1)


def _unpack_array(archive: zipfile.ZipFile, name: str) -> np.ndarray:
    array = np.lib.format.read_array(io.BytesIO(archive.read(name)), allow_pickle=False)
    array.flags.writeable = False
    return array
