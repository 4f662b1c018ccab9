"""The schema of a gallery on a server: plain SQL files, applied in the order of their numbers, each once."""

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from importlib.resources import files
from typing import TYPE_CHECKING, Any

from rt_gait_ros.fleet.address import Address
from rt_gait_ros.fleet.connection import MIGRATION_LOCK, SCHEMA, connected, driver, schema_of, transaction
from rt_gait_ros.gallery.person import GalleryError, GalleryTooNew

if TYPE_CHECKING:
    import psycopg

WAIT_MS = 60_000  # for robots whose exchange is under way; new ones are turned away meanwhile
_PGVECTOR = (0, 8)  # the first whose index goes on until enough rows of one site are found


def migrate(address: Address) -> tuple[int, int]:
    """Bring the database to the schema of this program, and make the site of the address. As the database's owner.

    Returns the schema's version before and after. Raises GalleryError: without pgvector, and for a newer schema.
    """
    with connected(address, any_schema=True) as connection:
        with transaction(connection, address, "migrate again"), _as_owner(address):
            before = _held(connection)
            if before > SCHEMA:
                raise GalleryTooNew(
                    f"gallery {address.name} has schema {before}, this version knows {SCHEMA}: update first"
                )
            if not before:
                _require_pgvector(connection, address)
                connection.execute("create schema if not exists rt_gait")
                connection.execute(
                    "create table if not exists rt_gait.schema_version"
                    " (version int primary key, applied timestamptz not null default now())"
                )
            for number, text in migrations():
                if number > before:
                    connection.execute(text.encode())
                    connection.execute("insert into rt_gait.schema_version (version) values (%s)", (number,))
            connection.execute("insert into rt_gait.gallery (site) values (%s) on conflict do nothing", (address.site,))
        if before < SCHEMA:
            _end_others(connection)
    return before, SCHEMA


@contextmanager
def _as_owner(address: Address) -> Iterator[None]:
    """Raise GalleryError where the role may not do what is done inside, which says who may."""
    try:
        yield
    except driver().errors.InsufficientPrivilege as error:
        raise GalleryError(
            f"this role may not migrate gallery {address.name} ({error.diag.message_primary}): migrate as the owner of "
            "the database. The first migration of a server also makes roles, for which that owner needs createrole"
        ) from None


def _held(connection: "psycopg.Connection[Any]") -> int:
    """The schema's version; where it is to be changed, nobody else looks at the gallery or changes it from then on."""
    before = schema_of(connection)
    if before >= SCHEMA:
        return before
    connection.execute("set local statement_timeout = 0")  # an index of many walks takes minutes to make
    connection.execute(f"set local lock_timeout = {WAIT_MS:d}")
    connection.execute("select pg_advisory_xact_lock(%s)", (MIGRATION_LOCK,))
    before = schema_of(connection)  # somebody else may have migrated meanwhile
    if before:
        # Older programs do not ask for the advisory lock. What they do begins with this table, so that none of them
        # holds another one that the migration waits for, while it waits for what the migration holds.
        connection.execute("lock table rt_gait.gallery in access exclusive mode")
    return before


def _end_others(connection: "psycopg.Connection[Any]") -> None:
    """End connections that were made before a migration, where this role may: programs of the former schema.

    They connect again, find the schema and say what is to be done; newer ones ask for it with every contact as well.
    """
    found = connection.execute(
        "select pid from pg_stat_activity where datname = current_database() and pid <> pg_backend_pid()"
        " and application_name like 'rt!_gait %' escape '!'"
    ).fetchall()
    for (pid,) in found:
        with suppress(driver().errors.InsufficientPrivilege):
            connection.execute("select pg_terminate_backend(%s)", (pid,))


def migrations() -> list[tuple[int, str]]:
    """All migrations: number and SQL, in order."""
    folder = files("rt_gait_ros.fleet") / "data"
    found = [(int(file.name[:4]), file.read_text("utf-8")) for file in folder.iterdir() if file.name.endswith(".sql")]
    return sorted(found)


def _require_pgvector(connection: "psycopg.Connection[Any]", address: Address) -> None:
    errors = driver().errors
    row = connection.execute(
        "select default_version, current_setting('server_version_num')::int / 10000"
        " from pg_available_extensions where name = 'vector'"
    ).fetchone()
    major = connection.info.server_version // 10000
    if row is None:
        raise GalleryError(
            f"the server of gallery {address.name} lacks pgvector: install postgresql-{major}-pgvector there "
            "(apt.postgresql.org has it), or use the image pgvector/pgvector"
        )
    if tuple(int(part) for part in row[0].split(".")[:2]) < _PGVECTOR:
        raise GalleryError(f"the server of gallery {address.name} has pgvector {row[0]}, and 0.8 is needed: update it")
    try:
        connection.execute("create extension if not exists vector with schema public")
    except errors.InsufficientPrivilege:
        raise GalleryError(
            f"this role may not load pgvector for gallery {address.name}: "
            "run `create extension vector` as a superuser of that database, then migrate again"
        ) from None
