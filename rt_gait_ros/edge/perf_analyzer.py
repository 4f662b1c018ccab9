"""NVIDIA's perf_analyzer: found, run on one point of a sweep, and its report read."""

import csv
import json
import os
import re
import shutil
import subprocess
import tempfile
from functools import cached_property
from math import prod
from pathlib import Path

import numpy as np

from rt_gait_ros.edge.generated_requests import Requests
from rt_gait_ros.edge.load import DEADLINE, Addresses
from rt_gait_ros.edge.sweep import Report
from rt_gait_ros.errors import GaitError, UsageError
from rt_gait_ros.serving.inference import InferenceError, Tensors
from rt_gait_ros.serving.installation import ServerNotInstalled, find_installation

VARIABLE = "RT_GAIT_PERF_ANALYZER"
# What the program of the tritonclient wheels (2.46 to 2.50) links, and no system has; the server's wheel carries both
# under names of its own.
_LIBRARIES = {"libb64.so.0d": "libb64-*.so.0d", "libcudart.so.12": "libcudart-*.so.12*"}
# The program of 2.50 ends without a word and without figures now and then: one point of thirty on a busy machine.
_TRIES = 3
_VERSION_DEADLINE = 30.0  # seconds
_OPTION = "--request-count"  # which the program has from tritonclient 2.46 on
_REQUEST_COUNT = re.compile(r"Request count: (\d+)")


class PerfAnalyzer:
    """The program, and the folder that it runs in. A context manager."""

    def __init__(self, program: Path) -> None:
        """program: as `find_perf_analyzer` gives it."""
        self.program = program
        self._folder = tempfile.TemporaryDirectory(prefix="rt_gait_bench_")

    def __enter__(self) -> "PerfAnalyzer":
        return self

    def __exit__(self, *_: object) -> None:
        self._folder.cleanup()

    @cached_property
    def version(self) -> str:
        """The program and what it says of itself. Raises GaitError where it does not run here."""
        try:
            done = self._call(["--version"], _VERSION_DEADLINE)
            options = self._call(["--help"], _VERSION_DEADLINE)
        except subprocess.TimeoutExpired:
            raise GaitError(f"{self.program} does not tell its version in {_VERSION_DEADLINE:.0f} s") from None
        said = " ".join((done.stdout + done.stderr).split())
        if "Perf Analyzer" not in said:  # to standard error, and the exit code is not 0 even so
            raise GaitError(f"{self.program} does not run here: {said or f'exit code {done.returncode}'}")
        if f" {_OPTION}:" not in options.stdout + options.stderr:
            raise GaitError(f"{self.program} has no {_OPTION}: take the one of tritonclient 2.46 to 2.50")
        return said

    def measure(
        self, addresses: Addresses, requests: Requests, protocol: str, batch: int, concurrency: int, count: int
    ) -> Report:
        """Send `count` requests, `concurrency` of them under way.

        A number of requests and not a span of time: with time windows the program wants three in a row that agree, and
        ends without a word on what it measured where they do not, as those of a busy box with larger batches do.
        Raises InferenceError with what the program said.
        """
        folder = Path(self._folder.name)
        report = folder / "report.csv"
        report.unlink(missing_ok=True)
        command = ["-m", requests.model, "--async", "-b", str(batch), "--concurrency-range", str(concurrency)]
        command += [_OPTION, str(count), "-f", str(report), "--input-data", str(self._input(requests))]
        command += _protocol(addresses, requests, protocol, batch)
        for name, shape in _shapes(requests).items():
            command += ["--shape", f"{name}:{','.join(map(str, shape))}"]
        if requests.sequence:
            command += ["--sequence-length", str(max(len(requests.walks[0]), 2))]
        for _ in range(_TRIES):
            try:
                done = self._call(command, DEADLINE + count * DEADLINE / concurrency)
            except subprocess.TimeoutExpired:
                raise InferenceError("perf_analyzer did not end") from None
            if not done.returncode and report.is_file():
                break
            if complaint := [line for line in done.stderr.splitlines() if line.strip()]:
                raise InferenceError(f"perf_analyzer failed: {complaint[-1].strip()}")
        else:
            said = [line.strip() for line in done.stdout.splitlines() if line.strip()]
            last = f", its last line: {said[-1]}" if said else ""
            raise InferenceError(
                f"perf_analyzer ended without an error and without figures, {_TRIES} times one after the other "
                f"(exit code {done.returncode}{last})"
            )
        return read_report(report.read_text(encoding="utf-8"), done.stdout, batch * concurrency)

    def _call(self, arguments: list[str], timeout: float) -> "subprocess.CompletedProcess[str]":
        environment = {**os.environ, "LD_LIBRARY_PATH": self._libraries}
        try:
            return subprocess.run(
                [self.program, *arguments],
                env=environment,
                cwd=self._folder.name,
                stdin=subprocess.DEVNULL,
                capture_output=True,
                text=True,
                errors="replace",
                timeout=timeout,
                check=False,
            )
        except OSError as error:
            raise GaitError(f"{self.program} does not run here: {error.strerror}") from None

    @cached_property
    def _libraries(self) -> str:
        """Where the loader shall look: the server's libraries under the names that the program asks for."""
        former = os.environ.get("LD_LIBRARY_PATH", "")
        try:
            carried = find_installation().libraries
        except ServerNotInstalled:
            carried = None
        if carried is None:
            return former
        links = Path(self._folder.name, "libraries")
        links.mkdir(exist_ok=True)
        for name, pattern in _LIBRARIES.items():
            for file in sorted(carried.glob(pattern))[:1]:
                (links / name).symlink_to(file)
        return os.pathsep.join(filter(None, [str(links), str(carried), former]))

    def _input(self, requests: Requests) -> Path:
        """The walkers as the program reads them: items without a batch axis, sequences as lists of their requests."""
        path = Path(self._folder.name, f"{requests.model}.json")
        if not path.exists():
            turns = [[_item(request, requests.batch_axis) for request in walk] for walk in requests.walks]
            data = turns if requests.sequence else [turn[0] for turn in turns]
            path.write_text(json.dumps({"data": data}), encoding="ascii")
        return path


