"""What is said of a running system: with real nodes where DDS is what is looked at, else with what would be seen."""

import argparse
import json
import signal
import subprocess
import sys
import threading
import time

import numpy as np
import pytest
import rclpy
from rclpy.context import Context
from rclpy.executors import SingleThreadedExecutor
from rclpy.qos import QoSProfile, ReliabilityPolicy
from sensor_msgs.msg import Image

from rt_gait_ros.cli.doctor_running import findings, lost_share
from rt_gait_ros.cli.findings import report
from rt_gait_ros.cli.main import main
from rt_gait_ros.gait.identity import Identity, IdentityFrame, IdentityStatus
from rt_gait_ros.msg import PersonPoseArray
from rt_gait_ros.nodes.live_system import Arrival, LiveSystem, NodeState, TopicState

NOW = 1_800_000_000 * 10**9
CAMERA = "camera/image_raw"


def node(level=0, message="active", heard=NOW, stamp=NOW, **values):
    usual = {"state": "active", "rate_in_hz": "25.0", "rate_out_hz": "25.0"}
    return NodeState(level, message, usual | values, stamp, heard)


def images(count=40, period=40_000_000, age=0, size=900_000, keep=1, stamp=None):
    arrivals = [
        Arrival(NOW + n * period if stamp is None else stamp, NOW + n * period + age, size)
        for n in range(count)
        if n % keep == 0 or n % 7 == 0
    ]
    return TopicState(["camera"], ["pose_node"], {"sensor_msgs/msg/Image"}, [], arrivals)


def system(**changes):
    seen = LiveSystem(
        nodes={name: node() for name in ("pose_node", "tracker_node", "gait_node")},
        topics={CAMERA: images()},
        images=[CAMERA],
    )
    for name, value in changes.items():
        setattr(seen, name, value)
    return seen


def lines(seen, level=None):
    return [f"{f.check}: {f.text}" for f in findings(seen) if level in (None, f.level)]


def test_a_sound_system_has_no_problem():
    assert lines(system(), "problem") == lines(system(), "warning") == []
    assert "camera/image_raw: 25.0 images a second of 0.9 MB" in lines(system())


def test_what_nodes_say_does_not_steer_the_terminal(capsys):
    said = LiveSystem(nodes={"a/gait\x1b[2J": node(level=2, message="one\nok       another")})
    assert report(argparse.Namespace(json=None), findings(said)) == 1
    lines = capsys.readouterr().out.splitlines()
    assert all(line.isprintable() for line in lines)
    assert not any(line.startswith("ok") for line in lines)


def test_nobody_there_is_said_with_what_to_set():
    (line,) = lines(LiveSystem(), "problem")
    assert "ROS_DOMAIN_ID" in line


@pytest.mark.parametrize(
    ("nodes", "level", "line"),
    [
        (
            {"pose_node": node(2, "nothing arrives on /image_raw")},
            "problem",
            "pose_node: nothing arrives on /image_raw",
        ),
        (
            {"pose_node": node(state="inactive")},
            "problem",
            "pose_node: is inactive: `ros2 lifecycle set /pose_node act",
        ),
        ({"a/gait_node": node(state="unconfigured")}, "problem", "`ros2 lifecycle set /a/gait_node configure`"),
        ({"a/gait_node": node()}, "problem", "a/pose_node: is not heard: start it in the namespace /a"),
        ({"pose_node": node(rate_out_hz="5.0")}, "warning", "pose_node: uses 5.0 of 25.0 a second"),
        ({"gait_node": node(latency_p95_ms="4000")}, "warning", "gait_node: its results are 4000 ms behind"),
        ({"gait_node": node(stamp=5 * 10**9)}, "problem", "time: gait_node go by another clock than the rest"),
        ({"gait_node": node(gallery="g", enrolled="0")}, "warning", "gallery: nobody is enrolled in g"),
        ({"gait_node": node(triton_url="127.0.0.1:9")}, "problem", "Triton: no server answers at 127.0.0.1:9"),
    ],
)
def test_what_nodes_say_of_themselves_is_one_line_each(nodes, level, line):
    seen = system()
    seen.nodes |= nodes
    assert [found for found in lines(seen, level) if line in found], lines(seen)


def test_several_nodes_of_one_name_are_told():
    assert "gait_node: several nodes have this name" in lines(system(namesakes=["gait_node"]), "problem")[0]


