"""What the benchmarks and evaluations have measured of each variant of a network, read from their files and joined."""

import json
import math
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from rt_gait_ros.edge.choice import Accuracy, Operation, Variant
from rt_gait_ros.edge.sweep import MEASURED, read_points
from rt_gait_ros.errors import GaitError, UsageError, of_file
from rt_gait_ros.paths import expand

# Where latencies come from, the first that any variant has; what is compared is of one of them alone.
SERVE, TRITON, PROCESS, PRUNE = "serve", "triton", "process", "prune"
LATENCIES = {
    SERVE: "p95 of a request, by `rt-gait bench serve`",
    TRITON: "median of a request through Triton, one at a time, by `rt-gait bench gait`",
    PROCESS: "median of a request in process, one at a time, by `rt-gait bench gait`",
    PRUNE: "median of an item in process, one thread, by `rt-gait prune --report`; no rate is measured",
}
# What two sweeps or benchmarks must have alike for their figures to be compared.
_ALIKE = ("cpu", "cores", "client", "server", "frames")
_GAIT_ROW = re.compile(r"(process|triton)_(.+)_batch_(\d+)_item")
_PRUNED = re.compile(r"(?P<name>[^=/]+)=(?P<file>.+)@(?P<percentile>\d+(\.\d+)?)")


