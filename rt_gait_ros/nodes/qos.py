"""Publishers and subscriptions whose quality of service can be set from outside, by ROS's parameters qos_overrides."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from copy import copy
from typing import Any

from rclpy.duration import Duration
from rclpy.exceptions import (
    InvalidParameterTypeException,
    InvalidParameterValueException,
    ParameterUninitializedException,
)
from rclpy.node import Node
from rclpy.publisher import Publisher
from rclpy.qos import QoSPolicyKind, QoSProfile
from rclpy.qos_overriding_options import InvalidQosOverridesError, QoSOverridingOptions
from rclpy.subscription import Subscription

from rt_gait_ros.nodes.parameters import ParameterError

try:
    from rclpy.event_handler import PublisherEventCallbacks
except ModuleNotFoundError:  # Humble
    from rclpy.qos_event import PublisherEventCallbacks

# What may be overridden: `qos_overrides./image_raw.subscription.reliability: reliable` in a parameter file.
POLICIES = (QoSPolicyKind.HISTORY, QoSPolicyKind.DEPTH, QoSPolicyKind.RELIABILITY, QoSPolicyKind.DURABILITY)
FAREWELL = 5.0  # seconds; an acknowledgement on one machine takes some ms


def publish_on(node: Node, kind: Any, topic: str, qos: QoSProfile, *, passing: bool = False) -> Publisher:
    """A publisher. qos: where nothing else was given. Raises ParameterError for an override that is none.

    passing: it is destroyed while the node goes on, and by another thread than the executor's. It has no events then
    (which warn of subscribers with another quality of service): the executor waits for those as well, and rclpy's
    falls over one that goes between its being listed and being waited for.
    """
    events = PublisherEventCallbacks(use_default_callbacks=False) if passing else None
    with _told(node, topic):
        # rclpy writes into the profile that it is given
        return node.create_publisher(
            kind, topic, copy(qos), event_callbacks=events, qos_overriding_options=QoSOverridingOptions(POLICIES)
        )


def subscribe_to(
    node: Node, kind: Any, topic: str, qos: QoSProfile, callback: Callable[[Any], None], **options: Any
) -> Subscription:
    """A subscription, likewise. options: rclpy's."""
    with _told(node, topic):
        return node.create_subscription(
            kind, topic, callback, copy(qos), qos_overriding_options=QoSOverridingOptions(POLICIES), **options
        )


def retire(node: Node, publisher: Publisher) -> None:
    """Destroy a publisher once what it has published last has arrived: that may be what nobody should miss.

    Data that nobody has acknowledged goes with its publisher. A subscriber that is no longer there, and has not said
    so, is waited for FAREWELL seconds.
    """
    with suppress(RuntimeError):  # of a middleware that cannot tell, or a context that is shut down
        publisher.wait_for_all_acked(Duration(seconds=FAREWELL))
    node.destroy_publisher(publisher)


@contextmanager
def _told(node: Node, topic: str) -> Iterator[None]:
    try:
        yield
    except (
        InvalidParameterTypeException,
        InvalidParameterValueException,
        InvalidQosOverridesError,
        ParameterUninitializedException,
        AttributeError,  # a number where a word is asked for, and the like
        RuntimeError,
        TypeError,
        ValueError,
    ) as error:
        name = f"qos_overrides.{node.resolve_topic_name(topic)}"
        raise ParameterError(f"{node.get_name()}: {name} cannot be used: {' '.join(str(error).split())}") from None
