"""The ROS examples beside a real gait node, on the demo's footage: a woman walks by, is enrolled, and comes back."""

import csv
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

rclpy = pytest.importorskip("rclpy", reason="ROS is not installed")
from geometry_msgs.msg import Twist  # noqa: E402
from rclpy.action import ActionClient  # noqa: E402
from rclpy.executors import SingleThreadedExecutor  # noqa: E402
from rclpy.node import Node  # noqa: E402

from rt_gait_ros import TrackingPipeline, TrackState, open_source  # noqa: E402
from rt_gait_ros.action import EnrollPerson  # noqa: E402
from rt_gait_ros.demo.footage import demo_footage  # noqa: E402
from rt_gait_ros.demo.registry import RegistryError  # noqa: E402
from rt_gait_ros.msg import GaitIdentityArray, PersonTrackArray  # noqa: E402
from rt_gait_ros.nodes.conversions import tracks_to_message  # noqa: E402
from rt_gait_ros.resources import resource  # noqa: E402
from rt_gait_ros.serving import OnnxClient  # noqa: E402
from rt_gait_ros.tracking.track import TrackFrame  # noqa: E402

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"
PATIENCE = 300.0  # seconds: the machine may be busy
ASK_AGAIN = 8.0  # seconds without an answer
SEED = 1  # of the tracks' ids
ROUNDS = 30  # how often she comes back, at most, until she is followed
PIECE = 25  # frames after which it is looked whether the follower is still there


@pytest.fixture(scope="module")
def tracks() -> tuple[Sequence[TrackFrame], Sequence[TrackFrame]]:
    """What the tracker makes of the footage: until she has left, and from then on."""
    try:
        footage = demo_footage(lambda name, done, of: None)
    except RegistryError as error:
        pytest.skip(str(error))
    client = OnnxClient(resource("model_repository"))
    try:
        pipeline = TrackingPipeline(client, seed=SEED)
        with open_source(str(footage.path), pace=False) as source:
            frames = [pipeline.process(frame) for frame in source]
    finally:
        client.close()
    her = walkers(frames)[0]
    gone = max(number for number, frame in enumerate(frames) if her in {track.body_id for track in frame.tracks}) + 1
    return frames[:gone], frames[gone:]


def walkers(frames: Sequence[TrackFrame]) -> list[str]:
    """Ids of those who walk, in the order in which they begin."""
    found: dict[str, None] = {}
    for frame in frames:
        for track in frame.tracks:
            if track.walking and track.state == TrackState.CONFIRMED:
                found.setdefault(track.body_id)
    return list(found)


class Tracker(Node):
    """Publishes the tracks, each image once the gait node has answered the one before, and hears what comes of it."""

    def __init__(self, context: Any) -> None:
        super().__init__("tracker_node", context=context)
        self._executor = SingleThreadedExecutor(context=context)
        self._executor.add_node(self)
        self._tracks = self.create_publisher(PersonTrackArray, "person_tracks", 10)
        self._answered = 0
        self.twists: list[Twist] = []
        self.create_subscription(GaitIdentityArray, "gait_identities", self._hear, 10)
        self.create_subscription(Twist, "cmd_vel", self.twists.append, 10)
        self._stamp = 0

    def _hear(self, message: GaitIdentityArray) -> None:
        self._answered = message.header.stamp.sec * 10**9 + message.header.stamp.nanosec

    def until(self, condition: Callable[[], Any]) -> Any:
        deadline = time.monotonic() + PATIENCE
        while not (value := condition()):
            assert time.monotonic() < deadline, "waited in vain"
            self._executor.spin_once(0.02)
        return value

    @property
    def turned(self) -> bool:
        """Whether the follower has turned to somebody."""
        return any(twist.angular.z for twist in self.twists)

    def ready(self) -> None:
        """Wait for the gait node, and for the greeter and the log."""
        self.until(self._tracks.get_subscription_count)
        self.until(lambda: self.count_subscribers("gait_identities") == 3)
        self.until(lambda: self.count_publishers("gait_identities") == 1)
        self.until(self._knock)

    def _knock(self) -> int:
        """Send an image without people: whom the gait node does not know yet it does not hear."""
        self._stamp = time.time_ns()
        self._tracks.publish(tracks_to_message(TrackFrame(self._stamp, "front", 640, 480)))
        self._executor.spin_once(0.5)
        return self._answered

    def play(self, frames: Sequence[TrackFrame]) -> None:
        """Send these, not faster than they were filmed."""
        former = frames[0].stamp - 40_000_000
        for frame in frames:
            self._stamp += frame.stamp - former
            former = frame.stamp
            self.until(lambda: time.time_ns() >= self._stamp)
            sent = TrackFrame(
                self._stamp, frame.frame_id, frame.width, frame.height, layout=frame.layout,
                gait_frame_kind=frame.gait_frame_kind, tracks=frame.tracks,
            )  # fmt: skip
            self._tracks.publish(tracks_to_message(sent))
            self.until(lambda: self._answered >= self._stamp)


