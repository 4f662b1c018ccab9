"""The nearest of many templates, without looking at all of every one.

A GaitSet's embedding has 15 872 numbers: to compare one look with 4000 of them moves a quarter of a gigabyte. So each
is also kept as a sketch of SKETCH numbers whose distances estimate the true ones without bias (count sketch: Charikar,
Chen and Farach-Colton, 2002; as a projection that keeps distances: Weinberger et al., ICML 2009, there "hashing
trick"). All are compared by their sketches, and the persons that come out nearest exactly. An estimate is off
by 3 % of the distance (standard deviation sqrt(2 / SKETCH) / 2), less than who is near differs from who is not.
"""

import operator
from collections.abc import Sequence
from typing import NamedTuple, Protocol

import numpy as np

from rt_gait_ros.gallery.distance import distances, single

SKETCH = 512  # numbers of a sketch; embeddings of up to twice as many need none
EXACT = 8  # persons that are compared exactly, for each look
_BLOCK = 64  # templates that are sketched at once: what is unpacked meanwhile stays small
_signs: dict[int, np.ndarray] = {}


class Sketches(NamedTuple):
    """values: (N, SKETCH) float32. squares: (N,) float32, of their lengths."""

    values: np.ndarray
    squares: np.ndarray

    def first(self, count: int) -> "Sketches":
        """Those of the first so many templates."""
        return Sketches(self.values[:count], self.squares[:count])


