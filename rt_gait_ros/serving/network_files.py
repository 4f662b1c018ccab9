"""The files of networks that a release may leave out: which there are, whether they are here, and fetching them.

A repository that is published without its large files holds SHA256SUMS, as `sha256sum */1/*.onnx` writes it. A file
from elsewhere takes its place only if its hash is the listed one, so it does not matter where it comes from.
"""

import hashlib
import http.client
import lzma
import os
import re
import tarfile
import tempfile
import urllib.error
import urllib.request
import zlib
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO
from urllib.parse import quote

from rt_gait_ros.errors import GaitError, UsageError
from rt_gait_ros.masking import readable

LIST_FILE = "SHA256SUMS"
ADVICE = "`rt-gait models fetch --from URL-OR-FOLDER` (docs/models.md)"
TIMEOUT = 30.0  # seconds without a byte
MOST_BYTES = 1 << 30  # of one file; the largest network has 20 MB
_BLOCK = 1 << 18
# NETWORK/VERSION/FILE: nothing that could lead out of the repository.
_LINE = re.compile(r"([0-9a-f]{64}) [ *](\w[\w.-]*/\d+/\w[\w.-]*)")
_ARCHIVE = re.compile(r"\.(tar|tar\.gz|tgz)$")
_ADDRESS = re.compile(r"[A-Za-z][A-Za-z0-9+.-]+://")

# What addresses that make no sense (ValueError), connections (URLError is an OSError) and damaged archives raise.
_FAILURES = (OSError, EOFError, ValueError, http.client.HTTPException, tarfile.TarError, zlib.error, lzma.LZMAError)

Say = Callable[[str], None]


class FetchError(GaitError):
    """A network's file cannot be had, or is not the one that was released."""


def listed_files(repository: Path) -> dict[str, str]:
    """SHA-256 by path (NETWORK/VERSION/FILE) of the files that belong to a repository; empty where it has no list.

    Raises UsageError for a list that cannot be read.
    """
    path = repository / LIST_FILE
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except FileNotFoundError:
        return {}
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"{path} cannot be read: {error}") from error
    found = {}
    for number, line in enumerate(lines, 1):
        parts = _LINE.fullmatch(line.strip())
        if parts is None:
            raise UsageError(
                f"{path}, line {number}, is not a SHA-256 and NETWORK/VERSION/FILE: write it with sha256sum"
            )
        found[parts[2]] = parts[1]
    return found


def states(repository: Path) -> dict[str, str]:
    """Of each listed file: "there", "missing", or "differs". Raises UsageError where there is no list."""
    return {
        name: "missing"
        if not (repository / name).is_file()
        else "there"
        if _is(repository / name, sha256)
        else "differs"
        for name, sha256 in _wanted(repository, ()).items()
    }


def fetch(repository: Path, source: str, networks: Collection[str], say: Say) -> list[str]:
    """Bring listed files, and return their names.

    source: a folder, or an address (http, https, file) below which NETWORK/VERSION/FILE lie, or a tar archive of either
    kind. networks: of these alone what is missing or differs. None named: what is missing of those of which nothing
    differs; any other may be the user's own, stays as it is, and is said. A file that is there with the right hash is
    not asked for again.

    Raises UsageError for an unknown network or a source that makes no sense, FetchError for a file that cannot be had,
    is not the listed one, or cannot be written; those that came before it stay.
    """
    files = _wanted(repository, networks)
    found = states(repository)
    kept = set() if networks else {_network(name) for name, state in found.items() if state == "differs"}
    for network in sorted(kept):
        say(f"{network} stays as it is, for it is not that of this release: --network {network} replaces its files")
    wanted = [name for name in files if found[name] != "there" and _network(name) not in kept]
    if wanted:
        with _opened(source) as open_file:
            for name in wanted:
                _bring(open_file, name, files[name], repository / name)
                say(f"{name} ({(repository / name).stat().st_size / 1e6:.1f} MB)")
    return wanted


def _network(name: str) -> str:
    """Of NETWORK/VERSION/FILE."""
    return name.partition("/")[0]


