"""Leaves of py_trees before action servers of the test's own, over DDS."""

import time

import pytest
from rclpy.action import ActionServer, CancelResponse

py_trees = pytest.importorskip("py_trees", reason="the extra [behaviours] is not installed")
from py_trees.common import Status  # noqa: E402

from rt_gait_ros.action import EnrollPerson, WaitForPerson  # noqa: E402
from rt_gait_ros.nodes import behaviours  # noqa: E402
from rt_gait_ros.nodes.behaviours import EnrollPersonLeaf, FollowPersonLeaf, WaitForPersonLeaf  # noqa: E402


class Server:
    """An action of a gait node: goals wait until `end`."""

    def __init__(self, ears, kind, name) -> None:
        self.goals, self.cancelled, self._result = [], [], None
        self._server = ActionServer(
            ears, kind, f"gait_node/{name}", execute_callback=self._deliver,
            handle_accepted_callback=self.goals.append, cancel_callback=self._cancel,
        )  # fmt: skip

    def end(self, result) -> None:
        self._result = result
        self.goals[-1].execute()

    def _deliver(self, handle):
        handle.abort() if self._result.error_code else handle.succeed()
        return self._result

    def _cancel(self, handle):
        self.cancelled.append(handle)
        return CancelResponse.ACCEPT


@pytest.fixture
def waiting(ears):
    return Server(ears, WaitForPerson, "wait_for_person")


def run(ears, leaf, condition):
    """Tick until something comes true; returns the leaf's status."""
    ears.until(lambda: leaf.tick_once() or condition())
    return leaf.status


def test_a_leaf_runs_until_its_goal_has_a_result(ears, waiting):
    leaf = WaitForPersonLeaf(ears, person="Ada", timeout=5.0)
    assert run(ears, leaf, lambda: waiting.goals) is Status.RUNNING
    assert (waiting.goals[0].request.person, waiting.goals[0].request.timeout) == ("Ada", 5.0)
    waiting.goals[0].publish_feedback(WaitForPerson.Feedback(tracks=2))
    run(ears, leaf, lambda: leaf.feedback)
    assert leaf.feedback.tracks == 2
    waiting.end(WaitForPerson.Result())
    assert run(ears, leaf, lambda: leaf.status is not Status.RUNNING) is Status.SUCCESS
    assert leaf.result.error_code == WaitForPerson.Result.ERROR_NONE
    leaf.shutdown()


def test_an_error_is_a_failure_that_says_why(ears):
    enrolling = Server(ears, EnrollPerson, "enroll_person")
    leaf = EnrollPersonLeaf(ears, "get to know Ada", name="Ada", frames=30)
    assert leaf.name == "get to know Ada"
    run(ears, leaf, lambda: enrolling.goals)
    assert (enrolling.goals[0].request.name, enrolling.goals[0].request.frames) == ("Ada", 30)
    enrolling.end(
        EnrollPerson.Result(error_code=EnrollPerson.Result.ERROR_BUSY, error_msg="somebody is being enrolled")
    )
    assert run(ears, leaf, lambda: leaf.status is not Status.RUNNING) is Status.FAILURE
    assert leaf.feedback_message == "somebody is being enrolled"
    leaf.shutdown()


def test_an_interrupted_leaf_cancels_its_goal(ears, waiting):
    leaf = WaitForPersonLeaf(ears, person="Ada")
    run(ears, leaf, lambda: waiting.goals)
    leaf.stop(Status.INVALID)
    ears.until(lambda: waiting.cancelled)
    leaf.shutdown()


def test_a_gait_node_that_is_not_there_is_a_failure(ears, monkeypatch):
    monkeypatch.setattr(behaviours, "PATIENCE", 0.2)
    leaf = FollowPersonLeaf(ears, gait_node="nowhere/gait_node", person="Ada")
    assert run(ears, leaf, lambda: leaf.status is not Status.RUNNING) is Status.FAILURE
    assert "nobody offers follow_person" in leaf.feedback_message
    leaf.shutdown()


def test_a_gait_node_that_says_nothing_any_more_is_a_failure(ears, waiting, monkeypatch):
    """Before, the leaf ran for ever."""
    leaf = WaitForPersonLeaf(ears, person="Ada")
    run(ears, leaf, lambda: waiting.goals)
    clock = time.monotonic
    monkeypatch.setattr(time, "monotonic", lambda: clock() + 60.0)
    leaf.tick_once()  # a tree that stood still for a minute heard nobody meanwhile
    assert leaf.status is Status.RUNNING
    monkeypatch.setattr(behaviours, "PATIENCE", 0.2)
    assert run(ears, leaf, lambda: leaf.status is not Status.RUNNING) is Status.FAILURE
    assert "says nothing of wait_for_person any more" in leaf.feedback_message
    ears.until(lambda: waiting.cancelled)
    leaf.shutdown()
