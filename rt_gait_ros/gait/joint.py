"""Who is whom when several people are in view: people in view at once are different people.

All tracks are assigned to all persons, or to nobody, at once: the assignment of least total distance (Kuhn, 1955), in
which nobody costs the accept line. A track that is as near to a second person as to the one it would be named as is
named all the same where that second person surely walks beside it.
"""

from dataclasses import dataclass, field, replace

import numpy as np
from scipy.optimize import linear_sum_assignment

from rt_gait_ros.gait.config import RecognizerConfig
from rt_gait_ros.gait.evidence import Verdict
from rt_gait_ros.gait.identity import IdentityStatus
from rt_gait_ros.gait.walkers import Walker
from rt_gait_ros.gallery.references import References
from rt_gait_ros.tracking.track import TrackState

_NEVER = 1e9  # cost of what must not be assigned; distances are below 1e6 (RecognizerConfig)


@dataclass(slots=True)
class Claim:
    """A track's verdict, and what is left of it once every person has at most one track.

    person: index of whom the track is named as; -1 unless IDENTIFIED. alone: it is named by its own looks alone, not
    because somebody else could be ruled out.
    """

    body_id: str
    walker: Walker
    verdict: Verdict
    status: IdentityStatus = field(init=False)
    person: int = field(init=False, default=-1)
    alone: bool = field(init=False, default=True)

    def __post_init__(self) -> None:
        self.status = self.verdict.status
        if self.status is IdentityStatus.IDENTIFIED:
            self.person = self.verdict.order[0]

    def withdraw(self) -> None:
        """No name, because another track has the better claim to it."""
        if self.status is IdentityStatus.IDENTIFIED:
            self.status, self.person = IdentityStatus.AMBIGUOUS, -1


def assign(
    claims: list[Claim], held: dict[str, str], references: References, config: RecognizerConfig
) -> dict[str, str]:
    """Settle which track is which person. held: person_id by body_id, as last answered. Returns it as it is now.

    Tracks in view are assigned together. A track out of view may be the same body as one in view: it keeps the person
    that its own looks name as long as no track in view is that person, the nearest one where there are several, and
    nobody is ruled out by it.
    """
    judged = [claim for claim in claims if claim.verdict.order]
    seen = [claim for claim in judged if claim.walker.state != TrackState.OCCLUDED]
    if any(claim.verdict.contradicted for claim in claims):  # what was ruled out rested on a name that was wrong
        for claim in claims:
            claim.walker.others.clear()
    for claim in seen:
        if claim.person >= 0:  # whom its own looks name it can be after all
            claim.walker.others.discard(references.persons[claim.person].person_id)
    if seen:
        _Assignment(seen, held, references, config).settle()
    taken = {claim.person for claim in seen}
    hidden = [claim for claim in judged if claim.walker.state == TrackState.OCCLUDED and claim.person >= 0]
    for claim in sorted(hidden, key=lambda claim: float(claim.verdict.fused[claim.person])):
        if claim.person in taken:
            claim.withdraw()
        taken.add(claim.person)
    return {c.body_id: references.persons[c.person].person_id for c in claims if c.person >= 0}


