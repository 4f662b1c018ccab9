"""Names of sources: paths as people write them, file URIs, variables in URLs."""

import os
import re
from pathlib import Path
from urllib.parse import quote, unquote_to_bytes

from rt_gait_ros.errors import UsageError
from rt_gait_ros.masking import credentials_in, holds_bytes, readable, replace_credentials

_VARIABLE = re.compile(r"\$\{([A-Za-z_][A-Za-z0-9_]*)\}")
_KEPT: dict[str, str] = {}  # passwords that this process was given, by the names that stand for them


def as_text(name: str) -> str:
    """The name, or where it is no UTF-8, which ROS parameters have to be, a file:// URI of the same file."""
    if not holds_bytes(name):
        return name
    return "file://" + quote(os.fsencode(os.path.abspath(name)))


def written_out(uri: str) -> bool:
    """Whether a password stands in the URI itself, and no `${NAME}` in its place."""
    return not all(_VARIABLE.fullmatch(secret) for secret in credentials_in(uri))


def keep_passwords(uri: str) -> str:
    """The URI with a `${NAME}` for each password that is written out in it, which this process alone can expand.

    What others may see, as parameters of a node, can then be given to `open_source` all the same.
    """

    def keep(secret: str) -> str:
        if not secret or _VARIABLE.fullmatch(secret):
            return secret
        known = next((name for name, kept in _KEPT.items() if kept == secret), f"RT_GAIT_HIDDEN_{len(_KEPT) + 1}")
        _KEPT[known] = secret
        return f"${{{known}}}"

    return replace_credentials(uri, keep)


def expand_variables(uri: str, *, encoded: bool = True) -> str:
    """The URI with `${NAME}` replaced by that environment variable: passwords need not be written out.

    encoded: percent-encoded, as URLs want it. Raises UsageError for a variable that is not set.
    """

    def value(match: re.Match[str]) -> str:
        if match[1] in _KEPT:
            return _KEPT[match[1]]
        if match[1] not in os.environ:
            raise UsageError(f"source {readable(uri)}: the environment variable {match[1]} is not set")
        return quote(os.environ[match[1]], safe="") if encoded else os.environ[match[1]]

    return _VARIABLE.sub(value, uri)


def path_of(name: str) -> Path:
    """The path that somebody wrote, with ~ for a home. Raises UsageError for a home that nobody has."""
    try:
        return Path(name).expanduser()
    except RuntimeError:
        user = name.partition("/")[0]
        raise UsageError(
            f"{readable(name)}: there is no home folder for {readable(user)}; write the whole path"
        ) from None


def path_of_file_uri(uri: str) -> Path:
    """The path behind file:PATH, file://PATH, file:///PATH and file://localhost/PATH, %-escapes decoded to bytes.

    Raises UsageError for a file on another host.
    """
    rest = uri[len("file:") :]
    if rest.startswith("//"):
        host, slash, below = rest[2:].partition("/")
        local = host.lower() in ("", "localhost", "127.0.0.1")
        rest = slash + below if local else rest[2:]
        if not local and not os.path.exists(_decoded(rest)):
            raise UsageError(f"{readable(uri)} names a file of the computer {readable(host)}; write file:///PATH")
    decoded = _decoded(rest)
    return path_of(rest if os.path.exists(rest) and not os.path.exists(decoded) else decoded)


def _decoded(text: str) -> str:
    return os.fsdecode(unquote_to_bytes(os.fsencode(text)))
