"""What the gait node shares with its services and actions."""

import time
from pathlib import Path

from rt_gait_ros.gait.following import Following
from rt_gait_ros.gait.identity import IdentityFrame
from rt_gait_ros.gait.known_people import KnownPeople
from rt_gait_ros.nodes.person_matches import PersonMatches
from rt_gait_ros.nodes.processing import NetworkStage
from rt_gait_ros.tracking.track import TrackFrame

# Seconds for which an image says who is in view: as long as a tracker believes in those it does not see (lost_after).
FRESH = 2.0


class RecognitionStage(NetworkStage[TrackFrame, IdentityFrame]):
    """A stage that recognises people.

    people: who is known; None while it is not configured. gallery_folder: where galleries have to be that a service
    asks for. following: the person of a FollowPerson goal, if there is one. matches: what ROS4HRI is told, if it is.
    """

    people: KnownPeople | None = None
    gallery_folder = Path()
    following: Following | None = None
    matches: PersonMatches | None = None
    _latest: tuple[float, IdentityFrame] | None = None

    @property
    def present(self) -> IdentityFrame | None:
        """Who is in view: the newest identities, None where they are too old to say."""
        latest = self._latest
        return latest[1] if latest is not None and time.monotonic() - latest[0] < FRESH else None

    def remember(self, identities: IdentityFrame) -> None:
        """Take these for the newest."""
        self._latest = time.monotonic(), identities

    def forget_present(self) -> None:
        """Nobody is in view any longer, as far as is known."""
        self._latest = None
