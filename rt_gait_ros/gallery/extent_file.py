"""A private file that changes in place, and is at any moment whole as of its last commit.

    page 0       rt_gait_ros KIND, schema, SHA-256 of the page, and one line of JSON: its cipher and an id of its own
    pages 1, 2   two slots, written in turn: the number of the commit, where its index is, a checksum of all that
    from page 3  extents: the index, and what the index names; zeros where nothing is

A commit writes new extents where nothing is, syncs, and overwrites the older slot: 512 bytes, which neither a killed
process nor a disk leaves half done. What was there before is then overwritten with zeros, so nothing of it is left in
the file, and what stands at the end is cut off. There is always as much free room as the index takes: to delete needs
no room on the disk. Readers take no lock unless they meet a writer.

The file itself is what writers lock: nobody can hold that lock who may not open the file.
"""

import hashlib
import json
import os
import secrets
import struct
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from rt_gait_ros import private_file
from rt_gait_ros.gallery.cipher import Cipher

PAGE, SLOT = 4096, 512
FIRST = 3 * PAGE  # where extents begin
MAX_INDEX = 64 << 20  # bytes: a hundred times what 2000 persons take
LOCK_SECONDS = 10.0
_BODY = struct.Struct("<4s4xQQQQ16s")  # magic, commit, index offset, index length, end of the file, index digest
_MAGIC, _MARK = b"SLOT", b"rt_gait_ros "  # what a slot and a file begin with
_DIGEST = 16  # bytes of SHA-256 that are kept of an extent
_ZEROS = bytes(1 << 20)

Build = Callable[[Sequence["Extent"]], bytes]  # the index, once the new extents have their places


class Damaged(ValueError):
    """The file is not what a commit left. str() says where, for people."""


class WrongKey(ValueError):
    """The file is sealed with another key, or with one while none was given, or not at all while one was."""


class Unsettled(OSError):
    """The disk failed when a commit began to stand: it may, and what went may not be overwritten with zeros."""


@dataclass(frozen=True, slots=True)
class Extent:
    """Where some bytes are in the file, as they are stored. digest: of them, hexadecimal."""

    offset: int
    length: int
    digest: str

    @property
    def end(self) -> int:
        """One past the last byte."""
        return self.offset + self.length


@dataclass(frozen=True, slots=True)
class State:
    """One commit. head: page 0. index: the bytes of its index, open. end: length of the file."""

    head: bytes
    schema: int
    file_id: str
    commit: int
    end: int
    place: Extent
    index: bytes

    @property
    def signature(self) -> tuple[str, int]:
        """What tells one state of a file from any other."""
        return self.file_id, self.commit


def create(
    path: Path,
    kind: str,
    schema: int,
    cipher: Cipher | None,
    blobs: Sequence[bytes],
    build: Build,
    file_id: str = "",
    *,
    over: bool = True,
) -> None:
    """Write a whole file with one commit. Raises OSError; FileExistsError where one is there that may not be replaced.

    file_id: one that `new_id` made, for a caller that has to know it before the file is there. over: in the place of
    another one, whose lock the caller holds, and which is overwritten with zeros then: it may be open, or hold more.
    """
    composed = _composed(kind, schema, cipher, blobs, build, file_id or new_id())
    if over:
        private_file.replace(path, composed, erase=True)
    else:
        private_file.create_once(path, composed)


def new_id() -> str:
    """What tells a file from any other."""
    return secrets.token_hex(8)


def _composed(
    kind: str, schema: int, cipher: Cipher | None, blobs: Sequence[bytes], build: Build, file_id: str
) -> bytes:
    said = {"cipher": "aes-256-gcm" if cipher else "none", "key": cipher.key_id if cipher else ""}
    rest = json.dumps({**said, "file": file_id}).encode() + b"\n"
    rest = rest.ljust(PAGE - len(private_file.header(kind, schema, rest)), b"\0")
    head = private_file.header(kind, schema, rest) + rest
    extents, written, position = [], [], FIRST
    for blob in blobs:
        stored = _stored(blob, cipher, file_id)
        extents.append(Extent(position, len(stored), _digest(stored)))
        written.append(stored)
        position += len(stored)
    index = _stored(build(extents), cipher, file_id)
    place = Extent(position, len(index), _digest(index))
    end = place.end + len(index)
    slots = b"".join(_slot(head, commit, place, end, cipher).ljust(PAGE, b"\0") for commit in (0, 1))
    return b"".join([head, slots, *written, index, bytes(len(index))])


