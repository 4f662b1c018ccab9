"""The rows of the table of variants: what is known of each, kept in a file, and shown as Markdown."""

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
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
SUBJECTS = "subjects"

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

    def __init__(self, folder: Path, conditions: Mapping[str, Any]) -> None:
        """conditions: what must be the same for figures to be compared. Raises UsageError where the folder holds
        others, or cannot be written, GaitError for a file that is damaged."""
        self.folder, self._path = folder, folder / FILE
        self.conditions = dict(conditions)
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
            found, rows = value["conditions"], value["rows"]
            if not isinstance(found, dict) or not all(isinstance(row, dict) for row in rows.values()):
                raise TypeError
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
            raise GaitError(f"{self._path} is damaged: remove it, and everything is measured anew") from None
        for key in self.conditions.keys() | found.keys():
            if found.get(key) != self.conditions.get(key):
                raise UsageError(
                    f"{self.folder} holds figures with {key} {found.get(key)}, and this is with "
                    f"{self.conditions.get(key)}: choose another --output, or remove that folder"
                )
        self.rows = rows

    def _write(self) -> None:
        value = {"conditions": self.conditions, "rows": self.rows}
        private_file.replace(self._path, json.dumps(value, indent=1).encode() + b"\n")


def mean_rank(figures: Mapping[str, Any]) -> float | None:
    """Rank-1, 0..1, the mean of the conditions; None where it was not measured."""
    shares = (figures.get("rank1") or {}).values()
    return sum(shares) / len(shares) if shares else None


def faster(figures: Mapping[str, Any], plain: Mapping[str, Any]) -> float | None:
    """How many items it does in the processor's time of one of the plain network's, batch 1; None where either was not
    measured."""
    own, other = ((each.get(PROCESSOR) or {}).get("1") for each in (figures, plain))
    return other / own if own and other else None


def markdown(variants: Sequence[Variant], rows: Mapping[str, Figures]) -> str:
    """The table; a dash stands for what was not measured, a star for what was measured beside other programs."""
    lines = [
        "| network | variant | parameters M | MACs G | file MB | processor ms, batch 1 / 8 / 32 | × plain "
        "| ms in process, 1 / 8 / 32 | ms through Triton, 1 / 8 / 32 | people at 25/s | rank-1 NM / BG / CL % | mean |",
    ]
    lines.append("|" + "---|" * (lines[0].count("|") - 1))
    for variant in variants:
        if (figures := rows.get(variant.model)) is None:
            continue
        plain = rows.get(variant.plain.model, {})
        ratio = faster(figures, plain)
        ranks = figures.get("rank1") or {}
        mean = mean_rank(figures)
        trained = "trained on" in figures.get("weights", "") and "not trained on" not in figures["weights"]
        cells = [
            f"`{variant.network}{variant.form}`",
            variant.title + (", trained on" if trained else ""),
            _cell(figures.get("parameters"), 1e-6, 2),
            _cell(figures.get("macs"), 1e-9, 2),
            _cell(figures.get("bytes"), 1e-6, 1),
            _times(figures, PROCESSOR),
            _cell(ratio, 1, 1),
            _times(figures, PROCESS) + _star(figures, PROCESS),
            _times(figures, TRITON) + _star(figures, TRITON),
            _cell(figures.get(SUBJECTS), 1, 0) + _star(figures, SUBJECTS),
            " / ".join(_cell(ranks.get(name), 100, 1) for name in CONDITIONS) if ranks else "–",
            _cell(mean, 100, 1),
        ]
        lines.append(f"| {' | '.join(cells)} |")
    if any(cell.endswith("* ") for line in lines for cell in line.split("|")):
        lines += ["", f"\\* other programs kept more than {MOST_BUSY:.0%} of the cores busy".replace("%", " %") + "."]
    return "\n".join(lines) + "\n"


def _star(figures: Figures, way: str) -> str:
    return "\\*" if way in figures and (figures.get(BUSY, {}).get(way) or 0.0) > MOST_BUSY else ""


def _times(figures: Figures, way: str) -> str:
    return " / ".join(_cell((figures.get(way) or {}).get(str(batch)), 1, 1) for batch in BATCHES)


def _cell(value: float | None, factor: float, digits: int) -> str:
    if value is None or not math.isfinite(value):
        return "–"
    return f"{value * factor:.{digits}f}"
