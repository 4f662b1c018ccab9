"""Every network plain, pruned, in integers and both: size, work, time, people and accuracy in one table.

Each figure is kept as it is measured: a run that was broken off goes on with the same command, and networks,
percentiles and kinds of figures can be added to a table that is there. The references are the plain networks, sent
whole.
"""

import argparse
import os
import shutil
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

from variants_measuring import Recognition, busy_share, milliseconds, subjects
from variants_table import (
    BUSY,
    FP32,
    INT8,
    MAX_BATCH,
    PROCESS,
    PROCESSOR,
    RANDOM,
    RANK1,
    STREAM,
    SUBJECTS,
    TRITON,
    FiguresFile,
    Variant,
    faster,
    markdown,
    mean_rank,
    variants_of,
)

from rt_gait_ros.datasets.casia_b import VIEWS, read_people
from rt_gait_ros.edge.sweep import numbers
from rt_gait_ros.errors import UsageError, of_file
from rt_gait_ros.evaluation.bench import Row, machine
from rt_gait_ros.networks.kinds import ELSEWHERE_HELP
from rt_gait_ros.paths import expand
from rt_gait_ros.resources import resource
from rt_gait_ros.serving.installation import find_installation
from rt_gait_ros.serving.onnx_client import OnnxClient
from rt_gait_ros.serving.server import TritonServer
from rt_gait_ros.serving.triton_client import TritonClient

if TYPE_CHECKING:
    from variants_networks import Maker, Source

SUMMARY = (
    "every network plain, pruned, int8 and both: size, time, people at 25 a second, accuracy; one table, resumable"
)
NETWORKS = (
    "gaitset_small_v5",
    "gaitset",
    "gaitbase",
    "flow2d",
    "flow3d",
    "flow3d-factorised",
    "resnet18_baseline_att",
    "densenet121_baseline_att",
)
# What is measured, in this order for each network.
WHAT = (PROCESS, TRITON, RANK1, SUBJECTS)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument(
        "networks",
        nargs="*",
        metavar="NAME|NAME=FILE",
        help="networks of the repository, checkpoints, or kinds of which no weights are shipped (random ones); "
        f"{ELSEWHERE_HELP} (default: {' '.join(NETWORKS)})",
    )
    parser.add_argument("--percentiles", default="10,30,50", metavar="P,P", help="of filters to remove (10,30,50)")
    parser.add_argument(
        "--trained",
        action="append",
        default=[],
        metavar="NAME@P=FILE",
        help="a pruned checkpoint that was trained on, in place of the pruned one (may be repeated)",
    )
    parser.add_argument("--what", default=",".join(WHAT), metavar="W,W", help=f"figures, of {', '.join(WHAT)} (all)")
    parser.add_argument(
        "--again",
        default="",
        metavar="W,W",
        help="figures that are measured anew, such as process,triton on a quiet machine; without this, what there is "
        "stays",
    )
    parser.add_argument("--data", type=Path, metavar="DIR", help="CASIA-B, for rank1 of networks that have weights")
    parser.add_argument("--people", default="1-24", metavar="LIST", help="of CASIA-B (1-24)")
    parser.add_argument("--views", default=",".join(VIEWS), metavar="V,V", help="of CASIA-B (all eleven)")
    parser.add_argument("--frames", type=int, default=30, metavar="N", help="of each sequence of CASIA-B (30)")
    parser.add_argument("--calibration", type=Path, metavar="PATH", help="as of `rt-gait export gait` (walkers)")
    parser.add_argument("--batches", default="1,8,32", metavar="N,N", help="items of a request, up to 32 (1,8,32)")
    parser.add_argument("--runs", type=int, default=5, metavar="N", help="runs of each batch, the median counts (5)")
    parser.add_argument(
        "--longest",
        type=float,
        default=20.0,
        metavar="S",
        help="seconds that the runs of a batch may take: there are fewer then, one at least, and batches of which one "
        "run takes longer are left out (20)",
    )
    parser.add_argument(
        "--seconds", type=float, default=2.0, metavar="S", help="of load at each point for subjects (2)"
    )
    parser.add_argument("--repository", type=Path, metavar="DIR", help="model repository (default: the package's own)")
    parser.add_argument("--workers", type=int, default=os.cpu_count() or 1, metavar="N", help="processes for rank1")
    parser.add_argument(
        "--output", type=Path, default=Path("output", "variants"), metavar="DIR", help="default: output/variants"
    )
    parser.add_argument("--markdown", type=Path, metavar="FILE", help="the table, for a page (also in --output)")


