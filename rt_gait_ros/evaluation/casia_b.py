"""CASIA-B as the field does it: gallery NM 1-4, probes NM 5-6, BG 1-2, CL 1-2, view by view (Yu et al., ICPR 2006).

The figure that papers print is the mean of the rank-1 of every pair of different views, over the people that GaitSet's
split leaves for the test (Chao et al., AAAI 2019). The other mean, identical views among the pairs, is higher.
"""

import math
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import cv2
import numpy as np

from rt_gait_ros.errors import UsageError
from rt_gait_ros.evaluation.jobs import Arrays, Embed, Job, count
from rt_gait_ros.evaluation.open_set import Comparison
from rt_gait_ros.evaluation.recognition import rank_rate, to_persons, wilson
from rt_gait_ros.gait.distance import distances
from rt_gait_ros.gait.model import GaitModel
from rt_gait_ros.silhouette.gaitset import SIZE, silhouette_from_mask

GALLERY = "NM#1-4"
SEQUENCES = {
    GALLERY: ("nm-01", "nm-02", "nm-03", "nm-04"),
    "NM#5-6": ("nm-05", "nm-06"),
    "BG#1-2": ("bg-01", "bg-02"),
    "CL#1-2": ("cl-01", "cl-02"),
}
VIEWS = ("000", "018", "036", "054", "072", "090", "108", "126", "144", "162", "180")
# People whose silhouettes a network was trained on, the first so many: small, medium and large training of the field.
TRAINING = (0, 24, 62, 74)

_PNG_END = b"IEND\xaeB`\x82"


@dataclass(frozen=True, slots=True)
class Walk:
    """One sequence. condition: key of SEQUENCES. embedding: (P, C)."""

    person: str
    condition: str
    view: str
    embedding: np.ndarray


@dataclass(frozen=True, slots=True)
class Row:
    """One probe condition searched in the gallery; shares 0..1.

    rank1: mean over all pairs of different views, rank1_identical: of all views. by_view: as rank1, of each probe view.
    probes: sequences. rank5, comparison: each probe in all other views at once.
    """

    probe: str
    rank1: float
    rank1_identical: float
    by_view: dict[str, float]
    probes: int
    rank5: float
    comparison: Comparison


@dataclass(frozen=True, slots=True)
class Result:
    """The whole protocol. lost: sequences without an embedding. damaged: pictures that could not be used."""

    model: str
    rows: tuple[Row, ...]
    people: int
    lost: int
    damaged: int
    protocol: str = field(default="casia-b", init=False)

    @property
    def comparison(self) -> Comparison:
        """Every probe of all conditions."""
        return Comparison.joined([row.comparison for row in self.rows])

    def to_json(self) -> dict:
        """The figures in the shape that every `rt-gait evaluate` gives; shares 0..1."""
        return {
            "protocol": self.protocol,
            "model": self.model,
            "rows": [_json(row) for row in self.rows],
            "open_set": self.comparison.figures(),
            "lost": self.lost,
            "damaged": self.damaged,
            "people": self.people,
        }


def find_people(folder: Path, training: int) -> tuple[list[Job], int]:
    """One job for each person of the test, those after the first `training` identities, and how many sequences it is.

    Raises UsageError for a folder of another layout than ID/nm-01/090/*.png.
    """
    people = [path for path in sorted(folder.iterdir()) if re.fullmatch(r"\d{3}", path.name)] if folder.is_dir() else []
    people = [path for path in people if path.is_dir()]
    if not any((person / "nm-01").is_dir() for person in people):
        raise UsageError(f"{folder} is not CASIA-B: folders like 001/nm-01/090 with pictures (.png) are expected in it")
    tested = [path for path in people if int(path.name) > training]
    if len(tested) < 2:
        raise UsageError(f"{folder} has {len(tested)} of the people after number {training}: see --training")
    jobs, total = [], 0
    for person in tested:
        total += sum(
            sequence.is_dir() for names in SEQUENCES.values() for name in names for sequence in person.glob(f"{name}/*")
        )
        files = [file for names in SEQUENCES.values() for name in names for file in person.glob(f"{name}/*/*.png")]
        jobs.append(Job(person.name, tuple(sorted(files)), embed_person))
    return jobs, total


def embed_person(files: Sequence[Path], embed: Embed, model: GaitModel) -> Arrays:
    """Embeddings of one person's sequences by "nm-01/090", and how many of the pictures were "damaged"."""
    by_sequence: dict[str, list[Path]] = {}
    for file in files:
        by_sequence.setdefault(f"{file.parent.parent.name}/{file.parent.name}", []).append(file)
    made: Arrays = {}
    damaged = 0
    for name, pictures in by_sequence.items():
        read = [read_silhouette(picture) for picture in pictures]
        damaged += sum(silhouette is None for silhouette in read)
        frames = [silhouette for silhouette in read if silhouette is not None]
        if len(frames) >= model.min_frames:
            made[name] = embed(np.stack(frames))
    return made | {"damaged": np.array(damaged)}


