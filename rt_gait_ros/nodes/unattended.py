"""A subscription that no executor attends to: whoever has it takes what has come.

rclpy's executor builds a wait set of everything the node has (life-cycle and parameter services, timers, guard
conditions) several times for each message. Passing it by saved 0.5 ms of CPU per message in the gait node, 1 ms in the
tracker node (two busy cores). Everything else stays with the executor.
"""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any, NamedTuple

from rclpy.callback_groups import CallbackGroup
from rclpy.guard_condition import GuardCondition
from rclpy.node import Node
from rclpy.qos import QoSProfile

from rt_gait_ros.nodes.qos import subscribe_to

try:
    from rclpy.impl.implementation_singleton import rclpy_implementation as _rclpy
except ImportError:  # see insides_are_known
    _rclpy = None


class Unattended(CallbackGroup):
    """Keeps a subscription and its QoS events out of the executor's wait sets.

    The events, too: Fast DDS wakes who waits for a reader's events again and again while its data are not yet taken.
    """

    def can_execute(self, entity: Any) -> bool:
        """As CallbackGroup.can_execute."""
        return False

    def beginning_execution(self, entity: Any) -> bool:
        """As CallbackGroup.beginning_execution."""
        return False

    def ending_execution(self, entity: Any) -> None:
        """As CallbackGroup.ending_execution."""


class Topic(NamedTuple):
    """What is listened to: messages of a type, under a name that ROS may resolve to another.

    as_bytes: they are handed on as the bytes in which they travel.
    """

    message_type: Any
    name: str
    qos: QoSProfile
    as_bytes: bool = False


class UnattendedSubscription:
    """What comes waits here, as many messages as the quality of service keeps, until somebody takes it.

    attended: True where the executor calls `hear` with every message, because rclpy has not the insides that
    `insides_are_known` names; `take` then gives nothing.
    """

    def __init__(self, node: Node, topic: Topic, hear: Callable[[Any], None]) -> None:
        self._node = node
        self._depth = max(1, topic.qos.depth)
        self._as_bytes = topic.as_bytes
        self.subscription = self._subscribe(topic, hear, callback_group=Unattended())
        self.attended = not self.insides_are_known()
        if self.attended:
            node.get_logger().info(
                f"{topic.name}: this rclpy has not the insides that are used to pass its executor by, which "
                "takes up to 1 ms of CPU more for each message"
            )
            node.destroy_subscription(self.subscription)
            self.subscription = self._subscribe(topic, hear)

    def _subscribe(self, topic: Topic, hear: Callable[[Any], None], **options: Any) -> Any:
        kind, name, qos = topic.message_type, topic.name, topic.qos
        return subscribe_to(self._node, kind, name, qos, hear, raw=topic.as_bytes, **options)

    def insides_are_known(self) -> bool:
        """Whether the insides of rclpy that are used here and by TopicListener are there.

        rclpy has no public wait set, and executors build theirs of everything a node has. What is used is the same from
        Humble's rclpy (3.3) to Kilted's (9.1); where it is not there, the executor does it, at its price.
        """
        needed = (
            (_rclpy, "WaitSet"),
            (getattr(_rclpy, "WaitSet", None), "add_guard_condition"),
            (self.subscription, "event_handlers"),
            (self.subscription, "msg_type"),
            (self.subscription.handle, "take_message"),
            (GuardCondition, "handle"),
            (self._node.context, "handle"),
        )
        return all(hasattr(owner, name) for owner, name in needed)

    def take(self) -> Iterator[Any]:
        """The messages that have come, in their order: at most as many as wait here, however fast others follow.

        Each is handed on once it is known whether another one follows, so that nothing is left to do after the last.
        """
        if self.attended:
            return
        handle, kind = self.subscription.handle, self.subscription.msg_type
        taken = handle.take_message(kind, self._as_bytes)
        for place in range(1, self._depth + 1):
            if taken is None:
                return
            following = handle.take_message(kind, self._as_bytes) if place < self._depth else None
            yield taken[0]
            taken = following

    def tell_events(self) -> None:
        """Say what has come about since the last time, such as that a publisher's quality of service does not match."""
        events: Any = self.subscription.event_handlers
        if self.attended or not events:
            return
        context: Any = self._node.context.handle
        with ExitStack() as held:
            for entity in (context, *events):
                held.enter_context(entity)
            present = _rclpy.WaitSet(0, 0, 0, 0, 0, len(events), context)
            present.clear_entities()
            for event in events:
                event.add_to_wait_set(present)
            present.wait(0)
            for event in events:
                if event.is_ready(present):
                    event.callback(event.take_data())

    def wait_set(self, guards: int) -> Any:
        """A wait set with room for it and so many guard conditions."""
        return _rclpy.WaitSet(1, guards, 0, 0, 0, 0, self._node.context.handle)

    def close(self) -> None:
        """Leave the graph. Nobody may be taking or waiting any longer."""
        self._node.destroy_subscription(self.subscription)
