"""A signal that comes within rclpy's C code, for everything that joins the ROS graph for a command."""

import signal
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import rclpy
from rclpy.executors import SingleThreadedExecutor
from rclpy.publisher import Publisher
from rosgraph_msgs.msg import Clock

pytest.importorskip("rosbags", reason="the extra [bags] is not installed")
from rt_gait_ros.bags import BagError, BagReader, BagWriter
from rt_gait_ros.errors import GaitError, UsageError
from rt_gait_ros.nodes import bag_player, fuzz_requests, runner
from rt_gait_ros.nodes.demo_listener import DemoListener
from rt_gait_ros.nodes.graph import CommandNode, joined
from rt_gait_ros.nodes.live_system import look
from rt_gait_ros.nodes.message_bytes import to_bytes
from rt_gait_ros.nodes.people_listener import PeopleListener
from rt_gait_ros.nodes.watch_node import watch
from rt_gait_ros.signals import Ended
from rt_gait_ros.web.board import Board
from rt_gait_ros.web.silhouettes import Silhouettes


@pytest.fixture(scope="module", autouse=True)
def ros(domain: int) -> None:
    """What is tested joins by itself."""


@pytest.fixture(autouse=True)
def handlers() -> Iterator[None]:
    before = signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM)
    yield
    assert (signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM)) == before


Interrupt = Callable[[type, str], None]


@pytest.fixture
def interrupt(monkeypatch: pytest.MonkeyPatch) -> Iterator[Interrupt]:
    """interrupt(owner, name): a signal comes within the first call of this method, which a handler must not break."""
    went_on: list[str] = []

    def patch(owner: type, name: str) -> None:
        method = getattr(owner, name)

        def interrupted(self: Any, *words: Any, **named: Any) -> Any:
            if not went_on:
                signal.raise_signal(signal.SIGTERM)
                signal.raise_signal(signal.SIGINT)
                went_on.append(name)
            return method(self, *words, **named)

        monkeypatch.setattr(owner, name, interrupted)

    yield patch
    assert went_on


def test_a_signal_within_rclpys_own_code_ends_the_command(monkeypatch: pytest.MonkeyPatch) -> None:
    """Taking a message makes an object of its class, from C: an exception of that is no longer the same behind it."""
    make, heard = Clock.__init__, []

    def interrupted(self: Any, *words: Any, **named: Any) -> None:
        make(self, *words, **named)
        signal.raise_signal(signal.SIGINT)
        heard.append(self)

    def hear() -> None:
        with joined() as signals, closing(CommandNode(signals, "hearer")) as node:
            node.create_subscription(Clock, "clock", heard.append, 1)
            publisher, message = node.create_publisher(Clock, "clock", 1), Clock()
            node.create_timer(0.05, lambda: publisher.publish(message))
            monkeypatch.setattr(Clock, "__init__", interrupted)
            node.spin(300.0)

    with pytest.raises(Ended):
        hear()
    assert heard


def test_doctor_looks_until_a_signal(interrupt: Interrupt) -> None:
    interrupt(SingleThreadedExecutor, "spin_once")
    with pytest.raises(Ended) as ended:
        look(300.0)
    assert ended.value.number == signal.SIGTERM  # the first that came


def test_the_demo_listens_until_a_signal(interrupt: Interrupt) -> None:
    interrupt(SingleThreadedExecutor, "spin_once")
    with (
        pytest.raises(Ended),
        joined() as signals,
        closing(DemoListener(signals, "/demo", np.zeros(1), lambda: None)) as listener,
    ):
        listener.warm_up(64, 48)


def test_the_table_of_several_cameras_ends_with_a_signal(interrupt: Interrupt) -> None:
    interrupt(SingleThreadedExecutor, "spin_once")
    with pytest.raises(Ended), joined() as signals, closing(PeopleListener(signals, {"a": "/a"})) as listener:
        listener.spin(300.0)


