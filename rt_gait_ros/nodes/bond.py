"""Heartbeats by which Nav2's life-cycle manager knows that a node lives (package bond of bond_core)."""

import uuid
from typing import Any

from rclpy.qos import QoSProfile

from rt_gait_ros.nodes.optional_messages import find_message
from rt_gait_ros.nodes.qos import retire

# As nav2_util's life-cycle nodes: the manager takes a node for dead after bond_timeout, 4 s, without one.
PERIOD, TIMEOUT = 1.0, 4.0  # seconds
BOND_QOS = QoSProfile(depth=100)
FIELDS = ("header", "id", "instance_id", "active", "heartbeat_timeout", "heartbeat_period")
GOODBYES = 3  # how often the end is said: nobody answers


class Bond:
    """Says while a node is active that it is. node: a Stage."""

    def __init__(self, node: Any) -> None:
        """Raises UsageError where the package bond is not installed."""
        self._kind = find_message("bond", "Status", FIELDS, "bond")
        self._node, self._instance = node, str(uuid.uuid4())
        self._publisher = node.create_publisher(self._kind, "bond", BOND_QOS)
        self._timer = node.every(PERIOD, self._beat)
        self._beat()

    def close(self) -> None:
        """Say that it ends."""
        self._node.destroy_timer(self._timer)
        for _ in range(GOODBYES):
            self._beat(active=False)
        retire(self._node, self._publisher)

    def _beat(self, active: bool = True) -> None:
        status = self._kind(
            id=self._node.get_name(),
            instance_id=self._instance,
            active=active,
            heartbeat_timeout=TIMEOUT,
            heartbeat_period=PERIOD,
        )
        status.header.stamp = self._node.get_clock().now().to_msg()
        self._publisher.publish(status)