def read(path: Path, kind: str, schema: int, cipher: Cipher | None) -> tuple[State, int]:
    """The newest commit, and a descriptor to `fetch` from, which the caller closes.

    Raises Damaged, WrongKey, OSError; TimeoutError where a writer keeps the file for over LOCK_SECONDS.
    """
    descriptor = private_file.open_file(path)
    try:
        return settled(descriptor, lambda: state(descriptor, kind, schema, cipher)), descriptor
    except BaseException:
        os.close(descriptor)
        raise


def settled(descriptor: int, look: Callable[[], State]) -> State:
    """What `look` finds; once more while no writer is at work where the first look found it Damaged."""
    try:
        return look()
    except Damaged:
        private_file.take_lock(descriptor, LOCK_SECONDS, shared=True)
        return look()


def state(descriptor: int, kind: str, schema: int, cipher: Cipher | None) -> State:
    """The newest commit of an open file, its index checked. Raises Damaged, WrongKey, OSError."""
    head = os.pread(descriptor, PAGE, 0)
    found = private_file.schema_of(head, kind)
    rest = private_file.payload_of(head)
    if found != schema or rest is None or len(head) < PAGE:
        raise Damaged("its beginning is damaged")
    try:
        about = json.loads(rest.rstrip(b"\0"))
        _require_key(about["key"], cipher)
        file_id = str(about["file"])
    except (KeyError, TypeError, json.JSONDecodeError, UnicodeDecodeError, RecursionError) as error:
        raise Damaged("its beginning does not say what it should") from error
    slots = [_read_slot(descriptor, head, number, cipher) for number in (0, 1)]
    older, newer = sorted(slots, key=lambda slot: slot[0])
    if newer[0] != older[0] + 1:
        raise Damaged("its two slots are not of one file")
    commit, place, end = newer
    if os.fstat(descriptor).st_size < end or place.end > end or place.length > MAX_INDEX:
        raise Damaged("it was cut off")
    return State(head, schema, file_id, commit, end, place, fetch(descriptor, place, file_id, cipher))


def may_have_been(descriptor: int) -> bool:
    """Whether an open file without a readable header may be one of ours that was damaged. Raises OSError.

    It is something else where nothing of ours is in its first pages, and neither are they cut off or empty, as a disk
    may leave them.
    """
    head = os.pread(descriptor, FIRST, 0)
    ours = _MARK.startswith(head[: len(_MARK)]) or any(head.startswith(_MAGIC, PAGE * number) for number in (1, 2))
    return ours or not head.strip(b"\0")


def is_newest(state: State, head: bytes) -> bool:
    """Whether the first FIRST bytes of a file say that no commit came after this one, which stands beside a later one.

    For whoever looks without the lock, so that a commit made meanwhile is not taken for the one that was read.
    """
    bodies = [_BODY.unpack_from(head, PAGE * number) for number in (1, 2)] if len(head) >= FIRST else []
    return any(body[1] == state.commit and body[5].hex() == state.place.digest for body in bodies) and all(
        body[1] <= state.commit for body in bodies
    )


def fetch(descriptor: int, extent: Extent, file_id: str, cipher: Cipher | None) -> bytes:
    """The bytes of an extent. Raises Damaged, OSError."""
    stored = os.pread(descriptor, extent.length, extent.offset)
    if _digest(stored) != extent.digest:
        raise Damaged(f"the {extent.length} bytes at {extent.offset} do not fit their checksum")
    if cipher is None:
        return stored
    try:
        return cipher.open(stored, file_id.encode())
    except ValueError as error:
        raise Damaged(f"the {extent.length} bytes at {extent.offset} cannot be opened: {error}") from error


