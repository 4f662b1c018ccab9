"""Your own people to train gait networks on: videos, silhouettes, or a data set as OpenGait lays it out."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from rt_gait_ros.datasets import folders
from rt_gait_ros.datasets.silhouettes import read_silhouettes
from rt_gait_ros.datasets.video_walks import VIDEO_ENDINGS, read_all
from rt_gait_ros.errors import UsageError
from rt_gait_ros.training.cohorts import COLUMNS, MIN_FRAMES, Report, some_frames

REPORT_EVERY = 10  # people whose silhouettes were read

Scenes = Mapping[str, Sequence[np.ndarray]]


class FolderCohorts:
    """Real people, who walked in scenes; a scene is a place and a camera, or a view of a data set."""

    def __init__(self, walks: Mapping[str, Scenes]) -> None:
        """walks: person to scene to walks, (S, 64, 44) uint8. Raises UsageError for less than two persons with two."""
        self._walks = {name: dict(scenes) for name, scenes in walks.items() if sum(map(len, scenes.values())) > 1}
        self.people = len(self._walks)
        self.walks = min((sum(map(len, scenes.values())) for scenes in self._walks.values()), default=0)
        if self.people < 2:
            raise UsageError(f"two persons with two walks each are the least to train on, and {self.people} are there")
        self._scenes = sorted({scene for scenes in self._walks.values() for scene in scenes})

    def draw(self, random: np.random.Generator, people: int, scenes: int, frames: int) -> np.ndarray:
        """As Cohorts.draw; who never walked in a scene is taken from another one.

        Nobody has one walk in two scenes of a batch who has as many walks.
        """
        chosen = random.choice(sorted(self._walks), min(people, self.people), replace=False)
        places = random.choice(self._scenes, scenes, replace=scenes > len(self._scenes))
        return np.stack([
            np.stack([some_frames(walk, frames, random) for walk in self._of(name, places.tolist(), random)])
            for name in chosen
        ])  # fmt: skip

    def _of(self, name: str, places: Sequence[str], random: np.random.Generator) -> list[np.ndarray]:
        """A walk of this person for each of these scenes."""
        scenes = self._walks[name]
        everything = [(place, number) for place in sorted(scenes) for number in range(len(scenes[place]))]
        left: list[tuple[str, int]] = []
        taken: dict[int, np.ndarray] = {}
        for turn in sorted(range(len(places)), key=lambda turn: places[turn] not in scenes):  # those of no scene last
            left = left or list(everything)
            own = [each for each in left if each[0] == places[turn]] or left
            place, number = own[int(random.integers(len(own)))]
            left.remove((place, number))
            taken[turn] = scenes[place][number]
        return [taken[turn] for turn in range(len(places))]


@dataclass(frozen=True, slots=True)
class OwnPeople:
    """What a folder gave. walks: person to scene to walks, (S, 64, 44) uint8. notes: what could not be used, a line
    for each kind of it."""

    walks: dict[str, dict[str, list[np.ndarray]]]
    notes: tuple[str, ...] = ()


def read_folder(
    folder: Path,
    repository: Path,
    work: Path,
    workers: int,
    report: Report,
    numbers: Collection[int] | None = None,
) -> OwnPeople:
    """Everybody's walks in a folder: DIR/PERSON/SCENE.avi (or .mp4, .mkv, .mov, .webm), DIR/PERSON/SCENE/*.png with
    silhouettes (or *.pkl), or a data set, DIR/PERSON/SEQUENCE/VIEW/*.png or *.pkl.

    Equal names of scenes or views are one scene, whoever walks there. Videos go through the pose pipeline, once.
    numbers: only people whose folders are named by one of them. Raises UsageError for another layout and where nobody
    is left, GaitError for a video that cannot be read.
    """
    if not folder.is_dir():
        raise UsageError(f"{folder} is not a folder: name one that holds PERSON/SCENE.avi or PERSON/SCENE/*.png")
    people = folders.people_of(folder, numbers)
    if numbers is not None and not people:
        raise UsageError(f"{folder} has none of the people asked for: their folders are named by numbers, as 001")
    found = (
        _data_set(people, report) if folders.has_views(people) else _scenes(people, repository, work, workers, report)
    )
    if not found.walks:
        wanted = "PERSON/SCENE.avi, PERSON/SCENE/*.png or PERSON/SEQUENCE/VIEW/*.pkl"
        raise UsageError(f"{folder} holds nobody who walks: {wanted} are expected in it")
    return found


def _scenes(people: Collection[Path], repository: Path, work: Path, workers: int, report: Report) -> OwnPeople:
    videos = [path for who in people for path in sorted(who.iterdir()) if path.suffix.lower() in VIDEO_ENDINGS]
    gathered = _Gathered()
    seen_in = read_all(videos, repository, work, workers, report) if videos else {}
    for video, seen in seen_in.items():
        for frames in seen.by_pass(MIN_FRAMES):
            if frames is not None:
                gathered.add(video.parent.name, video.stem, frames)
    for who in people:
        for scene in sorted(path for path in who.iterdir() if path.is_dir()):
            gathered.read(who.name, scene.name, folders.files_of(scene))
    return gathered.people()


def _data_set(people: Collection[Path], report: Report) -> OwnPeople:
    gathered = _Gathered()
    for number, who in enumerate(people, start=1):
        for sequence in folders.sequences_of([who]):
            gathered.read(sequence.person, sequence.view, sequence.files)
        if number % REPORT_EVERY == 0 or number == len(people):
            report(f"{number}/{len(people)} people read")
    return gathered.people()


class _Gathered:
    """Walks as they are read, and what could not be."""

    def __init__(self) -> None:
        self._walks: dict[str, dict[str, list[np.ndarray]]] = {}
        self._refused: list[str] = []
        self._damaged = self._short = 0

    def read(self, person: str, scene: str, files: Sequence[Path]) -> None:
        """Take the walk in these files; none are none."""
        if not files:
            return
        read = read_silhouettes(files)
        self._damaged += read.damaged
        self._refused += read.refused
        self._short += not read.refused and len(read.frames) < MIN_FRAMES
        if len(read.frames) >= MIN_FRAMES:
            self.add(person, scene, read.frames)

    def add(self, person: str, scene: str, frames: np.ndarray) -> None:
        """Take a walk (S, 64, 64)."""
        cut = np.ascontiguousarray(frames[:, :, COLUMNS])  # a data set is gigabytes: what networks do not see goes
        self._walks.setdefault(person, {}).setdefault(scene, []).append(cut)

    def people(self) -> OwnPeople:
        """All that was taken."""
        notes = []
        if self._short:
            notes.append(f"{self._short} walks of fewer than {MIN_FRAMES} good silhouettes are left out")
        if self._damaged:
            notes.append(f"{self._damaged} silhouettes could not be used")
        if self._refused:
            notes.append(f"{len(self._refused)} pickles were refused, the first: {self._refused[0]}")
        scenes = {scene for walks in self._walks.values() for scene in walks}
        if lacking := sum(len(walks) < len(scenes) for walks in self._walks.values()):
            notes.append(f"{lacking} of {len(self._walks)} people lack some of the {len(scenes)} views or scenes")
        return OwnPeople(self._walks, tuple(notes))
