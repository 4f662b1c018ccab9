"""People to train gait networks on: virtual ones by the thousand. Your own, from a folder: `own_people`."""

import json
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import asdict, dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any, BinaryIO, Protocol

import numpy as np

from rt_gait_ros.errors import UsageError
from rt_gait_ros.job_pool import Finished, Job, run_missing
from rt_gait_ros.paths import replace_file
from rt_gait_ros.resources import resource
from rt_gait_ros.serving.inference import InferenceClient
from rt_gait_ros.serving.onnx_client import OnnxClient
from rt_gait_ros.settings import check, setting, share
from rt_gait_ros.synthesis.clothes import Outfit, draw_outfit
from rt_gait_ros.synthesis.people import outfit, person
from rt_gait_ros.synthesis.strollers import capsule_silhouettes, make_stroller, stroller_silhouettes
from rt_gait_ros.synthesis.walks import Nuisances, Scene, random_scene, random_silhouettes
from rt_gait_ros.synthesis.wardrobe import Wardrobe
from rt_gait_ros.training.filming import NEAREST, Film, filmed_silhouettes, random_film

ROWS, COLUMNS = 64, slice(10, 54)  # of a 64 x 64 silhouette, what networks see
MIN_FRAMES = 8  # a walk with fewer good silhouettes is no example
GENERATOR = 2  # raised whenever the same settings give other people
NUMBERS = 1000  # of people that a cohort has for its own
_TRIES = 1000  # walks of somebody, one of which has to be an example; nearly every one is

Report = Callable[[str], None]


BODIES, TABLED, CAPSULES, RECORDED = WALKERS = ("bodies", "bodies_tabled", "capsules", "capsules_recorded")


class Cohorts(Protocol):
    """Where batches come from. people: how many. walks: that everybody has, each at most once in a batch of so many."""

    people: int
    walks: int

    def draw(self, random: np.random.Generator, people: int, scenes: int, frames: int) -> np.ndarray:
        """Silhouettes (P, C, S, 64, 44) uint8: each of P persons once in each of C scenes, S frames of each walk."""
        ...


class MixedCohorts:
    """Batches of one kind of people or of another, by chance."""

    def __init__(self, kinds: Sequence[tuple[float, Cohorts]]) -> None:
        """kinds: each with its share of the batches; the shares sum to 1."""
        self._kinds = [cohorts for _, cohorts in kinds]
        self._shares = [share for share, _ in kinds]
        self.people = sum(cohorts.people for cohorts in self._kinds)
        self.walks = min(cohorts.walks for cohorts in self._kinds)

    def draw(self, random: np.random.Generator, people: int, scenes: int, frames: int) -> np.ndarray:
        """As Cohorts.draw."""
        return self._kinds[random.choice(len(self._kinds), p=self._shares)].draw(random, people, scenes, frames)


@dataclass(frozen=True, slots=True)
class Generation:
    """Virtual people in cohorts: everybody of one walks through each of its scenes, in clothes of the day.

    walkers: one of WALKERS: "bodies" with a surface and gaits of recorded people (`strollers`), or "capsules" with
    tabled gaits (`people`); "bodies_tabled" and "capsules_recorded" have the other's gaits. shape, manner: factors on
    the spread of bodies and gaits between people, as those take them. side: share of scenes that are seen from the
    side. usual, bag: shares of walks in the outfit that somebody wears most, without and with a bag, of the variety of
    `nuisances`; all others are in clothes of their own, of the variety `change`. first: number of the first cohort;
    equal numbers are equal people, so that those a network is tested on are kept apart by it. filmed: silhouettes are
    what the per-person network makes of pictures (`filming`), and not made with errors of `synthesis.masks`. Raises
    UsageError.
    """

    cohorts: int = setting(60, "How many.", 1)
    people: int = setting(32, "Of each cohort; numbers of others begin behind those.", 1, NUMBERS)
    scenes: int = setting(12, "That each of them walks through.", 1)
    frames: int = setting(16, "Silhouettes of each walk.", 1)
    first: int = setting(0, "Number of the first cohort.", 0)
    walkers: str = setting(BODIES, "Who they are.", choices=WALKERS)
    shape: float = setting(1.2, "Factor on the spread of bodies.", 0.0)
    manner: float = setting(1.2, "Factor on the spread of gaits.", 0.0)
    side: float = share(0.2, "Of scenes, seen from the side.")
    usual: float = share(0.45, "Of walks, in the usual outfit.")
    bag: float = share(0.2, "Of walks, in the usual outfit with a bag.")
    change: float = share(0.8, "Variety of other clothes.")
    nuisances: Nuisances = field(default_factory=lambda: Nuisances(clothes=0.8, noise=0.5))
    filmed: bool = False

    def __post_init__(self) -> None:
        check(self, "virtual people")


