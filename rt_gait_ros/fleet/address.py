"""What names a gallery: a path, or `postgresql://ROLE@HOST/DATABASE?site=SITE` with what libpq knows besides."""

import hashlib
import os
import re
import socket
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import parse_qsl, quote, urlencode, urlsplit

from rt_gait_ros.errors import UsageError
from rt_gait_ros.masking import readable
from rt_gait_ros.paths import expand

_SCHEME = re.compile("(?i)postgres(ql)?:/")
_SITE = re.compile(r"[a-z0-9][a-z0-9_.-]{0,62}")
_LOCAL = {"", "localhost", "127.0.0.1", "::1", "[::1]"}
_SECRETS = {"password", "sslpassword", "oauth_client_secret", "scram_client_key", "scram_server_key"}  # libpq's
DEFAULT_SITE = "main"


@dataclass(frozen=True, slots=True)
class Address:
    """A gallery on a PostgreSQL server.

    conninfo: for libpq, without a password. site: which gallery of that database. robot: who this is, for others. name:
    of the gallery, for people.
    """

    conninfo: str
    site: str
    robot: str
    name: str

    @property
    def copy_path(self) -> Path:
        """Where this machine keeps its copy: in the user's data folder (XDG)."""
        data = os.environ.get("XDG_DATA_HOME") or "~/.local/share"
        return expand(data) / "rt_gait_ros" / "copies" / f"{self.site}-{_digest(self.name)}.gallery"


def is_address(text: str | Path) -> bool:
    """Whether this names a gallery on a server, and no path."""
    return _SCHEME.match(str(text)) is not None


def parse(text: str) -> Address:
    """Read an address. Raises UsageError for one with a password in it, and for what is none.

    Without `sslmode` a server on another machine has to show a certificate that fits (verify-full). What a section of
    libpq's service file says is not known here, so an address with one has to have `sslmode`.
    """
    shown = readable(text).partition("?")[0]  # whatever the settings hold, secrets too, is not repeated
    try:
        parts = urlsplit(re.sub("(?i)^postgres(ql)?:/+", "postgresql://", text, count=1))
        host, port = parts.hostname or "", parts.port
        settings = dict(parse_qsl(parts.query, keep_blank_values=True, strict_parsing=bool(parts.query)))
    except ValueError:
        raise UsageError(f"{shown} is no address of a gallery: write postgresql://ROLE@HOST/DATABASE") from None
    if parts.password or "password" in settings:
        raise UsageError(
            f"{shown} holds a password, which lists of processes and parameters would show: "
            "put it into ~/.pgpass, a file named by passfile=, or the variable PGPASSWORD"
        )
    if secret := sorted({name.lower() for name in settings} & _SECRETS):
        raise UsageError(
            f"the address of a gallery holds {secret[0]}, which lists of processes and parameters would show: put it "
            "into a section of the file that PGSERVICEFILE names, and name that with service="
        )
    if ("service" in settings or "PGSERVICE" in os.environ) and not settings.get("sslmode"):
        raise UsageError(
            f"{shown} leads to a section of libpq's service file (service=, PGSERVICE), which may name any server: "
            "write sslmode=verify-full into the address, or what else the server needs; sslrootcert is the section's"
        )
    site = settings.pop("site", DEFAULT_SITE)
    robot = settings.pop("robot", "") or socket.gethostname() or "robot"
    if not _SITE.fullmatch(site):
        raise UsageError(f"site {site[:80]!a} of {shown} is none: use up to 63 of a-z, 0-9, _, - and .")
    if not robot.isprintable() or len(robot) > 64:
        raise UsageError(f"robot {robot[:80]!a} of {shown} is none: use up to 64 printable characters")
    where = settings.get("host", host)
    settings = _proving(where, settings)
    role = f"{parts.username}@" if parts.username else ""
    plain = f"{role}{f'[{host}]' if ':' in host else host}{f':{port}' if port else ''}{parts.path}"
    query = urlencode(settings, quote_via=quote)
    database = parts.path.strip("/") or parts.username or ""
    # The copy's path is made of this, so it stays as it is: under another one nobody would find who was forgotten.
    name = f"postgresql://{where}{f':{port}' if port else ''}/{database}?site={site}"
    return Address(f"postgresql://{plain}{f'?{query}' if query else ''}", site, robot, name)


def _proving(host: str, settings: Mapping[str, str]) -> dict[str, str]:
    """The settings, by which a server that may be on another machine has to show who it is.

    It is on this one where all that names it says so: libpq asks the variables for what the address does not say.
    """
    variables = os.environ
    if "service" in settings or "PGSERVICE" in variables:
        return dict(settings)
    by_variables = _is_elsewhere(host or variables.get("PGHOST", "")) or _is_elsewhere(variables.get("PGHOSTADDR", ""))
    if _is_elsewhere(host) or _is_elsewhere(settings.get("hostaddr", "")):
        usual = "verify-full"
    elif by_variables:
        usual = variables.get("PGSSLMODE") or "verify-full"
    else:
        return dict(settings)
    proving = {**settings, "sslmode": settings.get("sslmode", usual)}
    if proving["sslmode"].startswith("verify") and not variables.get("PGSSLROOTCERT"):
        proving.setdefault("sslrootcert", "system")
    return proving


def _is_elsewhere(hosts: str) -> bool:
    """hosts: one, or several with commas; the folders of sockets are on this machine."""
    return any(host not in _LOCAL and not host.startswith("/") for host in hosts.split(","))


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:12]
