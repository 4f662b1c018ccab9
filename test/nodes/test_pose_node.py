import array
import time

import numpy as np
import pytest
from rclpy.qos import DurabilityPolicy, QoSProfile, ReliabilityPolicy
from sensor_msgs.msg import Image

from rt_gait_ros.msg import PersonPoseArray
from rt_gait_ros.nodes.conversions import poses_from_message
from rt_gait_ros.nodes.headers import from_time
from rt_gait_ros.nodes.image_conversion import bgr_to_image
from rt_gait_ros.serving.listening import Ports
from rt_gait_ros.serving.server import TritonServer


@pytest.fixture
def picture() -> np.ndarray:
    return np.full((240, 320, 3), 90, np.uint8)


def feed(ears, publisher, make_image, enough):
    """Publish images with growing stamps until `enough` of what came back."""
    stamp = [0]

    def turn():
        stamp[0] += 40_000_000
        publisher.publish(make_image(stamp[0]))
        return enough()

    ears.until(turn)
    return stamp[0]


QOS = {
    "reliable": QoSProfile(depth=5, reliability=ReliabilityPolicy.RELIABLE),
    "best effort": QoSProfile(depth=5, reliability=ReliabilityPolicy.BEST_EFFORT),
    "latched": QoSProfile(depth=1, reliability=ReliabilityPolicy.RELIABLE, durability=DurabilityPolicy.TRANSIENT_LOCAL),
}


@pytest.mark.parametrize("qos", QOS)
def test_images_of_any_qos_become_poses_with_the_cameras_stamp(launch, ears, triton_server, picture, qos):
    poses = ears.listen(PersonPoseArray, "person_poses")
    publisher = ears.create_publisher(Image, "image_raw", QOS[qos])
    launch("pose_node", {"triton_url": f"'{triton_server.url}'"})
    last = feed(ears, publisher, lambda stamp: bgr_to_image(picture, stamp, "front"), lambda: len(poses) > 2)
    assert {message.header.frame_id for message in poses} == {"front"}
    stamps = [from_time(message.header.stamp) for message in poses]
    assert stamps == sorted(set(stamps))
    assert all(stamp % 40_000_000 == 0 and stamp <= last for stamp in stamps)
    assert (poses[0].image_width, poses[0].image_height) == (320, 240)
    assert poses_from_message(poses[-1]).people == []


def test_images_whose_stamps_do_not_advance_go_by_their_arrival_and_that_is_said(launch, ears, triton_server, picture):
    """Whole seconds, here; test_stamps.py has the rest."""
    clock = lambda stamp: stamp // 10**9 * 10**9  # noqa: E731
    poses = ears.listen(PersonPoseArray, "person_poses")
    publisher = ears.create_publisher(Image, "image_raw", QOS["reliable"])
    launch("pose_node", {"triton_url": f"'{triton_server.url}'"})
    said = lambda: "the time of arrival is used" in ears.diagnosis("pose_node").get("message", "")  # noqa: E731
    feed(ears, publisher, lambda stamp: bgr_to_image(picture, clock(stamp), "front"), said)
    before = len(poses)
    feed(ears, publisher, lambda stamp: bgr_to_image(picture, clock(stamp), "front"), lambda: len(poses) > before + 9)
    stamps = [from_time(message.header.stamp) for message in poses[before:]]
    assert stamps == sorted(set(stamps))
    assert abs(stamps[-1] - time.time_ns()) < 60 * 10**9


def _bad(kind: str, picture: np.ndarray, stamp: int) -> Image:
    image = bgr_to_image(picture, stamp, "bad")
    if kind == "unknown encoding":
        image.encoding = "klingon8"
    elif kind == "zero size":
        image.width = image.height = image.step = 0
        image.data = array.array("B")
    elif kind == "cut short":
        image.data = array.array("B", bytes(100))
    elif kind == "huge":
        image.width = image.height = 2**31
    return image


