"""One gallery of a given size: written, opened, searched and added to, by ours and in the plain way."""

import functools
import io
import os
import time
import zipfile
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

from rt_gait_ros.errors import UsageError
from rt_gait_ros.gallery.distance import distances
from rt_gait_ros.gallery.gallery import Gallery
from rt_gait_ros.gallery.gallery_file import create
from rt_gait_ros.gallery.person import Content, Person, Template
from rt_gait_ros.gallery.search import nearly_exact

PARTS, CHANNELS, FRAMES = 62, 256, 30  # of a GaitSet's embedding; gait frames of a walk
WALKS = 3  # of each person, where no other number is asked for
MODEL, KIND = "gaitset_small_v5_stream", "silhouette"
# As measured on generated walkers (250 persons, two walks each, the first gaitset_small): squared length of the centre,
# variance around it; and of its principal axes, the first 4, the next 4, and so on, their part of the variance and how
# much of that is between persons. The rest is between walks of one person.
CENTRE, VARIANCE = 13.42, 48.68
AXES = (4, 4, 8, 16, 32, 64, 128)
PART = (0.3606, 0.1275, 0.1382, 0.1112, 0.0844, 0.0738, 0.1043)
BETWEEN = (0.903, 0.796, 0.758, 0.656, 0.514, 0.357, 0.092)
TRIES = 20
BLOCK = 250  # persons that are made at once
MOST_PLAIN = 2000  # persons of whom the plain way keeps everything in memory
MB = 1 << 20


@functools.cache
def _axes() -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Principal axes (256, 62 * 256), the centre, and deviations of persons and of walks along each axis; float32."""
    draw = np.random.default_rng(0)
    size = PARTS * CHANNELS
    axes = draw.standard_normal((sum(AXES), size), dtype=np.float32) / np.float32(np.sqrt(size))
    centre = draw.standard_normal(size, dtype=np.float32) * np.float32(np.sqrt(CENTRE / size))
    variance = np.repeat(np.array(PART) * VARIANCE / np.array(AXES), AXES)
    between = np.repeat(BETWEEN, AXES)
    spreads = (np.sqrt(variance * share).astype(np.float32) for share in (between, 1.0 - between))
    return (axes, centre, *spreads)


def walks(persons: Sequence[int], number: int) -> np.ndarray:
    """The embeddings (N, 62, 256) float32 of one walk of each person: parts of length 1, as GaitSet's."""
    axes, centre, between, within = _axes()
    drawn = [
        between * np.random.default_rng((1, person)).standard_normal(len(axes), dtype=np.float32)
        + within * np.random.default_rng((2, person, number)).standard_normal(len(axes), dtype=np.float32)
        for person in persons
    ]
    parts = (np.stack(drawn) @ axes + centre).reshape(-1, PARTS, CHANNELS)
    return np.asarray(parts / np.linalg.norm(parts, axis=2, keepdims=True), np.float32)


def walk(person: int, number: int) -> np.ndarray:
    """The embedding (62, 256) float32 of one walk."""
    return walks([person], number)[0]


def silhouettes(seed: int) -> np.ndarray:
    """Frames (30, 64, 64) uint8 that pack about as well as a walker's; 64 different ones, which many walks share."""
    return _silhouettes(seed % 64)


@functools.cache
def _silhouettes(seed: int) -> np.ndarray:
    draw = np.random.default_rng(seed)
    left = draw.integers(12, 24, (FRAMES, 64, 1))
    columns = np.arange(64)[None, None]
    return np.where((columns >= left) & (columns < left + 24), 255, 0).astype(np.uint8)


def _people(numbers: Sequence[int], each_of: int, kind: type = np.float32) -> list[Person]:
    embeddings = [walks(numbers, n).astype(kind) for n in range(each_of)]
    return [
        Person(
            f"p{number:09x}", f"Person {number}", 1, 1,
            tuple(Template(each[i], 1, silhouettes(each_of * number + n), "hall") for n, each in enumerate(embeddings)),
            tag=f"{number:08x}",
        )
        for i, number in enumerate(numbers)
    ]  # fmt: skip


def make(path: Path, persons: int, each_of: int = WALKS) -> None:
    """Write a gallery of so many persons, with so many walks each.

    In float16, as the file keeps them, to need half of the memory here.
    """
    blocks = (range(first, min(first + BLOCK, persons)) for first in range(0, persons, BLOCK))
    create(
        path, Content(MODEL, KIND, tuple(person for block in blocks for person in _people(block, each_of, np.float16)))
    )


