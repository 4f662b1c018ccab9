"""CASIA-B as the field does it: gallery NM 1-4, probes NM 5-6, BG 1-2, CL 1-2, view by view (Yu et al., ICPR 2006).

The figure that papers print is the mean of the rank-1 of every pair of different views. Beside it stand the mean with
the identical views among the pairs, which is higher, and what a household has: one walk enrolled, from one view.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from rt_gait_ros.datasets.casia_b import VIEWS, Person, find
from rt_gait_ros.errors import UsageError
from rt_gait_ros.evaluation.cross_view import Cell, CrossView, Searched
from rt_gait_ros.evaluation.embedding_jobs import Arrays, EmbeddingJob, count, embed_silhouettes, grouped
from rt_gait_ros.evaluation.held_out import held_out_moved_views, held_out_views
from rt_gait_ros.evaluation.open_set import Comparison
from rt_gait_ros.evaluation.pairs import Pairs, matrix_pairs
from rt_gait_ros.gait.views import ViewPrior
from rt_gait_ros.gait.walk_embedder import WalkEmbedder
from rt_gait_ros.gallery.distance import distances

GALLERY = ("nm-01", "nm-02", "nm-03", "nm-04")
CONDITIONS = {"NM": ("nm-05", "nm-06"), "BG": ("bg-01", "bg-02"), "CL": ("cl-01", "cl-02")}
# People whose silhouettes a network was trained on, the first so many: small, medium and large training of the field.
TRAINING = (0, 24, 62, 74)

# How the view was treated: left in; taken out by statistics of other people of the set; by those that the model ships.
OFF, OTHERS, SHIPPED, MOVED = "off", "others", "shipped", "moved"


@dataclass(frozen=True, slots=True)
class EmbedPerson:
    """Job of one person: the embedding (P, C) float16 of each sequence by "nm-01/090".

    frames: of a sequence, evenly chosen; 0: all that the model takes. Beside the embeddings: how many silhouettes were
    "damaged", and why pickles were "refused".
    """

    frames: int = 0

    def __call__(self, files: Sequence[Path], embedder: WalkEmbedder) -> Arrays:
        """Read and embed. Raises GaitError for an embedding that float16 cannot hold."""
        sequences = grouped(files, lambda file: f"{file.parent.parent.name}/{file.parent.name}")
        return embed_silhouettes(sequences, self._chosen, 1, embedder)

    def _chosen(self, frames: np.ndarray) -> np.ndarray:
        if not self.frames or len(frames) <= self.frames:
            return frames
        return frames[np.linspace(0, len(frames) - 1, self.frames).round().astype(int)]


@dataclass(frozen=True, slots=True)
class Walks:
    """N sequences. persons, sequences, views: (N,) names. embeddings: (N, P, C) float32."""

    persons: np.ndarray
    sequences: np.ndarray
    views: np.ndarray
    embeddings: np.ndarray

    @classmethod
    def of(cls, embedded: Mapping[str, Arrays]) -> "Walks":
        """All sequences that have an embedding. Raises UsageError where there are none."""
        keys = [(person, *key.split("/")) for person, arrays in embedded.items() for key in arrays if "/" in key]
        if not keys:
            raise UsageError("no sequence has silhouettes that can be used: there is nothing to compare")
        persons, sequences, views = (np.array(names) for names in zip(*keys, strict=True))
        first = embedded[keys[0][0]][f"{keys[0][1]}/{keys[0][2]}"]
        embeddings = np.empty((len(keys), *first.shape), np.float32)
        for number, (person, sequence, view) in enumerate(keys):
            embeddings[number] = embedded[person][f"{sequence}/{view}"]
        return cls(persons, sequences, views, embeddings)

    @property
    def gallery(self) -> np.ndarray:
        """Places of the walks that are enrolled."""
        return np.flatnonzero(np.isin(self.sequences, GALLERY))

    @property
    def probes(self) -> np.ndarray:
        """Places of the walks that are searched, of persons who are enrolled."""
        enrolled = np.isin(self.persons, np.unique(self.persons[self.gallery]))
        return np.flatnonzero(enrolled & ~np.isin(self.sequences, GALLERY))


@dataclass(frozen=True, slots=True)
class Variant:
    """The protocol with views treated one way. conditions: by name, those that have probes.

    pairs: each probe with each enrolled walk, of whatever view. views_right: share of walks, 0..1, whose view was told
    right, where that was asked.
    """

    view_centring: str
    conditions: dict[str, CrossView]
    pairs: Pairs
    views_right: float | None = None

    @property
    def comparison(self) -> Comparison:
        """Every probe of all conditions."""
        return Comparison.joined([each.comparison for each in self.conditions.values()])

    @property
    def rows(self) -> list[dict]:
        """Each pair of a gallery view and a probe view."""
        return [_row(name, cell) for name, each in self.conditions.items() for cell in each.cells]

    def to_json(self) -> dict:
        """Shares 0..1."""
        return {
            "view_centring": self.view_centring,
            "summary": {name: each.summary() for name, each in self.conditions.items()},
            "open_set": {name: each.comparison.figures() for name, each in self.conditions.items()},
            "views_right": self.views_right,
        }


@dataclass(frozen=True, slots=True)
class Result:
    """The whole protocol. variants: at least one; the figures of the last are those of the recogniser.

    sequences: that were looked for and are there. missing: that are not. lost: without an embedding. damaged:
    silhouettes that could not be used. refused: why pickles were, one line each.
    """

    model: str
    variants: tuple[Variant, ...]
    people: int
    sequences: int
    missing: int
    lost: int
    damaged: int
    refused: tuple[str, ...]
    protocol: str = field(default="casia-b", init=False)

    @property
    def stated(self) -> Variant:
        """The variant whose figures stand first: what the recogniser does with this model."""
        by_name = {variant.view_centring: variant for variant in self.variants}
        return by_name.get(MOVED) or by_name.get(SHIPPED) or by_name.get(OFF) or self.variants[-1]

    def to_json(self) -> dict:
        """The figures in the shape that every `rt-gait evaluate` gives; shares 0..1."""
        return {
            "protocol": self.protocol,
            "model": self.model,
            "rows": self.stated.rows,
            **self.stated.to_json(),
            "variants": [variant.to_json() for variant in self.variants],
            "people": self.people,
            "sequences": self.sequences,
            "missing": self.missing,
            "lost": self.lost,
            "damaged": self.damaged,
            "refused": len(self.refused),
        }


def jobs_of(people: Collection[Person], frames: int = 0) -> list[EmbeddingJob]:
    """One job for each person. frames: as of EmbedPerson."""
    return [EmbeddingJob(person.name, person.files, EmbedPerson(frames)) for person in people]


def find_people(folder: Path, numbers: Collection[int]) -> tuple[Person, ...]:
    """Those to be tested. Raises UsageError for a folder of another layout, or where fewer than two can be compared."""
    people = find(folder, numbers)
    if len(people) < 2:
        raise UsageError(f"{folder} has {len(people)} of the people asked for: two at least can be compared")
    probes = [name for names in CONDITIONS.values() for name in names]
    for what, names, least in (("NM 1-4", GALLERY, 2), ("NM 5-6, BG 1-2, CL 1-2", probes, 1)):
        if (there := sum(_has_files(person, names) for person in people)) < least:
            raise UsageError(
                f"{folder} has pictures or pickles of {what} of {there} people; {least} at least are needed, in "
                "files like 001/nm-01/090/001-nm-01-090-001.png or 001/nm-01/090/090.pkl"
            )
    return people


def _has_files(person: Person, sequences: Collection[str]) -> bool:
    return any(files and name.partition("/")[0] in sequences for name, files in person.sequences.items())


def evaluate(
    embedded: Mapping[str, Arrays],
    people: Collection[Person],
    model: str,
    centring: Collection[str] = (OFF,),
    shipped: ViewPrior | None = None,
) -> Result:
    """The protocol on what the jobs made. centring: variants, of OFF, OTHERS, SHIPPED, MOVED. shipped: of the model.

    Raises UsageError where too little is left.
    """
    walks = Walks.of(embedded)
    if len(np.unique(walks.views)) < 2 or len(np.unique(walks.persons[walks.gallery])) < 2:
        raise UsageError("the sequences left are of less than two people or two views: there is nothing to compare")
    variants = []
    for name in centring if len(walks.probes) else ():
        between, right = _between(walks, name, shipped)
        if conditions := _conditions(walks, between):
            pairs = matrix_pairs(between, walks.persons[walks.probes], walks.persons[walks.gallery])
            variants.append(Variant(name, conditions, pairs, right))
    if not variants:
        raise UsageError("no probe has its person in the gallery under another view: there is nothing to compare")
    there = sum(len(person.sequences) for person in people)
    return Result(
        model,
        tuple(variants),
        len(people),
        there,
        sum(person.missing for person in people),
        there - len(walks.persons),
        count(embedded, "damaged"),
        tuple(str(line) for arrays in embedded.values() for line in arrays["refused"]),
    )


def _between(walks: Walks, centring: str, shipped: ViewPrior | None) -> tuple[np.ndarray, float | None]:
    """Distances of probes to gallery walks (Q, T), and how often the view was told right."""
    probes, gallery, embeddings = walks.probes, walks.gallery, walks.embeddings
    if centring == OTHERS:
        return held_out_views(embeddings, walks.persons, walks.views, probes, gallery)
    if centring in (SHIPPED, MOVED):
        if shipped is None:
            raise ValueError("the model ships no views")
        if centring == MOVED:
            return held_out_moved_views(embeddings, walks.persons, shipped, probes, gallery), None
        embeddings = shipped.normalise(embeddings)
    return distances(embeddings[probes], embeddings[gallery], np.float32), None


def _conditions(walks: Walks, between: np.ndarray) -> dict[str, CrossView]:
    """Each condition that has probes with another view in the gallery."""
    people = sorted(set(walks.persons[walks.gallery].tolist()))
    found = {}
    for name, sequences in CONDITIONS.items():
        mine = np.flatnonzero(np.isin(walks.sequences[walks.probes], sequences))
        if not len(mine):
            continue
        probes = walks.probes[mine]
        searched = Searched(
            between[mine],
            np.searchsorted(people, walks.persons[probes]),
            walks.views[probes],
            np.searchsorted(people, walks.persons[walks.gallery]),
            walks.views[walks.gallery],
            walks.sequences[walks.gallery],
        )
        if (table := CrossView.of(searched, VIEWS)) is not None:
            found[name] = table
    return found


def _row(condition: str, cell: Cell) -> dict:
    return {
        "condition": condition,
        "gallery": cell.gallery,
        "probe": cell.probe,
        "rank1": cell.rank1.rate,
        "ci95": list(cell.rank1.ci95),
        "probes": cell.rank1.probes,
        "identical_view": cell.gallery == cell.probe,
    }
