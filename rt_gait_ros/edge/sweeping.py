"""Measuring the points of a sweep one after the other, by perf_analyzer or by our own client."""

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Protocol

import numpy as np

from rt_gait_ros.edge.energy import Energy, Recorder
from rt_gait_ros.edge.generated_requests import Requests
from rt_gait_ros.edge.load import Addresses, Answers, Pace, put_load
from rt_gait_ros.edge.perf_analyzer import PerfAnalyzer
from rt_gait_ros.edge.server_counters import Counters, read_counters
from rt_gait_ros.edge.sweep import BEYOND, FAILED, Point, Report, Setting, SweepFile, settings
from rt_gait_ros.serving.inference import InferenceError


class Client(Protocol):
    """What asks the server at one point of a sweep."""

    name: str

    def measure(self, setting: Setting, on_warm: Callable[[], None]) -> Point:
        """Put the load on. on_warm: called when the warm-up is over. Raises InferenceError."""
        ...


@dataclass(frozen=True, slots=True)
class OwnClient:
    """Our asynchronous client (tritonclient's asyncio classes); it takes part of the processor that it measures."""

    addresses: Addresses
    requests: Requests
    pace: Pace
    name: str = "own"

    def measure(self, setting: Setting, on_warm: Callable[[], None]) -> Point:
        """As Client.measure."""
        warm_up(self.addresses, self.requests, setting, self.pace)
        on_warm()
        pace = replace(self.pace, warm_up=0.0)
        answers = put_load(self.addresses, self.requests, setting.protocol, setting.batch, setting.concurrency, pace)
        return point_of(setting, answers)


@dataclass(frozen=True, slots=True)
class PerfAnalyzerClient:
    """NVIDIA's perf_analyzer, on as many requests as our client's warm-up says will last `pace.seconds`."""

    addresses: Addresses
    requests: Requests
    pace: Pace
    program: PerfAnalyzer
    name: str = "perf_analyzer"

    def measure(self, setting: Setting, on_warm: Callable[[], None]) -> Point:
        """As Client.measure."""
        answers = warm_up(self.addresses, self.requests, setting, self.pace)
        rate = len(answers.latencies) / answers.seconds if answers.seconds else 0.0
        count = max(round(rate * self.pace.seconds), self.pace.least, 2 * setting.concurrency)
        on_warm()
        report = self.program.measure(
            self.addresses, self.requests, setting.protocol, setting.batch, setting.concurrency, count
        )
        return _point(setting, replace(report, requests=report.requests or count))


def warm_up(addresses: Addresses, requests: Requests, setting: Setting, pace: Pace) -> Answers:
    """Ask as in the measurement until every client was answered and `pace.warm_up` seconds have passed.

    Returns what was answered after the first round. Raises InferenceError.
    """
    short = Pace(0.0, pace.warm_up, min(pace.least, setting.concurrency), pace.limit)
    return put_load(addresses, requests, setting.protocol, setting.batch, setting.concurrency, short)


def point_of(setting: Setting, answers: Answers) -> Point:
    """A point from the latencies of its requests. Raises InferenceError when none was answered in time."""
    count = len(answers.latencies)
    if not count or answers.seconds <= 0.0:
        raise InferenceError(f"nothing was answered within {answers.pace.limit:.0f} s")
    milliseconds = 1e3 * np.array(answers.latencies)
    percentiles = (float(value) for value in np.percentile(milliseconds, (50, 90, 95, 99)))
    rate = setting.batch * count / answers.seconds
    return _point(setting, Report(count, rate, float(milliseconds.mean()), *percentiles))


def _point(setting: Setting, report: Report) -> Point:
    return Point(setting.protocol, setting.batch, setting.concurrency, **asdict(report))


@dataclass(frozen=True, slots=True)
class Sweeper:
    """Goes through a sweep's points and keeps each. latency_limit: ms of p95, beyond which more load is not tried.
    recorder: of a power meter, or None. progress: takes lines to show."""

    client: Client
    kept: SweepFile
    addresses: Addresses
    model: str
    latency_limit: float
    progress: Callable[[str], None]
    recorder: Recorder | None = None

    def run(self, protocols: Sequence[str], batches: Sequence[int], concurrencies: Sequence[int]) -> list[Point]:
        """Measure what is not kept yet; returns all points of the grid, in its order.

        Raises MeterGone when the power meter is lost, InferenceError when the metrics port does not answer; what was
        measured before is kept.
        """
        total = len(set(protocols)) * len(set(batches)) * len(set(concurrencies))
        points: list[Point] = []
        for protocol, batch, series in settings(protocols, batches, concurrencies):
            beyond = 0
            for concurrency in series:
                setting = Setting(protocol, batch, concurrency)
                point = self.kept.points.get(setting)
                again = point is not None
                if point is None:
                    point = self._beyond(setting, beyond) if beyond else self._measure(setting)
                    self.kept.add(point)
                points.append(point)
                if not beyond and (point.p95_ms or 0.0) > self.latency_limit:
                    beyond = concurrency
                self.progress(f"{len(points)} of {total}: {line_of(point)}{' (measured before)' if again else ''}")
        return points

    def _measure(self, setting: Setting) -> Point:
        counted: list[Counters] = []
        energy: list[Energy] = []

        def on_warm() -> None:
            if self.addresses.metrics:
                counted.append(read_counters(self.addresses.metrics, self.model))
            if self.recorder is not None:
                energy.append(self.recorder.now())

        try:
            point = self.client.measure(setting, on_warm)
        except InferenceError as error:
            return Point(setting.protocol, setting.batch, setting.concurrency, FAILED, str(error))
        if self.recorder is not None:
            energy.append(self.recorder.now())
        if self.addresses.metrics:
            counters = read_counters(self.addresses.metrics, self.model).since(counted[0])
            point = replace(
                point, queue_ms=counters.queue_ms, compute_ms=counters.compute_ms, server_batch=counters.batch
            )
            if energy and counters.inferences:
                taken = energy[1].since(energy[0])
                point = replace(point, energy_mj=taken.millijoules_per(counters.inferences), watts=taken.watts)
                assert self.recorder is not None
                self.recorder.spent("inference", counters.inferences, taken)
        return point

    def _beyond(self, setting: Setting, concurrency: int) -> Point:
        reason = f"over {self.latency_limit:g} ms with {concurrency} requests under way"
        return Point(setting.protocol, setting.batch, setting.concurrency, BEYOND, reason)


def line_of(point: Point) -> str:
    """A point for a person to read."""
    name = f"{point.protocol}, batch {point.batch}, concurrency {point.concurrency}"
    if point.rate is None:
        return f"{name}: {'not measured' if point.outcome == BEYOND else point.outcome}, {point.reason}"
    energy = "" if point.energy_mj is None else f", {point.energy_mj:.3g} mJ"
    return f"{name}: {point.rate:.1f} inferences/s, p95 {point.p95_ms:.1f} ms{energy}"
