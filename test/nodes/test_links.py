"""An input that is taken from when there is something to do with it."""

from itertools import islice
from typing import Any

import pytest
from patience import Flood, until
from rclpy.executors import SingleThreadedExecutor
from rclpy.node import Node
from rclpy.qos import QoSProfile, ReliabilityPolicy
from rclpy.serialization import serialize_message
from std_msgs.msg import String

from rt_gait_ros.nodes import links
from rt_gait_ros.nodes.links import RESULT_QOS, Inlet, Link, WaitingInlet
from rt_gait_ros.nodes.message_records import BrokenBytes
from rt_gait_ros.nodes.message_writing import Unwritten
from rt_gait_ros.nodes.unattended import UnattendedSubscription

DEPTH = 4
QOS = QoSProfile(depth=DEPTH, reliability=ReliabilityPolicy.RELIABLE)


def an_inlet(node: Node) -> WaitingInlet[str]:
    return WaitingInlet(node, String, "words", QOS, lambda message: message.data)


def taken(inlet: WaitingInlet[str], count: int) -> list[str]:
    """What has arrived, once there is so much of it."""
    found: list[str] = []

    def enough() -> bool:
        found.extend(inlet.read(arrival) for arrival in inlet.take())
        return len(found) >= count

    until(enough)
    return found


def test_what_comes_waits_in_its_order_and_the_oldest_goes_first(node: Node) -> None:
    inlet = an_inlet(node)
    publisher = node.create_publisher(String, "words", RESULT_QOS)
    assert list(inlet.take()) == []  # not open
    inlet.open()
    until(publisher.get_subscription_count)
    publisher.publish(String(data="first"))
    assert taken(inlet, 1) == ["first"]
    words = [str(number) for number in range(2 * DEPTH)]
    for word in words:
        publisher.publish(String(data=word))
    publisher.wait_for_all_acked()
    assert taken(inlet, DEPTH) == words[-DEPTH:]
    inlet.close()
    assert list(inlet.take()) == []
    assert node.count_subscribers("words") == 0


def test_from_a_link_objects_wait_until_it_is_closed(node: Node) -> None:
    inlet, link = an_inlet(node), Link[str](node, String, "words", RESULT_QOS, lambda word: String(data=word))
    inlet.link = link
    inlet.open()
    for number in range(DEPTH + 1):
        link.send(str(number))
    assert taken(inlet, DEPTH) == [str(number) for number in range(1, DEPTH + 1)]
    link.send("late")
    inlet.close()
    link.send("too late")
    assert list(inlet.take()) == []


def test_as_bytes_messages_are_read_as_records_and_broken_ones_refused(node: Node) -> None:
    inlet = WaitingInlet[str](node, String, "words", QOS, lambda record: record.data, as_bytes=True)
    inlet.open()
    publisher = node.create_publisher(String, "words", RESULT_QOS)
    until(publisher.get_subscription_count)
    whole = serialize_message(String(data="heard"))
    for data in (whole, whole[:8]):
        publisher.publish(data)
    arrivals: list[Any] = []
    until(lambda: arrivals.extend(inlet.take()) or len(arrivals) == 2)
    assert inlet.read(arrivals[0]) == "heard"
    with pytest.raises(BrokenBytes, match="8 bytes are no String"):
        inlet.read(arrivals[1])
    inlet.close()


def test_publisher_of_a_qos_that_does_not_match_is_told(node: Node, capfd: pytest.CaptureFixture[str]) -> None:
    inlet = an_inlet(node)
    inlet.open()
    node.create_publisher(String, "words", QoSProfile(depth=1, reliability=ReliabilityPolicy.BEST_EFFORT))

    def told() -> bool:
        inlet.look()
        return "incompatible QoS" in capfd.readouterr().err

    until(told)
    inlet.look()
    assert "incompatible QoS" not in capfd.readouterr().err  # said once
    inlet.close()


def test_an_rclpy_with_another_inside_is_heard_by_the_executor(node: Node, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(UnattendedSubscription, "insides_are_known", lambda self: False)
    inlet = an_inlet(node)
    inlet.open()
    executor = SingleThreadedExecutor(context=node.context)
    executor.add_node(node)
    publisher = node.create_publisher(String, "words", RESULT_QOS)
    until(publisher.get_subscription_count)
    publisher.publish(String(data="heard"))
    inlet.look()  # the executor does that
    heard = until(lambda: list(inlet.take()), lambda: executor.spin_once(timeout_sec=0.1))
    assert [inlet.read(arrival) for arrival in heard] == ["heard"]
    inlet.close()
    executor.shutdown()


def test_messages_that_come_faster_than_they_are_taken_do_not_hold_whoever_takes_them(node: Node) -> None:
    inlet = an_inlet(node)
    inlet.open()
    flood = Flood(inlet._listener, most=2 * DEPTH)
    assert [inlet.read(arrival) for arrival in inlet.take()] == [str(number) for number in range(DEPTH)]
    assert [inlet.read(arrival) for arrival in inlet.take()] == [str(number) for number in range(DEPTH, 2 * DEPTH)]
    flood.end()
    inlet.close()


def test_what_a_link_brings_while_it_is_taken_is_for_the_next_time(node: Node) -> None:
    inlet, link = an_inlet(node), Link[str](node, String, "words", RESULT_QOS, lambda word: String(data=word))
    inlet.link = link
    inlet.open()
    link.send("0")
    found: list[str] = []
    for arrival in islice(inlet.take(), 2 * DEPTH):
        found.append(inlet.read(arrival))
        link.send(str(len(found)))
    assert found == ["0"]
    assert list(inlet.take()) == ["1"]
    inlet.close()


def test_what_nobody_expected_and_nobody_handles_is_raised(node: Node, monkeypatch: pytest.MonkeyPatch) -> None:
    raised: list[str] = []
    monkeypatch.setattr("threading.excepthook", lambda unexpected: raised.append(str(unexpected.exc_value)))

    def accept(message: String) -> None:
        raise RuntimeError(message.data)

    inlet = Inlet[str](node, String, "words", QOS, lambda message: message.data, accept)
    inlet.open()
    publisher = node.create_publisher(String, "words", RESULT_QOS)
    until(publisher.get_subscription_count)
    publisher.publish(String(data="crash"))
    assert until(lambda: raised) == ["crash"]
    inlet.close()


def test_messages_go_as_bytes_and_what_cannot_be_written_so_goes_as_it_is(node: Node, monkeypatch) -> None:
    inlet, link = (
        an_inlet(node),
        Link[str](node, String, "words", RESULT_QOS, lambda word: String(data=word), as_bytes=True),
    )
    inlet.open()
    until(lambda: link.watched)
    published: list[Any] = []
    publish = link._publisher.publish
    monkeypatch.setattr(link._publisher, "publish", lambda message: (published.append(message), publish(message)))
    link.send("written")

    def refuse(message: Any) -> bytes:
        raise Unwritten("too long")

    monkeypatch.setattr(links, "bytes_of_message", refuse)
    link.send("left to the middleware")
    assert taken(inlet, 2) == ["written", "left to the middleware"]
    assert [type(message) for message in published] == [bytes, String]