# Filming is slow: fewer silhouettes of as many people, from far enough to be in the picture.
FILMED = Generation(
    people=16,
    scenes=6,
    frames=8,
    first=2_000_000,
    side=0.5,
    change=0.7,
    nuisances=Nuisances(distances=(NEAREST, 12.0), clothes=0.7),
    filmed=True,
)

# People who are nearly alike: most are in trousers and walk steadily along one line, and of every third outfit
# something is like the background. Set so that their mean silhouettes differ, between people and between the walks of
# one, about as those of CASIA-B's people 001 to 074 do (`rt-gait bench spread`).
ALIKE = Generation(
    first=1_300_000,
    shape=0.9,
    manner=0.5,
    side=0.15,
    usual=0.66,
    bag=0.16,
    nuisances=Nuisances(
        heights=(0.6, 2.0),
        distances=(3.0, 8.0),
        clothes=0.1,
        noise=0.3,
        mood=0.15,
        backdrop=0.35,
        straying=0.2,
        both_ways=False,
        seconds=(0.6, 4.0),
    ),
)

# Others who are as alike, from far enough to be in the picture, filmed.
FILMED_ALIKE = replace(
    ALIKE,
    people=FILMED.people,
    scenes=FILMED.scenes,
    frames=FILMED.frames,
    first=3_000_000,
    side=FILMED.side,
    nuisances=replace(ALIKE.nuisances, distances=(NEAREST, 10.0), seconds=None),
    filmed=True,
)


def generate_cohort(generation: Generation, number: int, client: InferenceClient | None = None) -> np.ndarray:
    """Cohort `number` of a generation: (people, scenes, frames, 64, 44) uint8.

    client: serves the per-person network, for people who are filmed. Raises InferenceError, and UsageError where nobody
    is seen whole for long enough.
    """
    random = np.random.default_rng((0xC0, generation.first + number))
    shape = (generation.people, generation.scenes, generation.frames, ROWS, COLUMNS.stop - COLUMNS.start)
    silhouettes = np.zeros(shape, np.uint8)
    from_the_side = replace(generation.nuisances, views=(90.0,))
    for scene_number in range(generation.scenes):
        ranges = from_the_side if random.random() < generation.side else generation.nuisances
        scene = random_scene(ranges, random)
        film = random_film(random) if generation.filmed else None
        for place in range(generation.people):
            seed = _seed(generation, number, place)
            walk = _walk(generation, seed, scene, film, ranges, random, client)
            silhouettes[place, scene_number] = walk[np.arange(generation.frames) % len(walk)][:, :, COLUMNS]
    return silhouettes


