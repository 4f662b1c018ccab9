"""People to train gait networks on: virtual ones by the thousand, or your own from a folder."""

import json
import multiprocessing
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from contextlib import closing
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Protocol

import cv2
import numpy as np

from rt_gait_ros.datasets.silhouettes import read_picture
from rt_gait_ros.errors import UsageError
from rt_gait_ros.evaluation.walks import read_all
from rt_gait_ros.resources import resource
from rt_gait_ros.serving.inference import InferenceClient
from rt_gait_ros.serving.onnx_client import OnnxClient
from rt_gait_ros.synthesis.people import person
from rt_gait_ros.synthesis.walks import Nuisances, random_scene, random_silhouettes
from rt_gait_ros.training.filming import NEAREST, filmed_silhouettes, random_film

ROWS, COLUMNS = 64, slice(10, 54)  # of a 64 x 64 silhouette, what networks see
MIN_FRAMES = 8  # a walk with fewer good silhouettes is no example
VIDEO_ENDINGS = (".avi", ".mp4", ".mkv", ".mov", ".webm")

Report = Callable[[str], None]


class Cohorts(Protocol):
    """Where batches come from."""

    people: int

    def draw(self, random: np.random.Generator, people: int, scenes: int, frames: int) -> np.ndarray:
        """Silhouettes (P, C, S, 64, 44) uint8: each of P persons once in each of C scenes, S frames of each walk."""
        ...


@dataclass(frozen=True, slots=True)
class Generation:
    """Virtual people in cohorts: everybody of one walks through each of its scenes, in clothes of the day.

    shape, manner: as `person`. side: share of scenes that are seen from the side. first: number of the first cohort;
    equal numbers are equal people, so that those a network is tested on are kept apart by it. filmed: silhouettes are
    what the per-person network makes of pictures (`filming`), and not made with errors of `synthesis.masks`.
    """

    cohorts: int = 60
    people: int = 16
    scenes: int = 8
    frames: int = 20
    first: int = 0
    shape: float = 2.0
    manner: float = 2.0
    side: float = 0.35
    nuisances: Nuisances = field(default_factory=lambda: Nuisances(clothes=0.7, noise=0.7))
    filmed: bool = False


# Filming is slow: fewer silhouettes of as many people, from far enough to be in the picture.
FILMED = Generation(
    scenes=6,
    frames=8,
    first=2_000_000,
    side=0.5,
    nuisances=Nuisances(distances=(NEAREST, 12.0), clothes=0.7),
    filmed=True,
)


