"""The gait node's actions as leaves of py_trees (extra `[behaviours]`).

A tree ticks in the thread that spins the node, or between turns of its executor: a leaf waits for nothing.

    tree = py_trees.composites.Sequence("greet", memory=True, children=[
        WaitForPersonLeaf(node, person="Ada"),
        FollowPersonLeaf(node, person="Ada", lost_timeout=10.0),
    ])
    while rclpy.ok():
        rclpy.spin_once(node, timeout_sec=0.1)
        tree.tick_once()
"""

import time
from typing import Any

import py_trees
from py_trees.common import Status
from rclpy.action import ActionClient
from rclpy.node import Node

from rt_gait_ros.action import EnrollPerson, FollowPerson, WaitForPerson

PATIENCE = 10.0  # seconds for the gait node to be there, and to say something: it gives feedback ten times a second
# Seconds between two ticks that count: a tree that something else held up has heard nobody meanwhile.
LONGEST_TICK = 1.0


class ActionLeaf(py_trees.behaviour.Behaviour):
    """RUNNING until the goal has its result; SUCCESS or FAILURE as its error_code says, and feedback_message why.

    FAILURE as well where the gait node is not there, or says nothing any more. result: of the last goal; None before it
    ended. feedback: the newest; None before the first. A leaf that is interrupted, or gives up, cancels its goal.
    """

    kind: Any
    action: str

    def __init__(self, node: Node, leaf_name: str = "", gait_node: str = "gait_node", **goal: Any) -> None:
        """node: to speak through. gait_node: where the action is, below the node's namespace. goal: its fields."""
        super().__init__(leaf_name or self.action)
        self._goal = self.kind.Goal(**goal)
        self._client = ActionClient(node, self.kind, f"{gait_node}/{self.action}")
        self._sending: Any = None
        self._answer: Any = None
        self._silence = self._ticked = 0.0  # seconds since the gait node said something; when it was looked last
        self.result: Any = None
        self.feedback: Any = None

    def initialise(self) -> None:
        """Begin anew; the goal goes out with the first tick that finds the gait node."""
        self._sending = self._answer = self.result = self.feedback = None
        self._silence, self._ticked = 0.0, time.monotonic()
        self.feedback_message = ""

    def update(self) -> Status:
        """See how far the goal is."""
        if self._sending is None:
            return self._send()
        if self._answer is None and self._sending.done():
            handle = self._sending.result()
            if not handle.accepted:
                return self._fail("the gait node did not accept the goal")
            self._answer = handle.get_result_async()
        if self._answer is None or not self._answer.done():
            if self._is_silent():
                return self._fail(f"the gait node says nothing of {self.action} any more: see whether it is running")
            return Status.RUNNING
        self.result = self._answer.result().result
        return self._fail(self.result.error_msg) if self.result.error_code else Status.SUCCESS

    def terminate(self, new_status: Status) -> None:
        """Cancel a goal that has no result yet."""
        if self._sending is not None and self.result is None:
            self._sending.add_done_callback(lambda sent: sent.result().accepted and sent.result().cancel_goal_async())

    def shutdown(self) -> None:
        """Leave the graph."""
        self._client.destroy()

    def _send(self) -> Status:
        if self._client.server_is_ready():
            self._sending = self._client.send_goal_async(self._goal, feedback_callback=self._on_feedback)
            self._silence = 0.0
        elif self._is_silent():
            return self._fail(f"nobody offers {self.action}: start the gait node, or say where it is (gait_node)")
        return Status.RUNNING

    def _is_silent(self) -> bool:
        """Whether nothing was heard for too long; to be asked once in each tick."""
        now = time.monotonic()
        self._silence += min(now - self._ticked, LONGEST_TICK)
        self._ticked = now
        return self._silence > PATIENCE

    def _on_feedback(self, message: Any) -> None:
        self.feedback, self._silence = message.feedback, 0.0

    def _fail(self, line: str) -> Status:
        self.feedback_message = line
        return Status.FAILURE


class EnrollPersonLeaf(ActionLeaf):
    """Enrols a track, or the next walker; the fields of its goal are those of EnrollPerson.action."""

    kind, action = EnrollPerson, "enroll_person"


class WaitForPersonLeaf(ActionLeaf):
    """Waits until somebody is identified; result.identity says who. Fields: those of WaitForPerson.action."""

    kind, action = WaitForPerson, "wait_for_person"


class FollowPersonLeaf(ActionLeaf):
    """Keeps an eye on a person; feedback says where they are. Fields: those of FollowPerson.action."""

    kind, action = FollowPerson, "follow_person"
