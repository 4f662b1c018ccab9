"""The rows of the table of variants: what is known of each, kept in a file, and shown as Markdown."""

import json
import math
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

from rt_gait_ros import private_file
from rt_gait_ros.errors import GaitError, UsageError, of_file

FP32, INT8 = "fp32", "int8"
STREAM = "_stream"
BUSY = "busy"  # share of the cores that other programs had, by the kind of figure
FILE = "figures.json"
# of one item: a set of 30 frames, a look of a stream, a window of flow, an image
BATCHES = (1, 8, 32)
MAX_BATCH = 32
CONDITIONS = ("NM", "BG", "CL")

# Other programs that keep more than this share of the cores busy are told beside a time.
MOST_BUSY = 0.1

# Milliseconds of an item by batch: wall in process, of the processor in process, wall through Triton.
PROCESS, PROCESSOR, TRITON = "process", "processor", "triton"
SUBJECTS, RANK1 = "subjects", "rank1"
RANDOM = "random weights"  # where a network's weights are from, in words

Figures = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Variant:
    """A row. percentile: of filters removed, None for the whole network. form: "" or STREAM."""

    network: str
    percentile: float | None = None
    precision: str = FP32
    form: str = ""

    @property
    def model(self) -> str:
        """Its name in a model repository."""
        cut = "" if self.percentile is None else f"_p{self.percentile:g}"
        return f"{self.network}{cut}{'' if self.precision == FP32 else f'_{self.precision}'}{self.form}"

    @property
    def title(self) -> str:
        """What was done to it."""
        done = [] if self.percentile is None else [f"pruned {self.percentile:g} %"]
        return " + ".join(done + ([] if self.precision == FP32 else [self.precision])) or "plain"

    @property
    def plain(self) -> "Variant":
        """What it is compared with: the same network as it is deployed without any of this, sent whole each time."""
        return Variant(self.network)


def variants_of(network: str, percentiles: Sequence[float], streams: bool) -> list[Variant]:
    """All rows of a network, in the order of the table."""
    forms = ("", STREAM) if streams else ("",)
    return [
        Variant(network, percentile, precision, form)
        for form in forms
        for precision in (FP32, INT8)
        for percentile in (None, *percentiles)
    ]


class FiguresFile:
    """What has been measured, by the row's model: written anew with each figure, so that a run can be broken off."""

    def __init__(self, folder: Path, conditions: Mapping[str, Any], recognition: Mapping[str, Any] = {}) -> None:
        """conditions: what must be the same for figures to be compared. recognition: of rank-1 alone; nothing where
        none is measured, and what the folder says of it stays. Raises UsageError where the folder holds others, or
        cannot be written, GaitError for a file that is damaged."""
        self.folder, self._path = folder, folder / FILE
        self.conditions, self.recognition = dict(conditions), dict(recognition)
        self.rows: dict[str, Figures] = {}
        try:
            folder.mkdir(parents=True, exist_ok=True)
            self._take(self._path.read_bytes() if self._path.exists() else b"")
            self._write()
        except OSError as error:
            raise of_file(error, f"{folder} cannot be written") from None

    def has(self, variant: Variant, figure: str) -> bool:
        """Whether it is measured already."""
        return figure in self.rows.get(variant.model, {})

    def add(self, variant: Variant, figures: Mapping[str, Any]) -> None:
        """Keep figures of a row, on the disk when this returns. Raises GaitError."""
        self.rows.setdefault(variant.model, {}).update(figures)
        try:
            self._write()
        except OSError as error:
            raise of_file(error, f"{self._path} cannot be written") from None

    def forget(self, variants: Sequence[Variant], figures: Sequence[str]) -> None:
        """Have these measured anew. Raises GaitError."""
        for variant in variants:
            row = self.rows.get(variant.model, {})
            for figure in figures:
                row.pop(figure, None)
                row.get(BUSY, {}).pop(figure, None)
        self.add(variants[0], {})

    def require_weights(self, variant: Variant, digest: str) -> None:
        """Refuse figures of a network of this name with other weights. Raises UsageError."""
        known = self.rows.get(variant.model, {}).get("digest", digest)
        if known != digest:
            raise UsageError(
                f"{self.folder} has figures of {variant.model} with other weights: choose another --output, or remove "
                "that folder"
            )

    def _take(self, data: bytes) -> None:
        if not data:
            return
        try:
            value = json.loads(data)
            found, rows = dict(value["conditions"]), value["rows"]
            # which earlier files have among the conditions of all figures
            former = {key: found.pop(key) for key in ("people", "views", "frames") if key in found}
            recognition = dict(value.get("recognition", former))
            if not all(isinstance(row, dict) for row in rows.values()):
                raise TypeError
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
            raise GaitError(f"{self._path} is damaged: remove it, and everything is measured anew") from None
        self._require_same(found, self.conditions)
        if any(RANK1 in row for row in rows.values()):
            self._require_same(recognition, self.recognition or recognition)
            self.recognition = recognition
        self.rows = rows

    def _require_same(self, found: Mapping[str, Any], wanted: Mapping[str, Any]) -> None:
        for key in wanted.keys() | found.keys():
            if found.get(key) != wanted.get(key):
                raise UsageError(
                    f"{self.folder} holds figures with {key} {found.get(key)}, and this is with "
                    f"{wanted.get(key)}: choose another --output, or remove that folder"
                )

    def _write(self) -> None:
        value = {"conditions": self.conditions, "recognition": self.recognition, "rows": self.rows}
        private_file.replace(self._path, json.dumps(value, indent=1).encode() + b"\n")


