import array

import cv2
import numpy as np
import pytest
from sensor_msgs.msg import CompressedImage, Image

from rt_gait_ros.msg import PersonPoseArray
from rt_gait_ros.nodes.headers import from_time, to_header
from rt_gait_ros.nodes.image_conversion import bgr_to_image

STEP = 40_000_000  # ns between images


def picture(kind, stamp):
    image = np.full((120, 160, 3), 90, np.uint8)
    if kind is Image:
        return bgr_to_image(image, stamp, "front")
    data = array.array("B", cv2.imencode(".jpg", image)[1].tobytes())
    return CompressedImage(header=to_header(stamp, "front"), format="jpeg", data=data)


def publish_until(ears, kind, topic, condition):
    publisher, stamp = ears.create_publisher(kind, topic, 1), [0]

    def turn():
        stamp[0] += STEP
        publisher.publish(picture(kind, stamp[0]))
        return condition()

    ears.until(turn)
    return publisher


@pytest.fixture
def node(launch):
    """A pose node that needs no server."""

    def start(*words, **parameters):
        return launch("pose_node", {"inference": "onnxruntime"} | parameters, *words)

    return start


@pytest.mark.parametrize(
    ("topic", "words"),
    [
        ("image_raw/compressed", ()),
        ("front/color/compressed", ("--ros-args", "-r", "image_raw:=front/color", "--")),
        ("front/color/compressed", ("--ros-args", "-r", "image_raw:=front/color/compressed", "--")),
    ],
)
def test_compressed_images_are_taken_by_image_transports_convention(node, ears, topic, words):
    poses = ears.listen(PersonPoseArray, "person_poses")
    node(*words, image_transport="compressed")
    publish_until(ears, CompressedImage, topic, lambda: len(poses) > 1)
    assert (poses[-1].image_width, poses[-1].image_height) == (160, 120)
    assert poses[-1].header.frame_id == "front"
    assert from_time(poses[-1].header.stamp) % STEP == 0


INSTEAD = {  # namespace: transport, what is published, where, and what is said
    "a": ("raw", CompressedImage, "image_raw", "CompressedImage, not Image: set the parameter image_transport"),
    "b": ("raw", CompressedImage, "image_raw/compressed", "/b/image_raw/compressed is published: set the parameter"),
    "c": ("compressed", Image, "image_raw", "/c/image_raw is published: set the parameter image_transport to raw"),
}


def test_what_is_published_instead_is_named(node, ears):
    """Three nodes at once: each waits some seconds before it looks what else there is."""
    publishers = []
    for name, (transport, kind, topic, _) in INSTEAD.items():
        node("--ros-args", "-r", f"__ns:=/{name}", "--", image_transport=transport)
        publishers.append((ears.create_publisher(kind, f"/{name}/{topic}", 1), kind))
    stamp = [0]

    def all_told():
        stamp[0] += STEP
        for publisher, kind in publishers:
            publisher.publish(picture(kind, stamp[0]))
        said = {name: ears.diagnosis(f"{name}/pose_node").get("message", "") for name in INSTEAD}
        return all(line in said[name] for name, (*_, line) in INSTEAD.items())

    ears.until(all_told)
