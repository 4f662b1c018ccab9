"""Broken requests and goals over DDS, to a gait node in a process of its own."""

import os
import secrets
import unicodedata
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import numpy as np
from rclpy.action import ActionClient
from rclpy.context import Context
from rclpy.executors import SingleThreadedExecutor
from rclpy.node import Node

from rt_gait_ros.action import EnrollPerson, FollowPerson, WaitForPerson
from rt_gait_ros.demo.processes import NodeDied, NodeProcesses
from rt_gait_ros.nodes.dds import apply_dds_profile
from rt_gait_ros.nodes.log_folder import provide_log_folder
from rt_gait_ros.signals import KeptSignals, kept_signals
from rt_gait_ros.srv import ForgetPerson, ListPersons, MergePersons, RenamePerson, SetGallery

Random = np.random.Generator
SERVICES: dict[str, Any] = {
    "list_persons": ListPersons,
    "forget_person": ForgetPerson,
    "rename_person": RenamePerson,
    "merge_persons": MergePersons,
    "set_gallery": SetGallery,
}
ACTIONS: dict[str, Any] = {
    "enroll_person": EnrollPerson,
    "wait_for_person": WaitForPerson,
    "follow_person": FollowPerson,
}
READY = 300.0  # seconds for the node to be there
PATIENCE = 15.0  # seconds for one answer, below the fuzzer's own


class NodeGaveWay(Exception):
    """The node ended, is silent, or says something that no answer is."""


class NodeRequests:
    """Requests of all services, and goals of both actions, with some of their fields changed.

    It hears and is heard on this machine alone, under a namespace of its own.
    """

    def __init__(self, folder: Path, disturb: Callable[[Any, Random], None]) -> None:
        """folder: for the gallery; the gallery's own is one of its folders, in which requests may make others."""
        self._folder, self._disturb = folder, disturb
        self._stack = ExitStack()
        self._nodes: NodeProcesses | None = None
        self._signals = KeptSignals()

    def __call__(self, random: Random) -> None:
        """Ask one. A signal raises Ended."""
        with kept_signals() as self._signals:
            self._open()
            self._ask_broken(random)

    def _ask_broken(self, random: Random) -> None:
        chosen = int(random.integers(len(SERVICES) + len(ACTIONS)))
        name = [*SERVICES, *ACTIONS][chosen]
        asked = SERVICES[name].Request() if name in SERVICES else ACTIONS[name].Goal()
        for _ in range(int(random.integers(1, 4))):
            if asked.get_fields_and_field_types():
                self._disturb(asked, random)
        self._ask(name, asked)

    def good(self) -> None:
        """Ask for what can be. A signal raises Ended."""
        with kept_signals() as self._signals:
            self._open()
            self._ask("list_persons", ListPersons.Request())
            self._ask("wait_for_person", WaitForPerson.Goal(timeout=0.1))
            self._ask("set_gallery", SetGallery.Request(path=str(self._folder / "people" / "people.gallery")))

    def close(self) -> None:
        """End the node."""
        self._stack.close()
        self._nodes = None

    def _open(self) -> None:
        if self._nodes is not None:
            return
        os.environ.setdefault("ROS_AUTOMATIC_DISCOVERY_RANGE", "LOCALHOST")
        apply_dds_profile()
        provide_log_folder()
        # a name of its own: clients must not take the services of a node that has just died for this one's
        namespace = f"/rt_gait_fuzz_{secrets.token_hex(6)}"
        (self._folder / "people").mkdir(parents=True, exist_ok=True)
        self._nodes = self._stack.enter_context(NodeProcesses(namespace, self._folder / "logs"))
        gallery = self._folder / "people" / "people.gallery"
        self._nodes.start("gait_node", inference="onnxruntime", gallery=gallery)
        context = Context()
        context.init(args=[])
        self._stack.callback(context.try_shutdown)
        node = Node("fuzz", namespace=namespace, context=context)
        self._stack.callback(node.destroy_node)
        self._executor = SingleThreadedExecutor(context=context)
        self._stack.callback(self._executor.shutdown)
        self._executor.add_node(node)
        self._clients = {name: node.create_client(kind, f"gait_node/{name}") for name, kind in SERVICES.items()}
        self._goals = {name: ActionClient(node, kind, f"gait_node/{name}") for name, kind in ACTIONS.items()}
        for client in self._goals.values():
            self._stack.callback(client.destroy)
        ready: list[Callable[[], bool]] = [client.service_is_ready for client in self._clients.values()]
        ready += [goal.server_is_ready for goal in self._goals.values()]
        self._until(lambda: all(each() for each in ready), "be there", READY)

    def _ask(self, name: str, asked: Any) -> None:
        try:
            if name in SERVICES:
                _check(self._answer(self._clients[name].call_async(asked), name))
            else:
                self._pursue(name, asked)
        except NodeGaveWay:
            self.close()  # the next request goes to a new one
            raise

    def _pursue(self, name: str, goal: Any) -> None:
        handle = self._answer(self._goals[name].send_goal_async(goal), name)
        if not handle.accepted:
            return
        self._answer(handle.cancel_goal_async(), f"cancel {name}")
        _check(self._answer(handle.get_result_async(), f"the result of {name}").result)

    def _answer(self, future: Any, name: str) -> Any:
        self._until(future.done, f"answer {name}", PATIENCE)
        return future.result()

    def _until(self, condition: Callable[[], bool], what: str, seconds: float) -> None:
        assert self._nodes is not None
        turns = int(seconds / 0.05)
        for _ in range(turns):
            if condition():
                return
            self._executor.spin_once(timeout_sec=0.05)
            self._signals.heed()
            try:
                self._nodes.check()
            except NodeDied as error:
                raise NodeGaveWay(str(error)) from error
        raise NodeGaveWay(f"the node does not {what}")


def _check(answer: Any) -> None:
    """Raise NodeGaveWay for what would be shown raw: several lines, or what steers a terminal."""
    for field in ("message", "error_msg"):
        said = getattr(answer, field, "")
        if any(unicodedata.category(sign) in ("Cc", "Zl", "Zp") or sign in "\u202a\u202b\u202d\u202e" for sign in said):
            raise NodeGaveWay(f"an answer with control signs: {said!a:.200}")