def test_the_page_is_filled_until_a_signal(interrupt: Interrupt) -> None:
    interrupt(SingleThreadedExecutor, "spin_once")
    with pytest.raises(Ended), joined(["--ros-args", "-r", "__ns:=/here"]) as signals:
        watch(signals, Board(""), Silhouettes(""))


def test_a_bag_is_published_until_a_signal(
    interrupt: Interrupt, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(bag_player, "PATIENCE", 0.0)
    with BagWriter(tmp_path / "bag") as written:
        written.write("/time", "rosgraph_msgs/msg/Clock", 1, to_bytes(Clock()))
    interrupt(Publisher, "publish")
    with BagReader(tmp_path / "bag") as bag, pytest.raises(Ended):
        bag_player.play(bag, list(bag.topics.values()), lambda line: None, loop=True)


def test_a_loop_over_no_message_is_refused(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Before, it went round for ever, and heeded no signal."""
    monkeypatch.setattr(bag_player, "PATIENCE", 0.0)
    with BagWriter(tmp_path / "bag") as written:
        written.write("/time", "rosgraph_msgs/msg/Clock", 1, to_bytes(Clock()))
    silent = bag_player.TopicInfo("/silent", "rosgraph_msgs/msg/Clock", 1)
    with BagReader(tmp_path / "bag") as bag, pytest.raises(BagError, match="no message on /silent"):
        bag_player.play(bag, [silent], lambda line: None, loop=True)


def test_requests_of_the_fuzzer_end_with_a_signal(
    interrupt: Interrupt, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(fuzz_requests.NodeProcesses, "start", lambda *words, **named: None)
    interrupt(SingleThreadedExecutor, "spin_once")
    requests = fuzz_requests.NodeRequests(tmp_path, lambda asked, random: None)
    with closing(requests), pytest.raises(Ended):
        requests.good()


def test_a_signal_while_nodes_are_made_is_no_error() -> None:
    def build() -> Any:
        try:
            signal.raise_signal(signal.SIGTERM)
        except Ended:
            raise RuntimeError("as C code says it") from None

    assert runner.run_in_process(build, []) == 0


@pytest.mark.parametrize(
    ("variable", "value", "kind", "line"),
    [
        ("ROS_DOMAIN_ID", "x", GaitError, "ROS cannot be started: ROS_DOMAIN_ID is not an integral number"),
        (
            "ROS_LOG_DIR",
            "/dev/null/x",
            UsageError,
            "ROS cannot write its logs .*: set ROS_LOG_DIR to a folder of yours",
        ),
    ],
)
def test_ros_that_cannot_start_is_one_line(
    monkeypatch: pytest.MonkeyPatch, variable: str, value: str, kind: type, line: str
) -> None:
    monkeypatch.setenv(variable, value)
    with pytest.raises(kind, match=line), joined():
        pass
    assert not rclpy.ok()


@pytest.mark.parametrize(
    ("name", "kind", "why"),
    [
        ("/a", "", "is not installed"),
        ("/a", "/msg/Clock", "is not installed"),
        ("/a", "os.path/msg/Clock", "is not installed"),
        ("/a", "rosgraph_msgs/msg/__doc__", "is not installed"),
        ("/a\x1b[2J", "rosgraph_msgs/msg/Clock", "ROS has no topics of such a name"),
        ("a b", "rosgraph_msgs/msg/Clock", "ROS has no topics of such a name"),
    ],
)
def test_topics_of_a_bag_that_nobody_can_publish_are_left_out(name: str, kind: str, why: str) -> None:
    said: list[str] = []
    topics = [bag_player.TopicInfo(name, kind, 1), bag_player.TopicInfo("/time", "rosgraph_msgs/msg/Clock", 1)]
    assert bag_player.playable(topics, said.append) == {"/time": Clock}
    (line,) = said
    assert why in line
    assert line.isprintable()
