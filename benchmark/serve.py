"""A served network under load: every batch with every concurrency by every protocol, and the subjects that it carries.

The server is the benchmark's own unless --url names another; the walkers are generated.
"""

import argparse
import hashlib
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import asdict
from itertools import chain
from pathlib import Path

from rt_gait_ros.cli.output import write_csv, write_json
from rt_gait_ros.edge.generated_requests import WINDOW, Requests, generated_requests
from rt_gait_ros.edge.load import PROTOCOLS, Addresses, Pace
from rt_gait_ros.edge.memory import resident_mib
from rt_gait_ros.edge.meters import MeterGone
from rt_gait_ros.edge.perf_analyzer import PerfAnalyzer, find_perf_analyzer
from rt_gait_ros.edge.pictures import save, sweep_figure
from rt_gait_ros.edge.sweep import GRID, Point, SweepFile, numbers
from rt_gait_ros.edge.sweeping import Client, OwnClient, PerfAnalyzerClient, Sweeper
from rt_gait_ros.errors import GaitError, UsageError
from rt_gait_ros.evaluation.bench import Row, machine
from rt_gait_ros.paths import expand
from rt_gait_ros.resources import resource
from rt_gait_ros.serving.listening import MeasuredSocket
from rt_gait_ros.serving.repository import RepositoryModel, read_repository, why_not_there
from rt_gait_ros.serving.server import TritonServer

SUMMARY = "a served network under load: batch by concurrency by protocol, resumable; subjects at 25 inferences a second"
# rt_gait_edge (Sci Rep 15:19276, 2025): simultaneous subjects at 25 inferences a second each on a Jetson Orin Nano.
EDGE, EDGE_SUBJECTS = "rt_gait_edge, Orin Nano", 42.0
# A look at somebody that takes longer is late: the gait node's default time between looks (5 frames of 25 a second).
SUBJECT_LATENCY = 200.0
_CLIENTS = ("auto", "own", "perf_analyzer")
_GRID = ",".join(map(str, GRID))


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument("--model", default="gaitset_small_v5", metavar="NAME", help="gait network (gaitset_small_v5)")
    parser.add_argument("--repository", type=Path, metavar="DIR", help="model repository (default: the package's own)")
    parser.add_argument("--batches", default=_GRID, metavar="N,N", help=f"items of a request ({_GRID})")
    parser.add_argument("--concurrency", default=_GRID, metavar="N,N", help=f"requests under way ({_GRID})")
    parser.add_argument(
        "--protocols", default=",".join(PROTOCOLS), metavar="P,P", help=f"of {', '.join(PROTOCOLS)} (all)"
    )
    parser.add_argument("--frames", type=int, default=WINDOW, metavar="N", help=f"frames of a window ({WINDOW})")
    parser.add_argument("--seconds", type=float, default=3.0, metavar="S", help="length of a measurement (3)")
    parser.add_argument("--warm-up", type=float, default=1.0, metavar="S", help="seconds that do not count (1)")
    parser.add_argument(
        "--latency-limit",
        type=float,
        default=2000.0,
        metavar="MS",
        help="of p95; with more requests under way than are over it no point is measured (2000)",
    )
    parser.add_argument("--client", choices=_CLIENTS, default="auto", help="auto: perf_analyzer where it is found")
    parser.add_argument("--output", type=Path, metavar="DIR", help="results, and where to go on (output/serve/NAME)")
    parser.add_argument("--url", metavar="HOST:PORT", help="gRPC of a server that runs already, with the same network")
    parser.add_argument("--http-url", default="", metavar="HOST:PORT", help="its HTTP service")
    parser.add_argument("--metrics-url", default="", metavar="HOST:PORT", help="its metrics")


def measure(arguments: argparse.Namespace, progress: Callable[[str], None]) -> list[Row]:
    """As `sweep`, with SIGPIPE as Python has it: gRPC writes to streams that the server has closed, and the command
    line, where a reader that goes away ends it without a word, would be killed by that."""
    former = signal.signal(signal.SIGPIPE, signal.SIG_IGN)
    try:
        return sweep(arguments, progress)
    finally:
        signal.signal(signal.SIGPIPE, former)