def find_perf_analyzer() -> Path | None:
    """The program: what the variable RT_GAIT_PERF_ANALYZER names, else one on the PATH; None where there is none.

    Raises UsageError for a variable that names no program.
    """
    if named := os.environ.get(VARIABLE):
        if not os.access(named, os.X_OK) or Path(named).is_dir():
            raise UsageError(f"{VARIABLE} is {named}, which is not a program: correct or unset it")
        return Path(named).resolve()
    found = shutil.which("perf_analyzer")
    return Path(found) if found else None


def read_report(table: str, said: str, under_way: int) -> Report:
    """The program's CSV file and its standard output. under_way: items of all requests that are under way at once.

    The rate is Little's law: so many items under way, each for the mean latency. The program's own column is requests
    by a span that it rounds up to whole seconds where it is given their number: half of the truth for a second of them.
    Raises InferenceError where figures are missing.
    """
    rows = list(csv.DictReader(table.splitlines()))
    try:
        row = rows[0]
        p50, p90, p95, p99 = (1e-3 * float(row[f"p{share} latency"]) for share in (50, 90, 95, 99))
        parts: tuple[str, ...] = ("Client Send", "Network+Server Send/Recv", "Server Queue", "Server Compute Input")
        parts += ("Server Compute Infer", "Server Compute Output", "Client Recv")
        mean = 1e-3 * sum(float(row[part]) for part in parts)
        count = _REQUEST_COUNT.search(said)
        return Report(int(count[1]) if count else 0, 1e3 * under_way / mean, mean, p50, p90, p95, p99)
    except (IndexError, KeyError, ValueError, TypeError, ZeroDivisionError):
        raise InferenceError("perf_analyzer's report has not the columns that this release knows") from None


def _protocol(addresses: Addresses, requests: Requests, protocol: str, batch: int) -> list[str]:
    if protocol == "http":
        return ["-i", "http", "-u", addresses.http]
    command = ["-i", "grpc", "-u", addresses.grpc]
    if protocol == "stream":
        command.append("--streaming")
    if protocol == "shm":
        sizes = [batch * prod(map(abs, shape)) * np.dtype(dtype).itemsize for _, shape, dtype in requests.outputs]
        command += ["--shared-memory", "system", "--output-shared-memory-size", str(max(sizes))]
    return command


def _shapes(requests: Requests) -> dict[str, tuple[int, ...]]:
    """Of one item: the program does not find them out where an axis may have any length."""
    return {name: _one(tensor, requests.batch_axis).shape for name, tensor in requests.walks[0][0].items()}


def _item(request: Tensors, batch_axis: int) -> dict[str, object]:
    return {
        name: {"content": (one := _one(tensor, batch_axis)).ravel().tolist(), "shape": list(one.shape)}
        for name, tensor in request.items()
    }


def _one(tensor: np.ndarray, batch_axis: int) -> np.ndarray:
    return np.take(tensor, 0, axis=batch_axis)
