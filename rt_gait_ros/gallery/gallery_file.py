"""The gallery on disk: persons and their walks in one private file of extents, optionally encrypted.

The index is JSON: persons, what is known of each of their walks, and where its embedding and its gait frames are.
Embeddings are stored as float16 where that keeps them (a thousandth of the largest number), gait frames are packed and
read only when somebody asks for them. Schema 3; galleries of schema 1 and 2 (gallery_zip) are read, and written anew
with the first change.
"""

import errno
import os
import secrets
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from glob import escape
from pathlib import Path
from typing import Any

import numpy as np

from rt_gait_ros import private_file
from rt_gait_ros.gallery import audit, extent_file, gallery_checks, gallery_records, gallery_zip
from rt_gait_ros.gallery.cipher import Cipher
from rt_gait_ros.gallery.extent_file import Damaged, Extent, State, WrongKey
from rt_gait_ros.gallery.frames_on_disk import FramesOnDisk
from rt_gait_ros.gallery.gallery_records import Place
from rt_gait_ros.gallery.person import (
    Content,
    GalleryCorrupt,
    GalleryError,
    GalleryForeign,
    GalleryLocked,
    GalleryReadOnly,
    GalleryTooNew,
    Person,
    Template,
)

__all__ = ["Content", "GalleryCorrupt", "GalleryError", "GalleryReadOnly", "GalleryTooNew", "Person", "Template"]

KIND, SCHEMA = "gallery", 3
_FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}
RESTORE = "move it away or restore a copy"
Signature = tuple[Any, ...]
Rows = Mapping[Extent, np.ndarray]  # embeddings that are known already, by where they are


@dataclass(frozen=True, slots=True)
class Loaded:
    """What a file holds, and which state of it that is. state: None for a file of an earlier schema, and for none.

    swept: nothing is in the file that nobody uses. texts: what its index says of each person, as far as it is known.
    block: an array whose first rows are all embeddings, with room after them; for whoever takes it first.
    """

    content: Content
    signature: Signature
    state: State | None = None
    swept: bool = False
    texts: Mapping[str, tuple[Person, str]] = field(default_factory=dict)
    block: np.ndarray | None = None


@dataclass(frozen=True, slots=True)
class StoredFrames(FramesOnDisk):
    """Gait frames in a gallery's file, where `extent` is."""

    extent: Extent
    file_id: str
    cipher: Cipher | None

    def _read(self) -> np.ndarray:
        descriptor = private_file.open_file(self.path)
        try:
            packed = extent_file.fetch(descriptor, self.extent, self.file_id, self.cipher)
        finally:
            os.close(descriptor)
        return gallery_records.unpack_frames(packed, self.shape, self.dtype)


def read(path: Path, cipher: Cipher | None = None, known: Rows | None = None) -> Loaded:
    """What the file holds; a file that is not there is an empty gallery. known: embeddings that need not be read.

    Raises GalleryError: GalleryCorrupt, GalleryTooNew and GalleryLocked among them.
    """
    try:
        with _said(path):
            descriptor = private_file.open_file(path)
    except FileNotFoundError:
        return Loaded(Content(), ())
    try:
        with _said(path):
            return _load(descriptor, path, cipher, known or {})
    except FileNotFoundError:
        return Loaded(Content(), ())
    finally:
        os.close(descriptor)


def signature(path: Path) -> Signature:
    """What tells one state of the file from another, as cheaply as can be; () where it cannot be looked at."""
    try:
        descriptor = private_file.open_file(path)
    except OSError:
        return ()
    try:
        return _signature(descriptor)
    except OSError:
        return ()
    finally:
        os.close(descriptor)


def create(
    path: Path, content: Content, cipher: Cipher | None = None, *, over: bool = False, file_id: str = ""
) -> None:
    """Write a gallery's file anew and whole. over: in the place of another one, whose lock the caller holds.

    content: may be stored in another file, of which everything is read. file_id: as extent_file.create. Raises
    GalleryError; FileExistsError where there is one already.
    """
    # where a walk is in another file says nothing of this one
    persons = [replace(p, templates=tuple(replace(t, place=None) for t in p.templates)) for p in content.persons]
    records = gallery_records.Writer(replace(content, persons=tuple(persons)))
    with _said(path, writing=True):
        extent_file.create(path, KIND, SCHEMA, cipher, records.blobs, records.index, file_id, over=over)


