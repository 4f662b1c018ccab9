"""Connections to a server, and what may go wrong with one, in one line each."""

import re
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any, NamedTuple

from rt_gait_ros.errors import GaitError, MissingPackage
from rt_gait_ros.fleet.address import Address
from rt_gait_ros.gallery.person import GalleryError, GalleryReadOnly, GalleryTooNew
from rt_gait_ros.lines import one_line
from rt_gait_ros.masking import mask_credentials
from rt_gait_ros.pip_packages import extra

if TYPE_CHECKING:
    import psycopg

SCHEMA = 7  # version of the newest migration
MIGRATION_LOCK = 0x72745F67  # an advisory lock of PostgreSQL: of whoever migrates; whoever looks or changes shares it
CONNECT_SECONDS = 5
STATEMENT_MS = 20_000
LOCK_MS = 10_000
# A peer that says nothing any more is given up: asked after 5 s of silence, three times (libpq's keepalives), and data
# that nobody confirms for 10 s ends the connection (tcp_user_timeout).
_KEEPALIVE = {
    "keepalives_idle": 5,
    "keepalives_interval": 2,
    "keepalives_count": 3,
    "tcp_user_timeout": 10_000,
    "connect_timeout": CONNECT_SECONDS,
}


class ServerAway(GalleryError):
    """The gallery's server does not answer, or not in time."""


class AccessDenied(GalleryError):
    """The gallery's server does not let this robot in."""


class Head(NamedTuple):
    """What tells one state of a server's gallery from another, what made it, and who may change it.

    epoch: of the gallery. version: grows with each change. mark: of that version, made of chance. may_write: whether
    this role may. is_read_only: whether nobody may just now, as on a standby.
    """

    epoch: str
    version: int
    mark: str
    model: str
    gait_frame_kind: str
    may_write: bool
    is_read_only: bool

    @property
    def takes_changes(self) -> bool:
        """Whether this role can change it now."""
        return self.may_write and not self.is_read_only


def driver() -> Any:
    """The module psycopg. Raises MissingPackage."""
    try:
        import psycopg
    except ImportError:
        line = f"a gallery on PostgreSQL needs the library psycopg: {extra('fleet')}"
        raise MissingPackage(line, name="psycopg") from None
    return psycopg


@contextmanager
def connected(address: Address, *, any_schema: bool = False) -> Iterator["psycopg.Connection[Any]"]:
    """A connection in autocommit; every error of the server becomes a GalleryError of one line, here and inside.

    any_schema: whether or not the gallery is of the version that this program knows.
    """
    with speaking(address), connect(address, any_schema=any_schema) as connection:
        yield connection


def connect(address: Address, *, any_schema: bool = False) -> "psycopg.Connection[Any]":
    """As `connected`, for whoever closes it. Raises what psycopg raises, and GalleryError for another schema."""
    settings = {**_KEEPALIVE, **driver().conninfo.conninfo_to_dict(address.conninfo)}
    settings["application_name"] = f"rt_gait {address.robot}"[:63]
    settings["client_encoding"] = "utf8"  # in a database in SQL_ASCII psycopg gives text as bytes
    connection: psycopg.Connection[Any] = driver().connect(**settings, autocommit=True)
    try:
        connection.execute(
            "select set_config('statement_timeout', %s, false), set_config('lock_timeout', %s, false)",
            (str(STATEMENT_MS), str(LOCK_MS)),
        )
        if not any_schema:
            require_schema(connection, address)
    except BaseException:
        connection.close()
        raise
    return connection


def schema_of(connection: "psycopg.Connection[Any]") -> int:
    """Version of the gallery's schema in this database; 0 where there is none."""
    found = connection.execute("select to_regclass('rt_gait.schema_version') is not null").fetchone()
    if not found or not found[0]:
        return 0
    return _newest(connection)


def _newest(connection: "psycopg.Connection[Any]") -> int:
    row = connection.execute("select coalesce(max(version), 0) from rt_gait.schema_version").fetchone()
    return int(row[0]) if row else 0


def require_schema(connection: "psycopg.Connection[Any]", address: Address) -> None:
    """Raise GalleryError unless the database has the schema that this program knows."""
    _require(schema_of(connection), address)


def require_same_schema(connection: "psycopg.Connection[Any]", address: Address) -> None:
    """As `require_schema`, of a connection that had this schema: one question less."""
    _require(_newest(connection), address)


def _require_at_rest(connection: "psycopg.Connection[Any]", address: Address) -> None:
    """Raise GalleryError if the schema became another one since the connection was made, or is just being changed.

    No migration begins until the transaction ends.
    """
    # Two statements, so that the second one sees what was done before the lock was taken.
    found = connection.execute(
        f"select pg_try_advisory_xact_lock_shared({MIGRATION_LOCK:d});"
        " select coalesce(max(version), 0) from rt_gait.schema_version"
    )
    is_at_rest, _, version = found.fetchone(), found.nextset(), found.fetchone()
    if is_at_rest != (True,):
        raise ServerAway(f"gallery {address.name} is just being migrated to another schema: wait until that is done")
    _require(version[0] if version else 0, address)


def _require(found: int, address: Address) -> None:
    if found > SCHEMA:
        raise GalleryTooNew(
            f"gallery {address.name} has schema {found}, this version reads {SCHEMA}: update rt_gait_ros on this robot"
        )
    if found < SCHEMA:
        what = f"has schema {found}, this version needs {SCHEMA}" if found else "is not there yet"
        raise GalleryError(f"gallery {address.name} {what}: run `rt-gait gallery migrate` as the database's owner")