def test_bad_images_are_told_once_and_counted_and_good_ones_go_on(launch, ears, triton_server, picture):
    poses = ears.listen(PersonPoseArray, "person_poses")
    publisher = ears.create_publisher(Image, "image_raw", QOS["reliable"])
    node = launch("pose_node", {"triton_url": f"'{triton_server.url}'"})
    malformed = lambda: int(ears.diagnosis("pose_node").get("malformed", 0))  # noqa: E731
    told = lambda: node.said.count("skipped what came in") - node.said.count("over: skipped")  # noqa: E731
    for number, kind in enumerate(("unknown encoding", "zero size", "cut short", "huge")):
        before = malformed()
        counted = lambda before=before: malformed() > before + 3  # noqa: E731
        feed(ears, publisher, lambda stamp, kind=kind: _bad(kind, picture, stamp), counted)
        assert 1 <= told() <= number + 1, kind  # of many within half a minute, the log has three
        heard = len(poses)
        enough = lambda heard=heard: len(poses) > heard + 2  # noqa: E731
        feed(ears, publisher, lambda stamp: bgr_to_image(picture, stamp, "front"), enough)
    assert {message.header.frame_id for message in poses} == {"front"}
    assert "over: skipped what came in" in node.said


def test_server_late_killed_and_restarted(launch, ears, triton_installed, model_repository, picture, own_ports):
    poses = ears.listen(PersonPoseArray, "person_poses")
    publisher = ears.create_publisher(Image, "image_raw", QOS["reliable"])
    ports = Ports(grpc=next(own_ports))
    node = launch("pose_node", {"triton_url": f"'127.0.0.1:{ports.grpc}'", "deadline": "5.0"})
    failing = lambda: ears.diagnosis("pose_node").get("networks") == "not ready"  # noqa: E731
    image = lambda stamp: bgr_to_image(picture, stamp, "front")  # noqa: E731
    feed(ears, publisher, image, lambda: failing() and int(ears.diagnosis("pose_node")["failed"]) > 2)
    for _ in range(2):
        with TritonServer(model_repository, ports):
            before = len(poses)
            feed(ears, publisher, image, lambda before=before: len(poses) > before + 2)
        feed(ears, publisher, image, failing)
    assert node.process.poll() is None
    assert "over: " in node.said


def test_missing_model_is_named(launch, ears, triton_server, picture):
    publisher = ears.create_publisher(Image, "image_raw", QOS["reliable"])
    launch("pose_node", {"triton_url": f"'{triton_server.url}'", "detector": "no_such_model"})
    told = lambda: "no_such_model" in ears.diagnosis("pose_node").get("message", "")  # noqa: E731
    feed(ears, publisher, lambda stamp: bgr_to_image(picture, stamp, "front"), told)


def test_the_budget_and_what_everybody_gets_of_it_are_in_the_diagnostics(launch, ears, triton_server, picture):
    publisher = ears.create_publisher(Image, "image_raw", QOS["reliable"])
    launch("pose_node", {"triton_url": f"'{triton_server.url}'", "budget": "7.0", "shared_memory": "true"})
    words = {"images_go": "by shared memory", "windows": "1"}  # of a server on its user's own socket
    told = lambda: words.items() <= ears.diagnosis("pose_node").items()  # noqa: E731
    feed(ears, publisher, lambda stamp: bgr_to_image(picture, stamp, "front"), told)
    said = ears.diagnosis("pose_node")
    assert (said["budget_ms"], said["windows"]) == ("7.0", "1")
    assert said["late"].isdigit()  # how many answers were late is the machine's affair
    assert said["gait_frames_per_person_hz"] == "nobody"
    assert said["cost_ms"].startswith("person ")


def test_that_no_image_arrives_is_said(launch):
    launch("pose_node").wait_until_says("nothing arrives on /image_raw (0 publishers)")


def test_deactivated_node_neither_subscribes_nor_publishes(launch, ears, triton_server, picture):
    poses = ears.listen(PersonPoseArray, "person_poses")
    publisher = ears.create_publisher(Image, "image_raw", QOS["reliable"])
    launch("pose_node", {"triton_url": f"'{triton_server.url}'"})
    image = lambda stamp: bgr_to_image(picture, stamp, "front")  # noqa: E731
    feed(ears, publisher, image, lambda: len(poses) > 2)
    assert ears.change_state("pose_node", "deactivate")
    ears.until(lambda: publisher.get_subscription_count() == 0)
    assert ears.change_state("pose_node", "activate")
    before = len(poses)
    feed(ears, publisher, image, lambda: len(poses) > before + 2)


def test_networks_run_in_the_nodes_own_process(launch, ears, picture):
    poses = ears.listen(PersonPoseArray, "person_poses")
    publisher = ears.create_publisher(Image, "image_raw", QOS["reliable"])
    launch("pose_node", {"inference": "onnxruntime", "triton_url": "'127.0.0.1:1'", "deadline": "20.0"})
    feed(ears, publisher, lambda stamp: bgr_to_image(picture, stamp, "front"), lambda: poses)
    assert poses_from_message(poses[-1]).people == []