class Change:
    """A gallery's file held for writing: `content` is what it holds, `commit` replaces that."""

    def __init__(self, descriptor: int, path: Path, cipher: Cipher | None, loaded: Loaded) -> None:
        self.content = loaded.content
        self._descriptor, self._path, self._cipher, self._loaded = descriptor, path, cipher, loaded

    def commit(self, content: Content, what: str, *, thorough: bool = False) -> Loaded:
        """Store it, durably, and say what the file holds now. Raises GalleryError.

        what: for the audit, which is written first; only forgetting goes on without. thorough: nothing of what went may
        be left anywhere in the file. Embeddings of templates that were stored before are taken to be what the file has.
        """
        before = self._loaded.state
        self.write_down(what, content)
        if before is None:
            create(self._path, content, self._cipher, over=True)
            return read(self._path, self._cipher)
        records = gallery_records.Writer(content, self._loaded.texts)
        with _said(self._path, writing=True):
            if thorough:
                private_file.remove_leftovers(self._path)
            after = extent_file.write(
                self._descriptor,
                before,
                self._cipher,
                live=gallery_records.extents(self.content),
                kept=gallery_records.extents(content),
                blobs=records.blobs,
                build=records.index,
                thorough=thorough,
            )
            stored = records.stored(lambda extent, shape, kind: self._frames(extent, shape, kind, after.file_id))
            texts = records.texts(stored)
            return Loaded(stored, _signature(self._descriptor), after, swept=True, texts=texts)

    def write_down(self, what: str, content: Content) -> None:
        """Tell the audit what is about to happen. Raises GalleryError where it must not happen without."""
        commit = 0 if self._loaded.state is None else self._loaded.state.commit + 1
        former, now = ({p.person_id: p for p in c.persons} for c in (self.content, content))
        touched = [p for p in {**former, **now}.values() if former.get(p.person_id) is not now.get(p.person_id)]
        try:
            audit.append(self._path, what, [person.tag for person in touched if person.tag], commit, self._cipher)
        except (OSError, TimeoutError) as error:
            if what not in ("forget", "expire"):
                reason = getattr(error, "strerror", None) or error
                line = f"the audit of gallery {self._path} cannot be written ({reason}): nothing was changed"
                raise GalleryError(line) from error

    def _frames(self, extent: Extent, shape: tuple[int, ...], kind: str, file_id: str) -> StoredFrames:
        return StoredFrames(self._path, shape, kind, extent, file_id, self._cipher)


@contextmanager
def changing(path: Path, cipher: Cipher | None = None, held: Loaded | None = None) -> Iterator[Change]:
    """Be the only writer of the gallery among all processes; one that is not there is made.

    held: what the caller has of it; read again where the file has another state. Raises GalleryError.
    """
    with ExitStack() as stack:
        with _said(path, writing=True):
            if not os.path.lexists(path):
                create_empty(path, cipher)
            try:
                descriptor = stack.enter_context(extent_file.writing(path))
            except FileNotFoundError as error:
                raise GalleryError(f"gallery {path} was removed just now: try again") from error
            if held is None or not held.signature or _signature(descriptor) != held.signature:
                held = _load(descriptor, path, cipher, gallery_records.rows(held.content) if held else {})
            if not held.swept:
                private_file.remove_leftovers(path)
                if held.state is not None:
                    extent_file.sweep(descriptor, held.state, gallery_records.extents(held.content))
        yield Change(descriptor, path, cipher, held)


def create_empty(path: Path, cipher: Cipher | None = None) -> None:
    """An empty gallery's file, if there is none yet. Raises GalleryError."""
    try:
        create(path, Content(), cipher)
    except FileExistsError:
        return
    except FileNotFoundError as error:  # of a folder that takes no files, as /proc
        raise GalleryError(f"gallery {path} cannot be made: its folder takes no files") from error


def require_writable(path: Path) -> None:
    """Raise GalleryReadOnly where this process may only read the file."""
    try:
        with _said(path, writing=True):
            os.close(private_file.open_file(path, write=True))
    except FileNotFoundError:
        return  # it will be made


def set_aside_if(path: Path, why: str, cipher: Cipher | None) -> Path | None:
    """Set the file aside if it still cannot be read; None where another process did. Raises GalleryError."""
    with _said(path, writing=True):
        try:
            with extent_file.writing(path) as descriptor:
                try:
                    with _said(path):
                        _load(descriptor, path, cipher, {})
                except (GalleryCorrupt, GalleryForeign, GalleryTooNew):
                    return set_aside(path, why)
        except FileNotFoundError:
            pass
    return None


def recrypt(path: Path, former: Cipher | None, cipher: Cipher | None, file_id: str = "") -> None:
    """Write the file anew with another key, or with none. file_id: as extent_file.create. Raises GalleryError."""
    with changing(path, former) as change:
        change.write_down("decrypt" if cipher is None else "encrypt", change.content)
        create(path, change.content, cipher, over=True, file_id=file_id)


