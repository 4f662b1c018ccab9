"""Files that nobody but their owner may read, and that are whole or not there: replaced atomically, with a checksum.

    rt_gait_ros KIND
    schema N
    sha256 <hex digest of everything that follows this line>
    the payload

A change writes the whole new file beside the old one, syncs it, and renames it over the old one, which POSIX makes
atomic: whoever reads, and whatever dies when, finds the old file or the new one.
"""

import fcntl
import hashlib
import os
import re
import secrets
import time
from collections.abc import Iterator
from contextlib import contextmanager
from glob import escape
from pathlib import Path
from typing import BinaryIO

from rt_gait_ros.errors import GaitError

_HEADER = re.compile(rb"rt_gait_ros ([a-z]{1,20})\nschema ([0-9]{1,6})\nsha256 ([0-9a-f]{64})\n")


def seal(kind: str, schema: int, payload: bytes) -> bytes:
    """The bytes of a file: header and payload."""
    return f"rt_gait_ros {kind}\nschema {schema}\nsha256 {hashlib.sha256(payload).hexdigest()}\n".encode() + payload


def schema_of(data: bytes, kind: str) -> int | None:
    """Schema that the header says; None where this is no file of that kind, or its beginning is damaged."""
    header = _HEADER.match(data)
    return int(header[2]) if header is not None and header[1] == kind.encode() else None


def payload_of(data: bytes) -> bytes | None:
    """What follows the header; None where it is not what the checksum was made of."""
    header = _HEADER.match(data)
    if header is None:
        return None
    payload = data[header.end() :]
    return payload if hashlib.sha256(payload).hexdigest() == header[3].decode() else None


def replace(path: Path, data: bytes) -> None:
    """Replace the file, atomically and durably, private to its owner (0600). On OSError the old file is whole.

    Only one process may do so at a time: what a killed writer left behind is removed, for somebody who was forgotten
    must not live on there.
    """
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(6)}.tmp")
    try:
        remove_leftovers(path)
        with os.fdopen(os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
        sync_folder(path.parent)
    except OSError:
        temporary.unlink(missing_ok=True)
        raise


def create(path: Path) -> BinaryIO:
    """A new file for writing, private to its owner (0600); what had its name is gone. Raises OSError."""
    path.unlink(missing_ok=True)
    return os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600), "wb")


def remove_leftovers(path: Path) -> None:
    """Delete temporary files that a killed writer left; nobody may be writing one now."""
    for leftover in path.parent.glob(f".{escape(path.name)}.*.tmp"):
        leftover.unlink(missing_ok=True)


def make_folder(folder: Path) -> None:
    """Create a missing folder, private to its owner (0700); one that is there keeps its mode. Raises OSError."""
    if not folder.is_dir():
        folder.parent.mkdir(parents=True, exist_ok=True)
        folder.mkdir(mode=0o700, exist_ok=True)


def sync_folder(folder: Path) -> None:
    """Make the names in a folder durable."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


@contextmanager
def locked(path: Path, seconds: float, what: str, error: type[GaitError]) -> Iterator[None]:
    """Be the only writer of the file among all processes. what: the file, for people to read.

    The system frees the lock of a process that dies. Raises `error` where another one keeps it for longer than
    `seconds`, or there can be no lock.
    """
    try:
        descriptor = _lock(path, seconds)
    except TimeoutError:
        raise error(f"{what} is being written by another process: try again") from None
    except OSError as cause:
        raise error(f"{what} cannot be locked for writing: {cause.strerror}") from cause
    try:
        yield
    finally:
        os.close(descriptor)


def _lock(path: Path, seconds: float) -> int:
    """The descriptor that holds the lock until it is closed. Raises TimeoutError, OSError."""
    descriptor = os.open(path.with_name(f".{path.name}.lock"), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    deadline = time.monotonic() + seconds
    while True:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return descriptor
        except BlockingIOError:
            if time.monotonic() > deadline:
                os.close(descriptor)
                raise TimeoutError(f"{path} is being written by another process") from None
            time.sleep(0.005)
        except OSError:
            os.close(descriptor)
            raise
