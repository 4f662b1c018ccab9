"""The ROS example hears a gait node's topic over DDS, and greets everybody once."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

rclpy = pytest.importorskip("rclpy", reason="ROS is not installed")
from rclpy.node import Node  # noqa: E402

from rt_gait_ros.msg import GaitIdentity, GaitIdentityArray  # noqa: E402

EXAMPLE = Path(__file__).resolve().parents[2] / "examples" / "greeter.py"
PATIENCE = 300.0  # seconds: the machine may be busy


@pytest.fixture
def node(domain: int) -> Iterator[Node]:
    """A node of the test's own."""
    context = rclpy.Context()
    context.init()
    node = Node("gait_node", context=context)
    yield node
    node.destroy_node()
    context.shutdown()


@pytest.fixture
def greeter(node: Node, tmp_path: Path) -> Iterator[Callable[[], list[str]]]:
    """The example as a process; called, it gives its greetings, without what its libraries warn of."""
    log = tmp_path / "greeter.log"
    with log.open("wb") as out:
        process = subprocess.Popen(
            [sys.executable, str(EXAMPLE), "--ros-args", "-r", "gait_identities:=/front/gait_identities"],
            stdout=out, stderr=subprocess.STDOUT, env=dict(os.environ),
        )  # fmt: skip
    yield lambda: [line for line in log.read_text(encoding="utf-8").splitlines() if line.startswith("Hello")]
    process.send_signal(signal.SIGINT)
    assert process.wait(PATIENCE) == 0


def wait_for(condition: Callable[[], object]) -> None:
    deadline = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.05)


def identities(second: int, *people: tuple[int, str]) -> GaitIdentityArray:
    """What a gait node says of people by (status, name) at a second of the camera's clock."""
    message = GaitIdentityArray()
    message.header.stamp.sec = second
    for status, name in people:
        message.identities.append(GaitIdentity(status=status, name=name, person_id=name.lower(), body_id="bbody"))
    return message


def test_everybody_is_greeted_once_and_again_after_a_pause(node: Node, greeter: Callable[[], list[str]]) -> None:
    publisher = node.create_publisher(GaitIdentityArray, "/front/gait_identities", 10)
    wait_for(lambda: publisher.get_subscription_count())
    ada, stranger = (GaitIdentity.STATUS_IDENTIFIED, "Ada"), (GaitIdentity.STATUS_UNKNOWN, "")
    for message in (
        identities(10, stranger, ada),
        identities(11, ada),
        identities(400, ada),
        identities(401, (GaitIdentity.STATUS_IDENTIFIED, "Bob")),
    ):
        publisher.publish(message)
    wait_for(lambda: "Hello, Bob!" in greeter())
    assert greeter() == ["Hello, Ada!", "Hello, Ada!", "Hello, Bob!"]


@pytest.mark.parametrize("name", ["greeter", "door_log", "follower"])
def test_what_ros_does_not_understand_is_one_line(name: str, tmp_path: Path) -> None:
    words = {"door_log": ["visits.csv"], "follower": ["Ada"]}.get(name, [])
    command = [sys.executable, str(EXAMPLE.with_stem(name)), *words, "--ros-args", "-p", "pause"]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=tmp_path)
    assert done.returncode == 2
    assert "Traceback" not in done.stderr
    assert done.stderr.splitlines()[-1].startswith(f"{name}: ROS does not understand the command line: ")


@pytest.mark.parametrize(
    "words", [["greeter", "--face"], ["greeter", "--pause", "long"], ["follower", "Ada", "--keep", "nan"]], ids=str
)
def test_arguments_that_mean_nothing_are_refused(words: list[str]) -> None:
    command = [sys.executable, str(EXAMPLE.with_stem(words[0])), *words[1:]]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert words[-1] in done.stderr.splitlines()[-1]
