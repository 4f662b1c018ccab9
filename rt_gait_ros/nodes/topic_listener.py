"""A subscription with a thread and a wait set of its own."""

import threading
import time
from collections.abc import Callable
from contextlib import ExitStack
from typing import Any

from rclpy.guard_condition import GuardCondition
from rclpy.node import Node

from rt_gait_ros.nodes.unattended import Topic, UnattendedSubscription

# Seconds between looks at what comes about seldom. In the wait set of the messages it would be looked at with each.
EVENTS_PERIOD = 1.0


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
        self._source = UnattendedSubscription(node, topic, self._hear)
        self._thread: threading.Thread | None = None
        if not self._source.attended:
            self._thread = threading.Thread(target=self._run, name=f"listener of {topic.name}", daemon=True)
            self._thread.start()

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
        self._source.close()
        self._wake.destroy()

    def _run(self) -> None:
        try:
            self._listen()
        except Exception as error:  # of whatever kind: the process ends with it, not this thread alone
            self._on_crash(error)

    def _listen(self) -> None:
        subscription, wake = self._source.subscription.handle, self._wake.handle
        context: Any = self._node.context.handle
        next_look = time.monotonic()
        with ExitStack() as held:
            for entity in (subscription, wake, context):
                held.enter_context(entity)
            waiting = self._source.wait_set(guards=1)
            while not self._closing.is_set():
                if (now := time.monotonic()) >= next_look:
                    self._source.tell_events()
                    next_look = now + EVENTS_PERIOD
                waiting.clear_entities()
                waiting.add_subscription(subscription)
                waiting.add_guard_condition(wake)
                # last before the wait, which gives up Python's lock: whoever is woken by it needs that at once
                for message in self._source.take():
                    if self._closing.is_set():
                        return
                    self._accept(message)
                waiting.wait(int(EVENTS_PERIOD * 1e9))
