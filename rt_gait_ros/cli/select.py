"""`rt-gait select`: which of the measured variants of a network to run, and the model repository that has it."""

import argparse
import math
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from rt_gait_ros.cli.output import add_json_argument, emit, output_file
from rt_gait_ros.edge.choice import AXES, Demand, Fit, Variant, capacity, choose, fit, nearest, pareto_front
from rt_gait_ros.edge.chosen_repository import require_measured, write_repository
from rt_gait_ros.edge.measurements import PROTOCOLS, read_measurements
from rt_gait_ros.edge.pictures import front_figure, save
from rt_gait_ros.errors import GaitError, UsageError
from rt_gait_ros.gait.config import RecognizerConfig
from rt_gait_ros.paths import expand
from rt_gait_ros.pose.config import PoseConfig
from rt_gait_ros.resources import resource
from rt_gait_ros.serving.repository import RepositoryModel, read_repository

SUMMARY = "choose among measured networks by people, looks, watts and accuracy, and write their model repository"

_DESCRIPTION = """\
Reads what was measured of several gait networks, shows which of them no other one beats (the Pareto front of latency,
energy, accuracy and memory), and chooses the one that meets what is asked. Measure each network on the machine that
is to run it, here two of them:

  rt-gait bench serve --model gaitset --energy
  rt-gait bench serve --model gaitset_small_v5 --energy
  rt-gait evaluate kth DIR --model gaitset --json gaitset_kth.json
  rt-gait evaluate kth DIR --model gaitset_small_v5 --json small_kth.json

  rt-gait select output/serve/* *_kth.json --plot front.png
  rt-gait select output/serve/* *_kth.json --people 8 --rate 5 --watts 15 --accuracy 0.6 --output chosen

The last one asks for eight people who are looked at five times a second, with up to 15 W of the whole machine and a
rank-1 of 0.6 at least. Of the networks that meet this it takes the most accurate, and of equals the one of least
energy, and writes the folder `chosen`: that network and those of the pose node. Where none meets it, one line says
which is nearest and what it lacks, and the exit code is 1.

MEASURED is a folder of `rt-gait bench serve`, or the JSON of `bench gait --model`, `evaluate` or `prune gait --report`;
they belong together by the network's name. The report's rows are called NETWORK@PERCENTILE; NAME=FILE@30 says that the
row of 30 % is the network NAME. A figure that is missing is named, and is never assumed.
"""
_UNITS = {"latency": "ms", "energy": "mJ/look", "accuracy": "", "memory": "MiB"}
LOOK_MS = 200.0  # the gait node's time between two looks at somebody, where no other latency is asked
# What measures the figure, to be said where it is missing.
_MEASURED_BY = {
    "latency": "rt-gait bench serve",
    "energy": "rt-gait bench serve --energy",
    "accuracy": "rt-gait evaluate",
    "memory": "rt-gait bench serve on a server of its own",
}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.description = _DESCRIPTION
    parser.add_argument("measured", nargs="+", metavar="MEASURED", help="folders and JSON files of measurements")
    asked = parser.add_argument_group("what is asked")
    asked.add_argument("--people", type=int, metavar="N", help="at once; goes with --rate")
    asked.add_argument("--rate", type=float, metavar="F", help="looks a second at each of them (the gait node: 5)")
    asked.add_argument("--latency", type=float, metavar="MS", help="of a request, at most (default with --rate: 1/F)")
    asked.add_argument("--watts", type=float, metavar="W", help="of the whole machine, at most")
    asked.add_argument("--accuracy", type=float, metavar="A", help="rank-1, 0 to 1, at least")
    asked.add_argument("--memory", type=float, metavar="MIB", help="of the server and its network, at most")
    parser.add_argument("--protocol", choices=PROTOCOLS, help="whose accuracy counts, where there are several")
    parser.add_argument("--plot", type=output_file, metavar="FILE", help="draw the front (.png)")
    parser.add_argument("--output", type=Path, metavar="DIR", help="write the chosen network's model repository there")
    parser.add_argument(
        "--repository",
        type=Path,
        action="append",
        metavar="DIR",
        help="where networks are, may be given several times (the package's own is always looked in last)",
    )
    parser.add_argument(
        "--with",
        dest="others",
        nargs="+",
        metavar="NAME",
        help="other networks of the repository (default: those of the pose node's default parameters)",
    )
    parser.add_argument("--copy", action="store_true", help="copy the files, for a container; else folders are linked")
    parser.add_argument("--force", action="store_true", help="replace the model repository that is at --output")
    add_json_argument(parser)