def measure(arguments: argparse.Namespace, progress: Callable[[str], None]) -> list[Row]:
    """Measure what is not measured yet; write figures.json and variants.md as it comes. Raises GaitError."""
    percentiles = _percentiles(arguments.percentiles)
    what = _chosen("--what", arguments.what, WHAT)
    again = _chosen("--again", arguments.again, what) if arguments.again else ()
    folder = expand(arguments.output)
    recognition = _recognition(arguments, what, folder)
    repository = expand(arguments.repository or resource("model_repository"))
    of_people = {"people": arguments.people, "views": arguments.views, "frames": arguments.frames}
    kept = FiguresFile(folder, _conditions(arguments), {} if recognition is None else of_people)
    # torch takes seconds to import and is there only with the extra [train]
    from variants_networks import Maker, read_source, trained_files

    sources = [read_source(word, repository) for word in arguments.networks or NETWORKS]
    trained = trained_files(arguments.trained, percentiles, [source.name for source in sources])
    maker = Maker(folder / "repository", folder / "checkpoints", trained, arguments.calibration, progress)
    all_variants = [variants_of(each.name, percentiles, each.streams) for each in sources]
    _require_server(kept, sources, all_variants, what, again)
    for variants in all_variants:
        _forget(kept, variants, again)
    rows: list[Variant] = []
    on_images = [source.name for source in sources if not source.is_gait]
    for number, (source, variants) in enumerate(zip(sources, all_variants, strict=True)):
        progress(f"{number + 1}/{len(sources)} {source.name}, {source.weights}; figures go to {folder}")
        rows += variants
        _make(maker, source, variants, kept)
        table = _Measurement(arguments, maker.repository, kept, variants, progress)
        if PROCESS in what:
            table.in_process()
        if TRITON in what:
            table.through_triton()
        if RANK1 in what and recognition is not None and source.weights != RANDOM and source.streams:
            table.rank1(recognition)
        if SUBJECTS in what and source.is_gait:
            table.subjects()
        _write(folder / "variants.md", markdown(rows, kept.rows, on_images))
    if arguments.markdown is not None:
        _write(expand(arguments.markdown), markdown(rows, kept.rows, on_images))
    progress(f"the table is in {folder / 'variants.md'}")
    return _rows(rows, kept)


def _percentiles(text: str) -> tuple[float, ...]:
    try:
        values = tuple(float(part) for part in text.split(",")) if text else ()
    except ValueError:
        values = (0.0,)
    if not all(0.0 < value < 100.0 for value in values):
        raise UsageError(
            f"--percentiles {text!r}: percentages of all filters, above 0 and below 100, with commas between"
        )
    return values


def _chosen(option: str, text: str, known: Sequence[str]) -> tuple[str, ...]:
    chosen = tuple(part.strip() for part in text.split(","))
    for name in chosen:
        if name not in known:
            raise UsageError(f"{option} {text!r}: {name!r} is none of {', '.join(known)}")
    return chosen


def _recognition(arguments: argparse.Namespace, what: Sequence[str], folder: Path) -> Recognition | None:
    if arguments.data is None or RANK1 not in what:
        return None
    if arguments.frames < 1 or arguments.workers < 1:
        raise UsageError(f"--frames {arguments.frames}, --workers {arguments.workers}: give 1 or more of both")
    views = _chosen("--views", arguments.views, VIEWS)
    people = read_people(arguments.people)
    return Recognition.of(
        expand(arguments.data), people, views, arguments.frames, folder / "embeddings", arguments.workers
    )


def _conditions(arguments: argparse.Namespace) -> dict[str, object]:
    """What has to be the same for figures to be of one table."""
    if arguments.runs < 1 or not arguments.seconds >= 0.1:
        raise UsageError(f"--runs {arguments.runs}, --seconds {arguments.seconds:g}: at least 1 and 0.1 are wanted")
    if not arguments.longest > 0.0:
        raise UsageError(f"--longest {arguments.longest:g}: seconds above 0 are wanted")
    numbers(arguments.batches, "--batches", most=MAX_BATCH)
    here = machine()
    return {
        "cpu": here["cpu"],
        "cores": here["cores"],
        "runs": arguments.runs,
        "batches": arguments.batches,
        "seconds": arguments.seconds,
    }


def _require_server(
    kept: FiguresFile,
    sources: Sequence["Source"],
    all_variants: Sequence[Sequence[Variant]],
    what: Sequence[str],
    again: Sequence[str],
) -> None:
    """Refuse before all exports and other figures, and before any is forgotten, what a tritonserver is missing for.

    Raises ServerNotInstalled.
    """
    for source, variants in zip(sources, all_variants, strict=True):
        served = {TRITON, SUBJECTS} if source.is_gait else {TRITON}
        for figure in served.intersection(what):
            if figure in again or not all(kept.has(each, figure) for each in variants):
                find_installation()
                return


def _forget(kept: FiguresFile, variants: Sequence[Variant], again: Sequence[str]) -> None:
    """Have the figures `again` measured anew; what they were is gone at once, so that a run that is broken off goes on
    without --again."""
    if not again:
        return
    kept.forget(variants, [*again, PROCESSOR] if PROCESS in again else again)
    if SUBJECTS in again:
        for variant in variants:
            shutil.rmtree(kept.folder / "serve" / variant.model, ignore_errors=True)