def read_silhouette(path: Path) -> np.ndarray | None:
    """A picture of the set as (64, 64) uint8; None where it is cut off, empty, or nobody is in it.

    The 64x64 cut is taken as it is; of larger pictures, the masks of GaitDatasetB-silh, the silhouette is cut as
    GaitSet does.
    """
    content = path.read_bytes()
    if not content.endswith(_PNG_END):  # OpenCV would decode the half that is there
        return None
    mask = cv2.imdecode(np.frombuffer(content, np.uint8), cv2.IMREAD_GRAYSCALE)
    if mask is None:
        return None
    if mask.shape == (SIZE, SIZE):
        return np.asarray(mask) if mask.any() else None
    return silhouette_from_mask(mask)


def walks_of(embedded: Mapping[str, Arrays]) -> list[Walk]:
    """All sequences that have an embedding."""
    conditions = {name: condition for condition, names in SEQUENCES.items() for name in names}
    return [
        Walk(person, conditions[key.partition("/")[0]], key.partition("/")[2], array)
        for person, arrays in embedded.items()
        for key, array in arrays.items()
        if "/" in key
    ]


def evaluate(embedded: Mapping[str, Arrays], total: int, model: str) -> Result:
    """The protocol on what `embed_person` made of `total` sequences. Raises UsageError where too little is left."""
    walks = walks_of(embedded)
    gallery = [walk for walk in walks if walk.condition == GALLERY]
    if len({walk.view for walk in walks}) < 2 or len({walk.person for walk in gallery}) < 2:
        raise UsageError("the sequences left are of less than two people or two views: there is nothing to compare")
    rows = []
    for condition in SEQUENCES:
        probes = [walk for walk in walks if walk.condition == condition]
        if condition != GALLERY and probes and (row := _row(gallery, probes, condition)) is not None:
            rows.append(row)
    if not rows:
        raise UsageError("no probe has its person in the gallery under another view: there is nothing to compare")
    return Result(model, tuple(rows), len(embedded), total - len(walks), count(embedded, "damaged"))


def _row(gallery: list[Walk], probes: list[Walk], condition: str) -> Row | None:
    people = sorted({walk.person for walk in gallery})
    probes = [walk for walk in probes if walk.person in people]
    views = sorted({walk.view for walk in gallery})
    if not probes:
        return None
    truth = np.array([people.index(walk.person) for walk in probes])
    seen_from = np.array([walk.view for walk in probes])
    nearest = _by_gallery_view(gallery, probes, people, views)
    own = nearest[:, np.arange(len(truth)), truth]  # (views, probes)
    others = nearest.copy()
    others[:, np.arange(len(truth)), truth] = np.inf
    right = own < others.min(axis=2)
    known = np.isfinite(own)
    cells = np.full((len(VIEWS), len(VIEWS)), np.nan)  # probe view, gallery view
    for v, view in enumerate(VIEWS):
        for g, other in enumerate(VIEWS):
            here = (seen_from == view) & known[views.index(other)] if other in views else np.zeros(len(truth), bool)
            if here.any():
                cells[v, g] = right[views.index(other), here].mean()
    different = np.where(np.eye(len(VIEWS), dtype=bool), np.nan, cells)
    if np.isnan(different).all():
        return None
    # each probe among all gallery sequences of other views at once
    pooled = np.where((np.array(views)[:, None] == seen_from)[..., None], np.inf, nearest).min(axis=0)
    usable = np.isfinite(pooled).all(axis=1)
    pooled, truth = pooled[usable], truth[usable]
    return Row(
        condition,
        float(np.nanmean(different)),
        float(np.nanmean(cells)),
        {view: float(np.nanmean(row)) for view, row in zip(VIEWS, different, strict=True) if not np.isnan(row).all()},
        len(probes),
        rank_rate(pooled, truth, 5).rate,
        Comparison.of(pooled, truth),
    )


def _by_gallery_view(gallery: list[Walk], probes: list[Walk], people: list[str], views: Iterable[str]) -> np.ndarray:
    """Distance of each probe to each person's nearest sequence of each gallery view: (views, probes, people)."""
    asked = np.stack([walk.embedding for walk in probes])
    tables = []
    for view in views:
        seen = [walk for walk in gallery if walk.view == view]
        owners = np.array([people.index(walk.person) for walk in seen])
        tables.append(to_persons(distances(asked, np.stack([walk.embedding for walk in seen])), owners, len(people)))
    return np.stack(tables)


def _json(row: Row) -> dict:
    return {
        "gallery": GALLERY,
        "probe": row.probe,
        "rank1": row.rank1,
        # of as many trials as there are sequences: the views in which one is searched are no new evidence
        "ci95": list(wilson(round(row.rank1 * row.probes), row.probes)),
        "probes": row.probes,
        "rank1_identical": row.rank1_identical,
        "rank5": None if math.isnan(row.rank5) else row.rank5,
        "by_view": row.by_view,
    }