def run(arguments: argparse.Namespace) -> int:
    """Compare, choose, draw and write. Returns the exit code; raises GaitError, also where nothing meets the demand."""
    demand = _demand(arguments)
    if arguments.output and not demand.asks:
        raise UsageError("--output goes with what is asked: say --people and --rate, --watts, --accuracy or --memory")
    if arguments.plot and arguments.plot.suffix != ".png":
        raise UsageError(f"--plot {arguments.plot}: the name has to end with .png")
    present = _networks(arguments.repository or [])
    variants, latency, accuracy, notes = read_measurements(arguments.measured).variants(arguments.protocol)
    variants = [_with_looks(variant, present) for variant in variants]
    notes += [line for variant in variants for line in _missing(variant)]
    front = pareto_front(variants)
    fits = [fit(variant, demand) for variant in variants]
    chosen = choose(fits) if demand.asks else None
    if arguments.plot:
        save(front_figure(variants, front, chosen.variant if chosen else None), expand(arguments.plot))
    written = _write(arguments, chosen, present, _looks(variants, demand)) if arguments.output and chosen else None
    report = {
        "latency": latency,
        "accuracy": accuracy,
        "demand": {name: getattr(demand, name) for name in demand.__slots__},
        "variants": [_json(each, each.variant in front) for each in fits],
        "chosen": None if chosen is None else chosen.variant.name,
        "repository": written,
        "notes": notes,
    }
    emit(arguments, report, "\n".join(_lines(report, chosen)))
    if demand.asks and chosen is None:
        closest = nearest(fits)
        missed = "; ".join(miss.text for miss in closest.misses)
        raise GaitError(f"no network meets what is asked: nearest is {closest.variant.name}: {missed}")
    return 0


def _demand(arguments: argparse.Namespace) -> Demand:
    if (arguments.people is None) != (arguments.rate is None):
        raise UsageError("--people and --rate go together: so many people, each looked at so often in a second")
    for name in ("people", "rate", "latency", "watts", "accuracy", "memory"):
        value = getattr(arguments, name)
        if value is not None and not (math.isfinite(value) and value > 0):
            raise UsageError(f"--{name} {value:g}: a number above 0 is wanted")
    if (arguments.accuracy or 0.0) > 1.0:
        raise UsageError(f"--accuracy {arguments.accuracy:g}: a share is wanted, as 0.85 for 85 %")
    looks, latency = None, arguments.latency
    if arguments.rate is not None:
        looks = arguments.people * arguments.rate
        latency = 1e3 / arguments.rate if latency is None else latency
    return Demand(looks, latency, arguments.watts, arguments.accuracy, arguments.memory)


def _networks(repositories: Sequence[Path]) -> dict[str, RepositoryModel]:
    """Networks by name; of two of one name the one of the repository that is named first."""
    found: dict[str, RepositoryModel] = {}
    for folder in (*map(expand, repositories), resource("model_repository")):
        found = read_repository(folder) | found
    return found


def _with_looks(variant: Variant, present: dict[str, RepositoryModel]) -> Variant:
    """A network that keeps a set per track is sent each new frame, and others a whole window for a look."""
    model = present.get(variant.name)
    return replace(variant, per_look=RecognizerConfig.refresh_every) if model and model.streams else variant


