"""People in view at once, compared with a household as two groups: what each group has in common is taken out.

Whoever is in view at once shares camera, view, light and masks, and so do those who were enrolled from one side. That
shared part is larger than what tells people apart: a person from behind is farther from herself from the front than
a stranger from the front is. So an embedding is compared by its direction from the middle of its own group, and a
stranger, whose direction has to do with nobody's, is about as far from a member whatever the view is.

The middle of those in view is drawn towards that of the enrolled, the more so the fewer there are: of one person alone
nobody can say what is the view's and what is the person's.

The looks at a track are compared with the middle as it is when the newest of them comes. Once a track has a name, they
go on to be compared as they were when it was given, until they speak against it: who comes, goes or is enrolled
meanwhile says nothing of that person.
"""

import math
from collections.abc import Collection
from dataclasses import dataclass, field

import numpy as np

from rt_gait_ros.gait.calibration import Calibration
from rt_gait_ros.gait.household import Household, Middles, weight_of
from rt_gait_ros.gait.walkers import Walker
from rt_gait_ros.gallery.references import References
from rt_gait_ros.gallery.sides import SAME_SIDE, apart
from rt_gait_ros.tracking.track import TrackState

# Persons of a gallery that has a middle which is not somebody, and up to which this was found to gain: with 16 persons
# of CASIA-B 1, 3, ..., 73 more people are named wrongly than by plain distances.
FEWEST, MOST = 3, 8
# Of them together: every template is compared with all others whenever one is stored. For names that stand already.
MOST_TEMPLATES, MOST_STANDING = 96, 256
# Plain distances speak, too: on one day from one side nothing else is as sure. But as evidence they are taken for so
# many times weaker, for they are what strangers from one side are near by. Chosen on CASIA-B 1 to 74.
PLAIN_ODDS = 15.0


@dataclass(frozen=True, slots=True)
class CompanyReferences(References):
    """The gallery as the looks at one track are held against it: distances in the model's own measure.

    By directions, or plain, whichever is the better evidence: the one goes by what is left of a person from elsewhere,
    the other by what a person looks like on one day.
    middles: what is taken out. calibration: what distances between directions mean.
    """

    middles: Middles = field(kw_only=True)
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
        return self.compared(queries, np.full(len(queries), math.nan))[:, 0]

    def compared(self, queries: np.ndarray, degrees: np.ndarray) -> np.ndarray:
        """As References.compared."""
        plain = References.nearest(self, queries)
        if not len(queries):
            return np.stack([plain, plain], axis=1)
        flat = np.asarray(queries, np.float32).reshape(len(queries), -1)
        found = self.middles.household.distances(flat, self.middles.view, self.middles.weight)
        persons = np.minimum.reduceat(found, self.starts, axis=1)
        weaker = plain + math.log(PLAIN_ODDS) / self.calibration.slope
        return np.stack(
            [np.minimum(self.calibration.equivalent(persons, self.calibration.company), weaker), plain], axis=1
        )


def too_many_or_few(references: References) -> str:
    """Why a gallery has no middle that tells more than plain distances do, in one line; "" where it has."""
    persons, templates = len(references.persons), len(references.embeddings)
    if not FEWEST <= persons <= MOST:
        return f"{persons} people are enrolled, and directions need {FEWEST} to {MOST}"
    return f"{templates} walks are stored, and directions allow {MOST_TEMPLATES}" if templates > MOST_TEMPLATES else ""


class Company:
    """The middles that the walkers of one recogniser are compared with. Not thread-safe."""

    def __init__(self) -> None:
        self._version: tuple[int, ...] = ()
        self._times = 0
        self._household: Household | None = None
        self._grown: list[tuple[Household, Household]] = []  # former ones, and what the gallery has made of them

    def references(
        self,
        references: References,
        walker: Walker,
        walkers: Collection[Walker],
        calibration: Calibration | None,
        *,
        stands: bool,
    ) -> References:
        """The references for one of these walkers, with its middles; as they are where those cannot be had.

        stands: the walker has a name, which was given by the middles that it has, or had one that nothing contradicted.
        """
        if calibration is None or calibration.company is None:
            walker.middles = None
            return references
        if self._version != references.version:
            self._version, self._household, self._grown = references.version, None, []
        wanted = walker.looks, references.version
        if wanted != walker.compared:
            if not stands:
                walker.middles = self._middles(references, walker, walkers)
            elif walker.middles is not None and walker.compared[1:] != wanted[1:]:
                walker.middles = self._kept(references, walker.middles)
            walker.compared = wanted
        if walker.middles is None:
            return references
        return CompanyReferences(
            references.model,
            references.persons,
            references.embeddings,
            references.starts,
            (*references.version, walker.middles.number),
            references.sketches,
            middles=walker.middles,
            calibration=calibration,
        )

    def _middles(self, references: References, walker: Walker, walkers: Collection[Walker]) -> Middles | None:
        """As they are now; None where there is no group, or no look at the walker."""
        if too_many_or_few(references):
            return None
        seen = [each for each in walkers if each.recent and (each is walker or _beside(each, walker))]
        if not walker.recent:
            return None
        if self._household is None:
            self._household = Household.of(references.embeddings, references.starts)
        middle = np.mean([each.lately for each in seen], axis=0).ravel()
        self._times += 1
        return Middles(self._household, middle, weight_of(len(seen)), self._times)

    def _kept(self, references: References, middles: Middles) -> Middles | None:
        """The same for a gallery that has changed: only what is new in it has a new middle."""
        if not references.persons or len(references.embeddings) > MOST_STANDING:
            return None
        found = next((now for former, now in self._grown if former is middles.household), None)
        if found is None:
            found = Household.of(references.embeddings, references.starts, middles.household)
            self._grown.append((middles.household, found))
        return Middles(found, middles.view, middles.weight, middles.number)


def _beside(other: Walker, walker: Walker) -> bool:
    """Whether another is in view, and seen from about the same side as far as is known."""
    if other.state is TrackState.OCCLUDED or other.seen.turning:
        return False
    first, second = walker.seen.degrees, other.seen.degrees
    return first is None or second is None or apart(first, second) <= SAME_SIDE