def generate_cohort(generation: Generation, number: int, client: InferenceClient | None = None) -> np.ndarray:
    """Cohort `number` of a generation: (people, scenes, frames, 64, 44) uint8.

    client: serves the per-person network, for people who are filmed. Raises InferenceError.
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
            who = person(_seed(generation, number, place), generation.shape, generation.manner)
            walk = np.zeros((0, ROWS, ROWS), np.uint8)
            while len(walk) < min(MIN_FRAMES, generation.frames // 2):
                if film is None:
                    walk = random_silhouettes(who, scene, generation.frames, ranges, random)
                else:
                    assert client is not None, "filmed people need the per-person network"
                    walk = filmed_silhouettes(who, scene, film, generation.frames, ranges, random, client)
            silhouettes[place, scene_number] = walk[np.arange(generation.frames) % len(walk)][:, :, COLUMNS]
    return silhouettes


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
        folder = folder / f"cohorts_{generation.first}"
        _claim(folder, generation)
        files = [folder / f"{number:05d}.npy" for number in range(generation.cohorts)]
        missing = [number for number, file in enumerate(files) if not file.exists()]
        if missing:
            context = multiprocessing.get_context("spawn")
            with ProcessPoolExecutor(min(workers, len(missing)), mp_context=context) as pool:
                jobs = [
                    pool.submit(_generate_and_store, generation, number, files[number], repository)
                    for number in missing
                ]
                for done, job in enumerate(as_completed(jobs), start=generation.cohorts - len(missing) + 1):
                    job.result()
                    if done % (1 if generation.filmed else 10) == 0 or done == generation.cohorts:
                        report(f"{done * generation.people}/{self.people} virtual people generated")
        self._cohorts = [np.load(file, mmap_mode="r") for file in files]

    def draw(self, random: np.random.Generator, people: int, scenes: int, frames: int) -> np.ndarray:
        """As Cohorts.draw: all of one cohort."""
        cohort = self._cohorts[random.integers(len(self._cohorts))]
        chosen = random.choice(cohort.shape[0], min(people, cohort.shape[0]), replace=False)
        places = random.choice(cohort.shape[1], min(scenes, cohort.shape[1]), replace=False)
        return np.stack([np.stack([_some(cohort[who, place], frames, random) for place in places]) for who in chosen])


class FolderCohorts:
    """Real people: DIR/PERSON/SCENE.avi (or .mp4, .mkv, .mov, .webm), or DIR/PERSON/SCENE/*.png with silhouettes.

    Equal names of scenes are one scene, a place and a camera, whoever walks there.
    """

    def __init__(self, walks: Mapping[str, Mapping[str, Sequence[np.ndarray]]]) -> None:
        """walks: person to scene to walks, (S, 64, 64) uint8. Raises UsageError for less than two persons with two."""
        self._walks = {name: dict(scenes) for name, scenes in walks.items() if sum(map(len, scenes.values())) > 1}
        self.people = len(self._walks)
        if self.people < 2:
            raise UsageError(f"two persons with two walks each are the least to train on, and {self.people} are there")
        self._scenes = sorted({scene for scenes in self._walks.values() for scene in scenes})

    def draw(self, random: np.random.Generator, people: int, scenes: int, frames: int) -> np.ndarray:
        """As Cohorts.draw; who never walked in a scene is taken from another one."""
        chosen = random.choice(sorted(self._walks), min(people, self.people), replace=False)
        places = random.choice(self._scenes, scenes, replace=scenes > len(self._scenes))
        return np.stack([
            np.stack([_some(self._walk(name, place, random)[:, :, COLUMNS], frames, random) for place in places])
            for name in chosen
        ])  # fmt: skip

    def _walk(self, name: str, place: str, random: np.random.Generator) -> np.ndarray:
        scenes = self._walks[name]
        walks = scenes.get(place) or scenes[str(random.choice(sorted(scenes)))]
        return walks[int(random.integers(len(walks)))]


def read_folder(
    folder: Path, repository: Path, work: Path, workers: int, report: Report
) -> dict[str, dict[str, list[np.ndarray]]]:
    """Everybody's walks in a folder laid out as FolderCohorts says; videos go through the pose pipeline, once.

    Raises UsageError for another layout, GaitError for a video that cannot be read.
    """
    if not folder.is_dir():
        raise UsageError(f"{folder} is not a folder: name one that holds PERSON/SCENE.avi or PERSON/SCENE/*.png")
    people = [path for path in sorted(folder.iterdir()) if path.is_dir()]
    videos = [path for who in people for path in sorted(who.iterdir()) if path.suffix.lower() in VIDEO_ENDINGS]
    walks: dict[str, dict[str, list[np.ndarray]]] = {}
    seen_in = read_all(videos, repository, work, workers, report) if videos else {}
    for video, seen in seen_in.items():
        good = [frames for frames in seen.by_pass(MIN_FRAMES) if frames is not None]
        if good:
            walks.setdefault(video.parent.name, {}).setdefault(video.stem, []).extend(good)
    for who in people:
        for scene in sorted(path for path in who.iterdir() if path.is_dir()):
            frames = [frame for path in sorted(scene.glob("*.png")) if (frame := read_picture(path)) is not None]
            if len(frames) >= MIN_FRAMES:
                walks.setdefault(who.name, {}).setdefault(scene.name, []).append(np.stack(frames))
    if not walks:
        raise UsageError(f"{folder} holds nobody who walks: PERSON/SCENE.avi or PERSON/SCENE/*.png are expected in it")
    return walks


def _some(walk: np.ndarray, frames: int, random: np.random.Generator) -> np.ndarray:
    return walk[random.choice(len(walk), frames, replace=frames > len(walk))]


def _seed(generation: Generation, number: int, place: int) -> int:
    return (generation.first + number) * 1000 + place


def _claim(folder: Path, generation: Generation) -> None:
    """Say in the folder what it holds."""
    # the number of cohorts may grow
    settings = {name: value for name, value in asdict(generation).items() if name != "cohorts"}
    settings = json.loads(json.dumps(settings))
    file = folder / "generation.json"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        if not file.exists():
            file.write_text(json.dumps(settings, indent=2) + "\n")
    except OSError as error:
        raise UsageError(f"{folder} cannot be written: {error.strerror}") from error
    if json.loads(file.read_text()) != settings:
        raise UsageError(f"{folder} holds virtual people of other settings: delete it, or give another folder")


def _generate_and_store(generation: Generation, number: int, file: Path, repository: Path) -> None:
    cv2.setNumThreads(1)
    temporary = file.with_suffix(".tmp.npy")
    with closing(OnnxClient(repository, timeout=60.0)) as client:  # loads nothing before it is asked
        np.save(temporary, generate_cohort(generation, number, client))
    temporary.replace(file)
