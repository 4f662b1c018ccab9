"""Publishers and subscriptions whose quality of service can be set from outside, by ROS's parameters qos_overrides."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from copy import copy
from typing import Any

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

# What may be overridden: `qos_overrides./image_raw.subscription.reliability: reliable` in a parameter file.
POLICIES = (QoSPolicyKind.HISTORY, QoSPolicyKind.DEPTH, QoSPolicyKind.RELIABILITY, QoSPolicyKind.DURABILITY)


def publish_on(node: Node, kind: Any, topic: str, qos: QoSProfile) -> Publisher:
    """A publisher. qos: where nothing else was given. Raises ParameterError for an override that is none."""
    with _told(node, topic):
        # rclpy writes into the profile that it is given
        return node.create_publisher(kind, topic, copy(qos), qos_overriding_options=QoSOverridingOptions(POLICIES))


def subscribe_to(
    node: Node, kind: Any, topic: str, qos: QoSProfile, callback: Callable[[Any], None], **options: Any
) -> Subscription:
    """A subscription, likewise. options: rclpy's."""
    with _told(node, topic):
        return node.create_subscription(
            kind, topic, callback, copy(qos), qos_overriding_options=QoSOverridingOptions(POLICIES), **options
        )


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
