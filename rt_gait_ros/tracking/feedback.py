"""What the gait stage says back to the tracker: who is back, which track changed hands, which two tracks are one."""

import math
from collections import Counter
from collections.abc import Collection, Mapping
from dataclasses import dataclass

from rt_gait_ros.tracking.tracker import Tracker

# Seconds, weighed by the probability of the name, for which a name has to stand without another one in between before
# an id is given or taken for it. A gait stage looks at a track several times in that time; one that errs in every tenth
# look says the same wrong name for so long once in a thousand times (`rt-gait bench tracker`, crossing pairs).
AGREE = 1.0
# Seconds for which a name that was taken away may come back before the track is somebody else's: after a contradiction
# a gait stage looks anew, for a second and a half (docs/gait.md), and may err once more.
AWAY = 4.0
# Seconds that count at most between two images in which a name stood.
STEP = 0.5
_FOREVER = 1 << 62  # ns


@dataclass(slots=True)
class _Claim:
    """The name that a track has had last. seconds: for how long, weighed. stamp: ns, of the last image with it."""

    person: str
    seconds: float
    stamp: int


class IdentityFeedback:
    """Keeps every person to one body id, as far as the gait stage names them.

    The body under which a person was first known is the person's for the run. The gait stage may err: nothing is done
    for a name until it has stood for AGREE, nor for one that is taken away until it has been so for AWAY. What was done
    for a wrong one is undone when the right one has stood as long. Without any feedback the tracker works as ever;
    feedback that comes late, about tracks that are gone, or twice, does nothing.

    changes: how often a track was split, reattached and merged so far.
    """

    def __init__(self, tracker: Tracker) -> None:
        self.changes: Counter[str] = Counter(split=0, reattached=0, merged=0)
        self._tracker = tracker
        self._body_of: dict[str, str] = {}  # by person
        self._person_of: dict[str, str] = {}  # by body: the inverse
        self._claims: dict[str, _Claim] = {}  # by body
        self._doubted: dict[str, int] = {}  # by body: stamp (ns) of the image whose name of its owner was taken away

    def take(
        self,
        named: Mapping[str, str],
        contradicted: Collection[str] = (),
        stamp: int | None = None,
        probability: Mapping[str, float] | None = None,
    ) -> None:
        """Act on what the gait stage says after one image. Call it between two updates of the tracker.

        named: person id by body id of the tracks that it has identified, each person once. contradicted: body ids whose
        name it has just taken away. stamp: ns, of that image; what it says of a body id given out later is ignored.
        None: names are certain, and count at once. probability: of names, by body id; one that lacks or is NaN is 1.
        """
        self._forget_the_gone()
        named = {body: person for body, person in named.items() if self._tracker.lives(body, stamp)}
        for body in contradicted:
            if self._tracker.lives(body, stamp):
                self._doubted.setdefault(body, -_FOREVER if stamp is None else stamp)
        named = self._take_away(named, contradicted, stamp)
        for body, person in named.items():
            if not self._tracker.lives(body):  # merged meanwhile
                continue
            chance = (probability or {}).get(body, 1.0)
            if self._stand(body, person, stamp, 1.0 if math.isnan(chance) else chance).seconds < AGREE:
                continue
            if self._person_of.get(body) != person:
                self._bring_home(body, person, named)
            elif body not in contradicted:  # a name that was taken away in the same image is not back
                self._doubted.pop(body, None)

    def _forget_the_gone(self) -> None:
        self._claims = {body: claim for body, claim in self._claims.items() if self._tracker.lives(body)}
        self._doubted = {body: since for body, since in self._doubted.items() if self._tracker.lives(body)}

    def _take_away(self, named: dict[str, str], contradicted: Collection[str], stamp: int | None) -> dict[str, str]:
        """Split the tracks whose person's name was taken away and has not come back. Returns `named` by new ids."""
        for body, since in list(self._doubted.items()):
            back = body not in contradicted and named.get(body) == self._person_of.get(body)
            if back or not (stamp is None or stamp - since >= AWAY * 1e9):
                continue
            fresh = self._split(body)
            if fresh is not None and body in named:
                named = {**named, fresh: named[body]}
        return named

    def _stand(self, body: str, person: str, stamp: int | None, chance: float) -> _Claim:
        """Count the image in which the track `body` has the name."""
        claim = self._claims.get(body)
        if stamp is None:
            claim = _Claim(person, math.inf, 0)
        elif claim is None or claim.person != person:
            claim = _Claim(person, 0.0, stamp)
        else:
            claim.seconds += chance * min(max(stamp - claim.stamp, 0) / 1e9, STEP)
            claim.stamp = stamp
        self._claims[body] = claim
        return claim

    def _bring_home(self, body: str, person: str, named: Mapping[str, str]) -> None:
        """The track `body` is a person whose body it is not."""
        home, owner = self._body_of.get(person), self._person_of.get(body)
        if owner is not None:
            if home is None and owner not in named.values():  # only the name is new: enrolled anew
                del self._body_of[owner]
            else:  # it has changed hands
                fresh = self._split(body)
                if fresh is None:
                    return
                body = fresh
        if home is None:
            self._body_of[person], self._person_of[body] = body, person
        elif not self._tracker.lives(home):
            if self._tracker.reattach(body, home):
                self.changes["reattached"] += 1
                self._renamed(body, home)
        elif self._tracker.merge(home, body):
            self.changes["merged"] += 1
            self._renamed(body, home)

    def _split(self, body: str) -> str | None:
        fresh = self._tracker.split(body)
        if fresh is not None:
            self.changes["split"] += 1
            self._renamed(body, fresh)
        return fresh

    def _renamed(self, body: str, new: str) -> None:
        """What is claimed of a track goes with it; whether its id was doubted does not."""
        self._doubted.pop(body, None)
        if body in self._claims:
            self._claims[new] = self._claims.pop(body)
