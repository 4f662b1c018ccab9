"""How stages hear each other: over a topic, or, composed into one process, by handing the object itself on."""

from collections import deque
from collections.abc import Callable, Iterator
from typing import Any, Generic, NoReturn, TypeVar

from rclpy.node import Node
from rclpy.qos import QoSProfile, ReliabilityPolicy

from rt_gait_ros.nodes.message_records import record_of
from rt_gait_ros.nodes.message_writing import Unwritten, bytes_of_message
from rt_gait_ros.nodes.qos import publish_on
from rt_gait_ros.nodes.topic_listener import TopicListener
from rt_gait_ros.nodes.unattended import Topic, UnattendedSubscription

T = TypeVar("T")

# REP-2003: consumers of images take sensor data, which matches every publisher; only the newest image matters.
IMAGE_QOS = QoSProfile(depth=1, reliability=ReliabilityPolicy.BEST_EFFORT)
# The same for whoever follows people from image to image: as many wait here as in the pose stage, while the process is
# held up.
EVERY_IMAGE_QOS = QoSProfile(depth=3, reliability=ReliabilityPolicy.BEST_EFFORT)
# Results are small, and a lost one is a lost gait frame: reliable, as ROS has it, with a third of a second of room at
# 30 Hz.
RESULT_QOS = QoSProfile(depth=10)


class Link(Generic[T]):
    """The output of a stage. Listeners in this process get the object; ROS gets a message when somebody subscribes."""

    def __init__(
        self,
        node: Node,
        message_type: Any,
        topic: str,
        qos: QoSProfile,
        to_message: Callable[[T], Any] = lambda message: message,
        *,
        as_bytes: bool = False,
    ) -> None:
        """to_message: makes the message of an item; left out where items are messages. as_bytes: it is published as its
        bytes (message_writing), which is sooner for one that has many messages within it."""
        self._node = node
        self._to_message = to_message
        self._as_bytes = as_bytes
        self._publisher = publish_on(node, message_type, topic, qos)
        self._listeners: tuple[Callable[[T], None], ...] = ()

    def add_listener(self, listener: Callable[[T], None]) -> None:
        """Call `listener` with every item from now on, in the sender's thread: it must return at once."""
        self._listeners = (*self._listeners, listener)

    def remove_listener(self, listener: Callable[[T], None]) -> None:
        """Undo `add_listener`; nothing happens when it is not there."""
        self._listeners = tuple(known for known in self._listeners if known != listener)

    @property
    def audience(self) -> int:
        """How many would get what is sent."""
        return len(self._listeners) + int(self._publisher.get_subscription_count())

    @property
    def watched(self) -> bool:
        """Whether anybody would get what is sent."""
        return self.audience > 0

    def close(self) -> None:
        """Leave the graph: nothing can be sent any longer."""
        self._node.destroy_publisher(self._publisher)

    def send(self, item: T) -> None:
        """Hand `item` on. Nobody may change it afterwards. Callable from any thread."""
        for listener in self._listeners:
            listener(item)
        if self._publisher.get_subscription_count() > 0:
            self._publisher.publish(self._published(item))

    def _published(self, item: T) -> Any:
        """The message of an item, or its bytes."""
        message = self._to_message(item)
        if not self._as_bytes:
            return message
        try:
            return bytes_of_message(message)
        except Unwritten:  # such as a time after 2038: what becomes of it is the middleware's to say
            return message


def raise_in_thread(error: Exception) -> NoReturn:
    """What is done about an exception that nobody expects: its traceback is shown."""
    raise error


