"""Who changed a gallery, and when: a file that only grows, one line of JSON for each change, chained to the one before.

A person is named by a tag of chance that the gallery keeps beside them. So the audit says everything of who is
enrolled, and nothing of who was forgotten: with the gallery's entry goes what the tag meant. A line that was changed or
taken out breaks the chain; where the gallery has a key, nobody without it can mend that.
"""

import hashlib
import json
import os
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path

from rt_gait_ros import private_file
from rt_gait_ros.gallery.cipher import Cipher

MAX_BYTES = 256 << 20
LOCK_SECONDS = 10.0
_TAIL = 8192  # bytes at the end in which the last line is, unless it names hundreds of persons


@dataclass(frozen=True, slots=True)
class Entry:
    """One change. time: ISO 8601, UTC. uid: of the user whose process it was. what: as "forget". tags: of whom.

    commit: number of the gallery's commit that it was to be; another line with the same number says that it failed.
    whole: the chain holds up to here. role: of a server's gallery, the role and the robot whose change it was; then
    uid is -1.
    """

    time: str
    uid: int
    what: str
    tags: tuple[str, ...]
    commit: int
    whole: bool
    role: str = ""


def path_of(gallery: Path) -> Path:
    """Where the audit of a gallery is: beside it."""
    return gallery.with_name(f"{gallery.name}.audit")


def append(gallery: Path, what: str, tags: Sequence[str], commit: int, cipher: Cipher | None) -> None:
    """Write down a change that is about to be made. Durable when this returns. Raises OSError, TimeoutError."""
    path = path_of(gallery)
    if not os.path.lexists(path):
        with suppress(FileExistsError):
            private_file.create_once(path, b"")
    descriptor = private_file.open_file(path, write=True)
    try:
        private_file.take_lock(descriptor, LOCK_SECONDS)
        end = os.fstat(descriptor).st_size
        last, size = _last_line(descriptor, end)
        if size < end:  # a line that a killed process left half is taken back
            os.ftruncate(descriptor, size)
        now = datetime.now(timezone.utc).isoformat(timespec="seconds")
        body = {"time": now, "uid": os.geteuid(), "what": what, "tags": sorted(tags), "commit": commit}
        body["key"] = cipher.key_id if cipher else ""
        line = json.dumps({**body, "chain": _chain(last, body, cipher)}).encode() + b"\n"
        if os.pwrite(descriptor, line, size) != len(line):
            os.ftruncate(descriptor, size)
            raise OSError("the line was not written whole")
        os.fdatasync(descriptor)
    finally:
        os.close(descriptor)


def read(gallery: Path, cipher: Cipher | None = None) -> list[Entry]:
    """All changes, oldest first; none where there is no audit. Raises OSError, and ValueError for what is no audit."""
    try:
        lines = private_file.read(path_of(gallery), MAX_BYTES).splitlines()
    except FileNotFoundError:
        return []
    entries: list[Entry] = []
    last, whole = b"", True
    for line in lines:
        record = json.loads(line)
        try:
            body = {name: record[name] for name in ("time", "uid", "what", "tags", "commit", "key")}
            key_id = str(body["key"])
            if not key_id or (cipher is not None and cipher.key_id == key_id):  # what another key wrote is not judged
                whole = whole and record["chain"] == _chain(last, body, cipher if key_id else None)
            texts = [str(body["time"]), str(body["what"]), *map(str, body["tags"])]
            if not all(text.isprintable() and len(text) <= 64 for text in texts):
                raise ValueError("a line of it cannot be shown")
            entries.append(Entry(texts[0], int(body["uid"]), texts[1], tuple(texts[2:]), int(body["commit"]), whole))
        except (KeyError, TypeError) as error:
            raise ValueError("a line of it does not say what it should") from error
        last = line
    return entries


def _last_line(descriptor: int, end: int) -> tuple[bytes, int]:
    """The last whole line of a file of so many bytes, without its end, and where it ends; of none, nothing and 0."""
    read = _TAIL
    while True:
        first = max(0, end - read)
        lines = os.pread(descriptor, end - first, first).split(b"\n")  # the last one has no end
        if len(lines) > 2 or not first:
            return (lines[-2] if len(lines) > 1 else b""), end - len(lines[-1])
        read *= 4


def _chain(last: bytes, body: dict[str, object], cipher: Cipher | None) -> str:
    data = last + b"\n" + json.dumps(body).encode()
    return (hashlib.sha256(data).digest() if cipher is None else cipher.mac(data)).hex()[:32]
