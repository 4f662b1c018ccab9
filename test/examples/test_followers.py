"""The ROS examples that follow a person and that keep a log at a door, as processes over DDS."""

import csv
import math
import os
import signal
import subprocess
import sys
import time
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest

rclpy = pytest.importorskip("rclpy", reason="ROS is not installed")
from geometry_msgs.msg import Twist  # noqa: E402
from rclpy.action import ActionServer, CancelResponse, GoalResponse  # noqa: E402
from rclpy.executors import SingleThreadedExecutor  # noqa: E402
from rclpy.node import Node  # noqa: E402

from rt_gait_ros.action import FollowPerson  # noqa: E402
from rt_gait_ros.msg import GaitIdentity, GaitIdentityArray  # noqa: E402

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"
PATIENCE = 300.0  # seconds: the machine may be busy


@pytest.fixture
def robot(domain: int):
    """A node of the test's own, and what spins it until something comes true."""
    context = rclpy.Context()
    context.init()
    node, executor = Node("gait_node", context=context), SingleThreadedExecutor(context=context)
    executor.add_node(node)

    def until(condition):
        deadline = time.monotonic() + PATIENCE
        while not (value := condition()):
            assert time.monotonic() < deadline, "waited in vain"
            executor.spin_once(0.05)
        return value

    node.until = until
    yield node
    executor.shutdown()
    node.destroy_node()
    context.shutdown()


def start(name: str, *arguments: str) -> subprocess.Popen[str]:
    command = [sys.executable, str(EXAMPLES / f"{name}.py"), *arguments]
    return subprocess.Popen(command, stderr=subprocess.PIPE, text=True, env=dict(os.environ))


def test_the_follower_turns_to_the_person_stops_without_them_and_ends_when_they_are_lost(robot: Node) -> None:
    heard: list[Twist] = []
    robot.create_subscription(Twist, "cmd_vel", heard.append, 10)
    goals = []
    nan = math.nan
    sights = {
        "near": FollowPerson.Feedback(body_id="abcde", distance=3.0, bearing=0.2, offset=-0.3),
        "no metres": FollowPerson.Feedback(body_id="abcde", distance=nan, bearing=nan, offset=0.5),
        "close": FollowPerson.Feedback(body_id="abcde", distance=0.5, bearing=0.0, offset=0.0),
        "gone": FollowPerson.Feedback(lost=2.0, distance=nan, bearing=nan, offset=nan),
    }
    result = FollowPerson.Result(error_code=FollowPerson.Result.ERROR_LOST, error_msg="Ada was not seen for 30 s")

    def end(handle):
        handle.abort()
        return result

    server = ActionServer(
        robot, FollowPerson, "gait_node/follow_person", execute_callback=end,
        handle_accepted_callback=goals.append, cancel_callback=lambda handle: CancelResponse.ACCEPT,
    )  # fmt: skip
    process = start("follower", "Ada")
    (goal,) = robot.until(lambda: goals)
    assert (goal.request.person, goal.request.lost_timeout) == ("Ada", 30.0)
    wanted_of = [("near", 0.5, 0.2), ("no metres", 0, -0.25), ("close", 0, 0), ("near", 0.5, 0.2), ("gone", 0, 0)]
    for name, forward, turn in wanted_of:
        wanted = pytest.approx((forward, turn))
        sight = sights[name]
        robot.until(
            lambda sight=sight, wanted=wanted: (
                goal.publish_feedback(sight) or (heard and (heard[-1].linear.x, heard[-1].angular.z) == wanted)
            )
        )
    goal.execute()
    robot.until(lambda: process.poll() is not None)
    assert process.returncode == 1
    assert "follower: Ada was not seen for 30 s" in process.stderr.read().splitlines()
    stopped = start("follower", "Ada")
    robot.until(lambda: len(goals) == 2)
    robot.until(lambda: goals[1].publish_feedback(sights["near"]) or heard[-1].linear.x > 0.0)
    stopped.send_signal(signal.SIGINT)
    robot.until(lambda: goals[1].is_cancel_requested)
    robot.until(lambda: heard[-1].linear.x == 0.0)
    assert stopped.wait(PATIENCE) == 0
    server.destroy()


def test_the_follower_stops_where_the_gait_node_falls_silent_and_ends(robot: Node) -> None:
    heard: list[Twist] = []
    robot.create_subscription(Twist, "cmd_vel", heard.append, 10)
    goals = []
    server = ActionServer(
        robot, FollowPerson, "gait_node/follow_person", execute_callback=lambda handle: FollowPerson.Result(),
        handle_accepted_callback=goals.append,
    )  # fmt: skip
    process = start("follower", "Ada")
    (goal,) = robot.until(lambda: goals)
    near = FollowPerson.Feedback(body_id="abcde", distance=3.0, bearing=0.2, offset=-0.3)
    robot.until(lambda: goal.publish_feedback(near) or (heard and heard[-1].linear.x > 0.0))
    robot.until(lambda: heard[-1].linear.x == 0.0)
    robot.until(lambda: process.poll() is not None)
    assert process.returncode == 1
    assert "follower: the gait node has said nothing for 10 s" in process.stderr.read().splitlines()
    server.destroy()


