"""`rt-gait fuzz`: broken messages, requests, images and files for every reader, until something gives way."""

import argparse
import faulthandler
import importlib
import logging
import math
import multiprocessing
import os
import signal
import sys
import tempfile
import time
import traceback
from collections import Counter
from collections.abc import Sequence
from multiprocessing.connection import Connection
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from rt_gait_ros.cli.output import add_json_argument, emit, progress
from rt_gait_ros.errors import GaitError, UsageError

if TYPE_CHECKING:
    from rt_gait_ros.cli.fuzz_targets import Target

SUMMARY = "send broken messages, images and files to every reader, for maintainers"

HANG = 20  # seconds for one broken thing; the machine may be busy

_DESCRIPTION = """\
Takes a good message, request, image or file, breaks it, and hands it to the part of the package that reads it, again
and again: fields get meaningless values, and bytes are changed, cut and repeated, of files also under a checksum that
fits. Requests and goals go over DDS to a gait node in a process of its own. A refusal in one line is right. Findings
are exceptions of another kind, refusals of several lines, and processes that die or hang.

  rt-gait fuzz --minutes 10 --seed 1            all targets in turn
  rt-gait fuzz --target 'file gallery' --case 712 --seed 1     repeat a finding

Exit code 1: something was found.
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.description = _DESCRIPTION
    parser.add_argument("--minutes", type=float, default=1.0, help="how long (default 1)")
    parser.add_argument("--cases", type=int, default=0, metavar="N", help="stop after N of each target")
    parser.add_argument("--seed", type=int, default=0, help="of what is broken and how (default 0)")
    parser.add_argument("--target", default="", metavar="NAME", help="only this target")
    parser.add_argument("--case", type=int, default=-1, metavar="N", help="only this case of the target")
    add_json_argument(parser)


def run(arguments: argparse.Namespace) -> int:
    """Fuzz in a process of its own, which may die. Returns 1 when something was found."""
    if not 0.0 < arguments.minutes < math.inf or arguments.seed < 0:
        raise UsageError("--minutes is more than 0, and --seed not less")
    if arguments.case >= 0 and not arguments.target:
        raise UsageError("--case is of one target: name it with --target")
    importlib.import_module("rt_gait_ros.nodes")  # which says so where there is no ROS: the process below cannot
    here, there = multiprocessing.get_context("spawn").Pipe(duplex=False)
    with tempfile.TemporaryDirectory(prefix="rt_gait_fuzz_") as folder:
        process = multiprocessing.get_context("spawn").Process(target=_work, args=(there, folder, vars(arguments)))
        process.start()
        there.close()
        cases, found, now = _listen(here)
        process.join()
    if process.exitcode != 0:
        name, case = now
        found.append((name, case, f"the process died (exit code {process.exitcode})"))
    seed = arguments.seed
    lines = [f"{name:24} {count:8}" for name, count in cases.items()]
    for name, case, what in found:
        lines += [f"FOUND {name}: {what}", f"  rt-gait fuzz --target '{name}' --case {case} --seed {seed}"]
    lines.append(f"{sum(cases.values())} broken things, {len(found)} findings (seed {seed})")
    rows = [{"target": name, "case": case, "what": what} for name, case, what in found]
    emit(arguments, {"seed": seed, "cases": dict(cases), "findings": rows}, "\n".join(lines))
    return int(bool(found))


def _listen(pipe: Connection) -> tuple[Counter[str], list[tuple[str, int, str]], tuple[str, int]]:
    """What the worker says until its end: cases by target, findings, and what it was at."""
    cases: Counter[str] = Counter()
    found: list[tuple[str, int, str]] = []
    now = ("the start", 0)
    while True:
        try:
            kind, name, case, what = pipe.recv()
        except EOFError:
            return cases, found, now
        now = (name, case)
        if kind == "found":
            found.append((name, case, what))
            progress(f"found {name}, case {case}: {what}")
        elif kind == "done":
            cases[name] += case


class Stuck(Exception):
    """One broken thing takes too long."""


def _work(pipe: Connection, folder: str, arguments: dict) -> None:
    faulthandler.enable(os.fdopen(os.dup(2), "w"))
    os.dup2(os.open(os.devnull, os.O_WRONLY), 2)  # the middleware and decoders say each broken thing there
    logging.disable(logging.CRITICAL)
    signal.signal(signal.SIGALRM, _stuck)
    from rt_gait_ros.cli.fuzz_targets import close, targets  # imports ROS

    known = targets(Path(folder))
    try:
        _break(pipe, known, arguments)
    finally:
        close(known)


def _break(pipe: Connection, known: "Sequence[Target]", arguments: dict) -> None:
    chosen = [(n, target) for n, target in enumerate(known) if arguments["target"] in ("", target.name)]
    if not chosen:
        names = ", ".join(target.name for target in known)
        pipe.send(("found", arguments["target"], 0, f"no target is called so: {names}"))
        return
    end = time.monotonic() + 60.0 * arguments["minutes"]
    case = max(arguments["case"], 0)
    while time.monotonic() < end and not (arguments["cases"] and case >= arguments["cases"]):
        for number, target in chosen:
            pipe.send(("at", target.name, case, ""))
            if line := _try(target.once, np.random.default_rng((arguments["seed"], number, case))):
                pipe.send(("found", target.name, case, line))
            pipe.send(("done", target.name, 1, ""))
        case += 1
        if arguments["case"] >= 0:
            break


def _try(once, random: np.random.Generator) -> str:  # type: ignore[no-untyped-def]
    """What is wrong with how a broken thing was taken, or empty."""
    signal.alarm(HANG)
    try:
        once(random)
    except GaitError as error:
        return "" if len(str(error).splitlines()) == 1 else f"a refusal of several lines: {str(error)!r:.200}"
    except Stuck:
        return f"no answer in {HANG} s"
    except Exception as error:
        where = traceback.extract_tb(sys.exc_info()[2])[-1]
        return f"{type(error).__name__}: {str(error)!r:.160} ({Path(where.filename).name}:{where.lineno})"
    finally:
        signal.alarm(0)
    return ""


def _stuck(*_: object) -> None:
    raise Stuck