def write(
    descriptor: int, before: State, cipher: Cipher | None, *, live: Iterable[Extent], kept: Iterable[Extent],
    blobs: Sequence[bytes], build: Build, thorough: bool,
) -> State:  # fmt: skip
    """Commit: `blobs` come, of the `live` extents only `kept` stay, `build` makes the new index.

    The caller holds the lock. thorough: every byte that nobody uses is overwritten and synced before this returns, and
    not only what was given up. On OSError the former state stands, on Unsettled perhaps the new one.
    """
    stored = [_stored(blob, cipher, before.file_id) for blob in blobs]
    kept = list(kept)
    stays = {extent.offset for extent in kept}
    live = list(live)
    freed = [extent for extent in live if extent.offset not in stays] + [before.place]
    room = _Room([*live, before.place], before.end)
    extents = [room.take(len(data), _digest(data)) for data in stored]
    index = _stored(build(extents), cipher, before.file_id)
    place = room.take(len(index), _digest(index))
    after = _Room([*kept, *extents, place], 0)
    end = after.end_with_gap(place.length)
    try:
        for extent, data in zip([*extents, place], [*stored, index], strict=True):
            _put(descriptor, data, extent.offset)
        if end > os.fstat(descriptor).st_size:
            os.posix_fallocate(descriptor, before.end, end - before.end)
        os.fdatasync(descriptor)
    except OSError:
        with suppress(OSError):  # nobody asked for what was written so far to stay, as on a disk that is full
            os.ftruncate(descriptor, before.end)
            _wipe(descriptor, [(extent.offset, extent.length) for extent in (*extents, place)])
        raise
    commit = before.commit + 1
    with _settling():
        _put(descriptor, _slot(before.head, commit, place, end, cipher), PAGE * (1 + commit % 2))
        os.fdatasync(descriptor)
    done = replace(before, commit=commit, end=end, place=place, index=b"")
    with _settling() if thorough else suppress(OSError):
        _wipe(descriptor, after.gaps(end) if thorough else after.overlaps(freed))
        os.ftruncate(descriptor, end)
        if thorough:
            os.fdatasync(descriptor)
    return done


def sweep(descriptor: int, now: State, used: Iterable[Extent]) -> None:
    """Overwrite what a killed writer may have left where nothing should be. The caller holds the lock."""
    gaps = _Room([*used, now.place], 0).gaps(now.end)
    dirty = [(offset, length) for offset, length in gaps if os.pread(descriptor, length, offset).strip(b"\0")]
    if dirty or os.fstat(descriptor).st_size > now.end:
        _wipe(descriptor, dirty)
        os.ftruncate(descriptor, now.end)
        os.fdatasync(descriptor)


@contextmanager
def writing(path: Path) -> Iterator[int]:
    """A descriptor for writing that holds the lock of the file now at `path`. Raises OSError, TimeoutError."""
    while True:
        descriptor = private_file.open_file(path, write=True)
        try:
            private_file.take_lock(descriptor, LOCK_SECONDS)
            if _is_at(descriptor, path):  # and not replaced while we waited for its lock
                yield descriptor
                return
        finally:
            os.close(descriptor)


