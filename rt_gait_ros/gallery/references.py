"""The gallery as it is searched: an unchanging snapshot."""

import itertools
from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from rt_gait_ros.gallery import search
from rt_gait_ros.gallery.person import Content, Person
from rt_gait_ros.gallery.search import Sketches, TemplateMatrix

_versions = itertools.count(1)  # of the contents of all galleries of this process: no two of them share one


@dataclass(frozen=True, slots=True)
class References:
    """The gallery as the recogniser searches it.

    model: as Gallery.model. persons: N persons. embeddings: (T, P, C) float16 or float32, every template of everybody.
    starts: (N,) index of each person's first template. version: no two different ones have the same. sketches: of the
    embeddings, see gallery.search.
    """

    model: str
    persons: tuple[Person, ...]
    embeddings: np.ndarray
    starts: np.ndarray
    version: tuple[int, ...]
    sketches: Sketches | None = None

    @property
    def slack(self) -> float:
        """How much of the hysteresis applies to these distances: all of it, for those that the lines are drawn in."""
        return 1.0

    def index(self, person_id: str) -> int | None:
        """Which of `persons` has this id; None where nobody has."""
        return next((n for n, person in enumerate(self.persons) if person.person_id == person_id), None)

    def nearest(self, queries: np.ndarray) -> np.ndarray:
        """Distance of each query (Q, P, C) to the nearest template of each person: (Q, N) float64.

        Of long embeddings and many persons those of the nearest ones alone are exact (gallery.search).
        """
        return self.nearest_less(queries, None)

    def nearest_less(self, queries: np.ndarray, allowance: np.ndarray | None) -> np.ndarray:
        """As `nearest`, after (Q, T) is taken off the distance of each query to each template; None: nothing."""
        if not self.persons or not len(queries):
            return np.zeros((len(queries), len(self.persons)))
        return search.nearest(queries, self.embeddings, self.sketches, self.starts, allowance=allowance)

    def compared(self, queries: np.ndarray, degrees: np.ndarray) -> np.ndarray:
        """What names go by, as `nearest`, and what is learnt by, which has to be near as well: (Q, 2, N).

        degrees: (Q,) from where each was seen, NaN where that is not known.
        """
        found = self.nearest(queries)
        return np.stack([found, found], axis=1)


def on_rows(content: Content, matrix: TemplateMatrix) -> Content:
    """The same content, with the rows of a matrix for its embeddings: nothing is in memory twice."""
    persons, number = [], 0
    for person in content.persons:
        if not all(matrix.holds(template.embedding) for template in person.templates):
            rows = range(number, number + len(person.templates))
            placed = [replace(t, embedding=matrix.row(n)) for t, n in zip(person.templates, rows, strict=True)]
            person = replace(person, templates=tuple(placed))
        persons.append(person)
        number += len(person.templates)
    return replace(content, persons=tuple(persons))


def index_of(content: Content, matrix: TemplateMatrix, is_over: Callable[[Person], bool] | None) -> References:
    """The gallery to search in. matrix: of its embeddings. is_over: who is to be left out; None: nobody."""
    persons, rows, sketches = content.persons, matrix.rows, matrix.sketches
    counts = np.array([len(p.templates) for p in persons], int)
    if is_over is not None:
        stays = np.array([not is_over(person) for person in persons], bool)
        chosen = np.repeat(stays, counts)
        persons, counts, rows = tuple(p for p in persons if not is_over(p)), counts[stays], rows[chosen]
        sketches = None if sketches is None else Sketches(*(part[chosen] for part in sketches))
    starts = np.cumsum(np.append(0, counts))[:-1].astype(int)
    return References(content.model if persons else "", persons, rows, starts, (next(_versions),), sketches)
