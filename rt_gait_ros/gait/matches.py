"""Which body is which person, as ROS4HRI (REP-155) wants it said: pairs of ids, repeated, and withdrawn by a 0."""

from dataclasses import dataclass

from rt_gait_ros.gait.identity import Identity, IdentityFrame, IdentityStatus

# From which confidence on hri_person_manager takes a match for true; the accept line is mapped to it.
ACCEPTED = 0.5
# ns after which a match that stands is said again, for whoever began to listen since.
REPEAT = 1_000_000_000


@dataclass(frozen=True, slots=True)
class Match:
    """A body is a person, or, with `merged`, two persons are one. confidence: 0..1; 0: what was said is withdrawn.

    first: body id, or the person who stays. second: person id, or the person who is the same.
    """

    first: str
    second: str
    confidence: float
    merged: bool = False


class Matches:
    """What has been said of which body. Not thread-safe."""

    def __init__(self) -> None:
        self._said: dict[str, tuple[str, int]] = {}  # person id and when, by body id

    def update(self, frame: IdentityFrame, accept_line: float) -> list[Match]:
        """What is to be said after one image."""
        found: list[Match] = []
        live = {identity.body_id: identity for identity in frame.identities}
        for body_id, (person_id, _) in list(self._said.items()):
            identity = live.get(body_id)
            if identity is None or identity.person_id != person_id:
                found.append(Match(body_id, person_id, 0.0))
                del self._said[body_id]
        for body_id, identity in live.items():
            if identity.status is not IdentityStatus.IDENTIFIED:
                continue
            said_at = self._said.get(body_id, ("", None))[1]
            if said_at is None or not 0 <= frame.stamp - said_at < REPEAT:
                found.append(Match(body_id, identity.person_id, confidence_of(identity, accept_line)))
                self._said[body_id] = identity.person_id, frame.stamp
        return found

    def withdraw(self) -> list[Match]:
        """Take back everything that was said: nobody is recognised any longer."""
        found = [Match(body_id, person_id, 0.0) for body_id, (person_id, _) in self._said.items()]
        self._said.clear()
        return found


def confidence_of(identity: Identity, accept_line: float) -> float:
    """How sure a name is, on a scale on which the accept line is 0.5 and a distance of nothing 1.

    A name that stands although the distance is a little beyond the line (hysteresis) is 0.5.
    """
    distance = next((c.distance for c in identity.candidates if c.person_id == identity.person_id), accept_line)
    return max(ACCEPTED, 1.0 - (1.0 - ACCEPTED) * distance / accept_line) if accept_line > 0.0 else ACCEPTED
