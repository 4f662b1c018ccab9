"""`rt-gait test`: the tests of a clone, against the installed package."""

import argparse
import os
import signal
import subprocess
import sys
from pathlib import Path

from rt_gait_ros.errors import GaitError, UsageError

SUMMARY = "run the tests of a clone"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Say that the arguments are pytest's own: `main` collects them in `pytest`."""
    parser.usage = "rt-gait test [-h] [PYTEST ARGUMENT ...]"
    parser.epilog = "Arguments are pytest's; none runs all tests. For example: rt-gait test test/pose -k paf -x"
    parser.set_defaults(pytest=[])


def run(arguments: argparse.Namespace) -> int:
    """Run pytest in the clone. Returns its exit code; raises UsageError outside a clone, GaitError without pytest."""
    clone = Path(os.environ.get("RT_GAIT_CLONE", "."))
    if not (clone / "test" / "conftest.py").is_file():
        raise UsageError("there are no tests here: run ./rt-gait test in a clone of the repository")
    # as `python -m pytest` it would put the clone's sources before the installed package
    pytest = Path(sys.executable).with_name("pytest")
    if not pytest.exists():
        raise GaitError("pytest is not installed: run ./rt-gait test in the clone, or pip install '.[test]' there")
    with subprocess.Popen([pytest, *arguments.pytest], cwd=clone) as tests:
        try:
            return tests.wait()
        except KeyboardInterrupt:  # tests take down what they have started
            tests.send_signal(signal.SIGINT)
            tests.wait()
            raise