def sweep(arguments: argparse.Namespace, progress: Callable[[str], None]) -> list[Row]:
    """Measure what is not measured yet, write sweep.csv, sweep.json and a picture for each protocol.

    Returns the best of each protocol, and the subjects; where the power meter is lost, the best so far alone, and only
    the points are written. Raises GaitError, also where every point failed.
    """
    served = _served(arguments.repository or resource("model_repository"), arguments.model)
    protocols = _protocols(arguments)
    pace = _pace(arguments)
    batches = numbers(arguments.batches, "--batches")
    concurrencies = numbers(arguments.concurrency, "--concurrency")
    program = _perf_analyzer(arguments.client)
    folder = expand(arguments.output or Path("output", "serve", arguments.model))
    with PerfAnalyzer(program) if program else nullcontext() as analyzer:
        conditions = _conditions(arguments, served, "own" if analyzer is None else analyzer.version)
        kept = SweepFile(folder, conditions)
        progress("making walkers")
        requests = generated_requests(served, arguments.frames)
        batches = _fitting(batches, requests, progress)
        with _server(arguments, served, protocols) as (addresses, pid):
            client: Client = (
                OwnClient(addresses, requests, pace)
                if analyzer is None
                else PerfAnalyzerClient(addresses, requests, pace, analyzer)
            )
            progress(f"{arguments.model} by {client.name}; points go to {folder}, where the same command goes on")
            sweeper = Sweeper(
                client, kept, addresses, arguments.model, arguments.latency_limit, progress, arguments.recorder
            )
            try:
                points = sweeper.run(protocols, batches, concurrencies)
            except MeterGone:  # `rt-gait bench` says why, behind what was measured before
                if so_far := _best(protocols, [*kept.points.values()]):
                    return so_far
                raise
            memory = resident_mib(pid) if pid else None
    _write(folder, conditions, points, memory, protocols)
    if all(point.rate is None for point in points):
        raise GaitError(f"no point was measured: {points[0].reason}; the same command tries again")
    progress(f"sweep.csv, sweep.json and sweep_PROTOCOL.png are in {folder}")
    return _rows(points, protocols, memory)


def _served(repository: Path, name: str) -> RepositoryModel:
    models = read_repository(repository)
    if name not in models:
        raise UsageError(why_not_there(repository, name, models))
    return models[name]


def _protocols(arguments: argparse.Namespace) -> list[str]:
    chosen = [part.strip() for part in arguments.protocols.split(",")]
    for name in chosen:
        if name not in PROTOCOLS:
            raise UsageError(f"--protocols {arguments.protocols!r}: {name!r} is none of {', '.join(PROTOCOLS)}")
    if arguments.url and "http" in chosen and not arguments.http_url:
        raise UsageError("HTTP is asked for, and --http-url does not say where: name it, or leave http out")
    if not arguments.url and (arguments.http_url or arguments.metrics_url):
        raise UsageError("--http-url and --metrics-url go with --url: the benchmark's own server has addresses itself")
    return list(dict.fromkeys(chosen))


def _pace(arguments: argparse.Namespace) -> Pace:
    for name, low in (("seconds", 0.1), ("warm_up", 0.0), ("latency_limit", 1.0), ("frames", 1)):
        if not getattr(arguments, name) >= low:
            raise UsageError(f"--{name.replace('_', '-')} {getattr(arguments, name)}: at least {low:g} is wanted")
    return Pace(arguments.warm_up, arguments.seconds)


def _perf_analyzer(wanted: str) -> Path | None:
    found = find_perf_analyzer() if wanted != "own" else None
    if wanted == "perf_analyzer" and found is None:
        raise UsageError(
            "perf_analyzer is not found: put it on the PATH, name it in RT_GAIT_PERF_ANALYZER, or take --client own"
        )
    return found