def head_of(connection: "psycopg.Connection[Any]", address: Address, *, lock: bool = False) -> Head:
    """The state of the gallery. lock: be the only one who changes it until the transaction ends.

    Every exchange, look and change begins with it, so it is here that a connection hears of a migration; one that
    searches asks behind each search.
    """
    _require_at_rest(connection, address)
    row = connection.execute(
        "select epoch::text, version, mark::text, model, gait_frame_kind,"
        " has_table_privilege('rt_gait.person', 'insert'), current_setting('transaction_read_only')::bool"
        f" from rt_gait.gallery where site = %s{' for update' if lock else ''}",
        (address.site,),
    ).fetchone()
    if row is None:
        raise AccessDenied(
            f"there is no gallery {address.name} for this role: `rt-gait gallery migrate` makes a site, "
            "and a row in rt_gait.member lets a role see it"
        )
    return Head(*row)


@contextmanager
def transaction(
    connection: "psycopg.Connection[Any]", address: Address, unknown: str = "look there before you do it again"
) -> Iterator[None]:
    """All or nothing of what is done inside. Raises GalleryError, which says so where it is not known which of them.

    unknown: what is to be done then, for people.
    """
    connection.execute("begin")
    try:
        yield
    except BaseException:
        with suppress(driver().Error):  # of a connection that is gone nothing is stored
            connection.execute("rollback")
        raise
    commit(connection, address, unknown)


def commit(
    connection: "psycopg.Connection[Any]", address: Address, unknown: str = "look there before you do it again"
) -> None:
    """End a transaction. Raises GalleryError, as `transaction`."""
    with speaking(address):
        try:
            connection.execute("commit")
        except driver().OperationalError as error:
            # A server that answers says what it did; one that does not may have stored it before it was lost.
            if not connection.closed:
                raise
            raise ServerAway(
                f"gallery {address.name} was lost at the very end ({_text(error)}), so it is not known "
                f"whether this was stored: {unknown}"
            ) from error


@contextmanager
def speaking(address: Address) -> Iterator[None]:
    """Turn what the server or the way to it says into one line. Raises GalleryError."""
    psycopg = driver()
    try:
        yield
    except GaitError:
        raise
    except psycopg.Error as error:
        raise _said(error, address) from error


def _said(error: Any, address: Address) -> GalleryError:
    gallery, errors = f"gallery {address.name}", driver().errors
    text = _text(error)
    for kinds, made, line in (
        ((errors.InvalidPassword, errors.InvalidAuthorizationSpecification), AccessDenied, _REFUSED),
        (errors.InvalidCatalogName, GalleryError, _NO_DATABASE),
        (errors.InsufficientPrivilege, GalleryReadOnly, "cannot be changed by this role: grant it rt_gait_enroller"),
        (errors.ReadOnlySqlTransaction, GalleryReadOnly, READ_ONLY),
        (errors.DiskFull, GalleryError, "could not be written, the server's disk is full: make room there"),
        ((errors.QueryCanceled, errors.LockNotAvailable), ServerAway, _SLOW),
        (errors.DeadlockDetected, ServerAway, "was changed by somebody else just then: try again"),
        (
            (errors.UndefinedTable, errors.InvalidSchemaName),
            GalleryError,
            "is not there: run `rt-gait gallery migrate`",
        ),
    ):
        if isinstance(error, kinds):
            return made(f"{gallery} {line.format(text=text)}")
    lower = text.lower()
    if "password" in lower or "no pg_hba.conf entry" in lower or "authentication failed" in lower:
        return AccessDenied(f"{gallery} {_REFUSED.format(text=text)}")
    if re.search(r'database "[^"]*" does not exist', lower):  # while connecting there is no code of the error
        return GalleryError(f"{gallery} {_NO_DATABASE.format(text=text)}")
    if "certificate" in lower or "ssl" in lower:
        return AccessDenied(f"{gallery} is on a server whose TLS does not fit ({text}): see sslmode and sslrootcert")
    if isinstance(error, driver().OperationalError):
        return ServerAway(
            f"{gallery} cannot be reached ({text}): look whether the server runs, and whether a way leads there"
        )
    return GalleryError(f"{gallery} could not do this ({text}): nothing was changed there")


def _text(error: Any) -> str:
    """What the server says, without where in its functions it was; of a way that fails, what libpq says.

    Not libpq's guesses, which begin with a tab: the line says what to do itself.
    """
    lines = error.diag.message_primary or "\n".join(
        line for line in str(error).splitlines() if not line.startswith("\t")
    )
    return one_line(mask_credentials(" ".join(lines.split())), 300)


READ_ONLY = (
    "is on a server that takes no changes just now (read-only): name the primary server where this one is a standby, "
    "or set default_transaction_read_only to off"
)
_SLOW = "did not answer in time: look what keeps its server busy (pg_stat_activity names it), then try again"
_NO_DATABASE = "has no such database ({text}): create it, then migrate"
_REFUSED = (
    "does not let this role in ({text}): the password is looked for in PGPASSWORD, and in the file of passfile=, "
    "PGPASSFILE or ~/.pgpass, which only its owner may read"
)