def sketch(embeddings: np.ndarray) -> Sketches:
    """Sketches of embeddings (N, P, C): every number, with a sign of chance, added to a place."""
    flat = embeddings.reshape(len(embeddings), -1)
    width = flat.shape[1]
    folds = -(-width // SKETCH)
    if width not in _signs:  # the same in every process and for ever: whoever compares must have thrown the same coins
        _signs[width] = np.random.default_rng(width).choice(np.array([-1, 1], np.float32), width)
    found = np.empty((len(flat), SKETCH), np.float32)
    for start in range(0, len(flat), _BLOCK):
        padded = np.zeros((min(_BLOCK, len(flat) - start), folds * SKETCH), np.float32)
        np.multiply(single(flat[start : start + _BLOCK]), _signs[width], out=padded[:, :width])
        padded.reshape(-1, folds, SKETCH).sum(axis=1, out=found[start : start + _BLOCK])
    return Sketches(found, np.einsum("tk,tk->t", found, found))


def needs_sketch(shape: tuple[int, ...]) -> bool:
    """Whether embeddings of shape (P, C) are long enough to be worth it."""
    return int(np.prod(shape)) > 2 * SKETCH


class TemplateMatrix:
    """The templates of a gallery in one piece, which can grow without being copied.

    rows: (T, P, C) as they are stored. sketches: of them, or None where embeddings are short. A matrix never changes:
    `grown` gives another one, which may share memory with this one.
    """

    def __init__(self, embeddings: Sequence[np.ndarray], block: np.ndarray | None = None) -> None:
        """embeddings: T of shape (P, C), float16 or float32; all are kept in the widest type among them.

        block: an array whose first rows they are, if there is one, given away for good: it is not copied, and what
        comes after them is room to grow.
        """
        self._count = len(embeddings)
        shape = embeddings[0].shape if embeddings else (0, 0)
        if block is not None and _are_rows(embeddings, block):
            self._rows = block
        else:
            self._rows = np.empty((self._count, *shape), np.result_type(np.float16, *{e.dtype for e in embeddings}))
            for row, embedding in zip(self._rows, embeddings, strict=True):
                row[:] = embedding
        self._sketches = None
        if needs_sketch(shape):
            found = sketch(self._rows[: self._count])
            self._sketches = Sketches(*(_with_room(part, len(self._rows)) for part in found))
        self._taken = [self._count]  # rows of the buffers, by all matrices that share them
        self._views = list(embeddings) if self._rows is block else self._made_views(0)

    def __len__(self) -> int:
        return self._count

    def holds(self, embedding: np.ndarray) -> bool:
        """Whether an array is one of the rows, and no copy."""
        return embedding.base is self._rows

    @property
    def rows(self) -> np.ndarray:
        """(T, P, C), not to be written to."""
        rows = self._rows[: self._count]
        rows.flags.writeable = False
        return rows

    def row(self, number: int) -> np.ndarray:
        """One of them, (P, C)."""
        return self._views[number]

    @property
    def sketches(self) -> Sketches | None:
        """Of all rows, or None."""
        return None if self._sketches is None else self._sketches.first(self._count)

    def begins(self, rows: Sequence[np.ndarray]) -> bool:
        """Whether these begin with the very arrays that `row` gives: the same objects, not only the same numbers."""
        return len(rows) >= self._count and all(map(operator.is_, self._views, rows))

    def grown(self, embeddings: Sequence[np.ndarray]) -> "TemplateMatrix":
        """This matrix with more rows at its end."""
        fits = embeddings[0].shape == self._rows.shape[1:] and {e.dtype for e in embeddings} <= {self._rows.dtype}
        if not fits or self._taken[0] != self._count:
            return TemplateMatrix([*self.rows, *embeddings])
        grown = object.__new__(TemplateMatrix)
        grown._rows, grown._sketches, grown._taken = self._rows, self._sketches, self._taken
        grown._count = self._count + len(embeddings)
        if grown._count > len(self._rows):
            room = grown._count + max(64, self._count // 4)
            grown._rows = _with_room(self.rows, room)
            if self._sketches is not None:
                grown._sketches = Sketches(*(_with_room(part, room) for part in self._sketches.first(self._count)))
            grown._taken = [0]
        added = slice(self._count, grown._count)
        grown._rows[added] = embeddings
        if grown._sketches is not None:
            for kept, fresh in zip(grown._sketches, sketch(grown._rows[added]), strict=True):
                kept[added] = fresh
        grown._taken[0] = grown._count
        same = grown._rows is self._rows
        grown._views = [*self._views, *grown._made_views(self._count)] if same else grown._made_views(0)
        return grown

    def _made_views(self, first: int) -> list[np.ndarray]:
        views = list(self._rows[first : self._count])
        for view in views:
            view.flags.writeable = False
        return views


class Treatment(Protocol):
    """What is done to templates before they are compared, as gait.scenes does."""

    def __call__(self, indices: np.ndarray, rows: np.ndarray) -> np.ndarray:
        """Rows (n, P, C) with these indices (n,) of the gallery as they are compared, float32."""


def nearest(
    queries: np.ndarray,
    rows: np.ndarray,
    sketches: Sketches | None,
    starts: np.ndarray,
    treat: Treatment | None = None,
    allowance: np.ndarray | None = None,
) -> np.ndarray:
    """Distance of each query (Q, P, C) to the nearest template of each person: (Q, N) float64.

    rows: (T, P, C) templates, those of one person side by side. sketches: of the rows as `treat` makes them; None: all
    are compared exactly. starts: (N,) index of each person's first. allowance: (Q, T) what is taken off each distance
    before the nearest is looked for; None: nothing.
    """
    counts = np.diff(np.append(starts, len(rows)))
    persons = np.arange(len(starts))
    found = np.zeros((len(queries), len(starts)))
    if sketches is not None and len(starts) > EXACT:
        estimates = _estimates(queries, sketches)
        if allowance is not None:
            estimates -= allowance
        found = np.minimum.reduceat(estimates, starts, axis=1)
        persons = np.unique(np.argpartition(found, EXACT, axis=1)[:, :EXACT])
    indices = np.concatenate([np.arange(starts[n], starts[n] + counts[n]) for n in persons])
    chosen = rows[indices]
    if sketches is not None or treat is not None:
        chosen = single(chosen)
    chosen = chosen if treat is None else treat(indices, chosen)
    exact = distances(queries, chosen) if sketches is None else nearly_exact(queries, chosen)
    if allowance is not None:
        exact = exact - allowance[:, indices]
    begins = np.cumsum(np.append(0, counts[persons]))[:-1]
    found[:, persons] = np.minimum.reduceat(exact, begins, axis=1)
    return found


def sketch_treated(rows: np.ndarray, treat: Treatment) -> Sketches:
    """Sketches of rows (T, P, C) as `treat` makes them."""
    parts = []
    for start in range(0, len(rows), _BLOCK):
        block = rows[start : start + _BLOCK]
        parts.append(sketch(treat(np.arange(start, start + len(block)), single(block))))
    return Sketches(*(np.concatenate(each) for each in zip(*parts, strict=True)))


def _estimates(queries: np.ndarray, sketches: Sketches) -> np.ndarray:
    """Distances (Q, T) float64 as the sketches tell them."""
    asked = sketch(np.asarray(queries, np.float32))
    squared = asked.squares[:, None] + sketches.squares[None] - 2.0 * (asked.values @ sketches.values.T)
    return np.sqrt(np.maximum(squared, 0.0) / queries.shape[1]).astype(np.float64)


def nearly_exact(queries: np.ndarray, rows: np.ndarray) -> np.ndarray:
    """As `distances`, in single precision: of long embeddings the fourth digit is not needed, and time is."""
    a, b = (single(each).reshape(len(each), -1) for each in (queries, rows))
    squared = np.einsum("qd,qd->q", a, a)[:, None] + np.einsum("td,td->t", b, b)[None] - 2.0 * (a @ b.T)
    return np.sqrt(np.maximum(squared, 0.0) / queries.shape[1]).astype(np.float64)


class Comparison:
    """Distances of one query (P, C) to templates that come one after the other, in single precision.

    As exact as `distances` to the fourth digit, and faster than a matrix of one row: nothing is made anew for each.
    """

    def __init__(self, query: np.ndarray) -> None:
        self._parts = query.shape[0]
        self._query = single(query).reshape(-1)
        self._difference = np.empty_like(self._query)

    def __call__(self, template: np.ndarray) -> float:
        """The distance of a template (P, C)."""
        np.subtract(self._query, single(template).reshape(-1), out=self._difference)
        return float(np.sqrt(self._difference @ self._difference / self._parts))


def _are_rows(embeddings: Sequence[np.ndarray], block: np.ndarray) -> bool:
    """Whether these are the first rows of a block, in order: the same memory, not only the same numbers."""
    if len(embeddings) > len(block):
        return False
    start, step = block.__array_interface__["data"][0], block.strides[0]
    return all(
        embedding.base is block and embedding.__array_interface__["data"][0] == start + step * number
        for number, embedding in enumerate(embeddings)
    )


def _with_room(rows: np.ndarray, room: int) -> np.ndarray:
    roomy = np.empty((room, *rows.shape[1:]), rows.dtype)
    roomy[: len(rows)] = rows
    return roomy