def _conditions(arguments: argparse.Namespace, served: RepositoryModel, client: str) -> dict[str, object]:
    """What has to be the same for points to be of one sweep."""
    here = machine()
    return {
        "model": arguments.model,
        "sha256": hashlib.sha256(served.model_file.read_bytes()).hexdigest()[:16],
        "client": client,
        "server": arguments.url or "own",
        "frames": arguments.frames,
        "seconds": arguments.seconds,
        "warm_up": arguments.warm_up,
        "latency_limit": arguments.latency_limit,
        "power_meter": arguments.recorder.meter.name if arguments.recorder else "",
        "cpu": here["cpu"],
        "cores": here["cores"],
    }


def _fitting(batches: tuple[int, ...], requests: Requests, progress: Callable[[str], None]) -> tuple[int, ...]:
    """The batches that the network takes."""
    fit = tuple(batch for batch in batches if batch <= requests.most)
    if not fit:
        raise UsageError(f"--batches: {requests.model} takes batches up to {requests.most}")
    if fit != batches:
        why = ": it keeps a set per client, and Triton takes one item of each" if requests.sequence else ""
        progress(f"{requests.model} takes batches up to {requests.most}{why}; larger ones are left out")
    return fit


@contextmanager
def _server(
    arguments: argparse.Namespace, served: RepositoryModel, protocols: list[str]
) -> Iterator[tuple[Addresses, int]]:
    """Addresses of the server, and its process id, or 0 for one that is not the benchmark's."""
    if arguments.url:
        yield Addresses(arguments.url, arguments.http_url, arguments.metrics_url), 0
        return
    listening = MeasuredSocket.free(http="http" in protocols)
    with TritonServer(served.folder.parent, listening, [arguments.model]) as server:
        yield Addresses(listening.url, listening.http_url, listening.metrics_url), server.pid


def _write(
    folder: Path, conditions: dict[str, object], points: list[Point], memory: float | None, protocols: list[str]
) -> None:
    write_csv(folder / "sweep.csv", [asdict(point) for point in points])
    value = {"conditions": conditions, "memory_mib": memory, "points": [asdict(point) for point in points]}
    write_json(value, str(folder / "sweep.json"))
    for protocol in protocols:
        save(sweep_figure(str(conditions["model"]), points, protocol), folder / f"sweep_{protocol}.png")


def _rows(points: list[Point], protocols: list[str], memory: float | None) -> list[Row]:
    """The best point of each protocol beside the first point that was measured, and what the box carries."""
    measured = [point for point in points if point.rate is not None]
    rows = _best(protocols, measured)
    in_time = [point for point in measured if (point.p95_ms or 0.0) <= SUBJECT_LATENCY]
    subjects = max((point.subjects for point in in_time), default=0)
    rows.append(
        Row("subjects_at_25", float(subjects), f"subjects, p95 up to {SUBJECT_LATENCY:g} ms", EDGE, EDGE_SUBJECTS)
    )
    most = max((point.subjects for point in measured), default=0)
    rows.append(Row("subjects_at_25_any_latency", float(most), "subjects", EDGE, EDGE_SUBJECTS))
    failed = len([point for point in points if point.outcome == "failed"])
    rows.append(Row("points_failed", float(failed), "points"))
    return rows if memory is None else [*rows, Row("memory", memory, "MiB of the server and its networks")]


def _best(protocols: list[str], points: list[Point]) -> list[Row]:
    return list(chain.from_iterable(_best_rows(protocol, points) for protocol in protocols))


def _best_rows(protocol: str, points: list[Point]) -> list[Row]:
    own = [point for point in points if point.protocol == protocol and point.rate is not None]
    if not own:
        return []
    first, best = own[0], max(own, key=lambda point: point.rate or 0.0)
    name = f"{protocol}_batch_{best.batch}_concurrency_{best.concurrency}"
    reference = f"batch {first.batch}, concurrency {first.concurrency}"
    pairs = [("rate", "inferences/s"), ("p50_ms", "ms"), ("p95_ms", "ms"), ("p99_ms", "ms"), ("queue_ms", "ms")]
    pairs += [("compute_ms", "ms"), ("energy_mj", "mJ")]
    return [
        Row(f"{name}_{field.removesuffix('_ms').removesuffix('_mj')}", value, unit, reference, getattr(first, field))
        for field, unit in pairs
        if (value := getattr(best, field)) is not None
    ]
