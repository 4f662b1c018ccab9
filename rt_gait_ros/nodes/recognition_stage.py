"""What the gait node shares with its services and actions."""

from pathlib import Path

from rt_gait_ros.gait.identity import IdentityFrame
from rt_gait_ros.gait.known_people import KnownPeople
from rt_gait_ros.nodes.processing import NetworkStage
from rt_gait_ros.tracking.track import TrackFrame


class RecognitionStage(NetworkStage[TrackFrame, IdentityFrame]):
    """A stage that recognises people.

    people: who is known; None while it is not configured. latest: identities of the newest tracks.
    gallery_folder: where galleries have to be that a service asks for.
    """

    people: KnownPeople | None = None
    gallery_folder = Path()
    latest: IdentityFrame | None = None