class _Room:
    """What of a file is in use, and where something fits."""

    def __init__(self, used: Iterable[Extent], end: int) -> None:
        spans = np.array([(extent.offset, extent.length) for extent in used], np.int64).reshape(-1, 2)
        spans = spans[np.argsort(spans[:, 0], kind="stable")]
        self._starts = spans[:, 0]
        # where what is in use ends, up to each start and after the last
        self._reach = np.maximum.accumulate(np.append(FIRST, spans.sum(axis=1)))
        self._end = max(FIRST, end, self._tail())

    def gaps(self, end: int) -> list[tuple[int, int]]:
        """(offset, length) of what is free below `end`."""
        free = np.append(self._starts, end) - self._reach
        found = np.flatnonzero(free > 0)
        return list(zip(self._reach[found].tolist(), free[found].tolist(), strict=True))

    def take(self, length: int, digest: str) -> Extent:
        """A place for so many bytes: the first that fits, or the end."""
        offset = next((start for start, free in self.gaps(self._end) if free >= length), self._tail())
        extent = Extent(offset, length, digest)
        place = int(np.searchsorted(self._starts, offset, side="right"))
        self._starts = np.insert(self._starts, place, offset)
        self._reach = np.maximum.accumulate(np.insert(self._reach, place + 1, extent.end))
        self._end = max(self._end, extent.end)
        return extent

    def end_with_gap(self, length: int) -> int:
        """The least length of the file that has one free place of so many bytes."""
        tail = self._tail()
        return tail if any(free >= length for _, free in self.gaps(tail)) else tail + length

    def overlaps(self, extents: Iterable[Extent]) -> list[tuple[int, int]]:
        """(offset, length) of what is free within these extents."""
        extents = list(extents)
        found = []
        gaps = self.gaps(max([FIRST, *(extent.end for extent in extents)]))
        for extent in extents:
            for start, free in gaps:
                low, high = max(start, extent.offset), min(start + free, extent.end)
                if low < high:
                    found.append((low, high - low))
        return found

    def _tail(self) -> int:
        """Where the last used bytes end."""
        return int(self._reach[-1])


def _is_at(descriptor: int, path: Path) -> bool:
    mine, there = os.fstat(descriptor), path.lstat()
    return (mine.st_dev, mine.st_ino) == (there.st_dev, there.st_ino)


def _require_key(key_id: str, cipher: Cipher | None) -> None:
    if key_id and cipher is None:
        raise WrongKey("it is encrypted, and no key was named")
    if cipher is not None and not key_id:
        raise WrongKey("it is not encrypted, and a key was named: `rt-gait gallery encrypt` encrypts it")
    if cipher is not None and key_id != cipher.key_id:
        raise WrongKey("it is encrypted with another key than the one that was named")


def _slot(head: bytes, commit: int, place: Extent, end: int, cipher: Cipher | None) -> bytes:
    body = _BODY.pack(_MAGIC, commit, place.offset, place.length, end, bytes.fromhex(place.digest))
    return (body + _mark(head + body, cipher)).ljust(SLOT, b"\0")


def _read_slot(descriptor: int, head: bytes, number: int, cipher: Cipher | None) -> tuple[int, Extent, int]:
    data = os.pread(descriptor, SLOT, PAGE * (1 + number))
    body, mark = data[: _BODY.size], data[_BODY.size :]
    if len(data) < SLOT or mark != _mark(head + body, cipher).ljust(SLOT - _BODY.size, b"\0"):
        raise Damaged(f"its slot {number} is damaged")
    _, commit, offset, length, end, digest = _BODY.unpack(body)
    return commit, Extent(offset, length, digest.hex()), end


def _mark(data: bytes, cipher: Cipher | None) -> bytes:
    return hashlib.sha256(data).digest() if cipher is None else cipher.mac(data)


def _stored(data: bytes, cipher: Cipher | None, file_id: str) -> bytes:
    return data if cipher is None else cipher.seal(data, file_id.encode())


def _digest(data: bytes) -> str:
    return hashlib.sha256(data).digest()[:_DIGEST].hex()


def _put(descriptor: int, data: bytes, offset: int) -> None:
    view = memoryview(data)
    while view:
        count = os.pwrite(descriptor, view, offset)
        view, offset = view[count:], offset + count


def _wipe(descriptor: int, places: Iterable[tuple[int, int]]) -> None:
    """Zeros over what is there, as far as the file reaches: it is not to grow."""
    size = os.fstat(descriptor).st_size
    for offset, length in places:
        end = min(offset + length, size)
        while offset < end:
            offset += os.pwrite(descriptor, _ZEROS[: min(end - offset, len(_ZEROS))], offset)


@contextmanager
def _settling() -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise Unsettled(error.errno, error.strerror) from error
