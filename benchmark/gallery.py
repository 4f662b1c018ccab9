"""Galleries of up to thousands of persons: how long a look, an opening and an enrolment take, and the memory they need.

Each size is measured in a process of its own. The embeddings are drawn so that persons, walks of one person and the
numbers of one embedding vary as those of the first gaitset_small do on 250 generated walkers; no network runs. The
reference is the plain way: every template compared in double precision for a look, one packed file read for an opening
and written anew for an enrolment.
"""

import argparse
import multiprocessing
import tempfile
from collections.abc import Callable
from pathlib import Path

from gallery_sizes import make, on_server, ours, plain

from rt_gait_ros.errors import UsageError
from rt_gait_ros.evaluation.bench import Row

SUMMARY = "milliseconds of a search, an opening and an enrolment, and memory, for galleries of 10 to 2000 persons"
REFERENCE = "float64 and whole files"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument(
        "--persons", type=int, nargs="+", default=[10, 100, 1000, 2000], metavar="N", help="sizes (10 100 1000 2000)"
    )
    parser.add_argument(
        "--server",
        metavar="ADDRESS",
        help="also search on a PostgreSQL server: postgresql://OWNER@HOST/DATABASE, for a database without a gallery",
    )


def measure(arguments: argparse.Namespace, progress: Callable[[str], None]) -> list[Row]:
    """Medians of each size beside the plain way. Raises GaitError."""
    if min(arguments.persons) < 1:
        raise UsageError(f"--persons {min(arguments.persons)}: at least one is needed")
    rows = []
    context = multiprocessing.get_context("spawn")  # a process that has not opened a larger gallery before
    for persons in arguments.persons:
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "people.gallery"
            with context.Pool(1) as pool:
                pool.apply(make, (path, persons))
            with context.Pool(1) as pool:
                found = pool.apply(ours, (path,))
        with tempfile.TemporaryDirectory() as folder, context.Pool(1) as pool:
            reference = pool.apply(plain, (Path(folder) / "packed", persons))
        if arguments.server:
            with context.Pool(1) as pool:
                look = pool.apply(on_server, (arguments.server, persons))
            rows.append(Row(f"postgres_{persons}/look_ms", look, "ms", REFERENCE, reference["look_ms"]))
        for name, value in found.items():
            unit = "MB" if name.endswith("_mb") else "ms"
            rows.append(Row(f"file_{persons}/{name}", value, unit, REFERENCE, reference[name]))
        progress(f"{persons} persons: a look takes {found['look_ms']:.2f} ms")
    return rows
