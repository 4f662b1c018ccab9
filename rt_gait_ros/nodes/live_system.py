"""What can be seen of running nodes from outside: their diagnostics, who talks to whom, and what comes on a topic."""

import time
from contextlib import closing
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from diagnostic_msgs.msg import DiagnosticArray, DiagnosticStatus
from rclpy.qos import QoSCompatibility, QoSProfile, qos_check_compatible
from sensor_msgs.msg import CompressedImage, Image

from rt_gait_ros.errors import GaitError
from rt_gait_ros.gait.identity import IdentityFrame
from rt_gait_ros.msg import GaitIdentityArray, PersonPoseArray, PersonTrackArray
from rt_gait_ros.nodes.conversions import identities_from_message
from rt_gait_ros.nodes.graph import CommandNode, joined
from rt_gait_ros.nodes.headers import from_time
from rt_gait_ros.nodes.links import IMAGE_QOS, RESULT_QOS
from rt_gait_ros.nodes.message_bytes import stamp_of
from rt_gait_ros.nodes.parameters import specifications
from rt_gait_ros.nodes.statistics import HARDWARE
from rt_gait_ros.signals import KeptSignals

DISCOVERY = 2.0  # seconds until everybody on the network is known; diagnostics come once a second
PATIENCE = 6.0  # seconds more until every node that is there has said how it does: the machine may be busy
STEP = 0.5  # seconds between looks at who has not
_IMAGES = {"sensor_msgs/msg/Image": Image, "sensor_msgs/msg/CompressedImage": CompressedImage}
_OURS = {f"rt_gait_ros/msg/{kind.__name__}": kind for kind in (PersonPoseArray, PersonTrackArray, GaitIdentityArray)}


@dataclass(slots=True)
class NodeState:
    """The newest diagnostics of a node. level: as of DiagnosticStatus. stamp: ns, by the clock that the node goes by.

    heard: ns of the system's clock, when they came.
    """

    level: int
    message: str
    values: dict[str, str]
    stamp: int
    heard: int


@dataclass(frozen=True, slots=True)
class Arrival:
    """A message of a camera. stamp: ns, its own. heard: ns, when it came. size: bytes."""

    stamp: int
    heard: int
    size: int


@dataclass(slots=True)
class TopicState:
    """Who is on a topic, by full names of nodes. mismatches: pairs that hear nothing of each other, one line each.

    kinds: types that are published. arrivals: of images, while it was listened to.
    """

    publishers: list[str] = field(default_factory=list)
    subscribers: list[str] = field(default_factory=list)
    kinds: set[str] = field(default_factory=set)
    mismatches: list[str] = field(default_factory=list)
    arrivals: list[Arrival] = field(default_factory=list)


@dataclass(slots=True)
class LiveSystem:
    """What was seen.

    nodes: of this package, by full name without the leading slash. images: topics that pose nodes take. topics: of this
    package's messages and of images, which its nodes publish or take. clocks: publishers of /clock. people: newest
    identities by topic. namesakes: names of which there are several nodes.
    """

    nodes: dict[str, NodeState] = field(default_factory=dict)
    topics: dict[str, TopicState] = field(default_factory=dict)
    namesakes: list[str] = field(default_factory=list)
    images: list[str] = field(default_factory=list)
    clocks: int = 0
    people: dict[str, IdentityFrame] = field(default_factory=dict)


def look(seconds: float) -> LiveSystem:
    """Watch for so long, behind the time that discovery takes. Raises GaitError where ROS cannot be started.

    A signal raises Ended.
    """
    with joined() as signals, closing(_Observer(signals)) as observer:
        observer.spin(DISCOVERY)
        for _ in range(round(PATIENCE / STEP)):
            if not observer.silent:
                break
            observer.spin(STEP)
        observer.listen()
        observer.spin(seconds)
        return observer.result()


