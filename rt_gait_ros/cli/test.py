"""`rt-gait test`: the tests of a clone, against the installed package, several at a time."""

import argparse
import contextlib
import os
import re
import signal
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from rt_gait_ros.errors import GaitError, UsageError

SUMMARY = "run the tests of a clone"

# Options of pytest and pytest-xdist after which there is one process, or the user says how many: what is shown on the
# terminal, or typed there, belongs to one.
_ONE_PROCESS = re.compile(
    r"-[qvxl]*s|--capture=no|--pdb.*|--trace|-n.*|--numprocesses.*|--dist.*|-d|--tx.*|--co|--collect-only|--fixtures.*"
    r"|--markers|--setup-.*|-V|--version|(-p)?no:xdist"
)
# Options that choose tests, or run none: then nothing is left out.
_CHOICE = re.compile(r"-[qvxl]*[km].*|--lf|--last-failed|--fixtures.*|--markers|-V|--version")
_MOST_WORKERS = 6  # each may hold PyTorch and a Triton server: 1.5 GB
_PATIENCE = 60.0  # seconds for the tests to take down what they have started


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Say that all other arguments are pytest's own: `main` collects them in `rest`."""
    parser.usage = "rt-gait test [-h] [--all] [PYTEST ARGUMENT ...]"
    parser.add_argument(
        "--all",
        action="store_true",
        help="also tests marked slow, which are left out unless files, folders, -k or -m choose tests",
    )
    parser.epilog = (
        "All other arguments are pytest's. Tests are run in one process more than there are cores; a single file, and "
        "what uses the terminal (-s, --pdb), runs in one process; -n N says how many. For example: rt-gait test; "
        "rt-gait test --all; rt-gait test test/pose -k paf -x"
    )
    parser.set_defaults(hands_on=True)


def run(arguments: argparse.Namespace) -> int:
    """Run pytest in the clone. Returns its exit code; raises UsageError outside a clone, GaitError without pytest."""
    clone = Path(os.environ.get("RT_GAIT_CLONE", "."))
    if not (clone / "test" / "conftest.py").is_file():
        raise UsageError("there are no tests here: run ./rt-gait test in a clone of the repository")
    # as `python -m pytest` it would put the clone's sources before the installed package
    pytest = Path(sys.executable).with_name("pytest")
    if not pytest.exists():
        raise GaitError("pytest is not installed: run ./rt-gait test in the clone, or pip install '.[test]' there")
    workers = _workers(arguments.rest, clone)
    leave_out = not arguments.all and _are_for_everything(arguments.rest, clone)
    choice = ["-m", "not slow"] if leave_out else []
    environment = dict(os.environ)
    if workers:
        # Each worker is one core's work: more threads would wait for each other on cores that others use.
        environment.setdefault("OMP_NUM_THREADS", "1")
    # Workers are in a session of their own, since pytest alone would not hand a signal on to them.
    with subprocess.Popen(
        [pytest, *workers, *choice, *arguments.rest], cwd=clone, env=environment, start_new_session=bool(workers)
    ) as tests:
        try:
            code = tests.wait()
        except KeyboardInterrupt:  # tests take down what they have started
            _end(tests, bool(workers))
            raise
    if leave_out:
        print("The slow tests were left out; this runs them too: ./rt-gait test --all")
    return code


def _workers(words: Sequence[str], clone: Path) -> list[str]:
    """pytest-xdist's arguments for these of pytest: none for one process."""
    if any(_ONE_PROCESS.fullmatch(word) for word in words):
        return []
    paths = _paths(words, clone)
    if len(paths) == 1 and paths.pop().is_file():
        return []
    workers = min(len(os.sched_getaffinity(0)) + 1, _MOST_WORKERS)
    # Files whole, in the order of test/conftest.py: what takes long begins first. A test that kills its process would
    # be given to the next one, until none is left.
    return ["-n", str(workers), "--dist", "loadfile", "--no-loadscope-reorder", "--max-worker-restart", "1"]


def _are_for_everything(words: Sequence[str], clone: Path) -> bool:
    """Whether these arguments of pytest leave open which tests are run."""
    return not _paths(words, clone) and not any(_CHOICE.fullmatch(word) for word in words)


def _paths(words: Sequence[str], clone: Path) -> set[Path]:
    """Files and folders that these arguments of pytest name."""
    named = {clone / word.partition("::")[0] for word in words if not word.startswith("-")}
    return {path for path in named if path.exists()}


def _end(tests: "subprocess.Popen[bytes]", workers: bool) -> None:
    """Ask the tests to end, and whatever they have started; what does not is killed."""
    if not workers:
        tests.send_signal(signal.SIGINT)
        tests.wait()
        return
    for number in (signal.SIGINT, signal.SIGKILL):
        with contextlib.suppress(ProcessLookupError, subprocess.TimeoutExpired, KeyboardInterrupt):
            os.killpg(tests.pid, number)
            tests.wait(_PATIENCE)
    with contextlib.suppress(ProcessLookupError):
        os.killpg(tests.pid, signal.SIGKILL)