class _Assignment:
    """One assignment of T tracks in view to N persons.

    fused: (T, N) distances. costs: (T, N + T) what each track costs as each person, and, in the last T columns, as
    nobody.
    """

    def __init__(
        self, claims: list[Claim], held: dict[str, str], references: References, config: RecognizerConfig
    ) -> None:
        self._claims, self._config, self._persons = claims, config, references.persons
        self._index = {person.person_id: n for n, person in enumerate(references.persons)}
        self._held = [self._index.get(held.get(claim.body_id, "")) for claim in claims]  # by row, as last answered
        self._fused = self._distances()
        self._costs = self._all_costs()

    def _distances(self) -> np.ndarray:
        """(T, N). By plain distances alone does anybody take a name that stands from another track: not by directions
        (gait.company), nor by what is taken off for another side (gait.sided)."""
        fused = np.stack([claim.verdict.fused for claim in self._claims])
        for holder, person in enumerate(self._held):
            if person is not None and self._claims[holder].person == person:
                for row, claim in enumerate(self._claims):
                    if row != holder:
                        fused[row, person] = max(fused[row, person], claim.verdict.plain[person])
        return fused

    def _all_costs(self) -> np.ndarray:
        """(T, N + T)."""
        config, lead = self._config, self._config.margin_line
        line, costs = np.full(self._fused.shape, config.accept_line), self._fused.copy()
        for row, (claim, held) in enumerate(zip(self._claims, self._held, strict=True)):
            if held is not None:
                line[row, held] *= 1 + claim.walker.evidence.slack
                costs[row, held] -= lead
            if claim.status is not IdentityStatus.IDENTIFIED:  # its own looks are not clear: others go first
                costs[row] += lead
            costs[row, self._others(claim)] = _NEVER
        costs[self._fused > line] = _NEVER
        nobody = np.full((len(costs), len(costs)), config.accept_line * (1 + config.hysteresis) + lead)
        return np.hstack([costs, nobody])

    def _others(self, claim: Claim) -> list[int]:
        """Which persons a track cannot be, because they surely walked beside it."""
        return [self._index[person_id] for person_id in claim.walker.others & self._index.keys()]

    def settle(self) -> None:
        """Set status and person of every claim."""
        rows, columns = linear_sum_assignment(self._costs)
        total = float(self._costs[rows, columns].sum())
        given = dict(zip(rows.tolist(), columns.tolist(), strict=True))
        firm: dict[int, int] = {}  # row by person, of who is named by their own looks
        for row, claim in enumerate(self._claims):
            if claim.person >= 0 and given[row] == claim.person:
                firm[claim.person] = row
        for row, claim in enumerate(self._claims):
            person = given[row]
            if firm.get(person) == row:
                continue
            if person >= len(self._persons) or not self._by_exclusion(row, person, firm, total):
                claim.withdraw()
        for person, row in firm.items():
            for other, claim in enumerate(self._claims):
                if other != row:
                    claim.walker.others.add(self._persons[person].person_id)

    def _by_exclusion(self, row: int, person: int, firm: dict[int, int], total: float) -> bool:
        """Name a track as somebody whom it is not clearly nearest to, where all who are as near walk elsewhere.

        Nobody is a rival, too: the distance must be within the accept line by the margin. And the whole assignment must
        lead by the margin over the best one in which this track is somebody else: a second track of one body does not
        get the name of the next person.
        """
        claim, lead = self._claims[row], self._config.margin_line
        fused = self._fused[row]
        rivals = {int(n) for n in np.flatnonzero(fused < fused[person] + lead)} - {person}
        if not rivals <= firm.keys() | set(self._others(claim)) or fused[person] + lead > self._config.accept_line:
            return False
        if not claim.walker.evidence.agrees(person, rivals):
            return False
        margin = self._margin(row, person, total)
        if margin < lead:
            return False
        order = tuple(n for n in claim.verdict.order if n not in rivals)
        claim.verdict = replace(claim.verdict, order=order, margin=margin, ruled_out=frozenset(rivals))
        claim.status, claim.person, claim.alone = IdentityStatus.IDENTIFIED, person, False
        return True

    def _margin(self, row: int, person: int, total: float) -> float:
        """How much longer the best assignment is in which this track is another person."""
        costs = self._costs.copy()
        count = len(self._persons)
        taken_back = self._costs[row, person] - self._fused[row, person]  # leads do not count for this track itself
        costs[row, :count] = self._fused[row]
        costs[row, self._others(self._claims[row])] = _NEVER
        costs[row, person], costs[row, count:] = _NEVER, _NEVER
        rows, columns = linear_sum_assignment(costs)
        return float(costs[rows, columns].sum()) - (total - float(taken_back))
