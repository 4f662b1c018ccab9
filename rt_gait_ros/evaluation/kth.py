"""The KTH walking protocol: video in, our own silhouettes, pass by pass, across clothes and places.

Files are personNN_dK.avi: d1 outdoors, d3 outdoors in other clothes, d4 indoors (Schuldt, Laptev, Caputo, "Recognizing
human actions", ICPR 2004). Every pass of one condition is a probe; all passes of another condition are the gallery.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from rt_gait_ros.errors import UsageError
from rt_gait_ros.evaluation.open_set import Searches, equal_error_rate, fnir_at_fpir, searches
from rt_gait_ros.evaluation.recognition import RankRate, rank_rate, to_persons
from rt_gait_ros.evaluation.walks import VideoWalks
from rt_gait_ros.gait.config import RecognizerConfig
from rt_gait_ros.gait.distance import distances

CONDITIONS = ("d1", "d3", "d4")
MIN_FRAMES = RecognizerConfig.min_frames  # a pass with fewer good frames is lost
# Rank-1 of gait energy images without any training, nearest neighbour, all 25 people of the set; one probe a person.
FLOOR = {("d1", "d4"): 0.609, ("d4", "d1"): 0.478, ("d1", "d3"): 0.0}

_NAME = re.compile(r"person(\d+)_(d[0-9])\.avi", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Pass:
    """One walk across the picture. embedding: (P, C)."""

    person: str
    condition: str
    embedding: np.ndarray


@dataclass(frozen=True, slots=True)
class Pair:
    """One condition searched in another.

    passes: rank-1 of single passes. rank5: the same among five. people: rank-1 of persons, all their passes taken
    together by the mean distance. genuine, impostor: distances of probe pass and person. found: for open-set figures.
    """

    gallery: str
    probe: str
    passes: RankRate
    rank5: RankRate
    people: RankRate
    genuine: np.ndarray
    impostor: np.ndarray
    found: Searches


@dataclass(frozen=True, slots=True)
class Result:
    """The whole protocol. total, lost: passes that motion shows, and those of them without an embedding."""

    model: str
    pairs: tuple[Pair, ...]
    total: int
    lost: int

    def open_set(self) -> dict[str, float]:
        """Open-set figures over all pairs of conditions together; shares 0..1."""
        genuine = np.concatenate([pair.genuine for pair in self.pairs])
        impostor = np.concatenate([pair.impostor for pair in self.pairs])
        found = Searches(
            np.concatenate([pair.found.right for pair in self.pairs]),
            np.concatenate([pair.found.mated for pair in self.pairs]),
            np.concatenate([pair.found.non_mated for pair in self.pairs]),
        )
        fnir, threshold = fnir_at_fpir(found, 0.01)
        return {"eer": equal_error_rate(genuine, impostor), "fnir_at_fpir_1": fnir, "threshold": threshold}

    def to_json(self) -> dict:
        """The figures in the shape that every `rt-gait evaluate` gives; shares 0..1."""
        return {
            "protocol": "kth",
            "model": self.model,
            "rows": [_row(pair) for pair in self.pairs],
            "open_set": self.open_set(),
            "lost": self.lost,
            "passes": self.total,
        }


def find_videos(folder: Path) -> dict[tuple[str, str], Path]:
    """The videos of the set by (person, condition). Raises UsageError for a folder of another layout."""
    if not folder.is_dir():
        raise UsageError(f"{folder} is not a folder: name the one that holds personNN_dK.avi")
    found = {}
    for path in sorted(folder.iterdir()):
        match = _NAME.fullmatch(path.name)
        if match and match[2].lower() in CONDITIONS:
            found[match[1], match[2].lower()] = path
    if len({condition for _, condition in found}) < 2 or len({person for person, _ in found}) < 2:
        raise UsageError(f"{folder} does not hold the set: personNN_dK.avi of two people and two conditions are needed")
    return found


def embed_passes(
    videos: Mapping[tuple[str, str], VideoWalks], embed: Callable[[np.ndarray], np.ndarray]
) -> tuple[list[Pass], int]:
    """Embeddings of all passes, and how many passes were lost. embed: (S, 64, 64) gait frames to (P, C)."""
    passes, lost = [], 0
    for (person, condition), video in videos.items():
        for frames in video.by_pass(MIN_FRAMES):
            if frames is None:
                lost += 1
            else:
                passes.append(Pass(person, condition, embed(frames)))
    return passes, lost


def evaluate(passes: Sequence[Pass], lost: int, model: str) -> Result:
    """Every condition searched in every other one. Raises UsageError where too little is left to search."""
    pairs = []
    for gallery in CONDITIONS:
        for probe in CONDITIONS:
            if gallery != probe:
                pair = _pair([p for p in passes if p.condition == gallery], [p for p in passes if p.condition == probe])
                pairs += [pair] if pair is not None else []
    if not pairs:
        raise UsageError("no two conditions hold passes of the same people: there is nothing to evaluate")
    return Result(model, tuple(pairs), len(passes) + lost, lost)


def _pair(gallery: list[Pass], probes: list[Pass]) -> Pair | None:
    """One condition in another; probes whose person has no pass left in the gallery are not asked for."""
    people = sorted({p.person for p in gallery})
    probes = [p for p in probes if p.person in people]
    if len(people) < 2 or not probes:
        return None
    truth = np.array([people.index(p.person) for p in probes])
    owners = np.array([people.index(p.person) for p in gallery])
    templates = distances(np.stack([p.embedding for p in probes]), np.stack([p.embedding for p in gallery]))
    nearest = to_persons(templates, owners, len(people))
    own = np.zeros(nearest.shape, bool)
    own[np.arange(len(truth)), truth] = True
    seen = np.unique(truth)
    together = np.stack([nearest[truth == person].mean(axis=0) for person in seen])
    return Pair(
        gallery[0].condition,
        probes[0].condition,
        rank_rate(nearest, truth),
        rank_rate(nearest, truth, 5),
        rank_rate(together, seen),
        nearest[own],
        nearest[~own],
        searches(nearest, truth),
    )


def _row(pair: Pair) -> dict:
    return {
        "gallery": pair.gallery,
        "probe": pair.probe,
        "rank1": pair.passes.rate,
        "ci95": list(pair.passes.ci95),
        "probes": pair.passes.probes,
        "rank5": pair.rank5.rate,
        "rank1_person": pair.people.rate,
        "ci95_person": list(pair.people.ci95),
        "people": pair.people.probes,
        "floor": FLOOR.get((pair.gallery, pair.probe)),
    }