class _Observer(CommandNode):
    """Hears, and disturbs nobody: it publishes nothing, and its subscriptions match every publisher."""

    def __init__(self, signals: KeptSignals) -> None:
        super().__init__(signals, "rt_gait_doctor", enable_rosout=False, start_parameter_services=False)
        self._seen = LiveSystem()
        self.create_subscription(DiagnosticArray, "/diagnostics", self._on_diagnostics, QoSProfile(depth=100))

    @property
    def silent(self) -> bool:
        """Whether no node of ours has said yet how it does, or one that is there has not."""
        there = self._names(self.get_publishers_info_by_topic("/diagnostics"))
        ours = {name for name in there if name.rpartition("/")[2] in specifications()}
        return not self._seen.nodes or not ours <= self._seen.nodes.keys()

    def listen(self) -> None:
        """Hear images and identities of the nodes that are known by now."""
        for topic, kinds in self._topics().items():
            takers = self._names(self.get_subscriptions_info_by_topic(topic))
            images = kinds & _IMAGES.keys()  # a pose node takes tracks and identities as well
            if images and any(name in self._seen.nodes and name.endswith("pose_node") for name in takers):
                self._seen.images.append(topic)
                for kind in images:
                    take = partial(self._on_image, topic)
                    self.create_subscription(_IMAGES[kind], topic, take, IMAGE_QOS, raw=True)
            if "rt_gait_ros/msg/GaitIdentityArray" in kinds:
                self.create_subscription(GaitIdentityArray, topic, partial(self._on_identities, topic), RESULT_QOS)

    def result(self) -> LiveSystem:
        """What is known now."""
        own = self.get_fully_qualified_name().lstrip("/")
        for topic in self._topics():
            state = self._seen.topics.setdefault(topic, TopicState())
            givers = self.get_publishers_info_by_topic(topic)
            takers = [end for end in self.get_subscriptions_info_by_topic(topic) if _name(end) != own]
            state.publishers, state.subscribers = self._names(givers), self._names(takers)
            state.kinds = {end.topic_type for end in givers}
            ours = self._seen.nodes
            state.mismatches = [
                line
                for giver in givers
                for taker in takers
                if (_name(giver) in ours or _name(taker) in ours) and (line := _mismatch(giver, taker))
            ]
            if not (set(state.publishers) | set(state.subscribers)) & ours.keys():
                del self._seen.topics[topic]
        talking = [_name(end) for end in self.get_publishers_info_by_topic("/diagnostics")]
        self._seen.namesakes = sorted({name for name in talking if talking.count(name) > 1} & self._seen.nodes.keys())
        self._seen.clocks = self.count_publishers("/clock")
        return self._seen

    def _topics(self) -> dict[str, set[str]]:
        known = _IMAGES.keys() | _OURS.keys()
        return {name: set(kinds) for name, kinds in self.get_topic_names_and_types() if known & set(kinds)}

    @staticmethod
    def _names(ends: list[Any]) -> list[str]:
        return sorted({_name(end) for end in ends})

    def _on_diagnostics(self, array: DiagnosticArray) -> None:
        for status in array.status:
            if status.hardware_id == HARDWARE:
                values = {value.key: value.value for value in status.values}
                level = status.level[0] if isinstance(status.level, bytes) else int(status.level)
                stamp = from_time(array.header.stamp)
                self._seen.nodes[status.name] = NodeState(level, status.message, values, stamp, time.time_ns())

    def _on_image(self, topic: str, data: bytes) -> None:
        if (stamp := stamp_of(data)) is not None:
            arrival = Arrival(stamp, time.time_ns(), len(data))
            self._seen.topics.setdefault(topic, TopicState()).arrivals.append(arrival)

    def _on_identities(self, topic: str, message: GaitIdentityArray) -> None:
        try:
            self._seen.people[topic] = identities_from_message(message)
        except GaitError:  # of another sender: nodes count these, and say so
            return


def _name(end: Any) -> str:
    return f"{end.node_namespace.rstrip('/')}/{end.node_name}".lstrip("/")


def _mismatch(giver: Any, taker: Any) -> str:
    """Why two ends of a topic do not hear each other; "" where they do."""
    found, reason = qos_check_compatible(giver.qos_profile, taker.qos_profile)
    if found != QoSCompatibility.ERROR:
        return ""
    why = " ".join(reason.removeprefix("ERROR: ").split()).rstrip(";. ")
    return f"{_name(taker)} hears nothing of {_name(giver)}: {why}"


ERROR, WARN = DiagnosticStatus.ERROR[0], DiagnosticStatus.WARN[0]