class Inlet(Generic[T]):
    """An input of a stage: a topic, or the link of the stage before it in the same process.

    What arrives is handed to `accept` as it is, in a thread of its own or the sender's; the worker turns it into the
    domain object with `read`, so that nothing is converted that is dropped before its turn.
    as_bytes: messages arrive as their bytes, and `from_message` gets a record of each (message_records) in their place.
    on_crash: called with what nobody expected; nothing arrives from then on. Raised in that thread when left out.
    """

    def __init__(
        self,
        node: Node,
        message_type: Any,
        topic: str,
        qos: QoSProfile,
        from_message: Callable[[Any], T],
        accept: Callable[[Any], None],
        on_crash: Callable[[Exception], None] = raise_in_thread,
        *,
        as_bytes: bool = False,
    ) -> None:
        self._node = node
        self._topic = Topic(message_type, topic, qos, as_bytes)
        self._from_message = from_message
        self._accept = accept
        self._on_crash = on_crash
        self._listener: TopicListener | UnattendedSubscription | None = None
        self._linked = False
        self.link: Link[T] | None = None

    def open(self) -> None:
        """Begin to listen; once is enough."""
        if self.link is not None:
            if not self._linked:
                self.link.add_listener(self._accept)
                self._linked = True
        elif self._listener is None:
            self._listener = self._listen()

    def _listen(self) -> TopicListener | UnattendedSubscription:
        """Subscribe to the topic."""
        return TopicListener(self._node, self._topic, self._accept, self._on_crash)

    def close(self) -> None:
        """Stop listening."""
        if self.link is not None:
            self.link.remove_listener(self._accept)
            self._linked = False
        elif self._listener is not None:
            self._listener.close()
            self._listener = None

    @property
    def topic(self) -> str:
        """What is listened to, as ROS resolves it."""
        return self._node.resolve_topic_name(self._topic.name)

    @property
    def has_publisher(self) -> bool:
        """Whether anybody publishes what is listened to."""
        return self.link is not None or self._node.count_publishers(self._topic.name) > 0

    @property
    def where(self) -> str:
        """What is listened to, and who talks there, for a person who wonders why nothing comes."""
        if self.link is not None:
            return "the link of the stage before: is it active?"
        topic = self.topic
        types = [info.topic_type for info in self._node.get_publishers_info_by_topic(topic)]
        wanted = self._topic.message_type.__module__.partition(".")[0] + "/msg/" + self._topic.message_type.__name__
        publishers = len(types)
        advice = "is it active?" if wanted in types else self.advice(set(types))
        return f"{topic} ({publishers} publisher{'s' if publishers != 1 else ''}): {advice}"

    def advice(self, types: set[str]) -> str:
        """What to do when nobody publishes what is listened for, but messages of these types, or nothing."""
        if not types:
            return "start it, or remap the topic"
        return f"it carries {', '.join(sorted(types))}, not {self._topic.message_type.__name__}"

    def read(self, arrival: Any) -> T:
        """The domain object of something that arrived. Raises GaitError when a message makes no sense."""
        if isinstance(arrival, bytes):
            return self._from_message(record_of(arrival, self._topic.message_type))
        return self._from_message(arrival) if isinstance(arrival, self._topic.message_type) else arrival


class WaitingInlet(Inlet[T]):
    """An input that is taken from when there is something to do with it; until then the newest `qos.depth` items wait.

    What comes wakes nobody, and needs no thread of its own.
    """

    def __init__(
        self,
        node: Node,
        message_type: Any,
        topic: str,
        qos: QoSProfile,
        from_message: Callable[[Any], T],
        *,
        as_bytes: bool = False,
    ) -> None:
        self._waiting: deque[Any] = deque(maxlen=qos.depth)
        super().__init__(node, message_type, topic, qos, from_message, self._keep, as_bytes=as_bytes)

    def _keep(self, arrival: Any) -> None:
        """Have it wait; returns at once."""
        self._waiting.append(arrival)

    def _listen(self) -> UnattendedSubscription:
        """As Inlet._listen."""
        return UnattendedSubscription(self._node, self._topic, self._accept)

    def take(self) -> Iterator[Any]:
        """What has arrived since the last time, in its order; for `read`. What comes meanwhile is for the next time."""
        source = self._listener
        if isinstance(source, UnattendedSubscription):
            self._waiting.extend(source.take())
        for _ in range(len(self._waiting)):
            yield self._waiting.popleft()

    def look(self) -> None:
        """Say what came about on the topic, such as a publisher's quality of service that does not match. Call it once
        a second or so."""
        source = self._listener
        if isinstance(source, UnattendedSubscription):
            source.tell_events()

    def close(self) -> None:
        """As Inlet.close; forget what waits. Nobody may be taking any longer."""
        super().close()
        self._waiting.clear()
