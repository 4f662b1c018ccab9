"""`rt-gait test`: the tests of a clone, against the installed package."""

import argparse
import os
import subprocess
import sys
from pathlib import Path

from rt_gait_ros.errors import GaitError, UsageError

SUMMARY = "run the tests of a clone"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments: pytest's own."""
    parser.epilog = "For example: rt-gait test test/pose -k paf -x"
    parser.add_argument("pytest", nargs=argparse.REMAINDER, help="arguments for pytest; none runs all tests")


def run(arguments: argparse.Namespace) -> int:
    """Run pytest in the clone. Returns its exit code; raises UsageError outside a clone, GaitError without pytest."""
    clone = Path(os.environ.get("RT_GAIT_CLONE", "."))
    if not (clone / "test" / "conftest.py").is_file():
        raise UsageError("there are no tests here: run ./rt-gait test in a clone of the repository")
    # as `python -m pytest` it would put the clone's sources before the installed package
    pytest = Path(sys.executable).with_name("pytest")
    if not pytest.exists():
        raise GaitError("pytest is not installed: pip install 'rt-gait-ros[test]', or run ./rt-gait test in the clone")
    return subprocess.call([pytest, *arguments.pytest], cwd=clone)