def _make(maker: "Maker", source: "Source", variants: Sequence[Variant], kept: FiguresFile) -> None:
    """Put what is missing into the table's repository."""
    kept.require_weights(Variant(source.name), source.digest)
    for percentile in dict.fromkeys(variant.percentile for variant in variants):
        kept_already = [
            kept.has(each, "parameters") and (maker.repository / each.model / "config.pbtxt").is_file()
            for each in variants
            if each.percentile == percentile
        ]
        trained = str(maker.trained.get((source.name, percentile or 0.0), ""))
        first = Variant(source.name, percentile)
        if kept.rows.get(first.model, {}).get("trained", trained) != trained:
            raise UsageError(
                f"{kept.folder} has figures of {first.model} with other weights: choose another --output, or remove "
                "that folder"
            )
        if all(kept_already):
            continue
        for variant, figures in maker.make(source, percentile, (FP32, INT8)).items():
            kept.add(variant, figures | {"digest": source.digest, "trained": trained})


class _Measurement:
    """The figures of the variants of one network; what is there is not measured again."""

    def __init__(
        self,
        arguments: argparse.Namespace,
        repository: Path,
        kept: FiguresFile,
        variants: Sequence[Variant],
        progress: Callable[[str], None],
    ) -> None:
        self._runs, self._seconds, self._longest = arguments.runs, arguments.seconds, arguments.longest
        self._batches = numbers(arguments.batches, "--batches", most=MAX_BATCH)
        self._repository, self._kept, self._variants, self._progress = repository, kept, variants, progress

    def in_process(self) -> None:
        """Milliseconds of an item, ONNX Runtime."""
        if missing := self._missing(PROCESS):
            busy = busy_share()
            with closing(OnnxClient(self._repository, timeout=600.0)) as client:
                for variant in missing:
                    self._time(PROCESS, client, variant, busy)

    def through_triton(self) -> None:
        """The same through one embedded server that has all of them."""
        if missing := self._missing(TRITON):
            busy = busy_share()
            with (
                TritonServer(self._repository, networks={each.model for each in missing}) as server,
                closing(TritonClient(server.url, timeout=600.0)) as client,
            ):
                for variant in missing:
                    self._time(TRITON, client, variant, busy)

    def rank1(self, recognition: Recognition) -> None:
        """CASIA-B. A stream in floating point has the embeddings of the whole set, to which its export is compared."""
        for variant in self._missing(RANK1):
            whole = Variant(variant.network, variant.percentile, variant.precision)
            if variant.form == STREAM and variant.precision == FP32:
                self._kept.add(variant, {RANK1: self._kept.rows[whole.model][RANK1]})
            else:
                shares = recognition.rank1(self._repository, variant.model, self._progress)
                self._kept.add(variant, {RANK1: shares})

    def subjects(self) -> None:
        """By a sweep over batches and requests under way, each in a folder of its own."""
        for variant in self._missing(SUBJECTS):
            folder, busy = self._kept.folder / "serve" / variant.model, busy_share()
            figures = subjects(self._repository, variant, folder, self._seconds, self._progress)
            self._keep(variant, SUBJECTS, figures, busy)

    def _missing(self, figure: str) -> list[Variant]:
        return [variant for variant in self._variants if not self._kept.has(variant, figure)]

    def _time(self, way: str, client: OnnxClient | TritonClient, variant: Variant, busy: float | None) -> None:
        times = milliseconds(client, self._repository, variant, self._batches, self._runs, self._longest)
        said = ", ".join(f"{value:.2f} ms at batch {batch}" for batch, value in times.wall.items())
        said += "".join(f", no batch of {batch} within --longest {self._longest:g} s" for batch in times.left_out)
        self._progress(f"{variant.model}, {way}: {said}")
        more = {PROCESSOR: times.processor} if way == PROCESS else {}
        self._keep(variant, way, {way: times.wall, **more}, busy)

    def _keep(self, variant: Variant, way: str, figures: Mapping[str, object], busy: float | None) -> None:
        """busy: share of the cores that other programs had just before."""
        others = self._kept.rows.get(variant.model, {}).get(BUSY, {}) | {way: busy}
        self._kept.add(variant, {**figures, BUSY: others})


def _rows(variants: Sequence[Variant], kept: FiguresFile) -> list[Row]:
    """Each figure beside that of the plain network."""
    found = []
    for variant in variants:
        figures, plain = kept.rows[variant.model], kept.rows[variant.plain.model]
        name, reference = variant.model, variant.plain.model
        for key, unit in (
            ("parameters", ""),
            ("macs", "multiply-accumulates"),
            ("bytes", "bytes"),
            (SUBJECTS, "people"),
        ):
            if key in figures:
                found.append(Row(f"{name}_{key}", float(figures[key]), unit, reference, plain.get(key)))
        for way in (PROCESS, PROCESSOR, TRITON):
            for batch, value in figures.get(way, {}).items():
                other = plain.get(way, {}).get(batch)
                found.append(Row(f"{name}_{way}_batch_{batch}_item", value, "ms", reference, other))
        if (ratio := faster(figures, plain)) is not None:
            found.append(Row(f"{name}_faster", ratio, "times the plain network, in process, batch 1"))
        if (mean := mean_rank(figures)) is not None:
            found.append(Row(f"{name}_rank1", mean, "CASIA-B, mean of the conditions", reference, mean_rank(plain)))
    return found


def _write(path: Path, text: str) -> None:
    try:
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise of_file(error, f"{path} cannot be written") from None
