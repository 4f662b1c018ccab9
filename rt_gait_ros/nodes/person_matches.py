"""Who is whom as ROS4HRI has it (REP-155): /humans/candidate_matches."""

from collections.abc import Iterable

from rclpy.qos import QoSProfile

from rt_gait_ros.gait.identity import IdentityFrame
from rt_gait_ros.gait.matches import Match, Matches
from rt_gait_ros.nodes.optional_messages import find_message
from rt_gait_ros.nodes.qos import publish_on, retire
from rt_gait_ros.nodes.stage import Stage

MATCHES_QOS = QoSProfile(depth=100)  # many bodies may be said at once
FIELDS = ("id1", "id1_type", "id2", "id2_type", "confidence")


class PersonMatches:
    """Publishes which body is which person, and which persons are one."""

    def __init__(self, node: Stage) -> None:
        """Raises UsageError where hri_msgs is not installed, or of another version."""
        self._kind = find_message("hri_msgs", "IdsMatch", FIELDS, "ros4hri")
        self._node, self._matches = node, Matches()
        topic = f"{node.value('humans_prefix').rstrip('/')}/candidate_matches"
        self._publisher = publish_on(node, self._kind, topic, MATCHES_QOS)

    def send(self, identities: IdentityFrame, accept_line: float) -> None:
        """Say what is to be said after one image; from the worker."""
        self._publish(self._matches.update(identities, accept_line))

    def merged(self, kept: str, gone: str) -> None:
        """Two entries of the gallery are one person."""
        self._publish([Match(kept, gone, 1.0, merged=True)])

    def close(self) -> None:
        """Nobody is recognised any longer."""
        self._publish(self._matches.withdraw())
        retire(self._node, self._publisher)

    def _publish(self, matches: Iterable[Match]) -> None:
        kind = self._kind
        for match in matches:
            self._publisher.publish(
                kind(
                    id1=match.first,
                    id1_type=kind.PERSON if match.merged else kind.BODY,
                    id2=match.second,
                    id2_type=kind.PERSON,
                    confidence=match.confidence,
                )
            )
