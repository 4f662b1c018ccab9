"""Who is nearest to a look, found on a server: by an index on short keys, and exactly among the few that are left."""

import struct
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from rt_gait_ros.fleet.address import Address
from rt_gait_ros.fleet.connection import driver, require_same_schema
from rt_gait_ros.fleet.rows import embedding_from, key_values
from rt_gait_ros.gallery.search import needs_sketch

if TYPE_CHECKING:
    import psycopg

# docs/fleet_search.md has the measurements of each of these.
CANDIDATES = 16  # walks that a search takes from the index
# Estimates are off by 3 % (gallery.search), the ratio of two by at most 4.4 %, and less where two are near each other.
FARTHER = 1.15  # times the smallest estimate: whose is larger is not taken for the nearest
SCANNED = 4000  # walks of a site up to which all of their keys are read, so that nobody is lost
# Walks that the index keeps in sight (hnsw.ef_search): at first, and where somebody nearer may have been lost: another
# person is as near as UNSURE times the distance of the nearest, or all candidates are walks of one person.
SEARCHED, SEARCHED_AGAIN = 32, 160
UNSURE = 1.08
_EVERY = 1000  # searches after which a connection is set anew: few walks may have become many

Found = list[tuple[str, float, np.ndarray | None]]


class _Asked(NamedTuple):
    """The search key of a look, which a connection that is set for searching sends in pgvector's binary form."""

    values: np.ndarray


class ServerSearch:
    """How one connection searches the walks of one site."""

    def __init__(self, connection: "psycopg.Connection[Any]", address: Address) -> None:
        """Set the connection for searching."""
        self._connection, self._address = connection, address
        self._set_anew()

    @property
    def connection(self) -> "psycopg.Connection[Any]":
        """The one that searches, in autocommit: a transaction that is taken back takes back how it is set."""
        return self._connection

    def candidates(self, embedding: np.ndarray) -> Found:
        """Walks that are near an embedding (P, C) by their search keys, nearest first; of short embeddings, all.

        Of each the person, the distance that the keys estimate, and the embedding; None where the estimate is so much
        larger than the smallest one that the walk cannot be the nearest: it is not read then. Raises GalleryError for
        damaged embeddings, and where the schema has become another one since the connection was made.
        """
        try:
            return self._candidates(embedding)
        finally:  # behind it: what is of this schema by then was so before; and where it fails, this says why
            if not self._connection.closed:
                require_same_schema(self._connection, self._address)

    def _candidates(self, embedding: np.ndarray) -> Found:
        if not needs_sketch(embedding.shape):
            return self._all()
        if self._searched >= _EVERY:
            self._set_anew()
        self._searched += 1
        asked, parts = _Asked(key_values(embedding)), float(np.sqrt(embedding.shape[0]))
        if self._reads_all:
            return self._near(asked, parts, 0.0)
        self._keep_in_sight(SEARCHED)
        found = self._near(asked, parts, UNSURE)
        if len(found) < self._enough and not self._looks_on:
            self._look_on()
            found = self._near(asked, parts, UNSURE)
        if len(found) < self._enough:  # the index gives up: there are too many walks of other sites
            self._read_all()
            return self._near(asked, parts, 0.0)
        if found and found[0][2] is None:
            self._keep_in_sight(SEARCHED_AGAIN)
            found = self._near(asked, parts, 0.0)
        return found

    def _all(self) -> Found:
        found = self._connection.execute(
            "select person_id, embedding, embedding_shape, embedding_type from rt_gait.template where site = %s",
            (self._address.site,),
            binary=True,
        ).fetchall()
        return [(person_id, 0.0, embedding_from(self._address, *array)) for person_id, *array in found]

    def _near(self, asked: _Asked, parts: float, unsure: float) -> Found:
        """unsure: no embedding is read where another person is as near as so many times the distance of the nearest.

        Nor where nobody else is among the candidates. 0: they are read in any case.
        """
        found = self._connection.execute(
            "select person_id, apart, case when apart <= %s * nearest and (%s = 0 or other >= %s * nearest"
            f" or other is null and found < {CANDIDATES:d}) then embedding end, embedding_shape, embedding_type from"
            " (select *, min(apart) over () as nearest, min(apart) filter (where person_id <> first) over () as other,"
            " count(*) over () as found from (select *, first_value(person_id) over (order by apart) as first from"
            " (select person_id, embedding, embedding_shape, embedding_type,"
            " search_key operator(public.<->) %s::public.halfvec as apart from rt_gait.template"
            f" where site = %s and search_key is not null order by apart limit {CANDIDATES:d}) as walk) as ranked)"
            " as measured order by apart",
            (FARTHER, unsure, unsure, asked, self._address.site),
            binary=True,
        ).fetchall()
        return [
            (person_id, apart / parts, None if array[0] is None else embedding_from(self._address, *array))
            for person_id, apart, *array in found
        ]

    def _set_anew(self) -> None:
        """Decide by the number of walks how to search, and set the connection for that.

        Of few walks all keys are read, since a graph loses somebody now and then. Of more the planner would still read
        all, which takes twice as long as the index; where there is no index, it would compile the query each time.
        """
        connection = self._connection
        # One plan fits every look, and one that was made before these settings does not follow them.
        connection.execute("set jit = off; set plan_cache_mode = force_generic_plan")
        connection.adapters.register_dumper(_Asked, _dumper())
        row = connection.execute(
            f"select count(*) from (select from rt_gait.template where site = %s limit {SCANNED + 1:d}) as found",
            (self._address.site,),
        ).fetchone()
        walks = row[0] if row is not None else 0
        if walks <= SCANNED:
            self._read_all()
        else:
            connection.execute(
                "set hnsw.iterative_scan = off; set enable_indexscan = on; set enable_seqscan = off; discard plans"
            )
            self._reads_all = False
        # After what makes them true: where that fails, the next search sets the connection anew.
        self._enough = min(CANDIDATES, walks)
        self._looks_on = False  # until there are enough walks of the site
        self._in_sight = self._searched = 0

    def _read_all(self) -> None:
        self._connection.execute("set enable_indexscan = off; set enable_seqscan = on; discard plans")
        self._reads_all = True

    def _keep_in_sight(self, walks: int) -> None:
        if self._in_sight != walks:
            self._connection.execute(f"set hnsw.ef_search = {walks:d}")
            self._in_sight = walks

    def _look_on(self) -> None:
        """Look on until there are enough walks of the site: the index knows all sites.

        Where nearly all walks are of one site that is not needed, and costs a seventh of the time.
        """
        self._connection.execute("set hnsw.iterative_scan = strict_order")
        self._looks_on = True


def _dumper() -> Any:
    psycopg = driver()

    class Dumper(psycopg.adapt.Dumper):  # type: ignore[name-defined]  # the driver is loaded where it is needed
        """As halfvec_recv reads it: the number of numbers, nothing, and each in half precision, big-endian.

        As text, the key takes a tenth of a millisecond to write and half of that to read.
        """

        format = psycopg.pq.Format.BINARY

        def dump(self, obj: _Asked) -> bytes:
            return struct.pack(">hh", len(obj.values), 0) + obj.values.astype(">f2").tobytes()

    return Dumper