def _missing(variant: Variant) -> list[str]:
    figures = variant.axes()
    absent = [f"{axis} (`{_MEASURED_BY[axis]}`)" for axis in AXES if axis not in figures]
    lines = [f"{variant.name}: no {', no '.join(absent)}: not compared by it"] if absent else []
    if variant.per_look > 1:
        lines.append(
            f"{variant.name}: keeps a set per track, so that a look is {variant.per_look} inferences of a frame"
        )
    return lines


def _looks(variants: Sequence[Variant], demand: Demand) -> dict[str, float]:
    """Looks a second that each network answers in time, as far as that was measured."""
    latency = LOOK_MS if demand.latency_ms is None else demand.latency_ms
    found = {variant.name: capacity(variant, latency) for variant in variants}
    return {name: looks for name, looks in found.items() if looks is not None}


def _write(
    arguments: argparse.Namespace, chosen: Fit, present: dict[str, RepositoryModel], looks: dict[str, float]
) -> str:
    name = chosen.variant.name
    others = arguments.others or [PoseConfig().detector, PoseConfig().person_model]
    for each in (name, *others):
        if each not in present:
            raise UsageError(f"no repository has the network {each}: name its folder's with --repository")
    require_measured(present[name], chosen.variant.sha256)
    target = expand(arguments.output).absolute()
    networks = {each: present[each] for each in (name, *others)}
    looks = {each: looks[each] for each in networks if each in looks}
    write_repository(target, networks, copy=arguments.copy, replace=arguments.force, looks=looks)
    return str(target)


def _json(found: Fit, in_front: bool) -> dict[str, Any]:
    """A variant with its figures. JSON knows no infinity: a miss whose size is unknown has none."""
    operation = found.operation
    names = ("what", "rate", "latency_ms", "watts", "energy_mj")
    return {
        "name": found.variant.name,
        **{axis: found.variant.axes().get(axis) for axis in AXES},
        "inferences_per_look": found.variant.per_look,
        "front": in_front,
        "operation": None if operation is None else {name: getattr(operation, name) for name in names},
        "misses": [
            {"demand": miss.demand, "text": miss.text, "relative": miss.relative if miss.relative < math.inf else None}
            for miss in found.misses
        ],
    }


def _lines(report: dict[str, Any], chosen: Fit | None) -> list[str]:
    rows = report["variants"]
    width = max(len("network"), *(len(row["name"]) for row in rows))
    heads = [f"{axis} {_UNITS[axis]}".strip() for axis in AXES]
    lines = [f"{'network':{width}}  " + "  ".join(f"{head:>14}" for head in heads) + "  front"]
    for row in rows:
        figures = ["-" if row[axis] is None else f"{row[axis]:.4g}" for axis in AXES]
        shown = "  ".join(f"{figure:>14}" for figure in figures)
        lines.append(f"{row['name']:{width}}  {shown}  {'yes' if row['front'] else 'no'}")
    lines += ["", f"latency: {report['latency'] or 'not measured'}; the least of all loads"]
    lines += [f"accuracy: {report['accuracy'] or 'not measured'}", *report["notes"]]
    if chosen is not None:
        operation = chosen.operation
        how = f" ({_how(chosen)})" if operation else ""
        lines += ["", f"chosen: {chosen.variant.name}{how}"]
    if report["repository"]:
        lines.append(f"written to {report['repository']}; tell the gait node: model: {report['chosen']}")
    return lines


def _how(chosen: Fit) -> str:
    operation = chosen.operation
    assert operation is not None
    parts = [operation.what]
    if operation.rate is not None:
        parts.append(f"{operation.rate / chosen.variant.per_look:.4g} looks/s")
    if operation.latency_ms is not None:
        parts.append(f"{operation.latency_ms:.4g} ms")
    if operation.watts is not None:
        parts.append(f"{operation.watts:.4g} W at that load")
    return ", ".join(parts)
