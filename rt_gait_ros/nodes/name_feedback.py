"""What the pose node hears back: who in view has a name. It asks only while it has no time for everybody."""

from typing import TypeVar

from rclpy.node import Node
from rclpy.qos import QoSProfile, ReliabilityPolicy

from rt_gait_ros.gait.identity import IdentityFrame
from rt_gait_ros.msg import GaitIdentityArray, PersonTrackArray
from rt_gait_ros.nodes.conversions import identities_from_message, tracks_from_message
from rt_gait_ros.nodes.links import WaitingInlet
from rt_gait_ros.tracking.track import TrackFrame

T = TypeVar("T")

# The newest is enough, and a lost one is as good as the next.
_QOS = QoSProfile(depth=1, reliability=ReliabilityPolicy.BEST_EFFORT)
# Seconds from one reading to the next: names come seldom.
_EVERY = 0.25


class NameFeedback:
    """The newest tracks and identities, read now and then. tracks, identities: where they come from."""

    def __init__(self, node: Node) -> None:
        self.tracks: WaitingInlet[TrackFrame] = WaitingInlet(
            node, PersonTrackArray, "person_tracks", _QOS, tracks_from_message, as_bytes=True
        )
        self.identities: WaitingInlet[IdentityFrame] = WaitingInlet(
            node, GaitIdentityArray, "gait_identities", _QOS, identities_from_message, as_bytes=True
        )
        self._open = False
        self._next = 0.0

    def open(self) -> None:
        """Begin to listen; once is enough."""
        self.tracks.open()
        self.identities.open()
        self._open = True

    def close(self) -> None:
        """Stop listening. Nobody may be reading any longer."""
        self._open = False
        self.tracks.close()
        self.identities.close()

    def look(self) -> None:
        """As WaitingInlet.look."""
        self.tracks.look()
        self.identities.look()

    def read(self, now: float) -> tuple[TrackFrame, IdentityFrame] | None:
        """The newest of both, if it is time to read and both are there. Raises GaitError for what makes no sense.

        now: seconds of a clock that only goes forward.
        """
        if not self._open or now < self._next:
            return None
        self._next = now + _EVERY
        tracks, identities = _newest(self.tracks), _newest(self.identities)
        return (tracks, identities) if tracks is not None and identities is not None else None


def _newest(inlet: WaitingInlet[T]) -> T | None:
    """What came last since the last time, read; None where nothing came."""
    arrivals = list(inlet.take())
    return inlet.read(arrivals[-1]) if arrivals else None
