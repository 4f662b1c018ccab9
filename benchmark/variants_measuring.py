"""The figures of one variant: time of an item in process and through Triton, people it carries, rank-1 on CASIA-B."""

import argparse
import statistics
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import numpy as np
import serve
from gait_loads import WINDOW, Load, loads_of
from variants_table import STREAM, Variant
from walkers import walk

from rt_gait_ros.datasets.casia_b import Person
from rt_gait_ros.evaluation import casia_b
from rt_gait_ros.evaluation.embedding_jobs import embed_all
from rt_gait_ros.gait.model import describe
from rt_gait_ros.gait.stream_embedder import StreamEmbedder
from rt_gait_ros.serving.inference import InferenceClient
from rt_gait_ros.serving.repository import read_repository

LOOK = 5  # new frames at a look of a stream: the gait node's refresh_every
_DEADLINE = 600.0
_IMAGE = "image"  # the input of a pose network


@dataclass(frozen=True, slots=True)
class Times:
    """Milliseconds of an item by batch. wall: median. processor: mean, of all threads of this process, which other
    programs on the machine disturb least. left_out: batches of which one request takes too long."""

    wall: dict[str, float]
    processor: dict[str, float]
    left_out: list[int]


def milliseconds(
    client: InferenceClient,
    repository: Path,
    variant: Variant,
    batches: Sequence[int],
    runs: int,
    longest: float = float("inf"),
) -> Times:
    """By the batches that the network takes; of a stream, of a look at so many tracks. Raises GaitError.

    longest: seconds that the runs of a batch may take together. Where fewer runs fit, there are fewer, one at least; a
    batch of which one would take longer, by those before it, is left out.
    """
    wall, processor, left_out = {}, {}, list[int]()
    for batch in sorted(batches):
        if wall and 1e-3 * batch * list(wall.values())[-1] > longest:
            left_out.append(batch)
            continue
        for _, run in _runs(client, repository, variant, (batch,)):
            run()  # the first one does not count
            times, used = list[float](), time.process_time()
            while not times or (len(times) < runs and sum(times) + times[0] <= longest):
                began = time.perf_counter()
                run()
                times.append(time.perf_counter() - began)
            wall[str(batch)] = 1e3 * statistics.median(times) / batch
            processor[str(batch)] = 1e3 * (time.process_time() - used) / len(times) / batch
    return Times(wall, processor, left_out)


def busy_share(seconds: float = 0.5) -> float | None:
    """Share (0..1) of the machine's cores that is busy while this program waits; None where /proc/stat does not say."""

    def read() -> tuple[float, float]:
        words = Path("/proc/stat").read_text(encoding="ascii").split("\n", 1)[0].split()
        ticks = [float(word) for word in words[1:9]]  # user, nice, system, idle, iowait, irq, softirq, steal: proc(5)
        return sum(ticks), ticks[3] + ticks[4]

    try:
        whole, idle = read()
        time.sleep(seconds)
        later, still = read()
    except (OSError, ValueError, IndexError):
        return None
    return min(max(1.0 - (still - idle) / (later - whole), 0.0), 1.0) if later > whole else None


def _runs(
    client: InferenceClient, repository: Path, variant: Variant, batches: Sequence[int]
) -> Iterator[tuple[int, Callable[[], None]]]:
    """What is timed, by batch."""
    if variant.form == STREAM:
        for batch in batches:
            with _looks(client, variant.model, batch) as look:
                yield batch, look
        return
    for load in _loads(repository, variant.model, batches):
        yield load.batch, partial(load.run, client)


def _loads(repository: Path, model: str, batches: Sequence[int]) -> list[Load]:
    spec = read_repository(repository)[model].spec
    (first, *_) = spec.inputs
    if first.name != _IMAGE:
        return loads_of(repository, model, batches)
    image = np.random.default_rng(0).integers(0, 256, (1, *first.shape[1:]), np.uint8)
    return [Load(model, batch, {_IMAGE: np.repeat(image, batch, axis=0)}) for batch in batches]


@contextmanager
def _looks(client: InferenceClient, model: str, tracks: int) -> Iterator[Callable[[], None]]:
    """A function that waits until all tracks have the embedding of their newest frames, their windows being full."""
    embedder = StreamEmbedder(client, describe(client, model), WINDOW, _DEADLINE)
    frames = walk(0.5, WINDOW)
    names = [f"track{number}" for number in range(tracks)]

    def look(count: int) -> None:
        for name in names:
            for frame in frames[:count]:
                embedder.add(name, frame)
        for answer in [embedder.request(name) for name in names]:
            answer.result()

    look(WINDOW)
    try:
        yield partial(look, LOOK)
    finally:
        for name in names:
            embedder.drop(name)


def subjects(
    repository: Path, variant: Variant, folder: Path, seconds: float, progress: Callable[[str], None]
) -> dict[str, float]:
    """People at 25 inferences a second each, with p95 up to 200 ms, by `bench serve`.

    folder: where its points are kept. Raises GaitError.
    """
    parser = argparse.ArgumentParser()
    serve.add_arguments(parser)
    words = ["--model", variant.model, "--repository", str(repository), "--output", str(folder)]
    words += ["--protocols", "grpc", "--batches", "1,8,32", "--concurrency", "1,4,8,16,32"]
    # no more requests under way than those that are over it: their points count for nobody
    words += ["--latency-limit", f"{serve.SUBJECT_LATENCY:g}"]
    words += ["--seconds", f"{seconds:g}", "--client", "own"]
    arguments = parser.parse_args(words)
    arguments.recorder = None
    rows = {row.name: row.value for row in serve.measure(arguments, progress)}
    return {"subjects": rows["subjects_at_25"]}


@dataclass(frozen=True, slots=True)
class Recognition:
    """Rank-1 on CASIA-B, as `rt-gait evaluate casia-b --view-centring off` states it.

    people: with the sequences of the views that are asked for alone. frames: of each sequence. work: for embeddings.
    """

    people: Sequence[Person]
    frames: int
    work: Path
    workers: int

    @classmethod
    def of(
        cls, folder: Path, people: Sequence[int], views: Sequence[str], frames: int, work: Path, workers: int
    ) -> "Recognition":
        """Raises UsageError for a folder of another layout, or without these people."""
        found = casia_b.find_people(folder, people)
        chosen = [
            replace(each, sequences={k: v for k, v in each.sequences.items() if k.partition("/")[2] in views})
            for each in found
        ]
        return cls(chosen, frames, work, workers)

    def rank1(self, repository: Path, model: str, progress: Callable[[str], None]) -> dict[str, float]:
        """Share (0..1) of NM, BG and CL, the mean over pairs of different views. Raises GaitError."""
        jobs = casia_b.jobs_of(self.people, self.frames)

        def told(line: str) -> None:
            progress(f"{model}: {line}")

        embedded = embed_all(jobs, repository, model, self.work, self.workers, told)
        result = casia_b.evaluate(embedded, self.people, model)
        return {name: each.without_identical_view for name, each in result.stated.conditions.items()}
