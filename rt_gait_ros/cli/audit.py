"""`rt-gait audit`: what is installed, under which licence, and what is known against it. For maintainers."""

import argparse
import http.client
import json
import urllib.error
import urllib.request
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from importlib import metadata

from rt_gait_ros.cli.output import add_json_argument, emit
from rt_gait_ros.errors import GaitError

SUMMARY = "list known vulnerabilities and licences of the installed packages, for maintainers"

# The open vulnerability database, which PyPI's own advisories are part of (https://google.github.io/osv.dev/api/).
DATABASE = "https://api.osv.dev/v1/querybatch"
TIMEOUT = 30.0  # seconds
_LONGEST_LICENCE = 80  # some packages put the licence's whole text where its name belongs
_CLASSIFIER = "License :: "

_DESCRIPTION = """\
Asks the open vulnerability database (osv.dev) about every Python package of this environment, and lists their licences.
Only names and versions of packages are sent. Without a network it says so, and exits with 1 unless --offline
asked for the licences only.

Exit code 1: a vulnerability of a package is known, or the database could not be asked.
"""


@dataclass(frozen=True, slots=True)
class Package:
    """An installed package. licence: as its metadata say it, "not stated" where they do not."""

    name: str
    version: str
    licence: str


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.description = _DESCRIPTION
    parser.add_argument("--offline", action="store_true", help="list licences only, and ask nobody")
    parser.add_argument(
        "--database", default=DATABASE, metavar="URL", help=f"address that is asked (default {DATABASE})"
    )
    add_json_argument(parser)


def run(arguments: argparse.Namespace) -> int:
    """List packages, then ask. Returns 1 when something is known against one. Raises GaitError without an answer."""
    packages = installed()
    lines = [f"{package.name:32} {package.version:16} {package.licence}" for package in packages]
    report: dict[str, object] = {"packages": [asdict(package) for package in packages]}
    if arguments.offline:
        emit(arguments, report, "\n".join(lines))
        return 0
    found = vulnerabilities(packages, arguments.database)
    lines += ["", *(f"{name}: {', '.join(known)}" for name, known in found.items())]
    lines.append(
        f"{len(packages)} packages, {len(found)} with known vulnerabilities (https://osv.dev/vulnerability/ID)"
    )
    emit(arguments, report | {"vulnerabilities": found}, "\n".join(lines))
    return int(bool(found))


def installed() -> list[Package]:
    """Every package of this environment, by name."""
    packages = {}
    for found in metadata.distributions():
        name = found.metadata["Name"]
        if name and name.lower() not in packages:  # the first on the path is the one that is used
            packages[name.lower()] = Package(name, found.version, _licence(found.metadata))
    return [packages[name] for name in sorted(packages)]


def vulnerabilities(packages: Sequence[Package], database: str = DATABASE) -> dict[str, list[str]]:
    """Ids of what is known against packages, by "name version". Raises GaitError when the database does not answer."""
    queries = [{"package": {"name": p.name, "ecosystem": "PyPI"}, "version": p.version} for p in packages]
    request = urllib.request.Request(
        database, json.dumps({"queries": queries}).encode(), {"Content-Type": "application/json"}
    )
    try:
        with urllib.request.urlopen(request, timeout=TIMEOUT) as answer:
            results = json.load(answer)["results"]
        known = [[str(entry["id"]) for entry in result.get("vulns", [])] for result in results]
    except (OSError, urllib.error.URLError) as error:
        reason = getattr(error, "reason", error)
        raise GaitError(
            f"{database} cannot be asked ({reason}): run again with a network, or --offline for the licences alone"
        ) from None
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError, http.client.HTTPException):
        raise GaitError(f"{database} gives an answer that is none of osv.dev's: name another with --database") from None
    if len(known) != len(packages):
        raise GaitError(f"{database} answers about {len(known)} of {len(packages)} packages: run again")
    pairs = zip(packages, known, strict=True)
    return {f"{package.name} {package.version}": ids for package, ids in pairs if ids}


def _licence(found: metadata.PackageMetadata) -> str:
    """PEP 639's expression, else the classifiers, else the old field when it is short."""
    fields = found.json  # has what is there alone, where a subscript of an absent field is to become an error
    if expression := fields.get("license_expression"):
        return str(expression)
    classifiers = [line.rpartition(" :: ")[2] for line in found.get_all("Classifier") or [] if _CLASSIFIER in line]
    if classifiers:
        return ", ".join(classifiers)
    named = " ".join(str(fields.get("license") or "").split())
    return named if named and len(named) <= _LONGEST_LICENCE else "not stated" if not named else named[:77] + "…"
