"""`rt-gait bench`: the benchmarks behind the figures of the README and of docs/figures.md."""

import argparse
import importlib.util
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

from rt_gait_ros.cli.output import add_json_argument, emit, progress
from rt_gait_ros.edge.energy import Recorder
from rt_gait_ros.edge.meter_opening import open_meter
from rt_gait_ros.edge.meters import MeterGone
from rt_gait_ros.errors import UsageError
from rt_gait_ros.evaluation.bench import Row, machine, payload, table
from rt_gait_ros.resources import resource

SUMMARY = "measure this machine: one benchmark for each figure of the documentation"

_DESCRIPTION = """\
Each benchmark prints a reference beside its figures, measured in the same run. Values are medians. Run benchmarks on
a machine that does nothing else.

  rt-gait bench               list the benchmarks; `rt-gait bench NAME --help` has the options of one
  rt-gait bench paf --json    one of them, as JSON
  rt-gait bench streaming --energy     with the energy that the machine's power meter tells
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare a subcommand for each benchmark."""
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.description = _DESCRIPTION
    names = parser.add_subparsers(dest="name", metavar="NAME")
    for path in _benchmarks():
        module = _load(path)
        bench = names.add_parser(
            path.stem, help=module.SUMMARY, description=f"{module.SUMMARY[0].upper()}{module.SUMMARY[1:]}."
        )
        module.add_arguments(bench)
        add_json_argument(bench, "the rows")
        bench.add_argument(
            "--energy",
            action="store_true",
            help="also read the machine's power meter meanwhile: INA3221 rails, jetson-stats, NVML or RAPL",
        )
        bench.set_defaults(measure=module.measure)


def run(arguments: argparse.Namespace) -> int:
    """Measure, with progress on standard error. Returns 0; raises GaitError."""
    if arguments.name is None:
        for path in _benchmarks():
            print(f"{path.stem:12} {_load(path).SUMMARY}")
        return 0
    arguments.recorder = None
    if not arguments.energy:
        _emit(arguments, machine(), _measure(arguments))
        return 0
    with Recorder(open_meter()) as recorder:
        arguments.recorder = recorder
        where = machine() | {"power_meter": recorder.meter.name}
        progress(f"power meter: {recorder.meter.name}, {', '.join(recorder.meter.total)}")
        rows = _measure(arguments)
        try:
            energy = recorder.rows()
        except MeterGone:
            _emit(arguments, where, rows)  # what was measured without it is not lost
            raise
    _emit(arguments, where, rows + energy)
    return 0


def _measure(arguments: argparse.Namespace) -> list[Row]:
    """The rows of the benchmark. `arguments.recorder` is its Recorder, with --energy, or None."""
    return list(arguments.measure(arguments, progress))


def _emit(arguments: argparse.Namespace, where: dict[str, Any], rows: list[Row]) -> None:
    emit(arguments, payload(arguments.name, where, rows), table(rows))


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
    sys.modules[spec.name] = module  # dataclasses look there for what annotations name
    spec.loader.exec_module(module)
    return module
