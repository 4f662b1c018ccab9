"""A gallery on a server, used without a copy on this machine: what `rt-gait gallery` does with an address."""

import threading
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from rt_gait_ros.fleet import rows
from rt_gait_ros.fleet.address import Address
from rt_gait_ros.fleet.connection import (
    READ_ONLY,
    AccessDenied,
    Head,
    commit,
    connected,
    head_of,
    speaking,
)
from rt_gait_ros.fleet.searches import Searches
from rt_gait_ros.fleet.server_search import ServerSearch
from rt_gait_ros.gallery import gallery_checks
from rt_gait_ros.gallery.audit import Entry
from rt_gait_ros.gallery.cipher import Cipher
from rt_gait_ros.gallery.departures import Handover
from rt_gait_ros.gallery.gallery_edits import GalleryModelMismatch
from rt_gait_ros.gallery.gallery_file import Loaded, Signature
from rt_gait_ros.gallery.person import Content, GalleryCorrupt, GalleryError, GalleryReadOnly, Person
from rt_gait_ros.gallery.search import Comparison

if TYPE_CHECKING:
    import psycopg

_EMPTY = Loaded(Content(), ())
SEARCHES = 8  # connections by which one process searches at once; PostgreSQL's default lets in 100 of all


@dataclass(frozen=True, slots=True)
class ServerPlace:
    """Where a walk is on the server.

    template_id: its key there. framed: whether its gait frames are kept.
    """

    template_id: str
    framed: bool


@dataclass(frozen=True, slots=True)
class ServerFrames:
    """Gait frames on the server, fetched when they are turned into an array."""

    store: "ServerStore" = field(repr=False)
    template_id: str
    shape: tuple[int, ...]
    dtype: str

    def __len__(self) -> int:
        return self.shape[0]

    def __array__(self, dtype: Any = None, copy: Any = None) -> np.ndarray:
        with self.store.session() as connection:
            frames = rows.frames_of(connection, self.store.address, self.template_id)
        return frames if dtype is None else frames.astype(dtype)


