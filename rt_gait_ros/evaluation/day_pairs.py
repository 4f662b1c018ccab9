"""Pairs of looks that differ as days do, from people whose walks are labelled: a folder of them, or generated walkers.

Within one walk everything but the person stays the same, too: clothes, light, view. What distances mean there is too
good for another day. Here two looks at one person are always of two walks, and a stranger is compared in whatever
clothes and from whatever view.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from rt_gait_ros.datasets import folders
from rt_gait_ros.datasets.video_walks import VideoWalks
from rt_gait_ros.errors import UsageError
from rt_gait_ros.evaluation.embedding_jobs import Arrays, EmbeddingJob, embed_silhouettes, grouped, half
from rt_gait_ros.evaluation.pairs import Pairs, joined
from rt_gait_ros.evaluation.virtual_people import AZIMUTHS, generator_files, silhouettes_of
from rt_gait_ros.gait.scene import MIN_WALKERS, normalisation, shares
from rt_gait_ros.gait.views import ViewPrior
from rt_gait_ros.gait.walk_embedder import WalkEmbedder
from rt_gait_ros.gallery.distance import distances
from rt_gait_ros.synthesis.strollers import make_stroller

# Number of the first generated person: training takes those below 2,000,000,000, ranges of 8-bit networks those from
# there on, `evaluate virtual` those from 3,000,000,000 on.
FIRST_PERSON = 2_500_000_000
GENERATED, DAYS = 150, 8  # persons and days of each: 4,200 pairs of one person, 700,000 of two
HEIGHTS = (0.4, 2.5)  # of the camera, metres
MOST_LOOKS = 24  # at a person of a folder, evenly chosen: more say little more, and take minutes


@dataclass(frozen=True, slots=True)
class Looks:
    """N looks. persons, days, scenes: (N,) names; a scene is a view or a camera. embeddings: (N, P, C) float32."""

    persons: np.ndarray
    days: np.ndarray
    scenes: np.ndarray
    embeddings: np.ndarray

    @classmethod
    def of(cls, embedded: Mapping[str, Arrays]) -> "Looks":
        """What the jobs made: by person, by "day/scene/number". Raises UsageError where that is nothing."""
        keys = [(who, key) for who, arrays in embedded.items() for key in sorted(arrays) if "/" in key]
        if not keys:
            raise UsageError("nobody walks there long enough for a look: at least two people on two days are needed")
        names = np.array([(who, *key.split("/")[:2]) for who, key in keys])
        embeddings = np.stack([np.asarray(embedded[who][key], np.float32) for who, key in keys])
        return cls(names[:, 0], names[:, 1], names[:, 2], embeddings)

    def only(self, chosen: np.ndarray) -> "Looks":
        """Those at the places (M,) alone."""
        return Looks(self.persons[chosen], self.days[chosen], self.scenes[chosen], self.embeddings[chosen])


@dataclass(frozen=True, slots=True)
class DayPairs:
    """everything: looks at one person on two days, and at two persons. alike: of them, those seen from one view."""

    everything: Pairs
    alike: Pairs


def day_pairs(looks: Looks) -> DayPairs:
    """All pairs of the looks but those of one person on one day."""
    between = distances(looks.embeddings, looks.embeddings, np.float32)
    first, second = np.triu_indices(len(between), 1)
    same = looks.persons[first] == looks.persons[second]
    kept = ~same | (looks.days[first] != looks.days[second])
    alike = kept & (looks.scenes[first] == looks.scenes[second])
    apart = between[first, second]
    return DayPairs(Pairs(apart[kept & same], apart[kept & ~same]), Pairs(apart[alike & same], apart[alike & ~same]))


def scene_free_day_pairs(looks: Looks, radius: float, prior: ViewPrior | None = None) -> Pairs:
    """The pairs with scenes taken out, among each half of the people by statistics of the other half.

    radius: as of SceneStatistics. Looks in a scene that too few of the others have seen are left out. prior: the views
    that the model ships; they alone are then taken out, as for the first who walk by.
    """
    if prior is not None:
        plain = prior.normalise(looks.embeddings)
        return day_pairs(Looks(looks.persons, looks.days, looks.scenes, plain)).everything
    people = np.unique(looks.persons)
    odd = np.isin(looks.persons, people[1::2])
    return joined(
        _scene_free(looks.only(mine), looks.only(others), radius) for mine, others in ((odd, ~odd), (~odd, odd))
    )


def _scene_free(looks: Looks, others: Looks, radius: float) -> Pairs:
    plain = np.array(looks.embeddings)
    known = np.zeros(len(plain), bool)
    for scene in np.unique(looks.scenes):
        there = others.only(others.scenes == scene)
        if not len(there.persons):
            continue
        votes = np.stack([there.embeddings[there.persons == who].mean(axis=0) for who in np.unique(there.persons)])
        weights = shares(distances(votes, votes), radius)
        if weights.sum() >= MIN_WALKERS:
            mine = looks.scenes == scene
            plain[mine] = normalisation(votes, weights)(plain[mine])
            known |= mine
    return day_pairs(Looks(looks.persons[known], looks.days[known], looks.scenes[known], plain[known])).everything


@dataclass(frozen=True, slots=True)
class EmbedDays:
    """Job of generated person `number`: a look on each of `days` days, in clothes of the day, from a view by chance."""

    number: int
    days: int
    frames: int

    def __call__(self, _files: Sequence[Path], embedder: WalkEmbedder) -> Arrays:
        """Walk, see and embed. Raises GaitError for an embedding that float16 cannot hold."""
        who = make_stroller(self.number)
        made: Arrays = {}
        for day in range(self.days):
            random = np.random.default_rng((0xDA7, self.number, day))
            azimuth, height = int(random.choice(AZIMUTHS)), float(random.uniform(*HEIGHTS))
            seen = silhouettes_of(who, self.number, azimuth, height, self.frames, day)
            if len(seen) >= embedder.model.min_frames:
                made[f"{day}/{azimuth:03d}/0"] = half(embedder(seen), embedder.model)
        return made


def generated_jobs(people: int, frames: int) -> list[EmbeddingJob]:
    """One job for each generated person. frames: of a look."""
    numbers = range(FIRST_PERSON, FIRST_PERSON + people)
    files = (Path(__file__), *generator_files())
    return [EmbeddingJob(str(number), files, EmbedDays(number, DAYS, frames)) for number in numbers]


@dataclass(frozen=True, slots=True)
class EmbedLooks:
    """Job of one person's folder: a look at each walk, the frames about its middle. frames: of a look."""

    folder: Path
    frames: int

    def __call__(self, files: Sequence[Path], embedder: WalkEmbedder) -> Arrays:
        """Read and embed. Raises GaitError for an embedding that float16 cannot hold."""
        walks = grouped(files, self._name)
        return embed_silhouettes(walks, lambda frames: _middle(frames, self.frames), self.frames // 2, embedder)

    def _name(self, file: Path) -> str:
        walk = file.parent.relative_to(self.folder).parts
        return f"{walk[0]}/{walk[-1]}/0"


def _middle(frames: np.ndarray, count: int) -> np.ndarray:
    first = max(0, (len(frames) - count) // 2)
    return frames[first : first + count]


def folder_jobs(folder: Path, frames: int, numbers: Collection[int] | None = None) -> list[EmbeddingJob]:
    """One job for each person of DIR/PERSON/DAY/*.png or DIR/PERSON/SEQUENCE/VIEW/*.png, or *.pkl, who walks twice.

    A day, or a sequence, is a walk that no other one shares its clothes with. numbers: only people whose folders are
    named by one of them. Raises UsageError where there is nobody.
    """
    if not folder.is_dir():
        raise UsageError(
            f"{folder} is not a folder: name one that holds PERSON/DAY/*.png or PERSON/SEQUENCE/VIEW/*.pkl"
        )
    people = folders.people_of(folder, numbers)
    if numbers is not None and not people:
        raise UsageError(f"{folder} has none of the people asked for: their folders are named by numbers, as 001")
    jobs = []
    for who in people:
        days = sorted(path for path in who.iterdir() if path.is_dir())
        walks = [files for day in days if (files := folders.files_of(day))]
        walks += [sequence.files for sequence in folders.sequences_of([who])]
        chosen = np.unique(np.linspace(0, len(walks) - 1, min(len(walks), MOST_LOOKS)).round().astype(int))
        if len(walks) > 1:
            files = tuple(file for place in chosen for file in walks[place])
            jobs.append(EmbeddingJob(who.name, files, EmbedLooks(who, frames)))
    return jobs


def film_looks(
    videos: Mapping[Path, VideoWalks], embed: Callable[[np.ndarray], np.ndarray], frames: int
) -> dict[str, Arrays]:
    """Looks at people filmed as DIR/PERSON/DAY.avi, whom nobody else passes by: by person, as the jobs give them."""
    found: dict[str, Arrays] = {}
    for video, walks in videos.items():
        passes = [seen for seen in walks.by_pass(frames // 2) if seen is not None]
        for number, seen in enumerate(passes[:MOST_LOOKS]):
            look = embed(_middle(seen, frames))
            found.setdefault(video.parent.name, {})[f"{video.stem}/{video.stem}/{number}"] = look
    return found