@dataclass
class Measurements:
    """Everything that was read, by the network's name; `add` takes one file after the other."""

    operations: dict[str, dict[str, list[Operation]]] = field(default_factory=dict)
    conditions: dict[str, dict[str, dict[str, Any]]] = field(default_factory=dict)
    accuracies: dict[str, dict[str, Accuracy]] = field(default_factory=dict)
    memory: dict[str, float | None] = field(default_factory=dict)
    sha256: dict[str, str] = field(default_factory=dict)

    def add(self, word: str) -> None:
        """Read a folder or a file of one of the commands, or NAME=FILE@PERCENTILE of `rt-gait prune --report`.

        Raises GaitError for what is none, and for figures of a network that were there already.
        """
        pruned = None if Path(word).exists() else _PRUNED.fullmatch(word)
        path = expand(pruned["file"] if pruned else word)
        is_sweep = path.is_dir()
        if is_sweep and (path / "points.jsonl").is_file() and not (path / "sweep.json").exists():
            raise UsageError(f"the sweep in {path} is not at its end: go on with the same `rt-gait bench serve`")
        value = {} if is_sweep else _load(path)
        try:
            if is_sweep:
                self._add_sweep(path)
            elif pruned:
                self._add_pruned(value, path, {float(pruned["percentile"]): pruned["name"]})
            elif "conditions" in value and "points" in value:
                self._add_sweep(path)
            elif "bench" in value:
                self._add_bench(value, path)
            elif "protocol" in value:
                self._add_accuracy(value["model"], accuracy_of(value), path)
            else:
                self._add_pruned(value, path, {})
        except (KeyError, TypeError, ValueError, AttributeError, IndexError, OverflowError):
            raise UsageError(f"{path} is no result of bench serve, bench gait, prune --report or evaluate") from None

    def variants(self, protocol: str | None = None) -> tuple[list[Variant], str, str, list[str]]:
        """All networks, where their latencies come from, what their accuracy is, and what is left out and why.

        protocol: of the accuracy; needed where files have several. Raises UsageError for figures that are not of the
        same conditions.
        """
        kind = next((kind for kind in LATENCIES if any(kind in found for found in self.operations.values())), "")
        if kind in (SERVE, TRITON, PROCESS):
            self._require_alike(kind)
        protocol = self._protocol(protocol)
        basis = self._basis(protocol)
        names = sorted(self.operations.keys() | self.accuracies.keys())
        said: list[str] = []
        for name in names:
            others = [other for other in self.operations.get(name, {}) if other != kind]
            if others and kind not in self.operations[name]:
                said.append(f"{name}: only its {LATENCIES[others[0]]}, which is not compared with the others'")
        variants = [
            Variant(
                name,
                tuple(self.operations.get(name, {}).get(kind, ())),
                self.memory.get(name),
                self.accuracies.get(name, {}).get(protocol),
                self.sha256.get(name, ""),
            )
            for name in names
        ]
        return variants, LATENCIES.get(kind, ""), basis, said

    def _add_sweep(self, path: Path) -> None:
        conditions, points = read_points(path)
        name = str(conditions["model"]) if "model" in conditions else ""
        if not name:
            raise UsageError(f"{path} does not say which network was measured")
        operations = [
            Operation(
                f"{point.protocol}, batch {point.batch}, concurrency {point.concurrency}",
                _number(point.rate),
                _number(point.p95_ms),
                _number(point.watts),
                _number(point.energy_mj),
            )
            for point in points
            if point.outcome == MEASURED
        ]
        self._take(name, SERVE, operations, conditions, path)
        file = path / "sweep.json" if path.is_dir() else path
        self.memory[name] = _number(_load(file).get("memory_mib"))
        self.sha256[name] = str(conditions.get("sha256", ""))

    def _add_bench(self, value: Mapping[str, Any], path: Path) -> None:
        if value["bench"] == "serve":
            raise UsageError(f"{path} has the best rows of a sweep alone: name the sweep's folder, output/serve/NAME")
        if value["bench"] != "gait":
            raise UsageError(f"{path} is of `rt-gait bench {value['bench']}`: of bench, serve and gait are compared")
        found: dict[tuple[str, str], list[Operation]] = {}
        for row in value["rows"]:
            if (said := _GAIT_ROW.fullmatch(row["name"])) and (item := _number(row["value"])):
                way, name, batch = said[1], said[2], int(said[3])
                operation = Operation(f"{way}, batch {batch}", 1e3 / item, item * batch)
                found.setdefault((name, way), []).append(operation)
        if not found:
            raise UsageError(f"{path} has no times of a network: make it by `rt-gait bench gait --model NAME --json`")
        for (name, way), operations in found.items():
            self._take(name, way, operations, value.get("machine", {}), path)

    def _add_pruned(self, value: Mapping[str, Any], path: Path, names: Mapping[float, str]) -> None:
        """names: of the rows that are meant, by percentile; none: all rows, by names of their own."""
        if "network" not in value or not isinstance(value.get("rows"), list):
            raise UsageError(f"{path} is no result of bench serve, bench gait, prune --report or evaluate")
        rows = {float(row["percentile"]): row for row in value["rows"]}
        for percentile, name in names.items():
            if percentile not in rows:
                there = ", ".join(f"{each:g}" for each in rows)
                raise UsageError(f"{path} has no row of {percentile:g} % for {name}: it has {there}")
        for percentile, name in (names or {each: f"{value['network']}@{each:g}" for each in rows}).items():
            row = rows[percentile]
            operation = Operation("process, one thread", None, _number(row["milliseconds"]))
            self._take(name, PRUNE, [operation], {}, path)
            if (share := _share(row.get("accuracy"))) is not None:
                self._add_accuracy(name, Accuracy(share, "prune", "of the pruned network before any training"), path)

    def _take(
        self, name: str, kind: str, operations: list[Operation], conditions: Mapping[str, Any], path: Path
    ) -> None:
        if kind in self.operations.setdefault(name, {}):
            raise UsageError(f"{path}: {name} is there twice, by {LATENCIES[kind]}: name one of the files")
        self.operations[name][kind] = operations
        self.conditions.setdefault(name, {})[kind] = dict(conditions)

    def _add_accuracy(self, name: str, accuracy: Accuracy | None, path: Path) -> None:
        if not isinstance(name, str):
            raise TypeError(name)
        if accuracy is None:
            raise UsageError(f"{path} has no rank-1 of {name}: evaluate it by kth, casia-b, tum-gaid or virtual")
        if accuracy.protocol in self.accuracies.setdefault(name, {}):
            raise UsageError(f"{path}: {name} is there twice, by {accuracy.protocol}: name one of the files")
        self.accuracies[name][accuracy.protocol] = accuracy

    def _require_alike(self, kind: str) -> None:
        measured = [(name, found[kind]) for name, found in sorted(self.conditions.items()) if kind in found]
        first, reference = measured[0]
        for name, conditions in measured[1:]:
            for key in _ALIKE:
                if conditions.get(key) != reference.get(key):
                    raise UsageError(
                        f"{name} was measured with {key} {conditions.get(key)}, and {first} with {reference.get(key)}: "
                        "figures of different conditions are not compared, measure both alike"
                    )

    def _protocol(self, wanted: str | None) -> str:
        present = sorted({protocol for found in self.accuracies.values() for protocol in found})
        if wanted is not None and wanted not in present:
            raise UsageError(f"no file has an accuracy by {wanted}: there is {', '.join(present) or 'none'}")
        if wanted is None and len(present) > 1:
            raise UsageError(f"there are accuracies by {', '.join(present)}: choose one with --protocol")
        return wanted or (present[0] if present else "")

    def _basis(self, protocol: str) -> str:
        """What the accuracy is, the same for all. Raises UsageError where it is not."""
        found = [(name, each[protocol]) for name, each in sorted(self.accuracies.items()) if protocol in each]
        for name, accuracy in found[1:]:
            if accuracy.basis != found[0][1].basis:
                raise UsageError(
                    f"the accuracy of {name} is {accuracy.basis}, and that of {found[0][0]} {found[0][1].basis}: "
                    "evaluate both alike"
                )
        return f"{protocol}, {found[0][1].basis}" if found else ""


