"""Files as bench serve, bench gait, prune --report and evaluate write them, with figures that were made up."""

import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

from rt_gait_ros.edge.sweep import FAILED, Point
from rt_gait_ros.evaluation.bench import Row, payload


def put(path: Path, value: Any) -> str:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(value))
    return str(path)


def sweep(folder: Path, name: str, rate=50.0, p95=100.0, energy=None, watts=None, memory=400.0, sha="", cores=2) -> str:
    """A sweep of two loads and a failure; the larger load is twice as quick and takes four times as long."""
    conditions = {"model": name, "sha256": sha, "client": "own", "server": "own", "frames": 30, "cpu": "made up"}
    points = [
        Point("grpc", 1, 1, requests=9, rate=rate / 2, p95_ms=p95 / 4, energy_mj=energy, watts=watts and watts / 2),
        Point("grpc", 4, 4, requests=9, rate=rate, p95_ms=p95, energy_mj=energy and 2 * energy, watts=watts),
        Point("grpc", 8, 8, FAILED, "the server is away"),
    ]
    value = {
        "conditions": conditions | {"cores": cores},
        "memory_mib": memory,
        "points": [asdict(point) for point in points],
    }
    put(folder / name / "sweep.json", value)
    return str(folder / name)


def kth(path: Path, name: str, rank1: float, passes=96) -> str:
    """The scene left in, and taken out, which the recogniser does: only the latter counts."""
    rows = [{"rank1": 0.1, "probes": 30, "scene_normalisation": False}]
    rows += [{"rank1": rank1 + by, "probes": 30, "scene_normalisation": True} for by in (-0.1, 0.1)]
    switches = [{"scene_normalisation": normalised, "eer": 0.2} for normalised in (False, True)]
    value = {"protocol": "kth", "model": name, "rows": rows, "scene_normalisation": switches, "passes": passes}
    return put(path, value)


def bench_gait(path: Path, name: str, milliseconds: float) -> str:
    rows = [
        Row(f"{way}_{name}_batch_{batch}_item", milliseconds, "ms") for way in ("process", "triton") for batch in (1, 4)
    ]
    return put(path, payload("gait", {"cpu": "made up", "cores": 2}, rows))


def pruned(path: Path, accuracy: float | None = 0.5) -> str:
    figures = {"removed": 0, "filters": 90, "parameters": 1000, "macs": 5000, "accuracy": accuracy}
    rows = [{"percentile": percentile, "milliseconds": 20.0 - percentile / 10, **figures} for percentile in (0.0, 30.0)]
    return put(path, {"network": "gaitset", "rows": rows})
