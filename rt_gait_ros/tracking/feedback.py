"""What the gait stage says back to the tracker: who is back, which track changed hands, which two tracks are one."""

from collections import Counter
from collections.abc import Collection, Mapping

from rt_gait_ros.tracking.tracker import Tracker


class IdentityFeedback:
    """Keeps every person to one body id, as far as the gait stage names them.

    The body under which a person was first named is the person's for the run. Without any feedback the tracker works as
    ever; feedback that comes late, about tracks that are gone, or twice, does nothing.

    changes: how often a track was split, reattached and merged so far.
    """

    def __init__(self, tracker: Tracker) -> None:
        self.changes: Counter[str] = Counter(split=0, reattached=0, merged=0)
        self._tracker = tracker
        self._body_of: dict[str, str] = {}  # by person
        self._person_of: dict[str, str] = {}  # by body: the inverse

    def take(self, named: Mapping[str, str], contradicted: Collection[str] = (), stamp: int | None = None) -> None:
        """Act on what the gait stage says after one image. Call it between two updates of the tracker.

        named: person id by body id of the tracks that it has identified, each person once. contradicted: body ids whose
        name it has just taken away. stamp: ns, of that image; what it says of a body id given out later is ignored.
        """
        valid = [body for body in dict.fromkeys((*named, *contradicted)) if self._tracker.lives(body, stamp)]
        for body in valid:
            person = named.get(body)
            if body in contradicted:
                fresh = self._split(body)
                if person is not None and fresh is not None:
                    self._bring_home(fresh, person)
            elif person is not None and self._person_of.get(body) != person:
                self._bring_home(body, person, named)

    def _bring_home(self, body: str, person: str, named: Mapping[str, str] | None = None) -> None:
        """The track `body` is a person whose body it is not. named: as in `take`, where it was somebody else's."""
        home, owner = self._body_of.get(person), self._person_of.get(body)
        if owner is not None:
            if home is None and owner not in (named or {}).values():  # only the name is new: enrolled anew
                del self._body_of[owner]
            else:  # it has changed hands
                fresh = self._split(body)
                if fresh is None:
                    return
                body = fresh
        if home is None:
            self._body_of[person], self._person_of[body] = body, person
        elif not self._tracker.lives(home):
            self.changes["reattached"] += self._tracker.reattach(body, home)
        else:
            self.changes["merged"] += self._tracker.merge(home, body)

    def _split(self, body: str) -> str | None:
        fresh = self._tracker.split(body)
        self.changes["split"] += fresh is not None
        return fresh