def accuracy_of(value: Mapping[str, Any]) -> Accuracy | None:
    """The one figure that stands for a result of `rt-gait evaluate`, with what it is; None where there is none.

    value: the JSON of the command. Raises KeyError, TypeError, IndexError or AttributeError where it is none.
    """
    find = _FIGURES.get(value["protocol"])
    if find is None:
        return None
    share, basis = find(value)
    return None if share is None else Accuracy(share, str(value["protocol"]), basis)


def _kth(value: Mapping[str, Any]) -> tuple[float | None, str]:
    normalised = value["scene_normalisation"][-1]["scene_normalisation"]
    rows = [row for row in value["rows"] if row["scene_normalisation"] == normalised]
    return _mean(rows), f"rank-1 of all probes, scene normalisation {_switch(normalised)}, {value['passes']} passes"


def _casia_b(value: Mapping[str, Any]) -> tuple[float | None, str]:
    shares = [_share(each["without_identical_view"]) for each in value["summary"].values()]
    known = [share for share in shares if share is not None]
    mean = sum(known) / len(known) if known and len(known) == len(shares) else None
    conditions = ", ".join(value["summary"])
    return mean, f"rank-1 across views, mean of {conditions}, {value['people']} people"


def _votes(value: Mapping[str, Any]) -> tuple[float | None, str]:
    return _mean(value["rows"]), f"rank-1 of all probe videos, {value['people']} people, ties to the {value['ties']}"


def _virtual(value: Mapping[str, Any]) -> tuple[float | None, str]:
    last = value["scene_normalisation"][-1]
    switch = _switch(last["scene_normalisation"])
    cast = f"{value['people']} virtual people of seed {value['seed']}"
    return _share(last["rank1"]), f"rank-1 across azimuths, scene normalisation {switch}, {cast}"


_FIGURES: dict[str, Callable[[Mapping[str, Any]], tuple[float | None, str]]] = {
    "kth": _kth,
    "kth-flow": _votes,
    "casia-b": _casia_b,
    "tum-gaid": _votes,
    "virtual": _virtual,
}
PROTOCOLS = (*_FIGURES, "prune")


def read_measurements(words: Iterable[str]) -> Measurements:
    """Everything that these files and folders hold. Raises GaitError."""
    found = Measurements()
    for word in words:
        found.add(word)
    return found


def _mean(rows: Sequence[Mapping[str, Any]]) -> float | None:
    """Rank-1 of the probes of all rows together."""
    probes = sum(row["probes"] for row in rows)
    shares = [_share(row["rank1"]) for row in rows]
    if not probes or any(share is None for share in shares):
        return None
    return sum((share or 0.0) * row["probes"] for share, row in zip(shares, rows, strict=True)) / probes


def _switch(on: object) -> str:
    return "on" if on else "off"


def _number(value: object) -> float | None:
    """A figure, or None for what is none: absent, below zero, NaN."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value) or value < 0:
        return None
    return float(value)


def _share(value: object) -> float | None:
    number = _number(value)
    return number if number is not None and number <= 1.0 else None


def _load(path: Path) -> dict[str, Any]:
    try:
        value = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise of_file(error, f"{path} cannot be read") from None
    except (ValueError, RecursionError):
        raise GaitError(f"{path} is no JSON: make it with --json {path.name}") from None
    if not isinstance(value, dict):
        raise UsageError(f"{path} is no result of bench serve, bench gait, prune --report or evaluate")
    return value