def scan(
    persons: int, asked: Sequence[int], progress: Callable[[str], None] = lambda line: None, each_of: int = WALKS
) -> tuple[float, list[int]]:
    """Compare with everybody, block by block, so that memory is bounded.

    asked: whose walks are looked for. Returns the milliseconds that one look takes in double precision, and who is
    nearest to each look.
    """
    queries = np.concatenate([walks(asked[n : n + BLOCK], 7) for n in range(0, len(asked), BLOCK)])
    best, who, seconds = np.full(len(asked), np.inf), np.zeros(len(asked), int), 0.0
    for first in range(0, persons, BLOCK):
        block = range(first, min(first + BLOCK, persons))
        for n in range(each_of):
            rows = walks(block, n)
            start = time.perf_counter()
            distances(queries[:1], rows)
            seconds += time.perf_counter() - start
            apart = nearly_exact(queries, rows)
            nearest = apart.argmin(axis=1)
            nearer = apart.min(axis=1) < best
            best[nearer], who[nearer] = apart.min(axis=1)[nearer], first + nearest[nearer]
        if persons > BLOCK and (first // BLOCK) % 40 == 39:
            progress(f"{first + BLOCK} of {persons} persons compared one by one")
    return 1e3 * seconds, who.tolist()


def ours(path: Path, asked: Sequence[int], nearest: Sequence[int], each_of: int) -> dict[str, float]:
    """Figures of a process that opens the gallery as the gait node does. Raises UsageError where the search errs.

    asked, nearest: whose walks are looked for, and who is nearest.
    """
    opened = []
    for _ in range(3):
        start = time.perf_counter()
        gallery = Gallery(path)
        opened.append(time.perf_counter() - start)
    looks = []
    for number, who in zip(asked, nearest, strict=True):
        query = walk(number, 7)[None]
        start = time.perf_counter()
        found = gallery.references.nearest(query)
        looks.append(time.perf_counter() - start)
        if int(found.argmin()) != who:
            raise UsageError("the search does not find who is nearest: it is broken")
    enrolled = []
    for number in range(TRIES):
        templates = [Template(walk(10**6 + number, n), 1, silhouettes(n), "hall") for n in range(each_of)]
        start = time.perf_counter()
        gallery.add(f"New {number}", templates, model=MODEL, gait_frame_kind=KIND)
        enrolled.append(time.perf_counter() - start)
    return medians(look_ms=looks, open_ms=opened, enrol_ms=enrolled)


def plain(path: Path, persons: int, each_of: int = WALKS) -> dict[str, float]:
    """The same by comparing everything in double precision, and files that are read and written as a whole."""
    people = _people(range(persons), each_of)
    arrays: list[np.ndarray] = []
    path.write_bytes(_packed(people))
    opened = []
    for _ in range(3):
        start = time.perf_counter()
        with zipfile.ZipFile(path) as archive:
            for name in archive.namelist():
                arrays.append(np.load(io.BytesIO(archive.read(name))))
        opened.append(time.perf_counter() - start)
        if len(opened) < 3:
            arrays.clear()
    templates = np.stack([t.embedding for person in people for t in person.templates])
    looks, enrolled = [], []
    for number in range(5):
        query = walk(number % persons, 7)[None]
        start = time.perf_counter()
        np.minimum.reduceat(distances(query, templates), np.arange(0, each_of * persons, each_of), axis=1)
        looks.append(time.perf_counter() - start)
    for number in range(3):
        start = time.perf_counter()
        with path.open("wb") as file:
            file.write(_packed([*people, *_people([10**6 + number], each_of)]))
            os.fsync(file.fileno())
        enrolled.append(time.perf_counter() - start)
    return medians(look_ms=looks, open_ms=opened, enrol_ms=enrolled)


def _packed(people: list[Person]) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        for person in people:
            for number, template in enumerate(person.templates):
                for name, array in (("embedding", template.embedding), ("frames", np.asarray(template.frames))):
                    data = io.BytesIO()
                    np.save(data, array)
                    method = zipfile.ZIP_STORED if name == "embedding" else zipfile.ZIP_DEFLATED
                    archive.writestr(f"{person.person_id}/{number}.{name}.npy", data.getvalue(), method, 1)
    return buffer.getvalue()


def medians(**seconds: list[float]) -> dict[str, float]:
    """Of each, in milliseconds, with the memory of this process."""
    return {**{name: 1e3 * float(np.median(each)) for name, each in seconds.items()}, "memory_mb": _resident() / MB}


def _resident() -> float:
    """Bytes of this process in memory now."""
    with open("/proc/self/statm", encoding="ascii") as file:
        return float(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")
