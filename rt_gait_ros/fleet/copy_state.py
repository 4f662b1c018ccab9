"""What a copy and its server last agreed on, and whom this machine forgot: two small files beside the copy."""

import errno
import hashlib
import json
import os
from collections.abc import Collection, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from rt_gait_ros import private_file
from rt_gait_ros.fleet.rows import Walked
from rt_gait_ros.gallery.cipher import Cipher
from rt_gait_ros.gallery.gallery_file import Loaded
from rt_gait_ros.gallery.person import GalleryError

KIND, SCHEMA = "agreed", 1


class Copy(Protocol):
    """The copy that an exchange is for. seen: embeddings that are in memory already.

    networks: folder of the gait networks, for their calibrations; None: the package's own. model: the gait network that
    this robot uses, "" where nobody has said so. share_scenes: as Store's.
    """

    path: Path
    cipher: Cipher | None
    seen: Loaded
    networks: Path | None
    model: str
    share_scenes: bool | None


@dataclass(frozen=True, slots=True)
class Known:
    """What of a person is compared: digests of name, consent and end; ids of all walks, and of those with frames."""

    fields: tuple[str, ...]
    templates: frozenset[str]
    framed: frozenset[str]


@dataclass(frozen=True, slots=True)
class Agreed:
    """What both had after the last exchange.

    epoch, version, mark: of the server's gallery. may_write: whether this robot's role may. file_id, commit: of the
    copy's file. told: forgotten persons whom the server has heard of.
    """

    epoch: str = ""
    version: int = -1
    mark: str = ""
    file_id: str = ""
    commit: int = 0
    may_write: bool = True
    persons: Mapping[str, Known] = field(default_factory=dict)
    told: frozenset[str] = frozenset()


def known(walker: Walked) -> Known:
    """What of a person is compared."""
    person = walker.person
    fields = (person.name, person.consent, str(person.expires))
    digests = tuple(hashlib.sha256(text.encode()).hexdigest()[:16] for text in fields)
    return Known(digests, frozenset(walker.templates), walker.framed)


def agreed_path(copy: Path) -> Path:
    """Where it is kept of this copy."""
    return copy.with_name(f"{copy.name}.agreed")


def forgotten_path(copy: Path) -> Path:
    """Where the ids of forgotten persons are kept, one a line."""
    return copy.with_name(f"{copy.name}.forgotten")


def _next_path(copy: Path) -> Path:
    """Where it is kept for the file that is about to take this copy's place."""
    return copy.with_name(f"{copy.name}.agreed.next")


def read(copy: Path, cipher: Cipher | None) -> Agreed:
    """What was agreed; nothing where the file is not there or cannot be read: then all is compared anew."""
    return _read(agreed_path(copy), cipher)


def _read(path: Path, cipher: Cipher | None) -> Agreed:
    try:
        payload = private_file.payload_of(private_file.read(path))
        if payload is None:
            return Agreed()
        if cipher is not None:
            payload = cipher.open(payload, KIND.encode())
        record = json.loads(payload)
        persons = {
            key: Known(tuple(each[0]), frozenset(each[1]), frozenset(each[2]))
            for key, each in record.pop("persons").items()
        }
        told = frozenset(record.pop("told"))
        return Agreed(persons=persons, told=told, **record)
    except (OSError, ValueError, TypeError, KeyError, AttributeError):
        return Agreed()


def write(copy: Path, cipher: Cipher | None, agreed: Agreed) -> None:
    """Keep what was agreed. Raises GalleryError."""
    _write(agreed_path(copy), copy, cipher, agreed)


def prepare(copy: Path, cipher: Cipher | None, agreed: Agreed) -> None:
    """Keep what was agreed for the file that is about to take this copy's place. Raises GalleryError."""
    _write(_next_path(copy), copy, cipher, agreed)


def settle(copy: Path, cipher: Cipher | None, file_id: str) -> None:
    """Take what was prepared, if the copy has become that file; else it was cut off before, and is thrown away."""
    path = _next_path(copy)
    with suppress(OSError):  # then it is done the next time
        if os.path.lexists(path):
            if file_id and _read(path, cipher).file_id == file_id:
                path.replace(agreed_path(copy))
            else:
                path.unlink()


def _write(path: Path, copy: Path, cipher: Cipher | None, agreed: Agreed) -> None:
    record = {
        "epoch": agreed.epoch,
        "version": agreed.version,
        "mark": agreed.mark,
        "file_id": agreed.file_id,
        "commit": agreed.commit,
        "may_write": agreed.may_write,
        "told": sorted(agreed.told),
        "persons": {
            key: [each.fields, sorted(each.templates), sorted(each.framed)] for key, each in agreed.persons.items()
        },
    }
    payload = json.dumps(record).encode()
    if cipher is not None:
        payload = cipher.seal(payload, KIND.encode())
    try:
        private_file.replace(path, private_file.seal(KIND, SCHEMA, payload))
    except OSError as error:
        raise GalleryError(f"copy {copy} cannot note what it agreed on ({error.strerror}): make room") from error


def forgotten(copy: Path, otherwise: str = "nothing was exchanged") -> frozenset[str]:
    """Ids of persons who were forgotten on this machine, or on another and heard of here. Raises GalleryError.

    otherwise: what of the caller's work stands where they cannot be read, for people.
    """
    try:
        data = private_file.read(forgotten_path(copy))
    except FileNotFoundError:
        return frozenset()
    except OSError as error:
        raise GalleryError(f"{forgotten_path(copy)} cannot be read ({error.strerror}): {otherwise}") from error
    return frozenset(line for line in data.decode("ascii", "replace").split() if line.isalnum())


def remember(copy: Path, ids: Collection[str], otherwise: str = "nobody was forgotten") -> None:
    """Add forgotten persons, durably and before they are deleted. Raises GalleryError.

    otherwise: what of the caller's work stands where they cannot be added, for people.
    """
    path = forgotten_path(copy)
    new = sorted(set(ids) - forgotten(copy, otherwise))
    if not new:
        return
    try:
        if not os.path.lexists(path):
            with suppress(FileExistsError):
                private_file.create_once(path, b"")
        descriptor = private_file.open_file(path, write=True)
        try:
            private_file.take_lock(descriptor, 10.0)
            # A line that a killed process left half is ended by the line break before each id.
            end, lines = os.fstat(descriptor).st_size, b"".join(f"\n{each}\n".encode() for each in new)
            try:
                if os.pwrite(descriptor, lines, end) < len(lines):
                    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
                os.fdatasync(descriptor)
            except OSError:
                with suppress(OSError):  # or the next exchange would forget them after all
                    os.ftruncate(descriptor, end)
                raise
        finally:
            os.close(descriptor)
    except (OSError, TimeoutError) as error:
        reason = getattr(error, "strerror", None) or error
        raise GalleryError(f"{path} cannot be written ({reason}): {otherwise}") from error