@pytest.fixture
def tracker(domain: int) -> Iterator[Tracker]:
    context = rclpy.Context()
    context.init()
    node = Tracker(context)
    yield node
    node.destroy_node()
    context.shutdown()


class Program:
    """A program, and what it says."""

    def __init__(self, log: Path, command: Sequence[str]) -> None:
        self._log = log
        with log.open("wb") as out:
            self._process = subprocess.Popen(
                [sys.executable, *command], stdout=out, stderr=subprocess.STDOUT, env=dict(os.environ)
            )

    def said(self) -> str:
        return self._log.read_text(encoding="utf-8")

    @property
    def ended(self) -> bool:
        return self._process.poll() is not None

    def end(self) -> None:
        """As Ctrl-C does, and without an error, unless it has ended of itself."""
        if not self.ended:
            self._process.send_signal(signal.SIGINT)
            assert self._process.wait(PATIENCE) == 0, self.said()


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Callable[..., Program]]:
    """Start a program, which ends with the test."""
    programs: list[Program] = []

    def begin(name: str, *command: str) -> Program:
        programs.append(Program(tmp_path / f"{name}.log", command))
        return programs[-1]

    yield begin
    for program in reversed(programs):
        program.end()


def hellos(greeter: Program) -> set[str]:
    """What it has said, without what its libraries warn of."""
    return {line for line in greeter.said().splitlines() if line.startswith("Hello")}


def answered(ask: Callable[[], Any]) -> Callable[[], bool]:
    """Whether a request was answered; it is sent, and again where a server that has not seen us yet lost its answer."""
    asked: list[Any] = []
    again = 0.0

    def look() -> bool:
        nonlocal again
        if time.monotonic() > again:
            asked.append(ask())
            again = time.monotonic() + ASK_AGAIN
        return any(future.done() for future in asked)

    return look


@pytest.mark.slow
def test_she_is_greeted_followed_and_written_down(tracks, tracker: Tracker, start, tmp_path: Path) -> None:
    first, second = tracks
    gait = "from rt_gait_ros.nodes.gait_node import main; raise SystemExit(main())"
    parameters = ("inference:=onnxruntime", f"gallery:={tmp_path}/people.gallery")
    start("gait_node", "-c", gait, "--ros-args", *(word for text in parameters for word in ("-p", text)))
    greeter = start("greeter", str(EXAMPLES / "greeter.py"))
    door_log = start("door_log", str(EXAMPLES / "door_log.py"), str(tmp_path / "visits.csv"))
    tracker.ready()

    half = len(first) // 2
    tracker.play(first[:half])
    enrolling = ActionClient(tracker, EnrollPerson, "gait_node/enroll_person")
    tracker.until(enrolling.server_is_ready)
    goal = EnrollPerson.Goal(body_id=walkers(first)[0], name="Ada", frames=30, timeout=2 * PATIENCE)
    tracker.until(answered(lambda: enrolling.send_goal_async(goal)))
    tracker.play(first[half:])
    enrolling.destroy()

    follower, rounds = None, 0
    while not tracker.turned:
        assert rounds < ROUNDS, "she was never followed"
        rounds += 1
        for at in range(0, len(second), PIECE):
            # On a slow machine she comes too late for it, or is not enrolled yet.
            if not tracker.turned and (follower is None or follower.ended):
                tracker.twists.clear()
                follower = start("follower", str(EXAMPLES / "follower.py"), "Ada")
                tracker.until(lambda now=follower: tracker.twists or now.ended)
                assert tracker.twists[:1] in ([], [Twist()]), "it has been told that she is not there"
            tracker.play(second[at : at + PIECE])
    tracker.until(lambda: hellos(greeter))
    assert hellos(greeter) == {"Hello, Ada!"}
    assert all(twist.linear.x == 0.0 for twist in tracker.twists), "her distance is not known"

    door_log.end()
    with (tmp_path / "visits.csv").open(encoding="utf-8", newline="") as file:
        visits = list(csv.DictReader(file))
    names = {name: {visit["name"] for visit in visits if visit["body_id"] == name} for name in walkers(second)}
    assert len(names) > 1
    assert sum("Ada" in found for found in names.values()) == 1, "nobody else has her name"
