"""What the gait node shares with its services and actions."""

from rt_gait_ros.gait.identity import IdentityFrame
from rt_gait_ros.gait.known_people import KnownPeople
from rt_gait_ros.nodes.processing import NetworkStage
from rt_gait_ros.tracking.track import TrackFrame


class RecognitionStage(NetworkStage[TrackFrame, IdentityFrame]):
    """A stage that recognises people.

    people: who is known; None while it is not configured. latest: identities of the newest tracks.
    """

    people: KnownPeople | None = None
    latest: IdentityFrame | None = None
