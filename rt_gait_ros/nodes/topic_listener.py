"""A subscription with a thread and a wait set of its own.

rclpy's executor builds a wait set of everything the node has (life-cycle and parameter services, timers, guard
conditions) several times for each message. Passing it by saved 0.5 ms of CPU per message in the gait node, 1 ms in the
tracker node (two busy cores). Everything else stays with the executor.
"""

import threading
from collections.abc import Callable
from contextlib import ExitStack
from typing import Any, NamedTuple

from rclpy.callback_groups import CallbackGroup
from rclpy.guard_condition import GuardCondition
from rclpy.node import Node
from rclpy.qos import QoSProfile

from rt_gait_ros.nodes.qos import subscribe_to

try:
    from rclpy.impl.implementation_singleton import rclpy_implementation as _rclpy
except ImportError:  # see TopicListener._may_pass_by
    _rclpy = None

FOREVER = -1  # nanoseconds, as WaitSet.wait takes them


class PassExecutorBy(CallbackGroup):
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
    """What is listened to: messages of a type, under a name that ROS may resolve to another."""

    message_type: Any
    name: str
    qos: QoSProfile


class TopicListener:
    """Hands every message of a topic to `accept`, in a thread of its own: it must return at once.

    on_crash: called with an exception that `accept` or rclpy did not expect; the thread ends then.
    """

    def __init__(
        self, node: Node, topic: Topic, accept: Callable[[Any], None], on_crash: Callable[[Exception], None]
    ) -> None:
        self._node = node
        self._accept = accept
        self._on_crash = on_crash
        self._closing = threading.Event()
        self._wake = GuardCondition(None, None, context=node.context)
        self._subscription = self._subscribe(topic, accept, callback_group=PassExecutorBy())
        self._thread: threading.Thread | None = None
        if self._may_pass_by():
            self._thread = threading.Thread(target=self._run, name=f"listener of {topic.name}", daemon=True)
            self._thread.start()
        else:
            node.get_logger().info(
                f"{topic.name} is heard by the executor: this rclpy has another inside than is known"
            )
            node.destroy_subscription(self._subscription)
            self._subscription = self._subscribe(topic, self._hear)

    def _subscribe(self, topic: Topic, accept: Callable[[Any], None], **options: Any) -> Any:
        return subscribe_to(self._node, topic.message_type, topic.name, topic.qos, accept, **options)

    def _may_pass_by(self) -> bool:
        """Whether the insides of rclpy that `_listen` uses are there.

        rclpy has no public wait set, and executors build theirs of everything a node has. What is used is the same from
        Humble's rclpy (3.3) to Kilted's (9.1); where it is not there, the executor does it, at its price.
        """
        handle = self._subscription.handle
        needed = (
            (_rclpy, "WaitSet"),
            (getattr(_rclpy, "WaitSet", None), "add_guard_condition"),
            (self._subscription, "event_handlers"),
            (self._subscription, "msg_type"),
            (handle, "take_message"),
            (self._wake, "handle"),
            (self._node.context, "handle"),
        )
        return all(hasattr(owner, name) for owner, name in needed)

    def _hear(self, message: Any) -> None:
        """As the executor's callback."""
        try:
            self._accept(message)
        except Exception as error:  # of whatever kind: the process ends with it
            self._on_crash(error)

    def close(self) -> None:
        """End the thread, then the subscription."""
        self._closing.set()
        self._wake.trigger()
        if self._thread is not None and threading.current_thread() is not self._thread:
            self._thread.join()
        self._node.destroy_subscription(self._subscription)
        self._wake.destroy()

    def _run(self) -> None:
        try:
            self._listen()
        except Exception as error:  # of whatever kind: the process ends with it, not this thread alone
            self._on_crash(error)

    def _listen(self) -> None:
        message_type, handle = self._subscription.msg_type, self._subscription.handle
        events: Any = self._subscription.event_handlers  # such as: a publisher's QoS does not match
        context: Any = self._node.context.handle
        with ExitStack() as held:
            for entity in (handle, self._wake.handle, context, *events):
                held.enter_context(entity)
            waiting = _rclpy.WaitSet(1, 1, 0, 0, 0, len(events), context)
            while True:
                waiting.clear_entities()
                waiting.add_subscription(handle)
                waiting.add_guard_condition(self._wake.handle)
                for event in events:
                    event.add_to_wait_set(waiting)
                waiting.wait(FOREVER)
                # One wake-up may stand for several messages.
                while not self._closing.is_set() and (taken := handle.take_message(message_type, False)) is not None:
                    self._accept(taken[0])
                if self._closing.is_set():
                    return
                for event in events:
                    if event.is_ready(waiting):
                        event.callback(event.take_data())
