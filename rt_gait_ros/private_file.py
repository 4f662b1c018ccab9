"""Files that nobody but their owner may read, and that are whole or not there: replaced atomically, with a checksum.

    rt_gait_ros KIND
    schema N
    sha256 <hex digest of the two lines above and of everything that follows this one>
    the payload

A change writes the whole new file beside the old one, syncs it, and renames it over the old one, which POSIX makes
atomic: whoever reads, and whatever dies when, finds the old file or the new one.

Folders may be shared with people who want to read or to break such files. So they are opened without following links,
only where they are regular files of somebody who is trusted, and their size is looked at before they are read.
"""

import errno
import fcntl
import hashlib
import os
import random
import re
import secrets
import stat
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from glob import escape
from pathlib import Path
from typing import BinaryIO

from rt_gait_ros.errors import GaitError

HEADER = re.compile(rb"rt_gait_ros ([a-z]{1,20})\nschema ([0-9]{1,6})\nsha256 ([0-9a-f]{64})\n")
MAX_BYTES = 256 << 20  # of a file that is read whole
PERMISSIONS = 0o700  # what of a file's mode may stay: others are shut out


def header(kind: str, schema: int, payload: bytes) -> bytes:
    """The three lines before a payload."""
    said = f"rt_gait_ros {kind}\nschema {schema}\n".encode()
    return said + f"sha256 {hashlib.sha256(said + payload).hexdigest()}\n".encode()


def seal(kind: str, schema: int, payload: bytes) -> bytes:
    """The bytes of a file: header and payload."""
    return header(kind, schema, payload) + payload


def schema_of(data: bytes, kind: str) -> int | None:
    """Schema that the header says; None where this is no file of that kind, or its beginning is damaged."""
    said = HEADER.match(data)
    return int(said[2]) if said is not None and said[1] == kind.encode() else None


def payload_of(data: bytes, *, bare: bool = False) -> bytes | None:
    """What follows the header; None where it is not what the checksum was made of.

    bare: the checksum is of the payload alone, as it was in the first schemata.
    """
    said = HEADER.match(data)
    if said is None:
        return None
    payload = data[said.end() :]
    digest = hashlib.sha256(b"" if bare else data[: said.start(3) - len(b"sha256 ")])
    digest.update(payload)
    return payload if digest.hexdigest() == said[3].decode() else None


def open_file(path: Path, *, write: bool = False) -> int:
    """A descriptor of a regular file that somebody trusted owns. Raises OSError, whose strerror says what is wrong.

    Links are not followed, and nothing else than a file is waited for or read. Others lose access to a file of ours.
    """
    flags = (os.O_RDWR if write else os.O_RDONLY) | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC
    try:
        descriptor = os.open(path, flags)
    except OSError as error:
        if error.errno == errno.ELOOP:
            raise OSError(errno.ELOOP, "it is a link: name the file that it leads to") from None
        raise
    try:
        about = os.fstat(descriptor)
        if stat.S_ISDIR(about.st_mode):
            raise OSError(errno.EISDIR, os.strerror(errno.EISDIR))
        if not stat.S_ISREG(about.st_mode):
            raise OSError(errno.EINVAL, "it is no regular file")
        _require_trusted(about, path.parent)
        if about.st_uid == os.geteuid() and about.st_mode & 0o077:
            os.fchmod(descriptor, stat.S_IMODE(about.st_mode) & PERMISSIONS)
    except OSError:
        os.close(descriptor)
        raise
    return descriptor


def read(path: Path, limit: int = MAX_BYTES) -> bytes:
    """All that the file holds. Raises OSError as `open_file`, and for more than `limit` bytes."""
    with os.fdopen(open_file(path), "rb") as file:
        size = os.fstat(file.fileno()).st_size
        if size > limit:
            raise OSError(errno.EFBIG, f"it has {size} bytes, and {limit} are the most that are read")
        return file.read(size)


def replace(path: Path, data: bytes, *, erase: bool = False) -> None:
    """Replace the file, atomically and durably, private to its owner (0600). On OSError the old file is whole.

    Only one process may do so at a time: what a killed writer left behind is removed, for somebody who was forgotten
    must not live on there. erase: what the old file held is overwritten with zeros then, but where it has another name.
    """
    remove_leftovers(path)
    former = open_file(path, write=True) if erase and os.path.lexists(path) else None
    try:
        with beside(path, lambda file: file.write(data)) as temporary:
            os.replace(temporary, path)
        if former is not None and not os.fstat(former).st_nlink:
            _overwrite(former)
    finally:
        if former is not None:
            os.close(former)


def create_once(path: Path, data: bytes) -> None:
    """As `replace`, for a file that is not there yet. Raises FileExistsError where somebody else was faster."""
    with beside(path, lambda file: file.write(data)) as temporary:
        try:
            os.link(temporary, path)
        except FileExistsError:
            raise
        except OSError:  # a file system without links, as of memory cards
            if path.exists():
                raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST)) from None
            os.replace(temporary, path)
        temporary.unlink(missing_ok=True)


