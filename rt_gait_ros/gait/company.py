"""People in view at once, compared with a household as two groups: what each group has in common is taken out.

Whoever is in view at once shares camera, view, light and masks, and so do those who were enrolled from one side. That
shared part is larger than what tells people apart: a person from behind is farther from herself from the front than
a stranger from the front is. So an embedding is compared by its direction from the middle of its own group, and a
stranger, whose direction has to do with nobody's, is about as far from a member whatever the view is.

The middle of those in view is drawn towards that of the enrolled, the more so the fewer there are: of one person alone
nobody can say what is the view's and what is the person's.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from rt_gait_ros.gait.calibration import Calibration
from rt_gait_ros.gait.walkers import Walker
from rt_gait_ros.gallery.distance import distances, single
from rt_gait_ros.gallery.references import References
from rt_gait_ros.tracking.track import TrackState

# Persons of a gallery that has a middle which is not somebody, and up to which this was found to gain: with 16 persons
# of CASIA-B 1, 3, ..., 73 more people are named wrongly than by plain distances.
FEWEST, MOST = 3, 8
MOST_TEMPLATES = 128  # of them together: every template is compared with all others
MOST_IN_VIEW = 16  # people: with every look at one of them all looks at all of them are compared anew
# Plain distances speak, too: on one day from one side nothing else is as sure. But as evidence they are taken for so
# many times weaker, for they are what strangers from one side are near by. Chosen on CASIA-B 1, 3, ..., 73.
PLAIN_ODDS = 15.0
# People that the enrolled count for beside those in view: n / (n + k) of the middle is theirs. 1, 2 and 4 do equally.
ENROLLED_WEIGHT = 1.0


@dataclass(frozen=True, slots=True)
class Household:
    """The enrolled as a group. T templates of L = P * C numbers.

    middles: (T, L) what each template's group has in common. directions: (T, L) of the templates from there, length 1.
    lengths: (T,) of the middles, squared. along: (T,) of each middle along its direction.
    """

    middles: np.ndarray
    directions: np.ndarray
    lengths: np.ndarray
    along: np.ndarray

    @classmethod
    def of(cls, embeddings: np.ndarray, starts: np.ndarray) -> "Household":
        """Of templates (T, P, C) of N persons, whose first ones are at `starts` (N,), as References has them.

        The group of a template is everybody's template that is nearest to it: most likely one from that side.
        """
        templates = single(embeddings)
        flat = templates.reshape(len(templates), -1)
        between = distances(templates, templates, np.float32)
        ends = np.append(starts[1:], len(templates))
        middles = np.zeros_like(flat)
        for start, end in zip(starts, ends, strict=True):
            middles += flat[start + between[:, start:end].argmin(axis=1)]
        middles /= len(starts)
        directions = _of_length_1(flat - middles)
        lengths = np.einsum("tl,tl->t", middles, middles)
        return cls(middles, directions, lengths, np.einsum("tl,tl->t", middles, directions))

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


@dataclass(frozen=True, slots=True)
class CompanyReferences(References):
    """The gallery as it is to be searched while somebody is in view: distances in the model's own measure.

    By directions, or plain, whichever is the better evidence: the one goes by what is left of a person from elsewhere,
    the other by what a person looks like on one day.
    household: of these references. middle, weight: of those in view, as Household.distances. calibration: what
    distances between directions mean.
    """

    household: Household = field(kw_only=True)
    middle: np.ndarray = field(kw_only=True)
    weight: float = field(kw_only=True)
    calibration: Calibration = field(kw_only=True)

    @property
    def slack(self) -> float:
        """As References.slack: a share of the line as it is between directions, where distances grow more slowly."""
        curve, known = self.calibration.company, self.calibration
        assert curve is not None
        line = known.accept_distance
        between = (known.slope * line - known.offset + curve.offset) / curve.slope
        return max(0.0, curve.slope * between / (known.slope * line)) if line > 0.0 else 1.0

    def nearest(self, queries: np.ndarray) -> np.ndarray:
        """As References.nearest."""
        if not len(queries):
            return References.nearest(self, queries)
        flat = np.asarray(queries, np.float32).reshape(len(queries), -1)
        found = self.household.distances(flat, self.middle, self.weight)
        persons = np.minimum.reduceat(found, self.starts, axis=1)
        plain = References.nearest(self, queries) + math.log(PLAIN_ODDS) / self.calibration.slope
        return np.minimum(self.calibration.equivalent(persons, self.calibration.company), plain)


def weight_of(number: int) -> float:
    """What the middle of so many people in view counts for, 0..1; the rest is the enrolled ones'."""
    return number / (number + ENROLLED_WEIGHT)


class Company:
    """Who is in view, for the gallery that they are compared with. Not thread-safe."""

    def __init__(self) -> None:
        self._household: tuple[tuple[int, ...], Household] | None = None
        self._seen: dict[str, int] = {}
        self._found: CompanyReferences | None = None
        self._times = 0

    def references(
        self, references: References, walkers: Mapping[str, Walker], calibration: Calibration | None
    ) -> References:
        """The references with the middle of these walkers, by body id; as they are where that cannot be had.

        Only those in view count, by the mean of their looks. Anew when somebody comes, goes or has another look.
        """
        if calibration is None or calibration.company is None or not FEWEST <= len(references.persons) <= MOST:
            return references
        if len(references.embeddings) > MOST_TEMPLATES:
            return references
        seen = {b: w for b, w in walkers.items() if w.state is not TrackState.OCCLUDED and w.mean is not None}
        if not 0 < len(seen) <= MOST_IN_VIEW:
            return references
        looks = {body: walker.looks for body, walker in seen.items()}
        version = references.version
        if self._household is None or self._household[0] != version:
            self._household, self._found = (version, Household.of(references.embeddings, references.starts)), None
        if self._found is None or looks != self._seen or self._found.calibration is not calibration:
            self._times, self._seen = self._times + 1, looks
            means = [np.asarray(walker.mean, np.float32) for walker in seen.values()]
            self._found = CompanyReferences(
                references.model,
                references.persons,
                references.embeddings,
                references.starts,
                (*version, self._times),
                references.sketches,
                household=self._household[1],
                middle=np.mean(means, axis=0).ravel(),
                weight=weight_of(len(seen)),
                calibration=calibration,
            )
        return self._found


def _of_length_1(rows: np.ndarray) -> np.ndarray:
    """Rows (N, L) scaled to length 1; those of none stay so."""
    return rows / np.maximum(np.sqrt(np.einsum("nl,nl->n", rows, rows)), 1e-12)[:, None]
