"""A subscription that passes the executor by."""

import threading

import pytest
import rclpy
from patience import Flood, until
from rclpy.context import Context
from rclpy.executors import SingleThreadedExecutor
from rclpy.node import Node
from rclpy.qos import DurabilityPolicy, QoSProfile, ReliabilityPolicy
from std_msgs.msg import String

from rt_gait_ros.nodes.links import RESULT_QOS, Link
from rt_gait_ros.nodes.parameters import ParameterError
from rt_gait_ros.nodes.topic_listener import TopicListener
from rt_gait_ros.nodes.unattended import Topic, UnattendedSubscription

WORDS = Topic(String, "words", RESULT_QOS)


class Heard:
    """What came, and a flag for each of two things that may come about."""

    def __init__(self) -> None:
        self.texts: list[str] = []
        self.arrived = threading.Event()
        self.crashed = threading.Event()

    def accept(self, message: String) -> None:
        if message.data == "crash":
            raise RuntimeError(message.data)
        self.texts.append(message.data)
        if message.data == "last":
            self.arrived.set()

    def on_crash(self, error: Exception) -> None:
        assert str(error) == "crash"
        self.crashed.set()


def test_every_message_arrives_in_its_order_without_an_executor(node: Node):
    heard = Heard()
    publisher = node.create_publisher(String, "words", RESULT_QOS)
    listener = TopicListener(node, WORDS, heard.accept, heard.on_crash)
    until(publisher.get_subscription_count)
    words = ["first", "second", "last"]
    for word in words:
        publisher.publish(String(data=word))
    assert heard.arrived.wait(300)
    assert heard.texts == words
    listener.close()


def test_closed_is_closed_and_can_be_opened_again(node: Node):
    heard = Heard()
    for _ in range(2):
        listener = TopicListener(node, WORDS, heard.accept, heard.on_crash)
        assert node.count_subscribers("words") == 1
        listener.close()
        assert not listener._thread.is_alive()
        assert not list(node.subscriptions)


def test_one_that_is_closed_hands_nothing_more_over_however_fast_messages_come(node: Node):
    """And what has come is handed over one by one, not once there is no more of it."""
    heard: list[str] = []
    crashed: list[Exception] = []
    closed = threading.Event()
    publisher = node.create_publisher(String, "words", RESULT_QOS)

    def accept(message: String) -> None:
        heard.append(message.data)
        assert closed.wait(300)

    listener = TopicListener(node, WORDS, accept, crashed.append)
    flood = Flood(listener._source, most=WORDS.qos.depth)
    until(publisher.get_subscription_count)
    publisher.publish(String())  # wakes it
    until(lambda: heard or crashed)
    assert flood.count < WORDS.qos.depth
    closing = threading.Thread(target=listener.close)
    closing.start()
    until(listener._closing.is_set)
    closed.set()
    closing.join(300)
    assert not closing.is_alive()
    assert (heard, crashed) == (["0"], [])
    flood.end()


def test_it_can_be_closed_while_others_publish_as_fast_as_they_can(node: Node):
    heard = Heard()
    publisher = node.create_publisher(String, "words", RESULT_QOS)
    ended = threading.Event()

    def publish() -> None:
        while not ended.is_set():
            publisher.publish(String(data="last"))

    publishing = threading.Thread(target=publish)
    publishing.start()
    listener = TopicListener(node, WORDS, heard.accept, heard.on_crash)
    assert heard.arrived.wait(300)
    closing = threading.Thread(target=listener.close)
    closing.start()
    closing.join(300)
    assert not closing.is_alive()
    ended.set()
    publishing.join(300)


def test_unexpected_error_is_handed_on(node: Node):
    heard = Heard()
    publisher = node.create_publisher(String, "words", RESULT_QOS)
    listener = TopicListener(node, WORDS, heard.accept, heard.on_crash)
    until(publisher.get_subscription_count)
    publisher.publish(String(data="crash"))
    assert heard.crashed.wait(300)
    listener.close()


def test_publisher_of_a_qos_that_does_not_match_is_told(node: Node, capfd):
    told = threading.Event()
    best_effort = QoSProfile(depth=1, reliability=ReliabilityPolicy.BEST_EFFORT)
    listener = TopicListener(node, WORDS, lambda message: None, lambda error: None)
    (event, *_) = listener._source.subscription.event_handlers
    tell = event.callback
    event.callback = lambda status: (tell(status), told.set())
    node.create_publisher(String, "words", best_effort)
    assert told.wait(300)
    listener.close()
    assert "incompatible QoS" in capfd.readouterr().err


def test_qos_overrides_count_for_what_a_listener_subscribes():
    """As in `qos_overrides./words.subscription.reliability: best_effort` of a parameter file."""
    context = Context()
    options = {
        "subscription.reliability": "best_effort",
        "subscription.depth": "3",
        "publisher.durability": "transient_local",
    }
    words = [word for name, value in options.items() for word in ("-p", f"qos_overrides./words.{name}:={value}")]
    rclpy.init(args=["--ros-args", *words], context=context)
    node = Node("listening", context=context)
    heard = Heard()
    link: Link[String] = Link(node, String, "words", RESULT_QOS, lambda word: word)
    listener = TopicListener(node, WORDS, heard.accept, heard.on_crash)
    (there,) = node.get_subscriptions_info_by_topic("/words")
    assert there.qos_profile.reliability is ReliabilityPolicy.BEST_EFFORT
    (here,) = node.get_publishers_info_by_topic("/words")
    assert here.qos_profile.durability is DurabilityPolicy.TRANSIENT_LOCAL
    assert (RESULT_QOS.reliability, RESULT_QOS.depth) == (ReliabilityPolicy.RELIABLE, 10)  # of all others
    listener.close()
    TopicListener(node, WORDS, heard.accept, heard.on_crash).close()  # opened again
    assert link.audience == 0
    node.destroy_node()
    context.shutdown()


@pytest.mark.parametrize(
    ("name", "value"), [("reliability", "sometimes"), ("depth", "many"), ("reliability", "3"), ("depth", "-1")]
)
def test_an_override_that_is_none_is_one_line(name, value):
    context = Context()
    rclpy.init(args=["--ros-args", "-p", f"qos_overrides./words.subscription.{name}:={value}"], context=context)
    node = Node("listening", context=context)
    heard = Heard()
    with pytest.raises(ParameterError, match=r"^listening: qos_overrides\./words cannot be used: .*$"):
        TopicListener(node, WORDS, heard.accept, heard.on_crash)
    node.destroy_node()
    context.shutdown()


def test_an_rclpy_with_another_inside_is_heard_by_the_executor(node, monkeypatch):
    monkeypatch.setattr(UnattendedSubscription, "insides_are_known", lambda self: False)
    heard = Heard()
    publisher = node.create_publisher(String, "words", RESULT_QOS)
    listener = TopicListener(node, WORDS, heard.accept, heard.on_crash)
    executor = SingleThreadedExecutor(context=node.context)
    executor.add_node(node)
    until(publisher.get_subscription_count)
    for word in ("crash", "last"):
        publisher.publish(String(data=word))
    until(heard.arrived.is_set, lambda: executor.spin_once(timeout_sec=0.1))
    assert heard.texts == ["last"]
    assert heard.crashed.is_set()
    listener.close()
    executor.shutdown()
