"""A sweep over batches, concurrencies and protocols: its points, and the file that it goes on from."""

import json
import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

from rt_gait_ros.errors import GaitError, UsageError, of_file
from rt_gait_ros.paths import replace_file

# Of rt_gait_edge (Sci Rep 15:19276, 2025), for batch and concurrency alike.
GRID = (1, 4, 8, 12, 16, 20, 24, 28, 32)
# Inferences a second of each subject, as rt_gait_edge counts the subjects that a board carries.
SUBJECT_RATE = 25.0
_FILE = "points.jsonl"
MEASURED, BEYOND, FAILED = "measured", "beyond", "failed"


@dataclass(frozen=True, slots=True)
class Setting:
    """One point of a sweep before it is measured. concurrency: requests under way, each of `batch` items."""

    protocol: str
    batch: int
    concurrency: int


@dataclass(frozen=True, slots=True)
class Report:
    """What a client found at one point. rate: inferences per second. Latencies in ms, of whole requests."""

    requests: int
    rate: float
    mean_ms: float
    p50_ms: float
    p90_ms: float
    p95_ms: float
    p99_ms: float


@dataclass(frozen=True, slots=True)
class Point:
    """One point of a sweep.

    outcome: measured; beyond (a smaller concurrency was over the latency limit already, so this was not measured); or
    failed, and then `reason` says why. Latencies in ms, from sending a request to its answer. rate: inferences
    (items) per second. queue_ms, compute_ms, server_batch: the server's own counts, of a request and of a run of the
    network. energy_mj: of one inference, and watts, of the whole machine. None: not known.
    """

    protocol: str
    batch: int
    concurrency: int
    outcome: str = MEASURED
    reason: str = ""
    requests: int = 0
    rate: float | None = None
    mean_ms: float | None = None
    p50_ms: float | None = None
    p90_ms: float | None = None
    p95_ms: float | None = None
    p99_ms: float | None = None
    queue_ms: float | None = None
    compute_ms: float | None = None
    server_batch: float | None = None
    energy_mj: float | None = None
    watts: float | None = None

    @property
    def setting(self) -> Setting:
        """Which point it is."""
        return Setting(self.protocol, self.batch, self.concurrency)

    @property
    def subjects(self) -> int:
        """People that it carries at 25 inferences a second each."""
        return int((self.rate or 0.0) / SUBJECT_RATE)


class SweepFile:
    """The points of a sweep as they come, in a folder of its own; what is there is not measured again."""

    def __init__(self, folder: Path, conditions: Mapping[str, Any]) -> None:
        """conditions: what must be the same for points to belong to one sweep. Raises UsageError where the folder
        holds a sweep of others, or cannot be written; a line that was cut off is left out."""
        self.folder = folder
        self.points: dict[Setting, Point] = {}
        self._path = folder / _FILE
        try:
            folder.mkdir(parents=True, exist_ok=True)
            lines = self._path.read_bytes().split(b"\n") if self._path.exists() else []
            self._take(lines, dict(conditions))
            self._write_anew(conditions)
        except OSError as error:
            raise of_file(error, f"{folder} cannot be written") from None

    def add(self, point: Point) -> None:
        """Keep a point, on the disk when this returns. Raises GaitError."""
        try:
            with self._path.open("ab") as file:
                file.write(_line(asdict(point)))
                file.flush()
                os.fsync(file.fileno())
        except OSError as error:
            raise of_file(error, f"{self._path} cannot be written") from None
        self.points[point.setting] = point

    def _take(self, lines: Sequence[bytes], conditions: dict[str, Any]) -> None:
        """Read what is there. Points that failed are tried again."""
        entries = list(_entries(lines))
        if not entries:
            return
        found = entries[0]
        for key in conditions.keys() | found.keys():
            if conditions.get(key) != found.get(key):
                raise UsageError(
                    f"{self.folder} holds a sweep with {key} {found.get(key)}, and this is with {conditions.get(key)}: "
                    "choose another --output, or remove that folder"
                )
        names = {each.name for each in fields(Point)}
        for entry in entries[1:]:
            if entry.keys() == names and entry["outcome"] != FAILED:
                point = Point(**entry)
                self.points[point.setting] = point

    def _write_anew(self, conditions: Mapping[str, Any]) -> None:
        lines = [dict(conditions), *(asdict(point) for point in self.points.values())]
        replace_file(self._path, b"".join(_line(line) for line in lines))


def settings(
    protocols: Sequence[str], batches: Sequence[int], concurrencies: Sequence[int]
) -> Iterator[tuple[str, int, list[int]]]:
    """Each series of a sweep: protocol, batch, and its concurrencies from the smallest on."""
    for protocol in protocols:
        for batch in sorted(set(batches)):
            yield protocol, batch, sorted(set(concurrencies))


def read_points(path: Path) -> tuple[dict[str, Any], list[Point]]:
    """Conditions and points of a finished sweep, from its folder or its sweep.json. Raises GaitError."""
    file = path / "sweep.json" if path.is_dir() else path
    try:
        value = json.loads(file.read_text(encoding="utf-8"))
        names = {each.name for each in fields(Point)}
        return value["conditions"], [Point(**{k: v for k, v in p.items() if k in names}) for p in value["points"]]
    except OSError as error:
        raise of_file(error, f"{file} cannot be read") from None
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
        raise GaitError(f"{file} is no result of `rt-gait bench serve`") from None


def numbers(text: str, name: str, least: int = 1, most: int = 1024) -> tuple[int, ...]:
    """A list such as 1,4,8. Raises UsageError."""
    parts = [part.strip() for part in text.split(",")]
    if not all(part.isdecimal() and least <= int(part) <= most for part in parts):
        raise UsageError(f"{name} {text!r}: whole numbers from {least} to {most} are wanted, with commas between them")
    return tuple(sorted({int(part) for part in parts}))


def _line(value: Mapping[str, Any]) -> bytes:
    return json.dumps(value).encode() + b"\n"


def _entries(lines: Sequence[bytes]) -> Iterator[dict[str, Any]]:
    """The whole lines: the last one has no end where the process was killed while it wrote."""
    for line in lines[:-1]:
        try:
            value = json.loads(line)
        except (ValueError, RecursionError):
            continue
        if isinstance(value, dict):
            yield value