@contextmanager
def beside(path: Path, write: Callable[[BinaryIO], object], mode: int = 0o600) -> Iterator[Path]:
    """A temporary file in the same folder, that `write` has filled; what is done to it is durable, or it is gone again.

    Nobody can have put a link of its name there. mode: of the file, less the umask. Raises OSError, and as `write`.
    """
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(6)}.tmp")
    try:
        with os.fdopen(os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, mode), "wb") as file:
            write(file)
            file.flush()
            os.fsync(file.fileno())
        yield temporary
        sync_folder(path.parent)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise


def create(path: Path) -> BinaryIO:
    """A new file for writing, private to its owner (0600); what had its name is gone. Raises OSError."""
    path.unlink(missing_ok=True)
    return os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600), "wb")


def erase(path: Path) -> None:
    """Overwrite the file with zeros, and delete it: no room is needed for that. Raises OSError."""
    with suppress(FileNotFoundError):
        descriptor = open_file(path, write=True)
        try:
            _overwrite(descriptor)
        finally:
            os.close(descriptor)
    path.unlink(missing_ok=True)
    sync_folder(path.parent)


def remove_leftovers(path: Path) -> None:
    """Delete temporary files that a killed writer of ours left; nobody may be writing one of this file now.

    Those of files whose names go on from this one's (PATH.audit, PATH.agreed) have writers and locks of their own.
    """
    for leftover in path.parent.glob(f".{escape(path.name)}.*.tmp"):
        if "." in leftover.name[len(f".{path.name}.") : -len(".tmp")]:
            continue
        with suppress(FileNotFoundError):
            if leftover.lstat().st_uid == os.geteuid():
                leftover.unlink()


def make_folder(folder: Path) -> None:
    """Create a missing folder and its parents, private to their owner (0700); one that is there keeps its mode.

    Raises OSError.
    """
    if not folder.is_dir():
        if folder.parent != folder:
            make_folder(folder.parent)
        folder.mkdir(mode=0o700, exist_ok=True)


def make_own_folder(folder: Path) -> None:
    """Create a folder that is ours alone, or make one that is there so. Raises OSError for a link and a foreign one."""
    make_folder(folder.parent)
    with suppress(FileExistsError):
        folder.mkdir(mode=0o700)
    about = folder.lstat()
    if not stat.S_ISDIR(about.st_mode):
        raise OSError(errno.ENOTDIR, "it is no folder, or a link to one")
    _require_trusted(about, folder.parent)
    if about.st_uid == os.geteuid() and about.st_mode & 0o077:
        folder.chmod(0o700)


def sync_folder(folder: Path) -> None:
    """Make the names in a folder durable."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


@contextmanager
def locked(path: Path, seconds: float, what: str, error: type[GaitError]) -> Iterator[None]:
    """Be the only writer of the file among all processes; its folder is ours alone. what: the file, for people to read.

    The system frees the lock of a process that dies. Raises `error` where another one keeps it for longer than
    `seconds`, or there can be no lock.
    """
    lock = path.with_name(f".{path.name}.lock")
    try:
        with suppress(FileExistsError):
            os.close(os.open(lock, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600))
        descriptor = open_file(lock, write=True)
    except OSError as cause:
        raise error(f"{what} cannot be locked for writing: {cause.strerror}") from cause
    try:
        take_lock(descriptor, seconds)
        yield
    except TimeoutError:
        raise error(f"{what} is being written by another process: try again") from None
    finally:
        os.close(descriptor)


def take_lock(descriptor: int, seconds: float, *, shared: bool = False) -> None:
    """Hold the lock of an open file until it is closed. Raises TimeoutError, OSError."""
    deadline = time.monotonic() + seconds
    kind = fcntl.LOCK_SH if shared else fcntl.LOCK_EX
    while True:
        try:
            fcntl.flock(descriptor, kind | fcntl.LOCK_NB)
            return
        except BlockingIOError:
            if time.monotonic() > deadline:
                raise TimeoutError("another process holds the lock") from None
            time.sleep(random.uniform(0.0005, 0.003))  # or of three that write without pause, one might starve


def _overwrite(descriptor: int) -> None:
    """Zeros over all that an open file holds."""
    offset, end = 0, os.fstat(descriptor).st_size
    while offset < end:
        offset += os.pwrite(descriptor, bytes(min(end - offset, 1 << 20)), offset)
    os.fsync(descriptor)


def _require_trusted(about: os.stat_result, folder: Path) -> None:
    """Raise OSError where a file is of a user who could have put it there to harm us: neither we nor root.

    Root also trusts whoever owns the folder, where nobody else can write into it.
    """
    trusted = {0, os.geteuid()}
    if os.geteuid() == 0:
        place = folder.stat()
        if not place.st_mode & 0o022:
            trusted.add(place.st_uid)
    if about.st_uid not in trusted:
        raise OSError(errno.EPERM, f"it belongs to another user (uid {about.st_uid})")