@pytest.mark.parametrize(
    ("state", "level", "line"),
    [
        (images(0), "problem", "no image came"),
        (images(stamp=0), "problem", "the stamps are 0"),
        (images(stamp=NOW), "problem", "the stamps are the same"),
        (images(age=3 * 10**9), "problem", "images are 3.0 s old"),
        (images(age=-3 * 10**9), "problem", "stamped 3.0 s in the future"),
        (images(age=10**15), "warning", "another clock than this machine's"),
        (images(120, keep=3), "warning", "export FASTRTPS_DEFAULT_PROFILES_FILE="),
        (images(120, keep=3, size=9000), "warning", "look at the network"),
        (TopicState([], ["pose_node"]), "problem", "pose_node waits, and nobody publishes"),
        (TopicState(["a", "b"], ["pose_node"], {"sensor_msgs/msg/Image"}), "problem", "a and b publish on it"),
    ],
)
def test_what_comes_from_the_camera_is_looked_at(state, level, line):
    found = lines(system(topics={CAMERA: state}), level)
    assert [said for said in found if line in said], lines(system(topics={CAMERA: state}))


def test_images_that_are_lost_are_told_by_their_stamps():
    steps = np.full(60, 33_000_000)
    assert lost_share(steps) == 0.0
    assert lost_share(steps[:5]) == 0.0
    mixed = np.tile([33_000_000, 99_000_000, 132_000_000], 10)
    assert lost_share(mixed) == pytest.approx(1 - 30 / 80)


def test_who_is_there_is_said_with_the_reason_for_no_name():
    frame = IdentityFrame(NOW, "camera", "m")
    frame.identities = [
        Identity("abcde", IdentityStatus.COLLECTING, NOW, reason="has shown 5 of 20 good walking frames"),
        Identity("bcdef", IdentityStatus.IDENTIFIED, NOW, name="Ada"),
    ]
    said = lines(system(people={"gait_identities": frame}), "ok")
    assert "person abcde: no name: has shown 5 of 20 good walking frames" in said
    assert "person bcdef: Ada" in said


@pytest.fixture
def others(domain):
    """Senders with a quality of service that nobody of ours takes, and with stamps that stand still."""
    context = Context()
    rclpy.init(context=context)
    driver = rclpy.create_node("driver", context=context)
    unreliable = QoSProfile(depth=1, reliability=ReliabilityPolicy.BEST_EFFORT)
    poses = driver.create_publisher(PersonPoseArray, "person_poses", unreliable)
    camera = driver.create_publisher(Image, "image_raw", unreliable)
    driver.create_timer(0.05, lambda: (poses.publish(PersonPoseArray()), camera.publish(Image())))
    executor = SingleThreadedExecutor(context=context)
    executor.add_node(driver)
    thread = threading.Thread(target=executor.spin, daemon=True)
    thread.start()
    yield
    executor.shutdown()
    thread.join(300)
    driver.destroy_node()
    rclpy.shutdown(context=context)


def test_real_nodes_are_looked_at(domain, others, tmp_path, capsys):
    """A tracker that the wrong quality of service keeps from hearing, and no other node of the chain."""
    log = tmp_path / "log"
    wanted = (
        "/person_poses: tracker_node hears nothing of driver: ",
        "qos_overrides./person_poses",
        "pose_node: is not heard: start it in the namespace /",
        "tracker_node: ",
    )
    with log.open("wb") as out:
        code = "from rt_gait_ros.nodes.tracker_node import main; raise SystemExit(main())"
        process = subprocess.Popen([sys.executable, "-c", code], stdout=out, stderr=out, stdin=subprocess.DEVNULL)
    try:
        deadline = time.monotonic() + 300
        while "active" not in log.read_text():
            assert time.monotonic() < deadline, log.read_text()
            time.sleep(0.05)
        for seconds in ("2", "15", "60"):  # a busy machine takes longer to find everybody
            assert main(["doctor", "--running", "--seconds", seconds, "--json"]) == 1
            rows = json.loads(capsys.readouterr().out)["findings"]
            found = [f"{row['check']}: {row['text']}" for row in rows]
            missing = [text for text in wanted if not any(text in line for line in found)]
            if not missing:
                break
    finally:
        process.send_signal(signal.SIGINT)
        process.wait(300)
    assert not missing, found


def test_a_time_that_is_none_is_refused(capsys):
    assert main(["doctor", "--running", "--seconds", "0"]) == 2
    assert "give 1 to 600" in capsys.readouterr().err
