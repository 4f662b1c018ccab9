"""One gallery of a given size: written, opened, searched and added to, by ours and in the plain way."""

import io
import os
import time
import zipfile
from pathlib import Path

import numpy as np

from rt_gait_ros.errors import UsageError
from rt_gait_ros.fleet.address import parse
from rt_gait_ros.fleet.migration import migrate
from rt_gait_ros.fleet.server_store import ServerStore
from rt_gait_ros.gait.distance import distances
from rt_gait_ros.gait.gallery import Gallery
from rt_gait_ros.gait.gallery_file import create
from rt_gait_ros.gait.person import Content, Person, Template

PARTS, CHANNELS, FRAMES = 62, 256, 30  # of a GaitSet's embedding; gait frames of a walk
# Centre, persons, walks of a person: standard deviations of one number, as measured on generated walkers (250 persons,
# two walks each, the first gaitset_small): parts have length 1, 0.47 of the variance is common to all, the rest half
# each.
COMMON, BETWEEN, WITHIN = 0.030, 0.044, 0.032
TRIES = 20
MB = 1 << 20


def walk(person: int, number: int) -> np.ndarray:
    """The embedding (62, 256) float32 of one walk: parts of length 1, as GaitSet's."""
    seeds = (0, COMMON), (1 + person, BETWEEN), (1_000_000 + 1000 * person + number, WITHIN)
    parts = sum(np.random.default_rng(seed).normal(0, spread, (PARTS, CHANNELS)) for seed, spread in seeds)
    return np.asarray(parts / np.linalg.norm(parts, axis=1, keepdims=True), np.float32)


def silhouettes(seed: int) -> np.ndarray:
    """Frames (30, 64, 64) uint8 that pack about as well as a walker's."""
    draw = np.random.default_rng(seed)
    left = draw.integers(12, 24, (FRAMES, 64, 1))
    columns = np.arange(64)[None, None]
    return np.where((columns >= left) & (columns < left + 24), 255, 0).astype(np.uint8)


def _person(number: int) -> Person:
    templates = tuple(Template(walk(number, n), 1, silhouettes(2 * number + n), "hall") for n in range(2))
    return Person(f"p{number:09x}", f"Person {number}", 1, 1, templates, tag=f"{number:08x}")


def make(path: Path, persons: int) -> None:
    """Write a gallery of so many persons of two walks."""
    create(path, Content("gaitset_small_v2_stream", "silhouette", tuple(map(_person, range(persons)))))


def ours(path: Path) -> dict[str, float]:
    """Figures of a process that opens the gallery as the gait node does. Raises UsageError where the search errs."""
    opened = []
    for _ in range(3):
        start = time.perf_counter()
        gallery = Gallery(path)
        opened.append(time.perf_counter() - start)
    looks = []
    for number in range(TRIES):
        query = walk(number % len(gallery.persons), 7)[None]
        start = time.perf_counter()
        found = gallery.references.nearest(query)
        looks.append(time.perf_counter() - start)
        if int(found.argmin()) != number % len(gallery.persons):
            raise UsageError("the nearest person is not the one who walked: the search is broken")
    enrolled = []
    for number in range(TRIES):
        templates = [Template(walk(10**6 + number, n), 1, silhouettes(n), "hall") for n in range(2)]
        start = time.perf_counter()
        gallery.add(f"New {number}", templates, model="gaitset_small_v2_stream", gait_frame_kind="silhouette")
        enrolled.append(time.perf_counter() - start)
    return _medians(looks, opened, enrolled)


def on_server(address: str, persons: int) -> float:
    """Median milliseconds of a search on a server, in a site that is made for it. Raises GaitError."""
    site = parse(f"{address}{'&' if '?' in address else '?'}site=bench{persons}")
    migrate(site)
    store = ServerStore(site)
    people = tuple(map(_person, range(persons)))
    with store.changing(store.open()) as change:
        change.commit(Content("gaitset_small_stream", "silhouette", people), "enrol")
    looks = []
    for number in range(TRIES):
        query = walk(number % persons, 7)
        start = time.perf_counter()
        found = store.nearest(query)
        looks.append(time.perf_counter() - start)
        if found[0][0] != people[number % persons].person_id:
            raise UsageError("the nearest person is not the one who walked: the search is broken")
    store.close()
    return 1e3 * float(np.median(looks))


def plain(path: Path, persons: int) -> dict[str, float]:
    """The same by comparing everything in double precision, and files that are read and written as a whole."""
    people = [_person(number) for number in range(persons)]
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
        np.minimum.reduceat(distances(query, templates), np.arange(0, 2 * persons, 2), axis=1)
        looks.append(time.perf_counter() - start)
    for number in range(3):
        start = time.perf_counter()
        with path.open("wb") as file:
            file.write(_packed([*people, _person(10**6 + number)]))
            os.fsync(file.fileno())
        enrolled.append(time.perf_counter() - start)
    return _medians(looks, opened, enrolled)


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


def _medians(looks: list[float], opened: list[float], enrolled: list[float]) -> dict[str, float]:
    return {
        "look_ms": 1e3 * float(np.median(looks)),
        "open_ms": 1e3 * float(np.median(opened)),
        "enrol_ms": 1e3 * float(np.median(enrolled)),
        "memory_mb": _resident() / MB,
    }


def _resident() -> float:
    """Bytes of this process in memory now."""
    with open("/proc/self/statm", encoding="ascii") as file:
        return float(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")