def rows(loaded: Loaded) -> Rows:
    """The embeddings that were loaded, for `read` not to read them again."""
    return gallery_records.rows(loaded.content)


def without_frames(template: Template) -> Template:
    """A stored template whose gait frames are to be given up."""
    place = template.place
    return replace(template, frames=None, place=replace(place, frames=None) if isinstance(place, Place) else place)


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


def _load(descriptor: int, path: Path, cipher: Cipher | None, known: Rows) -> Loaded:
    head = os.pread(descriptor, extent_file.PAGE, 0)
    schema = private_file.schema_of(head, KIND)
    if schema is None:
        if not extent_file.may_have_been(descriptor):
            raise GalleryForeign(f"{path} is not a gallery, but something else, and stays as it is: name another file")
        raise GalleryCorrupt(f"gallery {path} is not a gallery, or its beginning is damaged: {RESTORE}")
    if schema > SCHEMA:
        raise GalleryTooNew(
            f"gallery {path} has schema {schema}, this version reads up to {SCHEMA}: "
            "update rt_gait_ros, or choose another gallery"
        )
    if schema in gallery_zip.SCHEMATA:
        return _load_old(descriptor, path)
    found: list[Content] = []
    blocks: list[np.ndarray] = []

    def look() -> State:
        state = extent_file.state(descriptor, KIND, SCHEMA, cipher)
        reader = gallery_records.Reader(
            lambda extent: extent_file.fetch(descriptor, extent, state.file_id, cipher),
            lambda extent, shape, kind: StoredFrames(path, shape, kind, extent, state.file_id, cipher),
            known,
        )
        found[:] = [reader.content(state.index, state.end)]
        blocks[:] = [reader.block]
        return state

    state = extent_file.settled(descriptor, look)
    return Loaded(found[0], _signature(descriptor, state), state, block=blocks[0])


def _load_old(descriptor: int, path: Path) -> Loaded:
    if os.fstat(descriptor).st_size > gallery_zip.MAX_BYTES:
        raise GalleryError(f"gallery {path} has more than {gallery_zip.MAX_BYTES >> 20} MB: none of its schema has")
    with os.fdopen(os.dup(descriptor), "rb") as file:
        file.seek(0)
        content = gallery_zip.read(file, path)
    if content is None:
        raise Damaged("its checksum does not fit")
    return Loaded(gallery_checks.checked(content), _signature(descriptor))


def _signature(descriptor: int, state: State | None = None) -> Signature:
    """Of the slots that stand; `state` is what was read, which somebody may have changed since."""
    about = os.fstat(descriptor)
    head = os.pread(descriptor, extent_file.FIRST, 0)
    if state is not None and not extent_file.is_newest(state, head):
        return ()  # never equal to another: the next look reads again
    return about.st_dev, about.st_ino, about.st_size, head


@contextmanager
def _said(path: Path, *, writing: bool = False) -> Iterator[None]:
    """Turn what may happen to a file into the one line that says so; FileNotFoundError and FileExistsError stay."""
    try:
        yield
    except GalleryError:
        raise
    except (FileNotFoundError, FileExistsError) as error:
        if path.parent.is_dir():
            raise
        raise GalleryError(f"gallery {path} cannot be opened: its folder is not there, or is none") from error
    except TimeoutError as error:
        raise GalleryError(f"gallery {path} is being written by another process: try again") from error
    except WrongKey as error:
        raise GalleryLocked(f"gallery {path} cannot be opened: {error}") from error
    except ValueError as error:
        what = "is damaged" if isinstance(error, Damaged) else "does not hold what it should"
        raise GalleryCorrupt(f"gallery {path} {what} ({error}): {RESTORE}") from error
    except OSError as error:
        raise (_write_error(path, error) if writing else _read_error(path, error)) from error


def _read_error(path: Path, error: OSError) -> GalleryError:
    return GalleryError(f"gallery {path} cannot be read: {error.strerror or error}")


def _write_error(path: Path, error: OSError) -> GalleryError:
    if isinstance(error, extent_file.Unsettled):
        return GalleryError(
            f"gallery {path} was perhaps changed, and what was taken out may still be in its file ({error.strerror}): "
            "look after the disk, then see what is in the gallery; the next change overwrites what was left"
        )
    if isinstance(error, PermissionError) or error.errno == errno.EROFS:
        return GalleryReadOnly(f"gallery {path} cannot be changed by this user: {error.strerror}")
    advice = ", make room and try again" if error.errno in _FULL else ""
    return GalleryError(f"gallery {path} could not be written ({error.strerror or error}): nothing was changed{advice}")
