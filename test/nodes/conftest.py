"""Nodes in processes of their own, and ears to hear them with, over real DDS in a domain that nobody else uses."""

import json
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
import rclpy
from diagnostic_msgs.msg import DiagnosticArray
from gait_goals import NAMES_ANYBODY, Walkers
from lifecycle_msgs.srv import ChangeState, GetState
from patience import PATIENCE, until
from rclpy.context import Context
from rclpy.executors import SingleThreadedExecutor
from rclpy.node import Node

from rt_gait_ros.msg import GaitIdentityArray
from rt_gait_ros.serving.server import TritonServer

# Nodes that end by themselves, one after the other in one process: to start one takes seconds.
IN_TURN = """
import importlib, json, sys
for name, *words in json.loads(sys.argv[1]):
    sys.argv[1:] = words
    code = importlib.import_module(f"rt_gait_ros.nodes.{name}").main()
    sys.stderr.flush()
    print("exit code", code, flush=True)
"""
ASK_AGAIN = 8.0  # seconds without an answer of a service


class NodeProcess:
    """One node executable, or the Python `code`; what it says goes to a file."""

    def __init__(self, name: str, log: Path, parameters: Mapping[str, str], extra: list[str], code: str = "") -> None:
        self.log = log
        code = code or f"from rt_gait_ros.nodes.{name} import main; raise SystemExit(main())"
        command = [sys.executable, "-c", code, *extra]
        if parameters:
            command += ["--ros-args"]
        for key, value in parameters.items():
            command += ["-p", f"{key}:={value}"]
        with log.open("wb") as out:
            self.process = subprocess.Popen(command, stdout=out, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL)

    @property
    def said(self) -> str:
        return self.log.read_text(errors="replace")

    def wait_until_says(self, text: str) -> None:
        until(lambda: text in self.said or self.process.poll() is not None)
        assert text in self.said, self.said

    def end(self, number: int = signal.SIGINT) -> int:
        if self.process.poll() is None:
            self.process.send_signal(number)
        return self.process.wait(PATIENCE)


class Ears(Node):
    """A node of the test's own."""

    def __init__(self) -> None:
        super().__init__("ears")
        self.heard: dict[str, list[Any]] = {}
        self._executor = SingleThreadedExecutor()
        self._executor.add_node(self)
        self.listen(DiagnosticArray, "/diagnostics")

    def listen(self, kind: Any, topic: str, qos: Any = 10) -> list[Any]:
        messages = self.heard.setdefault(topic, [])
        self.create_subscription(kind, topic, messages.append, qos)
        return messages

    def until(self, condition: Callable[[], Any]) -> Any:
        return until(condition, lambda: self._executor.spin_once(timeout_sec=0.02))

    def call(self, kind: Any, name: str, **fields: Any) -> Any:
        """Ask a service once it is there, and again: a server that has not seen the client yet loses its answer."""
        client = self.create_client(kind, name)
        self.until(client.service_is_ready)
        asked = [client.call_async(kind.Request(**fields))]
        ask_again = time.monotonic() + ASK_AGAIN

        def answered() -> Any:
            nonlocal ask_again
            if time.monotonic() > ask_again:
                asked.append(client.call_async(kind.Request(**fields)))
                ask_again += ASK_AGAIN
            return next((future for future in asked if future.done()), None)

        future = self.until(answered)
        self.destroy_client(client)
        return future.result()

    def forget_the_dead(self) -> None:
        """Wait until ended nodes have left the graph: a client of the next ones would take their services for ready."""
        self.until(lambda: set(self.get_node_names()) == {"ears"})

    def change_state(self, node: str, label: str) -> bool:
        request = ChangeState.Request()
        request.transition.label = label
        return bool(self.call(ChangeState, f"/{node}/change_state", transition=request.transition).success)

    def state(self, node: str) -> str:
        return str(self.call(GetState, f"/{node}/get_state").current_state.label)

    def diagnosis(self, node: str) -> dict[str, str]:
        """Newest diagnostics of a node, with "message"; empty before the first."""
        for array in reversed(self.heard["/diagnostics"]):
            for status in array.status:
                if status.name == node:
                    return {"message": status.message} | {value.key: value.value for value in status.values}
        return {}


@pytest.fixture
def node() -> Iterator[Node]:
    """A node without timers, in a context of its own."""
    context = Context()
    rclpy.init(context=context)
    node = Node("alone", context=context)
    yield node
    node.destroy_node()
    context.shutdown()


@pytest.fixture(scope="module", autouse=True)
def ros(domain: int) -> Iterator[None]:
    """rclpy's default context, in the file's domain."""
    rclpy.init()
    yield
    rclpy.try_shutdown()


@pytest.fixture
def ears(ros: None) -> Iterator[Ears]:
    node = Ears()
    node.forget_the_dead()
    yield node
    node.destroy_node()


@pytest.fixture
def launch(tmp_path: Path) -> Iterator[Callable[..., NodeProcess]]:
    """Start a node: launch("tracker_node", {"autostart": "false"}, "--help"). It ends with the test."""
    started: list[NodeProcess] = []

    def start(name: str, parameters: Mapping[str, str] | None = None, *extra: str, code: str = "") -> NodeProcess:
        log = tmp_path / f"{name}{len(started)}.log"
        started.append(NodeProcess(name, log, parameters or {}, list(extra), code))
        return started[-1]

    yield start
    for process in started:  # not killed: the next test's clients would take the dead one's services for ready
        process.end()


@pytest.fixture
def gait(launch: Callable[..., NodeProcess], ears: Ears, triton_server: TritonServer, tmp_path: Path) -> Walkers:
    """Walkers before a gait node that names whoever is enrolled; answered by Triton."""
    ears.listen(GaitIdentityArray, "gait_identities")
    own = {"triton_url": f"'{triton_server.url}'", "gallery": f"'{tmp_path}/people.gallery'"}
    launch("gait_node", own | NAMES_ANYBODY)
    walkers = Walkers(ears)
    walkers.until(lambda: ears.heard["gait_identities"])
    return walkers


@pytest.fixture
def in_turn(launch: Callable[..., NodeProcess]) -> Callable[..., list[tuple[int, str]]]:
    """in_turn((NAME, WORD...), ...): exit code and output of each of these nodes, which end by themselves."""

    def run(*commands: Sequence[str]) -> list[tuple[int, str]]:
        nodes = launch("in_turn", {}, json.dumps(commands), code=IN_TURN)
        assert nodes.process.wait(PATIENCE) == 0, nodes.said
        *parts, last = re.split(r"^exit code (\d+)\n", nodes.said, flags=re.MULTILINE)
        assert last == ""
        return [(int(code), said) for said, code in zip(parts[::2], parts[1::2], strict=True)]

    return run


def words(name: str, parameters: Mapping[str, str]) -> list[str]:
    """For `in_turn`: a node with these parameters."""
    return [name, "--ros-args", *(word for key, value in parameters.items() for word in ("-p", f"{key}:={value}"))]
