"""Topics into a bag, as they come: bytes that nobody here looks into but for the stamp."""

import time
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from rclpy.node import Node
from rclpy.qos import QoSProfile

from rt_gait_ros.bags.writer import BagWriter
from rt_gait_ros.nodes.message_bytes import stamp_of

# Reliable, as everything in this package publishes, with room for some seconds in which the disk is busy.
RECORD_QOS = QoSProfile(depth=100)


class BagRecorder:
    """Records topics of messages that begin with a header, under their names without the node's namespace."""

    def __init__(
        self, node: Node, bag: BagWriter, topics: Mapping[str, Any], wanted: Callable[[int], bool] = lambda stamp: True
    ) -> None:
        """topics: relative name to type. wanted: whether a message of this stamp (ns) is recorded."""
        self._node = node
        self._bag = bag
        self._wanted = wanted
        self._subscriptions = [
            node.create_subscription(kind, name, partial(self._take, f"/{name}", _name(kind)), RECORD_QOS, raw=True)
            for name, kind in topics.items()
        ]

    def close(self) -> None:
        """Hear nothing more; whoever made the bag closes it."""
        for subscription in self._subscriptions:
            self._node.destroy_subscription(subscription)
        self._subscriptions = []

    def _take(self, topic: str, kind: str, data: bytes) -> None:
        stamp = stamp_of(data)
        if stamp is not None and self._wanted(stamp):
            self._bag.write(topic, kind, time.time_ns(), data)


def _name(kind: Any) -> str:
    return f"{kind.__module__.partition('.')[0]}/msg/{kind.__name__}"