def test_a_goal_that_is_accepted_after_the_signal_is_cancelled(robot: Node) -> None:
    """Else the gait node would go on following somebody for a program that has ended."""
    goals, processes = [], []

    def accept(_):
        processes[0].send_signal(signal.SIGINT)
        time.sleep(1.0)  # a program that does not wait for the answer has ended by then
        return GoalResponse.ACCEPT

    server = ActionServer(
        robot, FollowPerson, "gait_node/follow_person", execute_callback=lambda handle: FollowPerson.Result(),
        goal_callback=accept, handle_accepted_callback=goals.append,
        cancel_callback=lambda handle: CancelResponse.ACCEPT,
    )  # fmt: skip
    processes.append(start("follower", "Ada"))
    robot.until(lambda: goals and goals[0].is_cancel_requested)
    assert processes[0].wait(PATIENCE) == 0
    server.destroy()


def test_a_program_ends_well_when_a_signal_comes_within_rclpy(tmp_path: Path) -> None:
    """Where KeyboardInterrupt would come out as another error."""
    program = f"""
import runpy, signal, sys
import rclpy

def interrupted(*words, **named):
    try:
        signal.raise_signal(signal.SIGINT)
    except KeyboardInterrupt:
        raise RuntimeError("as C code says it") from None

rclpy.spin = rclpy.spin_once = interrupted
for name, *words in (["follower", "Ada"], ["greeter"], ["door_log", "visits.csv"]):
    sys.argv = [name, *words]
    try:
        runpy.run_path(f"{EXAMPLES}/{{name}}.py", run_name="__main__")
    except SystemExit as end:
        print(name, "ends with", end.code)
"""
    ended = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, timeout=PATIENCE, check=False, cwd=tmp_path
    )
    assert ended.stdout.split("\n") == [*(f"{name} ends with 0" for name in ("follower", "greeter", "door_log")), ""], (
        ended.stderr
    )


def test_the_door_log_has_a_line_for_each_visit(robot: Node, tmp_path: Path) -> None:
    log = tmp_path / "visits.csv"
    process = start("door_log", str(log))
    publisher = robot.create_publisher(GaitIdentityArray, "gait_identities", 10)
    robot.until(publisher.get_subscription_count)

    def see(second: int, *identities: GaitIdentity) -> None:
        message = GaitIdentityArray(identities=identities)
        message.header.stamp.sec = second
        publisher.publish(message)

    stranger = GaitIdentity(body_id="bbbbb", status=GaitIdentity.STATUS_UNKNOWN)
    see(100, GaitIdentity(body_id="aaaaa"), stranger)
    named = GaitIdentity(body_id="aaaaa", status=GaitIdentity.STATUS_IDENTIFIED, name="艾达 🙂", person_id="p1")
    named.confidence = 0.875
    see(105, named, stranger)
    named.body_id = "ccccc"  # the one of her former visit, which she gets back
    see(106, named, stranger)
    see(110, stranger)
    robot.until(lambda: log.is_file() and len(log.read_text().splitlines()) == 2)
    process.send_signal(signal.SIGINT)
    assert process.wait(PATIENCE) == 0
    ada, unknown = csv.DictReader(log.open(encoding="utf-8"))
    assert (ada["name"], ada["person_id"], ada["confidence"]) == ("艾达 🙂", "p1", "0.88")
    assert (ada["arrived"], ada["left"]) == ("1970-01-01T00:01:40.000+00:00", "1970-01-01T00:01:46.000+00:00")
    assert (unknown["name"], unknown["body_id"]) == ("unknown", "bbbbb")


def test_a_log_that_cannot_be_written_is_one_line(domain: int, tmp_path: Path) -> None:
    for path, why in ((tmp_path / "nowhere" / "visits.csv", "No such file or directory"), (tmp_path, "Is a directory")):
        process = start("door_log", str(path))
        assert process.wait(PATIENCE) == 2
        assert process.stderr.read().splitlines()[-1] == f"door_log: {path} cannot be written: {why}"


def test_the_tree_for_nav2_is_one_of_its_own_nodes() -> None:
    root = ET.parse(EXAMPLES / "nav2" / "follow_person.xml").getroot()
    assert root.get("main_tree_to_execute") == root.find("BehaviorTree").get("ID")
    known = {
        "PipelineSequence", "RateController", "Sequence", "GoalUpdater", "ComputePathToPose", "TruncatePath",
        "KeepRunningUntilFailure", "FollowPath",
    }  # fmt: skip
    assert {element.tag for element in root.find("BehaviorTree").iter()} - {"BehaviorTree"} == known
