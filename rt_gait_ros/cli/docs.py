"""`rt-gait docs`: the documentation of a clone as a site, with the reference of the Python API."""

import argparse
import os
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

from rt_gait_ros.errors import GaitError, UsageError
from rt_gait_ros.paths import expand

SUMMARY = "build the documentation site of a clone: guides and the reference of the Python API"

_GENERATOR = ("sphinx", "myst_parser", "furo")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.epilog = (
        "Open index.html in the output folder with a browser. The pages load nothing from other servers. "
        "Exit code 1: a page has a warning, such as a link that leads nowhere; each is printed."
    )
    parser.add_argument(
        "--output",
        type=Path,
        metavar="DIR",
        help="folder that the pages are written to (default output/docs in the clone)",
    )


def run(arguments: argparse.Namespace) -> int:
    """Build the site. Raises UsageError outside a clone, and GaitError without Sphinx or where a page has a warning."""
    clone = Path(os.environ.get("RT_GAIT_CLONE", ".")).resolve()
    pages = clone / "docs"
    if not (pages / "conf.py").is_file():
        raise UsageError("there is no documentation here: run ./rt-gait docs in a clone of the repository")
    missing = [name for name in _GENERATOR if find_spec(name) is None]
    if missing:
        names = ", ".join(missing)
        raise GaitError(f"{names}: not installed. Run ./rt-gait docs in the clone, or pip install '.[docs]' there")
    output = expand(arguments.output or clone / "output" / "docs").resolve()
    if output.exists() and not output.is_dir():
        raise UsageError(f"{output} is a file: name a folder with --output")
    if output == pages or pages in output.parents:
        raise UsageError(f"{output} is among the sources of the pages: name another folder with --output")
    command = [sys.executable, "-m", "sphinx", "-q", "-W", "--keep-going", "-b", "html", str(pages), str(output)]
    failed = subprocess.run(command, cwd=clone, check=False).returncode != 0
    if failed:
        raise GaitError("the documentation has the warnings above; the pages are incomplete until they are mended")
    print(f"wrote {output / 'index.html'}")
    return 0
