"""Virtual people for a test: their walks before cameras all around, each in clothes and masks of its own, embedded."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from inspect import getsourcefile
from pathlib import Path

import numpy as np

from rt_gait_ros.errors import UsageError
from rt_gait_ros.evaluation.embedding_jobs import Arrays, EmbeddingJob, half
from rt_gait_ros.gait.walk_embedder import WalkEmbedder
from rt_gait_ros.settings import check, setting
from rt_gait_ros.synthesis import bodies, clothes, gaits, masks, outlines, strollers, tears, things, view, walks
from rt_gait_ros.synthesis.strollers import Stroller, make_stroller, stroller_silhouettes
from rt_gait_ros.synthesis.walks import Nuisances, random_scene

# Number of the first person of seed 0; each seed has a block of PER_SEED of its own. Training numbers its people from 0
# on and, to look at its progress, from 1_000_000_000 on (training.cohorts), so it never meets one of these.
FIRST, PER_SEED, SEEDS = 3_000_000_000, 1_000_000, 1000
AZIMUTHS = tuple(range(0, 181, 18))  # degrees: 0 away from the camera, 90 to the left, 180 towards it
HEIGHTS = (0.4, 1.2, 2.5)  # of the camera, metres
COUNTS = (1, 3, 7, 15, 30, 60)  # frames


@dataclass(frozen=True, slots=True)
class Cast:
    """Who walks before which cameras.

    people: who is tested. strangers: others, whom scene statistics are taken from. azimuths: degrees, heights: metres;
    everybody walks once before each pair of them, `frames` images. On another day, in other clothes, they walk before
    the `again` views, and are embedded from the first of their frames alone. seed: other people, 0 to SEEDS - 1.
    Raises UsageError for what cannot be compared.
    """

    people: int = setting(500, "Who is tested.", 2, PER_SEED // 2)
    strangers: int = setting(64, "Others.", 0, PER_SEED // 2, source="votes that the statistics of a scene hold")
    azimuths: tuple[int, ...] = AZIMUTHS
    heights: tuple[float, ...] = HEIGHTS
    frames: int = setting(60, "Images of a walk.", 1, 1000)
    seed: int = setting(0, "Other people for every number.", 0, SEEDS - 1)

    def __post_init__(self) -> None:
        check(self, "virtual people")
        if len(self.azimuths) < 2 or len(set(self.azimuths)) < len(self.azimuths):
            raise UsageError("azimuths: two at least are needed, all different")
        if not all(0 <= azimuth < 360 for azimuth in self.azimuths):
            raise UsageError("azimuths are whole degrees from 0 to 359")
        if not self.heights or len(set(self.heights)) < len(self.heights):
            raise UsageError("camera heights: one at least is needed, all different")
        if not all(0.1 <= height <= 5.0 for height in self.heights):
            raise UsageError("camera heights are metres from 0.1 to 5")

    @property
    def views(self) -> tuple[tuple[int, float], ...]:
        """Azimuth and height of every camera, the heights of an azimuth together."""
        return tuple((azimuth, height) for azimuth in self.azimuths for height in self.heights)

    @property
    def again(self) -> tuple[tuple[int, float], ...]:
        """The views of the other day: first, middle and last azimuth, middle height."""
        last = len(self.azimuths) - 1
        chosen = dict.fromkeys(self.azimuths[place] for place in (0, last // 2, last))
        return tuple((azimuth, self.heights[len(self.heights) // 2]) for azimuth in chosen)

    @property
    def counts(self) -> tuple[int, ...]:
        """How many frames the walks of the other day are embedded from."""
        return tuple(count for count in COUNTS if count <= self.frames)

    @property
    def numbers(self) -> tuple[range, range]:
        """Numbers of those tested, and of the strangers, none of them in both."""
        first = FIRST + self.seed * PER_SEED
        return range(first, first + self.people), range(first + PER_SEED // 2, first + PER_SEED // 2 + self.strangers)

    def jobs(self) -> list[EmbeddingJob]:
        """One job per person; its name is the person's number."""
        files = (Path(__file__), *generator_files())
        tested, strangers = self.numbers
        made = [
            EmbeddingJob(str(n), files, EmbedWalks(n, self.views, self.frames, self.again, self.counts)) for n in tested
        ]
        return made + [EmbeddingJob(str(n), files, EmbedWalks(n, self.views, self.frames)) for n in strangers]


_GENERATOR = bodies, clothes, gaits, masks, outlines, strollers, tears, things, view, walks


def generator_files() -> tuple[Path, ...]:
    """The sources of the generator: another one gives other walks."""
    sources = [getsourcefile(module) for module in _GENERATOR]
    return tuple(Path(source) for source in sources if source)


def view_name(azimuth: int, height: float) -> str:
    """How the arrays of a walk are called: "090/1.2"."""
    return f"{azimuth:03d}/{height:g}"


@dataclass(frozen=True, slots=True)
class EmbedWalks:
    """Job of person `number`: "090/1.2" for each of the views, and "again/090/1.2/7" of the first 7 frames of those of
    another day. (P, C) float16, half the memory of 500 people; a walk of too few good frames has no array."""

    number: int
    views: tuple[tuple[int, float], ...]
    frames: int
    again: tuple[tuple[int, float], ...] = ()
    counts: tuple[int, ...] = ()

    def __call__(self, _files: Sequence[Path], embedder: WalkEmbedder) -> Arrays:
        """Walk, see and embed. Raises GaitError for an embedding that float16 cannot hold."""
        who = make_stroller(self.number)
        made: Arrays = {}
        for azimuth, height in self.views:
            seen = silhouettes_of(who, self.number, azimuth, height, self.frames)
            if len(seen) >= embedder.model.min_frames:
                made[view_name(azimuth, height)] = half(embedder(seen), embedder.model)
        for azimuth, height in self.again:
            seen = silhouettes_of(who, self.number, azimuth, height, self.frames, day=1)
            for count in self.counts:
                if len(seen[:count]) >= embedder.model.min_frames:
                    made[f"again/{view_name(azimuth, height)}/{count}"] = half(embedder(seen[:count]), embedder.model)
        return made


def silhouettes_of(who: Stroller, number: int, azimuth: int, height: float, frames: int, day: int = 0) -> np.ndarray:
    """Silhouettes (S, 64, 64) uint8 of one walk with everything that must not matter; S <= frames, good ones alone.

    number, azimuth, height and day alone decide what is seen.
    """
    random = np.random.default_rng((number, azimuth, round(1000 * height), day))
    hard = Nuisances(heights=(height, height), views=(float(azimuth),), clothes=1.0, noise=1.0)
    scene = replace(random_scene(hard, random), both_ways=False)
    return stroller_silhouettes(who, scene, frames, hard, random)