def mean_rank(figures: Mapping[str, Any]) -> float | None:
    """Rank-1, 0..1, the mean of the conditions; None where it was not measured."""
    shares = (figures.get(RANK1) or {}).values()
    return sum(shares) / len(shares) if shares else None


def faster(figures: Mapping[str, Any], plain: Mapping[str, Any]) -> float | None:
    """How many items it does in the time of one of the plain network's, in process at batch 1; None where either was
    not measured."""
    own, other = ((each.get(PROCESS) or {}).get("1") for each in (figures, plain))
    return other / own if own and other else None


def markdown(variants: Sequence[Variant], rows: Mapping[str, Figures], on_images: Collection[str] = ()) -> str:
    """The table; a dash stands for what was not measured, a star for what was measured beside other programs.

    on_images: names of networks that take images and not people.
    """
    lines = [
        "| network | variant | parameters M | MACs G | file MB | ms in process, 1 / 8 / 32 | × plain "
        "| ms through Triton, 1 / 8 / 32 | people at 25/s | rank-1 NM / BG / CL % | mean |",
    ]
    lines.append("|" + "---|" * (lines[0].count("|") - 1))
    shown = [variant for variant in variants if variant.model in rows]
    star, note = _stars([rows[variant.model] for variant in shown])
    for variant in shown:
        figures, plain = rows[variant.model], rows.get(variant.plain.model, {})
        weights = figures.get("weights", "")
        trained = "trained on" in weights and "not trained on" not in weights
        cells = [
            f"`{variant.network}{variant.form}`",
            variant.title + (", trained on" if trained else ""),
            _cell(figures.get("parameters"), 1e-6, 2),
            _macs(figures.get("macs")),
            _cell(figures.get("bytes"), 1e-6, 1),
            _times(figures, PROCESS) + star(figures, PROCESS),
            _cell(faster(figures, plain), 1, 1),
            _times(figures, TRITON) + star(figures, TRITON),
            "takes images" if variant.network in on_images else _cell(figures.get(SUBJECTS), 1, 0),
            _recognised(figures),
            _cell(mean_rank(figures), 100, 1),
        ]
        cells[8] += star(figures, SUBJECTS)
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines + note) + "\n"


def _stars(rows: Sequence[Figures]) -> tuple[Callable[[Figures, str], str], list[str]]:
    """What marks a figure that was taken beside other programs, and the lines that say so below the table.

    Where most figures are such, one line says it of all, and none has a mark.
    """
    ways = (PROCESS, TRITON, SUBJECTS)
    shares = [row.get(BUSY, {}).get(way) or 0.0 for row in rows for way in ways if way in row]
    busy = [share for share in shares if share > MOST_BUSY]
    most = f"{100 * MOST_BUSY:.0f} %"
    if 2 * len(busy) > len(shares):
        said = f"Other programs kept more than {most} of the cores busy for {len(busy)} of the {len(shares)}"
        return lambda row, way: "", ["", f"{said} times and numbers of people (median {100 * median(busy):.0f} %)."]

    def star(row: Figures, way: str) -> str:
        return "\\*" if way in row and (row.get(BUSY, {}).get(way) or 0.0) > MOST_BUSY else ""

    return star, ["", f"\\* other programs kept more than {most} of the cores busy."] if busy else []


def _recognised(figures: Figures) -> str:
    if not (ranks := figures.get(RANK1)):
        return RANDOM if figures.get("weights", "").startswith(RANDOM) else "–"
    return " / ".join(_cell(ranks.get(name), 100, 1) for name in CONDITIONS)


def _times(figures: Figures, way: str) -> str:
    return " / ".join(_cell((figures.get(way) or {}).get(str(batch)), 1, 1) for batch in BATCHES)


def _macs(value: float | None) -> str:
    """In thousands of millions, two digits at least: 0.023 and not 0.02."""
    return f"{1e-9 * value:.2g}" if value and value < 1e8 else _cell(value, 1e-9, 2)


def _cell(value: float | None, factor: float, digits: int) -> str:
    if value is None or not math.isfinite(value):
        return "–"
    return f"{value * factor:.{digits}f}"