def _walk(
    generation: Generation,
    seed: int,
    scene: Scene,
    film: Film | None,
    ranges: Nuisances,
    random: np.random.Generator,
    client: InferenceClient | None,
) -> np.ndarray:
    """Silhouettes (S, 64, 64) of person number `seed`, enough for an example."""
    for _ in range(_TRIES):
        if generation.walkers in (CAPSULES, RECORDED):
            walk = _capsules(generation, seed, scene, ranges, random)
        else:
            tabled = generation.walkers == TABLED
            stroller = make_stroller(seed, generation.shape, generation.manner, tabled=tabled)
            clothes = _wardrobe(generation, seed).draw(random, generation.change)
            if film is None:
                walk = stroller_silhouettes(stroller, scene, generation.frames, ranges, random, clothes)
            else:
                assert client is not None, "filmed people need the per-person network"
                walk = filmed_silhouettes(stroller, scene, film, generation.frames, ranges, random, client, clothes)
        if len(walk) >= max(1, min(MIN_FRAMES, generation.frames // 2)):
            return walk
    raise UsageError(
        f"person {seed} is not seen whole for long enough in {_TRIES} walks of {generation.frames} silhouettes: the "
        "camera is too near, too high, or too far"
    )


class VirtualCohorts:
    """Virtual people, generated once into a folder; generation goes on where it was broken off."""

    def __init__(
        self, folder: Path, generation: Generation, workers: int, report: Report, repository: Path | None = None
    ) -> None:
        """Generate what is missing. repository: with the per-person network (default: the package's).

        Raises UsageError where the folder holds other people, or cannot be written.
        """
        repository = repository or resource("model_repository")
        self.people = generation.cohorts * generation.people
        self.walks = generation.scenes
        make = partial(_generate, repository)
        every = 1 if generation.filmed else 10
        self._cohorts = generated(folder / f"cohorts_{generation.first}", generation, make, workers, report, every)

    def draw(self, random: np.random.Generator, people: int, scenes: int, frames: int) -> np.ndarray:
        """As Cohorts.draw: all of one cohort."""
        cohort = self._cohorts[random.integers(len(self._cohorts))]
        chosen = random.choice(cohort.shape[0], min(people, cohort.shape[0]), replace=False)
        places = random.choice(cohort.shape[1], min(scenes, cohort.shape[1]), replace=False)
        return np.stack(
            [np.stack([some_frames(cohort[who, place], frames, random) for place in places]) for who in chosen]
        )


def some_frames(walk: np.ndarray, frames: int, random: np.random.Generator) -> np.ndarray:
    """So many frames of a walk (S, 64, 44), by chance, each once while there are enough."""
    return walk[random.choice(len(walk), frames, replace=frames > len(walk))]


def _capsules(
    generation: Generation, seed: int, scene: Scene, ranges: Nuisances, random: np.random.Generator
) -> np.ndarray:
    """A walk of person number `seed`, of capsules, as silhouettes (S, 64, 64)."""
    who = person(seed, generation.shape, generation.manner)
    usual = outfit(np.random.default_rng((0xC107, seed)), generation.nuisances.clothes)
    clothes = Wardrobe(usual, generation.usual, generation.bag, outfit).draw(random, generation.change)
    if generation.walkers == CAPSULES:
        return random_silhouettes(who, scene, generation.frames, ranges, random, clothes)
    like = make_stroller(seed, generation.shape, generation.manner)
    return capsule_silhouettes(who, like, scene, generation.frames, ranges, random, clothes)


def _wardrobe(generation: Generation, seed: int) -> Wardrobe[Outfit]:
    """What person number `seed` wears, the same whenever it is asked for."""
    usual = draw_outfit(np.random.default_rng((0xC107, seed)), generation.nuisances.clothes)
    return Wardrobe(usual, generation.usual, generation.bag, draw_outfit)


def _seed(generation: Generation, number: int, place: int) -> int:
    return (generation.first + number) * NUMBERS + place


def generated(
    folder: Path,
    generation: Any,
    make: Callable[[Any, int], np.ndarray],
    workers: int,
    report: Report,
    every: int = 10,
) -> list[np.ndarray]:
    """The cohorts of a generation, arrays that lie in a folder; what is missing there is made, by many processes.

    generation: a dataclass with the fields `cohorts` and `people` (of each). make: (generation, number) to cohort
    `number`; a function of a module or a partial of one. every: cohorts between two lines of progress. Raises
    UsageError where the folder holds other people, or cannot be written.
    """
    _claim(folder, generation)
    files = [folder / f"{number:05d}.npy" for number in range(generation.cohorts)]
    jobs = [
        Job(f"cohort {number}", file, partial(_make_and_store, make, generation, number))
        for number, file in enumerate(files)
    ]

    def finished(done: Finished) -> None:
        if done.number % every == 0 or done.number == done.total:
            total = generation.cohorts * generation.people
            report(f"{done.number * generation.people}/{total} virtual people generated")

    run_missing(jobs, workers, finished)
    return [np.load(file, mmap_mode="r") for file in files]


def _claim(folder: Path, generation: Any) -> None:
    """Say in the folder what it holds."""
    # the number of cohorts may grow
    settings = {name: value for name, value in asdict(generation).items() if name != "cohorts"}
    settings = json.loads(json.dumps(settings | {"generator": GENERATOR}))
    file = folder / "generation.json"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        if not file.exists():
            replace_file(file, (json.dumps(settings, indent=2) + "\n").encode())
    except OSError as error:
        raise UsageError(f"{folder} cannot be written: {error.strerror}") from error
    try:
        held = json.loads(file.read_text())
    except (ValueError, RecursionError):  # cut off by an earlier version, or of something else
        held = None
    if held != settings:
        raise UsageError(f"{folder} holds virtual people of other settings: delete it, or give another folder")


def _make_and_store(
    make: Callable[[Any, int], np.ndarray], generation: Any, number: int, path: Path
) -> tuple[str, ...]:
    cohort = make(generation, number)
    try:
        replace_file(path, partial(_save, cohort))
    except OSError as error:
        reason = error.strerror or str(error)  # numpy names no reason where a disk is full, but how much it wrote
        raise UsageError(f"{path} cannot be written: {reason}: the same command goes on from there") from error
    return ()


def _save(cohort: np.ndarray, file: BinaryIO) -> None:
    np.save(file, cohort)


def _generate(repository: Path, generation: Generation, number: int) -> np.ndarray:
    with closing(OnnxClient(repository, timeout=60.0)) as client:  # loads nothing before it is asked
        return generate_cohort(generation, number, client)
