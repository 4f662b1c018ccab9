"""Publishing what a bag holds at its own pace, with its time on /clock, as `ros2 bag play --clock` does."""

import importlib
import re
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import rclpy
from rclpy.exceptions import InvalidTopicNameException
from rclpy.node import Node
from rclpy.qos import DurabilityPolicy, QoSProfile
from rclpy.validate_full_topic_name import validate_full_topic_name
from rosgraph_msgs.msg import Clock

from rt_gait_ros.bags.errors import BagError
from rt_gait_ros.bags.reader import BagReader, TopicInfo
from rt_gait_ros.frame import SECOND
from rt_gait_ros.lines import one_line
from rt_gait_ros.nodes.graph import joined
from rt_gait_ros.nodes.headers import to_time
from rt_gait_ros.signals import KeptSignals

_KIND = re.compile(r"([a-z]\w*)/msg/([A-Z]\w*)", re.ASCII)
TICK = 0.02  # seconds between steps of /clock where nothing else comes
PATIENCE = 10.0  # seconds to wait for somebody who subscribes
SETTLE = 1.0  # seconds from then on, for the others to find the topics, too


def playable(topics: Iterable[TopicInfo], say: Callable[[str], None]) -> dict[str, Any]:
    """Name to message class of the topics that can be published; of others it is said once why not."""
    found: dict[str, Any] = {}
    for topic in topics:
        try:
            validate_full_topic_name(topic.name)
            found[topic.name] = _message_class(topic.kind)
        except InvalidTopicNameException:
            say(one_line(f"{topic.name} is left out: ROS has no topics of such a name"))
        except (ImportError, AttributeError):
            say(one_line(f"{topic.name} is left out: {topic.kind} is not installed"))
    return found


def _message_class(kind: str) -> Any:
    """The class of a type as bags name it. Raises ImportError, AttributeError."""
    parts = _KIND.fullmatch(kind)
    if parts is None:
        raise ImportError(kind)
    return getattr(importlib.import_module(f"{parts[1]}.msg"), parts[2])


def play(
    bag: BagReader,
    topics: Sequence[TopicInfo],
    say: Callable[[str], None],
    *,
    rate: float = 1.0,
    loop: bool = False,
    node_name: str = "rt_gait_replay",
) -> int:
    """Publish the messages of these topics, and the time at which each was recorded on /clock. Returns how many.

    rate: of the bag's time to ours. loop: begin again at the end, until a signal comes. Raises BagError, and Ended
    after a signal.
    """
    with joined() as signals, _node(node_name) as node:
        kinds = playable(topics, say)
        publishers = {name: node.create_publisher(kind, name, _qos(name)) for name, kind in kinds.items()}
        if not publishers:
            raise BagError(
                f"{bag.name} has nothing to publish but messages of this package: --poses or --topic chooses those"
            )
        clock = node.create_publisher(Clock, "/clock", QoSProfile(depth=1))
        if not _anybody(publishers.values(), signals):
            say(f"nobody subscribes to {', '.join(publishers)}: played all the same")

        def tell(now: int) -> None:
            clock.publish(Clock(clock=to_time(now)))
            signals.heed()

        count = 0
        while True:
            played = _once(bag, publishers, tell, rate)
            if not played:
                raise BagError(f"{bag.name} has no message on {', '.join(publishers)}")
            count += played
            if not loop:
                return count


def _once(bag: BagReader, publishers: dict[str, Any], tell: Callable[[int], None], rate: float) -> int:
    """Publish all messages; returns how many. tell: what the time of the bag is, ns."""
    begun, first, count = time.monotonic(), None, 0
    for record in bag.records(publishers):
        first = record.received if first is None else first
        due = begun + (record.received - first) / SECOND / rate
        while (left := due - time.monotonic()) > 0.0:
            tell(record.received - int(left * rate * SECOND))
            time.sleep(min(left, TICK))
        tell(record.received)
        publishers[record.topic].publish(record.data)
        count += 1
    return count


def _anybody(publishers: Iterable[Any], signals: KeptSignals) -> bool:
    """Whether somebody subscribes within PATIENCE. Raises Ended once a signal has come."""
    end = time.monotonic() + PATIENCE
    while not any(publisher.get_subscription_count() for publisher in publishers):
        if time.monotonic() > end:
            return False
        time.sleep(TICK)
        signals.heed()
    time.sleep(SETTLE)
    return True


def _qos(topic: str) -> QoSProfile:
    """Reliable, as drivers publish; what is said once is kept for those who come later."""
    if topic.endswith("/tf_static"):
        return QoSProfile(depth=100, durability=DurabilityPolicy.TRANSIENT_LOCAL)
    return QoSProfile(depth=10)


@contextmanager
def _node(name: str) -> Iterator[Node]:
    node = rclpy.create_node(name, enable_rosout=False, start_parameter_services=False)
    try:
        yield node
    finally:
        node.destroy_node()