def _wanted(repository: Path, networks: Collection[str]) -> dict[str, str]:
    files = listed_files(repository)
    if not files:
        raise UsageError(f"{repository} has no {LIST_FILE}: which files belong to it is not known")
    known = {_network(name) for name in files}
    for network in networks:
        if network not in known:
            raise UsageError(
                f"no network {readable(network)} is in {repository / LIST_FILE}: {', '.join(sorted(known))}"
            )
    return {name: files[name] for name in files if not networks or _network(name) in networks}


def _is(path: Path, sha256: str) -> bool:
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(_BLOCK):
            digest.update(block)
    return digest.hexdigest() == sha256


@contextmanager
def _opened(source: str) -> Iterator[Callable[[str], IO[bytes]]]:
    """What opens a file of the source by name."""
    if not _ADDRESS.match(source):
        path = Path(source).expanduser()
        if _ARCHIVE.search(source):
            with _archive(path, source) as open_member:
                yield open_member
        elif path.is_dir():
            yield lambda name: _of_folder(path, name)
        else:
            raise UsageError(f"{readable(source)} is no folder, archive (.tar, .tar.gz) or address (https://…)")
        return
    if source.partition("://")[0].lower() not in ("http", "https", "file"):
        raise UsageError(f"{readable(source)} is no address that is understood here: https, http or file")
    if not _ARCHIVE.search(source):
        yield lambda name: _get(f"{source.rstrip('/')}/{quote(name)}")
        return
    with tempfile.TemporaryDirectory(prefix="rt_gait_networks_") as folder:
        path = Path(folder, "networks.tar")
        with _told(source):
            _copy(_get(source), path)
        with _archive(path, source) as open_member:
            yield open_member


def _of_folder(folder: Path, name: str) -> IO[bytes]:
    path = folder / name
    if not path.exists():
        archives = sorted(beside.name for beside in folder.iterdir() if _ARCHIVE.search(beside.name))
        advice = f"; it has archives: name one of them, {', '.join(archives)}" if archives else ""
        raise FileNotFoundError(f"there is no such file in {folder}{advice}")
    return path.open("rb")


@contextmanager
def _archive(path: Path, source: str) -> Iterator[Callable[[str], IO[bytes]]]:
    try:
        archive = tarfile.open(path)  # noqa: SIM115  # closed below
    except _FAILURES as error:
        raise FetchError(f"{readable(source)} is no tar archive that can be read: {error}") from error
    with archive:
        # NETWORK/VERSION/FILE, in whatever folder of the archive; nothing is unpacked but by these names
        try:
            members = {"/".join(entry.name.split("/")[-3:]): entry for entry in archive if entry.isfile()}
        except _FAILURES as error:
            raise FetchError(f"{readable(source)} is cut off or damaged: {error}") from error

        def open_member(name: str) -> IO[bytes]:
            file = archive.extractfile(members[name]) if name in members else None
            if file is None:
                raise FileNotFoundError(f"the archive has no {name}")
            return file

        yield open_member


def _get(url: str) -> IO[bytes]:
    answer: IO[bytes] = urllib.request.urlopen(url, timeout=TIMEOUT)
    return answer


def _copy(source: IO[bytes], path: Path) -> str:
    """Copy a stream, and return its SHA-256."""
    digest, count = hashlib.sha256(), 0
    with source, path.open("wb") as file:
        while block := source.read(_BLOCK):
            count += len(block)
            if count > MOST_BYTES:
                raise FetchError(f"more than {MOST_BYTES} bytes came: that is no network")
            digest.update(block)
            file.write(block)
    return digest.hexdigest()


@contextmanager
def _told(what: str) -> Iterator[None]:
    """Say in one line why something cannot be had."""
    try:
        yield
    except _FAILURES as error:
        reason = str(error) or type(error).__name__
        raise FetchError(f"cannot fetch {readable(what)}: {' '.join(str(reason).split())}") from error


def _bring(open_file: Callable[[str], IO[bytes]], name: str, sha256: str, path: Path) -> None:
    part = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        part.touch()
    except OSError as error:
        raise FetchError(f"{part.parent}: {error.strerror}: fetch as the user who installed the package") from error
    try:
        with _told(name):
            came = _copy(open_file(name), part)
            if came != sha256:
                raise FetchError(f"{name} is not the file of this release (its SHA-256 is {came[:12]}…): not taken")
            part.replace(path)
    finally:
        part.unlink(missing_ok=True)
