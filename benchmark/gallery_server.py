"""One gallery of a given size on a PostgreSQL server: loaded in bulk, once, and searched."""

import time
from collections.abc import Callable, Iterator, Sequence
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import numpy as np
from gallery_sizes import BLOCK, KIND, MODEL, WALKS, medians, walk, walks

from rt_gait_ros.fleet import rows
from rt_gait_ros.fleet.address import Address, parse
from rt_gait_ros.fleet.connection import connected
from rt_gait_ros.fleet.migration import migrate
from rt_gait_ros.fleet.server_store import ServerStore
from rt_gait_ros.gallery.gallery_records import narrow

_INDEX = "rt_gait.template_search"
FIRST = 20  # looks of a connection that count as its first


def load(server: str, persons: int, each_of: int, progress: Callable[[str], None]) -> str:
    """Address of a database of its own that holds so many persons; what an earlier run has loaded is used again.

    each_of: walks of each. server: address of a role that may make databases. Rows come by COPY and the index after
    them: a run that is broken off between the two goes on with the index. No gait frames: a look reads none. Raises
    GaitError.
    """
    name = f"rt_gait_bench_{persons}" + ("" if each_of == WALKS else f"_{each_of}")
    with connected(parse(server), any_schema=True) as connection:
        if connection.execute("select 1 from pg_database where datname = %s", (name,)).fetchone() is None:
            connection.execute(f"create database {name}".encode())
    place = urlunsplit(urlsplit(server)._replace(path=f"/{name}"))
    address = parse(place)
    migrate(address)
    with connected(address) as connection:
        connection.execute("set statement_timeout = 0")
        definition = _definition(connection)
        row = connection.execute("select count(*) from rt_gait.template").fetchone()
        if not row or row[0] != persons * each_of:
            with connection.transaction():
                connection.execute(f"drop index if exists {_INDEX}".encode())
                connection.execute("truncate rt_gait.template, rt_gait.person")
                connection.execute("drop table if exists public.bench_scan")
                _copy(connection, address, persons, each_of, progress)
        if connection.execute("select to_regclass(%s)", (_INDEX,)).fetchone() == (None,):
            progress(f"{persons} persons: making the index")
            start = time.monotonic()
            connection.execute(definition.encode())
            progress(f"{persons} persons: the index took {time.monotonic() - start:.0f} s")
        connection.execute("vacuum analyze rt_gait.template")
    return place


def compared(
    place: str, asked: Sequence[int], compare: Callable[[], tuple[float, list[int]]]
) -> tuple[float, list[int]]:
    """As `scan`: what an earlier run found for these looks at what is loaded there, or what `compare` finds now."""
    with connected(parse(place)) as connection:
        connection.execute(
            "create table if not exists public.bench_scan"
            " (asked int[] not null, seconds float8 not null, nearest int[] not null)"
        )
        row = connection.execute(
            "select seconds, nearest from public.bench_scan where asked = %s::int[]", (list(asked),)
        ).fetchone()
        if row is None:
            row = compare()
            connection.execute("set statement_timeout = 0")
            connection.execute("insert into public.bench_scan values (%s, %s, %s)", (list(asked), row[0], list(row[1])))
    return float(row[0]), list(row[1])


def _definition(connection: Any) -> str:
    """How the migrations made the index, kept as a comment of the table while there is none."""
    found = connection.execute("select pg_get_indexdef(to_regclass(%s))", (_INDEX,)).fetchone()[0]
    if found:
        quoted = found.replace("'", "''")
        connection.execute(f"comment on table rt_gait.template is '{quoted}'".encode())
        return str(found)
    return str(connection.execute("select obj_description('rt_gait.template'::regclass)").fetchone()[0])


def _copy(connection: Any, address: Address, persons: int, each_of: int, progress: Callable[[str], None]) -> None:
    with connection.cursor().copy(
        "copy rt_gait.person (site, person_id, name, enrolled, updated, consent, expires, tag, version) from stdin"
    ) as copy:
        for number in range(persons):
            copy.write_row((address.site, _id(number), f"Person {number}", 1, 1, "", 0, f"{number:08x}", 1))
    start = time.monotonic()
    with connection.cursor().copy(
        "copy rt_gait.template (site, template_id, person_id, stamp, added, scene, view, origin, measures, robot,"
        " embedding, embedding_shape, embedding_type, search_key) from stdin"
    ) as copy:
        for first in range(0, persons, BLOCK):
            for row in _templates(address.site, range(first, min(first + BLOCK, persons)), each_of):
                copy.write_row(row)
            if persons > BLOCK and (first // BLOCK) % 10 == 9:
                left = (time.monotonic() - start) * (persons / (first + BLOCK) - 1)
                progress(f"{first + BLOCK} of {persons} persons are on the server, {left:.0f} s left")
    connection.execute(
        "update rt_gait.gallery set version = 1, model = %s, gait_frame_kind = %s where site = %s",
        (MODEL, KIND, address.site),
    )


def _templates(site: str, numbers: Sequence[int], each_of: int) -> Iterator[tuple[Any, ...]]:
    for n in range(each_of):
        for number, embedding in zip(numbers, walks(numbers, n), strict=True):
            stored = narrow(embedding)
            yield (site, f"{number}.{n}", _id(number), 1, 1, "", '""', "enrolled", "{}", "bench", stored.tobytes(),
                   list(stored.shape), stored.dtype.newbyteorder("<").str, rows.search_key(stored))  # fmt: skip


def looks(place: str, asked: Sequence[int], nearest: Sequence[int]) -> dict[str, float]:
    """Figures of a process that searches there: milliseconds, memory, and how often it finds who is nearest.

    asked: of whom each look is. nearest: who is nearest to it by an exact comparison with all. As many looks at others
    come first, which bring the index into the server's memory; `look_first_ms` is of the first of these after one that
    opens the connection, whether or not the index was in memory before.
    """
    store = ServerStore(parse(place))
    store.nearest(walk(asked[0], 8))
    first = [_timed(store, walk(number + 1, 8))[0] for number in asked][:FIRST]
    seconds, found = zip(*(_timed(store, walk(number, 7)) for number in asked), strict=True)
    store.close()
    right = np.array([one == _id(other) for one, other in zip(found, nearest, strict=True)])
    return {
        **medians(look_ms=list(seconds), look_first_ms=first),
        "look_mean_ms": 1e3 * float(np.mean(seconds)),
        "look_p95_ms": 1e3 * float(np.quantile(seconds, 0.95)),
        "recall": right.mean(),
    }


def _timed(store: ServerStore, query: np.ndarray) -> tuple[float, str]:
    """Seconds that a search takes, and who is nearest."""
    start = time.perf_counter()
    best = store.nearest(query)
    return time.perf_counter() - start, best[0][0]


def _id(number: int) -> str:
    return f"p{number:09x}"
