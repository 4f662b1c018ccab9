"""`rt-gait bench`: the benchmarks behind the README's figures."""

import argparse
import importlib.util
import sys
from pathlib import Path
from types import ModuleType

from rt_gait_ros.cli.output import add_json_argument, emit
from rt_gait_ros.errors import UsageError
from rt_gait_ros.evaluation.bench import machine, payload, table
from rt_gait_ros.resources import resource

SUMMARY = "measure this machine: one benchmark for each figure of the README"

_DESCRIPTION = """\
Each benchmark prints a reference beside its figures, measured in the same run. Values are medians. Run benchmarks on
a machine that does nothing else.

  rt-gait bench               list the benchmarks
  rt-gait bench paf --json    one of them, as JSON
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare a subcommand for each benchmark."""
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.description = _DESCRIPTION
    names = parser.add_subparsers(dest="name", metavar="NAME")
    for path in _benchmarks():
        module = _load(path)
        bench = names.add_parser(path.stem, help=module.SUMMARY, description=module.SUMMARY)
        module.add_arguments(bench)
        add_json_argument(bench, "the rows")
        bench.set_defaults(measure=module.measure)


def run(arguments: argparse.Namespace) -> int:
    """Measure, with progress on standard error. Returns 0; raises GaitError."""
    if arguments.name is None:
        for path in _benchmarks():
            print(f"{path.stem:12} {_load(path).SUMMARY}")
        return 0
    where = machine()
    rows = arguments.measure(arguments, lambda line: print(line, file=sys.stderr, flush=True))
    emit(arguments, payload(arguments.name, where, rows), table(rows))
    return 0


def _benchmarks() -> list[Path]:
    """Files of the benchmark folder that are benchmarks; the others help them."""
    files = sorted(resource("benchmark").glob("*.py"))
    return [path for path in files if "\ndef measure(" in path.read_text(encoding="utf-8")]


def _load(path: Path) -> ModuleType:
    """The benchmark's module; it finds the helpers beside it."""
    if str(path.parent) not in sys.path:
        sys.path.append(str(path.parent))
    spec = importlib.util.spec_from_file_location(f"benchmark_{path.stem}", path)
    if spec is None or spec.loader is None:
        raise UsageError(f"{path} is not a Python file: install the package again")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
