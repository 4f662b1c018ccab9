"""What a benchmark measures: rows of a figure beside its reference, and the machine they were measured on."""

import math
import os
import platform
import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import Any

# Packages whose release moves the figures.
PACKAGES = ("numpy", "onnxruntime", "opencv-python-headless", "numba", "tritonclient", "ros-jazzy-rclpy", "torch")


@dataclass(frozen=True, slots=True)
class Row:
    """One figure.

    value: a median; NaN where there is none, as of a time that nobody had. reference: what it is compared with;
    reference_value: the figure of that, from the same run.
    """

    name: str
    value: float
    unit: str
    reference: str = ""
    reference_value: float | None = None

    @property
    def ratio(self) -> float | None:
        """value / reference_value, or None without one of them."""
        ratio = self.value / self.reference_value if self.reference_value else math.nan
        return ratio if math.isfinite(ratio) else None


def median_seconds(run: Callable[[], object], runs: int) -> float:
    """Median seconds of one of `runs` calls, after one that does not count."""
    run()
    times = []
    for _ in range(runs):
        start = time.perf_counter()
        run()
        times.append(time.perf_counter() - start)
    return statistics.median(times)


def machine() -> dict[str, Any]:
    """Processor, memory and versions of this machine; nothing that names it or its owner."""
    return {
        "cpu": _cpu(),
        "cores": len(os.sched_getaffinity(0)),
        "memory_gib": round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30, 1),
        "python": platform.python_version(),
        "load_before": round(os.getloadavg()[0], 2),
        "packages": {name: version for name in PACKAGES if (version := _version(name))},
    }


def payload(bench: str, machine: dict[str, Any], rows: Sequence[Row]) -> dict[str, Any]:
    """The JSON form of a benchmark's result; null where a figure is not there."""
    return {
        "bench": bench,
        "machine": machine,
        "rows": [
            {
                "name": row.name,
                "value": _finite(row.value),
                "unit": row.unit,
                "reference": row.reference,
                "reference_value": _finite(row.reference_value),
                "ratio": row.ratio,
            }
            for row in rows
        ],
    }


def table(rows: Sequence[Row]) -> str:
    """The rows for a person to read."""
    lines = [("", "value", "", "reference", "", "ratio")]
    for row in rows:
        reference = "" if row.reference_value is None else _said(row.reference_value)
        ratio = "" if row.ratio is None else f"{row.ratio:.3g}"
        lines.append((row.name, _said(row.value), row.unit, reference, row.reference, ratio))
    widths = [max(len(line[column]) for line in lines) for column in range(6)]
    return "\n".join(
        f"{line[0]:<{widths[0]}}  {line[1]:>{widths[1]}} {line[2]:<{widths[2]}}  "
        f"{line[3]:>{widths[3]}} {line[4]:<{widths[4]}}  {line[5]:>{widths[5]}}".rstrip()
        for line in lines
    )


def _finite(value: float | None) -> float | None:
    return value if value is not None and math.isfinite(value) else None


def _said(value: float) -> str:
    return f"{value:.4g}" if math.isfinite(value) else "-"


def _cpu() -> str:
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.machine()


def _version(package: str) -> str | None:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return None
