"""Sequential open-set evidence of one track: several looks, an accept line, a margin, hysteresis and contradiction."""

import math
from collections import deque
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field, replace
from itertools import islice

import numpy as np

from rt_gait_ros.gait.config import RecognizerConfig
from rt_gait_ros.gait.identity import Candidate, IdentityStatus
from rt_gait_ros.gallery.departures import Look
from rt_gait_ros.gallery.references import References

# Looks in a row without a known side that somebody who has a name is taken to be seen from the last one that was known
# in: two seconds of walking. Of the first six of them, some frames are of then, however long the person stood since.
SIDE_STANDS = 10


@dataclass(frozen=True, slots=True)
class Verdict:
    """What the looks say together. order: persons near to far. fused: (N,) distance to each. margin: as Identity's.

    contradicted: the name that stood has just been taken away, because the newest looks speak against it.
    ruled_out: persons whom it cannot be for another reason than its looks; they are not in `order`. plain: (N,) as
    fused, of the distances that are learnt by (References.compared).
    """

    status: IdentityStatus
    order: tuple[int, ...] = ()
    fused: np.ndarray = field(default_factory=lambda: np.zeros(0))
    margin: float = math.nan
    contradicted: bool = False
    ruled_out: frozenset[int] = frozenset()
    plain: np.ndarray = field(default_factory=lambda: np.zeros(0))


