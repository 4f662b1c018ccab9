"""Simulated tracks before a streaming network on a Triton server, and how many of them it keeps up with.

The clients are the gait node's own (StreamEmbedder, TritonClient) and run on the same cores as the server.
"""

import os
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from dataclasses import dataclass, field
from itertools import chain
from pathlib import Path

import numpy as np
from walkers import walk

from rt_gait_ros.edge.energy import Energy, Recorder
from rt_gait_ros.gait.model import describe
from rt_gait_ros.gait.stream_embedder import StreamEmbedder
from rt_gait_ros.serving.inference import InferenceError
from rt_gait_ros.serving.triton_client import TritonClient

RATE, WINDOW = 25.0, 30  # frames per second of a camera, and of an embedding
# A look that takes longer is late, whatever the cadence: the gait node's default time between looks (5 frames).
LATE = 0.2
TOLERANCE = 0.03  # share of the most subjects to which their number is found
# Frames are handed over in gulps of so many seconds, as those of one image are.
_TICK = 0.005
_DEADLINE = 30.0


@dataclass(frozen=True, slots=True)
class Cadence:
    """How often a track is embedded, and by how many of its frames.

    refresh: frames of the camera between looks. stride: of so many frames one goes to the network.
    """

    refresh: int = 5
    stride: int = 1


@dataclass(frozen=True, slots=True)
class Trial:
    """What became of tracks that sent frames for some seconds.

    latency_p95: seconds from the moment a look's last frame is due to its embedding. late: share of looks that took
    longer than they may. dropped: looks without an answer, and frames that an answer does not count. client_cores,
    server_cores: cores that the simulated clients and the server with its networks kept busy. frames, looks: how many
    there were. energy: of the machine meanwhile, None without a meter.
    """

    subjects: int
    latency_p95: float
    late: float
    dropped: int
    client_cores: float
    server_cores: float
    frames: int = 0
    looks: int = 0
    energy: Energy | None = None

    @property
    def passed(self) -> bool:
        """All answered, and 95 of 100 in time."""
        return self.dropped == 0 and self.late <= 0.05


@dataclass(slots=True)
class _Track:
    """A track's frames so far, and its looks: each with the frames that it must count."""

    added: int = 0
    looks: list[tuple["Future[dict[str, np.ndarray]]", int]] = field(default_factory=list)


def trial(
    client: TritonClient,
    model: str,
    subjects: int,
    cadence: Cadence,
    seconds: float,
    server_pid: int,
    recorder: Recorder | None = None,
) -> Trial:
    """Let so many tracks, evenly spread in time, send 25 frames a second each, and wait for all answers.

    Every track has a full window before; the time that takes does not count, nor its energy. recorder: of a power
    meter. Raises InferenceError.
    """
    embedder = StreamEmbedder(client, describe(client, model), WINDOW, _DEADLINE)
    frames = walk(0.5, WINDOW)
    names = [f"t{number:05d}" for number in range(subjects)]
    tracks = {name: _Track() for name in names}
    _fill(embedder, tracks, frames)
    latencies: list[float] = []
    first = recorder.reading() if recorder else None
    start = time.perf_counter()
    before = time.process_time(), _processor_seconds(server_pid)
    for image, index in _schedule(subjects, seconds, start):
        body_id, track = names[index], tracks[names[index]]
        if image % cadence.stride == 0:
            embedder.add(body_id, frames[image % WINDOW])
            track.added += 1
        # tracks are looked at after different images, as people who came at different times are
        if (image + index) % cadence.refresh == 0:
            due = start + (image + index / subjects) / RATE
            future = embedder.request(body_id)
            future.add_done_callback(lambda _, due=due: latencies.append(time.perf_counter() - due))  # type: ignore[misc]
            track.looks.append((future, track.added))
    dropped = sum(_dropped(track) for track in tracks.values())
    last = recorder.reading() if recorder else None
    clock = time.perf_counter() - start
    busy = [(b - a) / clock for a, b in zip(before, (time.process_time(), _processor_seconds(server_pid)), strict=True)]
    for body_id in names:
        embedder.drop(body_id)
    late = float(np.mean(np.array(latencies) > min(LATE, cadence.refresh / RATE)))
    sent = sum(track.added for track in tracks.values()) - WINDOW * subjects
    energy = last.since(first) if first and last else None
    return Trial(subjects, float(np.quantile(latencies, 0.95)), late, dropped, *busy, sent, len(latencies), energy)


def most_subjects(run: Callable[[int], Trial], guess: int) -> Trial:
    """The trial with the most subjects that passes, by bisection from a guess to within TOLERANCE; it has passed twice.

    Where not even 1 passes, the trial of 1, which has failed.
    """
    low, high, number = 0, 0, max(guess, 1)
    while not high or high - low > max(1.0, TOLERANCE * low):
        result = run(number)
        if result.passed:
            low = number
        else:
            high = number
        number = (low + high) // 2 if high else number + max(1, number // 3)
    number = max(low, 1)
    result = run(number)
    while not result.passed and number > 1:
        number = min(number - 1, round((1 - TOLERANCE) * number))
        result = run(number)
        if result.passed:
            result = run(number)
    return result


def _schedule(subjects: int, seconds: float, start: float) -> Iterator[tuple[int, int]]:
    """Each frame of each subject, (number of the image, subject), no earlier than its time."""
    number, total = 0, int(seconds * RATE) * subjects
    while number < total:
        due = min(total, int((time.perf_counter() - start) * RATE * subjects) + 1)
        if due <= number:
            time.sleep(_TICK)
        for each in range(number, due):
            yield divmod(each, subjects)
        number = max(number, due)


def _fill(embedder: StreamEmbedder, tracks: dict[str, _Track], frames: np.ndarray) -> None:
    """Give every track a full window."""
    answers = []
    for body_id, track in tracks.items():
        for frame in frames:
            embedder.add(body_id, frame)
        track.added = len(frames)
        answers.append(embedder.request(body_id))
    for answer in answers:
        answer.result()


def _dropped(track: _Track) -> int:
    """Looks that were not answered, and frames that the newest answer does not count."""
    failed = short = 0
    for future, wanted in track.looks:
        try:
            short = max(0, wanted - int(future.result()["frames"].item()))
        except InferenceError:
            failed += 1
    return failed + short


def _processor_seconds(pid: int) -> float:
    """User and system time of a process and its living children (proc(5), fields 14 and 15)."""
    ticks = 0
    children = [path.read_text(encoding="ascii").split() for path in Path(f"/proc/{pid}/task").glob("*/children")]
    for each in (str(pid), *chain.from_iterable(children)):
        fields = Path(f"/proc/{each}/stat").read_text(encoding="utf-8", errors="replace").rpartition(")")[2].split()
        ticks += int(fields[11]) + int(fields[12])
    return ticks / os.sysconf("SC_CLK_TCK")
