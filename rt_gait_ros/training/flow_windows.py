"""Windows of optical flow to train on: of generated walkers, or of people's recordings (`own_flow`)."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from rt_gait_ros.datasets.tum_gaid import GALLERY, PROBES
from rt_gait_ros.errors import UsageError
from rt_gait_ros.silhouette.flow import FLOW_RATE, SIZE, STEP, WINDOW, placed
from rt_gait_ros.synthesis.people import Person, person
from rt_gait_ros.synthesis.scenes import Actor, Crowd
from rt_gait_ros.synthesis.truth import centred_flow
from rt_gait_ros.synthesis.walks import Nuisances, Scene, random_scene, random_walk
from rt_gait_ros.training.cohorts import Report, generated

# Condition of the later half of somebody's walks, where the recordings have none: they are asked for among the rest.
LATER = next(iter(PROBES))
# Generated walkers are 75 to 160 pixels tall in pictures of this size: more than the rows of a gait frame.
PICTURE = (320, 240)


@dataclass(frozen=True, slots=True)
class FlowWalk:
    """One walk. name: "condition/person/sequence", as tum_gaid.Recording has it.

    windows: each (25, 60, 60, 2) int16, hundredths of a pixel; read when it is asked for.
    """

    name: str
    windows: Sequence[np.ndarray] | np.ndarray

    @property
    def person(self) -> str:
        """Whose."""
        return self.name.split("/")[1]


class FlowPeople:
    """People who are told apart by windows of flow. people: their names; a label is a place in it."""

    def __init__(self, walks: Iterable[FlowWalk]) -> None:
        """walks: those without a window do not count. Raises UsageError for less than two people."""
        self.walks = [walk for walk in walks if len(walk.windows)]
        self._of: dict[str, list[FlowWalk]] = {}
        for walk in self.walks:
            self._of.setdefault(walk.person, []).append(walk)
        self.people = tuple(sorted(self._of))
        if len(self.people) < 2:
            raise UsageError(f"two persons who walk are the least to train on, and {len(self.people)} are there")

    def draw(self, random: np.random.Generator, people: int, walks: int) -> tuple[np.ndarray, np.ndarray]:
        """Windows (N, 25, 60, 60, 2) int16 and labels (N,): one window of each of so many walks of so many persons."""
        windows, labels = [], []
        for label in random.choice(len(self.people), min(people, len(self.people)), replace=False):
            own = self._of[self.people[label]]
            for number in random.choice(len(own), walks, replace=walks > len(own)):
                window = own[number].windows[int(random.integers(len(own[number].windows)))]
                windows.append(window)
                labels.append(label)
        return np.stack(windows), np.array(labels, np.int64)


def earlier_and_later(walks: Mapping[str, Mapping[str, Sequence[np.ndarray] | np.ndarray]]) -> list[FlowWalk]:
    """Walks of recordings without conditions: the first half of everybody's are the gallery, the others ask for them.

    walks: person to name of the walk to its windows.
    """
    found = []
    for who, own in walks.items():
        names = sorted(own)
        for number, name in enumerate(names):
            condition = GALLERY if 2 * number < len(names) else LATER
            found.append(FlowWalk(f"{condition}/{who}/{name}", own[name]))
    return found


@dataclass(frozen=True, slots=True)
class FlowGeneration:
    """Virtual people in cohorts: everybody of one walks through each of its scenes, in clothes of the day.

    scenes: cameras, each at its own height and distance, seen from the side as in TUM-GAID, which the networks were
    designed for. windows: of each walk. first, shape, manner: as training.cohorts.Generation. The flow is the true one,
    of bodies of capsules (`synthesis.truth`).
    """

    cohorts: int = 5
    people: int = 32
    scenes: int = 6
    windows: int = 2
    first: int = 0
    shape: float = 1.2
    manner: float = 1.2
    nuisances: Nuisances = field(
        default_factory=lambda: Nuisances(
            heights=(0.8, 1.8), distances=(3.5, 7.0), views=(90.0,), clothes=0.8, noise=0.0
        )
    )


def generate_flow(generation: FlowGeneration, number: int) -> np.ndarray:
    """Cohort `number` of a generation: (people, scenes, windows, 25, 60, 60, 2) int16."""
    random = np.random.default_rng((0xF10, generation.first + number))
    shape = (generation.people, generation.scenes, generation.windows, WINDOW, SIZE, SIZE, 2)
    made = np.zeros(shape, np.int16)
    for scene_number in range(generation.scenes):
        scene = random_scene(generation.nuisances, random)
        for place in range(generation.people):
            seed = (generation.first + number) * 1000 + place
            who = person(seed, generation.shape, generation.manner)
            windows = None
            while windows is None:
                windows = _walk(who, scene, generation, random)
            made[place, scene_number] = windows
    return made


def _walk(
    who: Person, scene: Scene, generation: FlowGeneration, random: np.random.Generator
) -> list[np.ndarray] | None:
    """Windows of a walk, or None for one that leaves the picture."""
    count = WINDOW + STEP * (generation.windows - 1)
    walk = random_walk(who, scene, count + 1, generation.nuisances, random, PICTURE, FLOW_RATE)
    ends, radii = walk.capsules[..., :4].reshape(-1, 2, 2), walk.capsules[..., 4:6].reshape(-1, 2, 1)
    if walk.depth.min() <= 0.0 or (ends < radii).any() or (ends + radii > PICTURE).any():
        return None
    crowd = Crowd("flow", 0, walk.camera, FLOW_RATE, (Actor(1, who, walk),))
    frames, places = centred_flow(crowd, 1, range(1, count + 1))
    starts = range(0, STEP * generation.windows, STEP)
    return [placed(frames[start : start + WINDOW], places[start : start + WINDOW]) for start in starts]


def virtual_walks(folder: Path, generation: FlowGeneration, workers: int, report: Report) -> list[FlowWalk]:
    """Walks of virtual people, generated once into a folder; generation goes on where it was broken off.

    Raises UsageError where the folder holds other people, or cannot be written.
    """
    cohorts = generated(folder / f"flow_{generation.first}", generation, generate_flow, workers, report, every=1)
    return earlier_and_later(
        {
            f"{number:05d}-{place:03d}": {f"scene{scene}": windows for scene, windows in enumerate(scenes)}
            for number, cohort in enumerate(cohorts)
            for place, scenes in enumerate(cohort)
        }
    )