class Evidence:
    """The looks at one track.

    Distances are fused by their mean, weighted by quality, over the newest looks. Looks of one track overlap and are
    far from independent: multiplying their likelihoods would make any confidence look like certainty.
    Looks that were taken over from another camera are older ones than the track's own, and go before them.
    """

    def __init__(self, config: RecognizerConfig) -> None:
        self._config = config
        self._looks: deque[Look] = deque(maxlen=config.decision_embeddings)
        # (2, N) of each look that was judged, as References.compared: the oldest first, the newest looks have none yet
        self._rows: deque[np.ndarray] = deque(maxlen=config.decision_embeddings)
        self._own = 0  # how many of the looks are the track's own: the newest
        self._side, self._unsided = math.nan, 0  # the newest that was known, and looks since then
        self._version: tuple[int, ...] = ()
        self._shift: np.ndarray | float = 0.0  # as last judged by
        self._judged: tuple[tuple[object, ...], Verdict] | None = None  # what was judged by, and what came of it
        self.slack = config.hysteresis  # as far as it applies to the distances last judged
        self.holds = ""  # person_id the track is IDENTIFIED as
        self.last_held = ""  # person_id it was IDENTIFIED as most recently

    def use_config(self, config: RecognizerConfig) -> None:
        """Judge by other lines from now on; of the looks so far the newest are kept."""
        self._config = config
        self._looks = deque(self._looks, maxlen=config.decision_embeddings)
        self._own = min(self._own, len(self._looks))
        self._rows = deque(maxlen=config.decision_embeddings)
        self._judged = None

    @property
    def latest(self) -> Look | None:
        """The newest look."""
        return self._looks[-1] if self._looks else None

    @property
    def count(self) -> int:
        """How many looks there are."""
        return len(self._looks)

    def add(self, look: Look) -> None:
        """Take one more look; the oldest goes when there are enough.

        Whoever has a name already, and turns, stops or is not seen whole for a moment, is taken to be seen from the
        last known side. Else what is taken off for other sides (gait.sided) would be missing from one look to the next,
        and the name be contradicted though nothing speaks against it. Nobody gets a name so who had none.
        """
        if math.isnan(look.degrees):
            self._unsided += 1
            if self.last_held and self._unsided <= SIDE_STANDS:
                look = replace(look, degrees=self._side)
        else:
            self._side, self._unsided = look.degrees, 0
        if len(self._looks) == self._looks.maxlen and self._rows:
            self._rows.popleft()
        self._looks.append(look)
        self._own = min(self._own + 1, len(self._looks))
        self._judged = None

    @property
    def own(self) -> tuple[Look, ...]:
        """The looks that are of this track itself, oldest first."""
        return tuple(islice(self._looks, len(self._looks) - self._own, None))

    @property
    def inherits(self) -> bool:
        """Whether there are looks that were taken over."""
        return self._own < len(self._looks)

    def inherit(self, looks: Sequence[Look]) -> None:
        """Take over older looks at the same walk, as many as there is room for. They count while the own ones agree."""
        room = self._config.decision_embeddings - len(self._looks)
        self._looks.extendleft(reversed(looks[-room:] if room else ()))
        self._rows.clear()
        self._judged = None

    def clear(self) -> None:
        """Withdraw all claims: nothing has been seen."""
        self._looks.clear()
        self._rows.clear()
        self._own, self._side = 0, math.nan
        self._judged = None
        self.holds = self.last_held = ""

    def judge(self, references: References, shift: np.ndarray | None = None) -> Verdict:
        """Hold the looks against the gallery as it is now; the same verdict as before where nothing is new.

        shift: (N,) what other evidence than looks adds to the distance of each person; below 0 it speaks for them.
        """
        by, before = (references.version, self.holds, self.last_held), self._judged
        if before is not None and before[0] == by and np.array_equal(self._shift, 0.0 if shift is None else shift):
            return before[1]
        verdict = self._judge_anew(references, shift)
        self._judged = None if verdict.contradicted else (by, verdict)  # that is said once
        return verdict

    def _judge_anew(self, references: References, shift: np.ndarray | None) -> Verdict:
        both = self._against(references)
        self.slack = self._config.hysteresis * references.slack
        self._shift = 0.0 if shift is None else shift
        both = both + self._shift
        if self.inherits and not self._own_agree(both[:, 0]):
            both = both[-self._own :]
            self._keep(self._own)
        if len(self._looks) < self._config.agreeing_embeddings:
            return self._settled(Verdict(IdentityStatus.COLLECTING), references)
        if not references.persons:
            return self._settled(Verdict(IdentityStatus.UNKNOWN), references)
        contradicted = self._contradicted(both[:, 0], references)
        if contradicted:
            self._pass_on()
            both = self._against(references) + self._shift
        weights = np.array([look.weight for look in self._looks]) + 1e-6  # all of quality 0 is no division by 0
        fused, plain = np.einsum("k,kcn->cn", weights, both) / weights.sum()
        order = tuple(int(n) for n in np.argsort(fused, kind="stable"))
        margin = float(fused[order[1]] - fused[order[0]]) if len(order) > 1 else math.inf
        status = self._status(both[:, 0], references, order[0], float(fused[order[0]]), margin)
        return self._settled(Verdict(status, order, fused, margin, contradicted, plain=plain), references)

    def agrees(self, person: int, without: Collection[int]) -> bool:
        """Whether each of the newest looks is nearest to this person, `without` some others; both as last judged."""
        rows = list(self._rows)[-self._config.agreeing_embeddings :]
        if len(rows) < self._config.agreeing_embeddings:
            return False
        newest = np.stack(rows)[:, 0] + self._shift
        newest[:, list(without)] = np.inf
        return bool((newest.argmin(axis=1) == person).all())

    def _keep(self, count: int) -> None:
        """Forget all but the newest looks."""
        for each in (self._looks, self._rows):
            while len(each) > count:
                each.popleft()
        self._own = min(self._own, len(self._looks))

    def _pass_on(self) -> None:
        """The newest looks are likely to be of another person, of whom no side stands that is not known."""
        self._keep(self._config.agreeing_embeddings)
        self.holds = self.last_held = ""
        unsided = min(self._unsided, self._own)
        if not unsided:
            return
        self._rows.clear()
        for number in range(1, unsided + 1):
            self._looks[-number] = replace(self._looks[-number], degrees=math.nan)
        if unsided == len(self._looks):
            self._side = math.nan

    def _own_agree(self, distances: np.ndarray) -> bool:
        """Whether each own look is within the accept line of whom all looks together are nearest to.

        And nearest to that person itself: what others saw makes a name clearer, and never another one.
        """
        if not distances.shape[1]:
            return True
        own, best = distances[-self._own :], int(distances.mean(axis=0).argmin())
        return bool((own.argmin(axis=1) == best).all() and (own[:, best] <= self._config.accept_line).all())

    def _against(self, references: References) -> np.ndarray:
        """Distances of every look to every person, (K, 2, N) as References.compared: of a look once, unless the
        gallery has changed."""
        if self._version != references.version:
            self._rows.clear()
            self._version = references.version
        fresh = list(self._looks)[len(self._rows) :]
        if fresh:
            degrees = np.array([look.degrees for look in fresh])
            self._rows.extend(references.compared(np.stack([look.embedding for look in fresh]), degrees))
        return np.stack(self._rows) if self._rows else np.zeros((0, 2, len(references.persons)))

    def _status(
        self, distances: np.ndarray, references: References, best: int, nearest: float, margin: float
    ) -> IdentityStatus:
        stands = references.persons[best].person_id == self.holds
        slack = self.slack if stands else 0.0
        if not nearest <= self._config.accept_line * (1 + slack):  # no distance is not near
            return IdentityStatus.UNKNOWN
        newest = distances[-self._config.agreeing_embeddings :].argmin(axis=1)
        agreed = stands or bool((newest == best).all())
        if margin < self._config.margin_line * (1 - slack) or not agreed:
            return IdentityStatus.AMBIGUOUS
        return IdentityStatus.IDENTIFIED

    def _contradicted(self, distances: np.ndarray, references: References) -> bool:
        """True when all of the newest looks is beyond the relaxed line of the person last named, or clearly nearer
        to somebody else: the track is likely to have passed to another person."""
        index = references.index(self.last_held)
        if index is None:
            return False
        newest = distances[-self._config.agreeing_embeddings :]
        held = newest[:, index]
        beyond = ~(held <= self._config.accept_line * (1 + self.slack))
        another = held - newest.min(axis=1) > self._config.margin_line
        return bool((beyond | another).all())

    def _settled(self, verdict: Verdict, references: References) -> Verdict:
        self.holds = ""
        if verdict.status is IdentityStatus.IDENTIFIED:
            self.holds = self.last_held = references.persons[verdict.order[0]].person_id
        return verdict