class ServerStore:
    """A gallery on a PostgreSQL server; one connection, made when it is first needed and again after it broke.

    Searches have others, which several threads share.

    Every change is one transaction that holds the gallery's row, so that all robots and programs take turns.
    """

    is_shared = True
    handover: Handover | None = None
    share_scenes: bool | None = None

    def __init__(self, address: Address, cipher: Cipher | None = None) -> None:
        """cipher: of what is on this machine: the copy of its nodes, the scenes beside that."""
        self.address, self.cipher, self.path = address, cipher, address.copy_path
        self.robot = address.robot
        self._held = ExitStack()
        self._connection: psycopg.Connection[Any] | None = None
        self._searches = Searches(address, SEARCHES)
        self._mutex = threading.RLock()  # of whoever talks on the connection

    @property
    def name(self) -> str:
        """The address without who asks."""
        return self.address.name

    @property
    def problem(self) -> str:
        """Whoever asks is told at once."""
        return ""

    def notices(self) -> list[str]:
        """Nothing: whoever asks is told at once."""
        return []

    @contextmanager
    def session(self) -> Iterator["psycopg.Connection[Any]"]:
        """The connection, alone. Raises GalleryError, here and for what is done inside."""
        with self._mutex:
            if self._connection is None or self._connection.closed:
                held, self._held = self._held, ExitStack()
                held.close()
                self._connection = self._held.enter_context(connected(self.address))
            with speaking(self.address):
                yield self._connection

    @contextmanager
    def searching(self) -> Iterator[ServerSearch]:
        """A connection that is set for searching, alone; others are for others. Raises GalleryError."""
        with self._own_searches().one() as search:
            yield search

    def close(self) -> None:
        """As Store.close."""
        with self._mutex:
            self._connection = None
            held, self._held = self._held, ExitStack()
            held.close()
        searches, self._searches = self._searches, Searches(self.address, SEARCHES)
        if searches.is_usable:
            searches.close()

    def open(self) -> Loaded:
        """As Store.open; it is made by `rt-gait gallery migrate` alone."""
        return self.read(_EMPTY)

    def read(self, known: Loaded) -> Loaded:
        """As Store.read."""
        with self.session() as connection, connection.transaction():
            # all of one moment: others change people between its statements
            connection.execute("set transaction isolation level repeatable read")
            return self._read(connection, head_of(connection, self.address), known)

    def signature(self) -> Signature:
        """As Store.signature."""
        try:
            with self.session() as connection:
                return _signature(head_of(connection, self.address))
        except GalleryError:
            return ()

    @contextmanager
    def changing(self, held: Loaded) -> Iterator["ServerChange"]:
        """As Store.changing."""
        self.require_writable()
        with self.session() as connection:
            connection.execute("begin")
            try:
                head = head_of(connection, self.address, lock=True)
                yield ServerChange(self, connection, self._read(connection, head, held))
            finally:
                if not connection.closed:
                    connection.execute("rollback")  # nothing, after a commit

    def require_writable(self) -> None:
        """As Store.require_writable."""
        with self.session() as connection:
            head = head_of(connection, self.address)
            if not head.may_write:
                raise GalleryReadOnly(f"gallery {self.name} may only be read by this role: grant it rt_gait_enroller")
            if head.is_read_only:
                raise GalleryReadOnly(f"gallery {self.name} {READ_ONLY}")

    def recrypt(self, cipher: Cipher | None) -> None:
        """As Store.recrypt: that is not for a server."""
        raise GalleryError(
            f"gallery {self.name} is encrypted by its server's disks: encrypt a copy as `rt-gait gallery path` names it"
        )

    def asides(self) -> list[Path]:
        """As Store.asides."""
        return []

    def nearest(self, embedding: np.ndarray, persons: int = 5) -> list[tuple[str, float]]:
        """Who is nearest to an embedding (P, C) float32: person_id and distance, nearest first.

        For galleries larger than a robot's memory. The server finds some walks by an index on their search keys, and
        those that may be the nearest are compared exactly here; the distances of the others are estimates, with a
        standard deviation of 3 %. Fewer than `persons` are found where one has many walks that are near. Up to SEARCHES
        threads search at once, beside whatever is changed. Raises GalleryModelMismatch for an embedding of another
        network's shape.
        """
        found = self._own_searches().candidates(embedding)
        compare = Comparison(embedding)
        best: dict[str, float] = {}
        for person_id, estimate, walk in found:
            if walk is not None and walk.shape != embedding.shape:
                raise GalleryModelMismatch(
                    f"gallery {self.name} has embeddings of {walk.shape[0]} x {walk.shape[1]} numbers, and what is "
                    f"looked for has {embedding.shape[0]} x {embedding.shape[1]}: it is of another gait network"
                )
            distance = estimate if walk is None else compare(walk)
            best[person_id] = min(best.get(person_id, np.inf), distance)
        return sorted(best.items(), key=lambda each: each[1])[:persons]

    def audit(self) -> list[Entry]:
        """As Store.audit."""
        with self.session() as connection:
            row = connection.execute("select has_table_privilege('rt_gait.audit', 'select')").fetchone()
            if row != (True,):
                raise AccessDenied(f"the audit of gallery {self.name} is not for this role: grant it rt_gait_admin")
            found = connection.execute(
                "select to_char(at at time zone 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS+00:00'),"
                " role, robot, what, tags, version from rt_gait.audit where site = %s order by number",
                (self.address.site,),
            ).fetchall()
        return [Entry(time, -1, what, tuple(tags), commit, True, f"{role} on {robot}")
                for time, role, robot, what, tags, commit in found]  # fmt: skip

    def _own_searches(self) -> Searches:
        """Those of this process. What the parent of a fork had is left to it, and not closed: the sockets are one."""
        if not self._searches.is_usable:
            self._searches = Searches(self.address, SEARCHES)
        return self._searches

    def _read(self, connection: "psycopg.Connection[Any]", head: Head, known: Loaded) -> Loaded:
        if known.signature == _signature(head):
            return known
        walks = {
            template.place.template_id: template
            for person in known.content.persons
            for template in person.templates
            if isinstance(template.place, ServerPlace)
        }
        found = rows.pull(
            connection, self.address, -1, walks, lambda key, shape, kind: ServerFrames(self, key, shape, kind)
        )
        persons = tuple(self._placed(each) for each in found)
        return Loaded(_checked(Content(head.model, head.gait_frame_kind, persons), self.name), _signature(head))

    def _placed(self, each: rows.Walked) -> Person:
        templates = []
        for key, template in each.templates.items():
            framed = key in each.framed
            frames = template.frames if framed else None
            templates.append(replace(template, frames=frames, place=ServerPlace(key, framed)))
        return replace(each.person, templates=tuple(templates))


class ServerChange:
    """A server's gallery held for writing."""

    def __init__(self, store: ServerStore, connection: "psycopg.Connection[Any]", loaded: Loaded) -> None:
        self._store, self._connection, self._loaded = store, connection, loaded

    @property
    def content(self) -> Content:
        """As Change.content."""
        return self._loaded.content

    def commit(self, content: Content, what: str, *, thorough: bool = False) -> Loaded:
        """As Change.commit; PostgreSQL keeps what went until its next vacuum, and in its write-ahead log."""
        store, connection, before = self._store, self._connection, self._loaded.content
        former, now = ({person.person_id: person for person in each.persons} for each in (before, content))
        touched = [person for key, person in now.items() if former.get(key) is not person]
        gone = [key for key in former if key not in now]
        version = rows.next_version(connection, store.address)
        pushed = [_walked(person) for person in touched]
        rows.push(connection, store.address, pushed, version)
        rows.forget(connection, store.address, gone, version)
        tags = [person.tag for person in [*touched, *(former[key] for key in gone)] if person.tag]
        rows.close_version(connection, store.address, content.model, content.gait_frame_kind, [(what, sorted(tags))])
        loaded = store._read(connection, head_of(connection, store.address), replace(self._loaded, signature=()))
        commit(connection, store.address)
        return loaded


def _walked(person: Person) -> rows.Walked:
    known: Mapping[int, str] = {
        id(template): template.place.template_id
        for template in person.templates
        if isinstance(template.place, ServerPlace)
    }
    return rows.walked(person, known)


def _signature(head: Head) -> Signature:
    return head.epoch, head.version, head.mark


def _checked(content: Content, name: str) -> Content:
    """What a server holds, if it can be a gallery. Raises GalleryCorrupt."""
    try:
        return gallery_checks.checked(content)
    except ValueError as error:
        raise GalleryCorrupt(f"gallery {name} does not hold what it should ({error}): restore a back-up") from error
