"""The enrolled as a group: what they have in common is taken out, and directions from there are compared."""

from dataclasses import dataclass

import numpy as np

from rt_gait_ros.gallery.distance import single

# People that the enrolled count for beside those in view: n / (n + k) of the middle is theirs. 1, 2 and 4 do equally.
ENROLLED_WEIGHT = 1.0


@dataclass(frozen=True, slots=True, eq=False)
class Household:
    """T templates of L = P * C numbers.

    keys: (T,) which templates these are. middles: (T, L) what each template's group has in common. directions: (T, L)
    of the templates from there, length 1. lengths: (T,) of the middles, squared. along: (T,) of each middle along its
    direction.
    """

    keys: tuple[int, ...]
    middles: np.ndarray
    directions: np.ndarray
    lengths: np.ndarray
    along: np.ndarray

    @classmethod
    def of(cls, embeddings: np.ndarray, starts: np.ndarray, former: "Household | None" = None) -> "Household":
        """Of templates (T, P, C) of N persons, whose first ones are at `starts` (N,), as References has them.

        The group of a template is everybody's template that is nearest to it: most likely one from that side.
        former: the templates that were in this one keep the middle that they have there; None: all get it anew.
        """
        rows = np.ascontiguousarray(embeddings).reshape(len(embeddings), -1)
        keys = tuple(hash(row.tobytes()) for row in rows)
        flat = single(rows)
        known = {} if former is None else {key: number for number, key in enumerate(former.keys)}
        new = np.array([number for number, key in enumerate(keys) if key not in known], int)
        lengths = np.einsum("tl,tl->t", flat, flat)
        between = lengths[None] - 2.0 * (flat[new] @ flat.T)  # squared, less what is the same in a row
        ends = np.append(starts[1:], len(flat))
        middles = np.zeros_like(flat)
        for start, end in zip(starts, ends, strict=True):
            middles[new] += flat[start + between[:, start:end].argmin(axis=1)]
        middles[new] /= len(starts)
        if former is not None:
            old = [number for number, key in enumerate(keys) if key in known]
            middles[old] = former.middles[[known[keys[number]] for number in old]]
        directions = _of_length_1(flat - middles)
        squares = np.einsum("tl,tl->t", middles, middles)
        return cls(keys, middles, directions, squares, np.einsum("tl,tl->t", middles, directions))

    def distances(self, queries: np.ndarray, middle: np.ndarray, weight: float) -> np.ndarray:
        """Distances (Q, T), 0 to 2, of queries (Q, L) by their directions.

        middle: (L,) of those in view. weight: of it, beside the middles of the templates, as weight_of.
        """
        rest = 1.0 - weight
        own = queries - weight * middle
        squared = np.einsum("ql,ql->q", own, own)[:, None] - 2.0 * rest * (own @ self.middles.T)
        length = np.sqrt(np.maximum(squared + rest * rest * self.lengths, 1e-12))
        cosine = (own @ self.directions.T - rest * self.along) / length
        return np.sqrt(np.maximum(2.0 - 2.0 * cosine, 0.0))


@dataclass(frozen=True, slots=True, eq=False)
class Middles:
    """What is taken out of a look, and of whom it is compared with.

    household: the enrolled. view: (L,) the middle of those in view. weight: of that, as Household.distances. number: no
    two that are found at different times have the same.
    """

    household: Household
    view: np.ndarray
    weight: float
    number: int


def weight_of(number: int) -> float:
    """What the middle of so many people in view counts for, 0..1; the rest is the enrolled ones'."""
    return number / (number + ENROLLED_WEIGHT)


def _of_length_1(rows: np.ndarray) -> np.ndarray:
    """Rows (N, L) scaled to length 1; those of none stay so."""
    return rows / np.maximum(np.sqrt(np.einsum("nl,nl->n", rows, rows)), 1e-12)[:, None]