def confidence(verdict: Verdict, status: IdentityStatus, config: RecognizerConfig) -> float:
    """Probability that the claim `status` about a track is right; NaN for no claim or without a calibration."""
    if config.calibration is None or status is IdentityStatus.COLLECTING:
        return math.nan
    if not verdict.order:
        return 1.0  # an empty gallery: UNKNOWN is certain
    persons, nobody = config.calibration.posterior(_possible(verdict), config.known_prior)
    if status is IdentityStatus.UNKNOWN:
        return nobody
    return float(persons[verdict.order[0]]) if status is IdentityStatus.IDENTIFIED else 1.0 - nobody


def candidates(verdict: Verdict, references: References, config: RecognizerConfig) -> tuple[Candidate, ...]:
    """The nearest persons of a verdict, best first."""
    listed = verdict.order[: config.max_candidates]
    probability = np.full(len(references.persons), math.nan)
    if config.calibration is not None and listed:
        probability, _ = config.calibration.posterior(_possible(verdict), config.known_prior)
    persons = references.persons
    return tuple(
        Candidate(persons[n].person_id, persons[n].name, float(probability[n]), float(verdict.fused[n])) for n in listed
    )


def _possible(verdict: Verdict) -> np.ndarray:
    """Distances (N,) to everybody it can be, infinity to whoever is ruled out."""
    fused = verdict.fused.copy()
    fused[list(verdict.ruled_out)] = math.inf
    return fused
