import cv2
import numpy as np
import pytest
from sensor_msgs.msg import Image

from rt_gait_ros.msg import GaitIdentityArray, PersonPoseArray
from rt_gait_ros.nodes.headers import from_time
from rt_gait_ros.nodes.image_conversion import bgr_to_image


@pytest.fixture
def parameters(tmp_path, triton_server) -> dict[str, str]:
    return {
        "pose_node:triton_url": f"'{triton_server.url}'",
        "gait_node:triton_url": f"'{triton_server.url}'",
        "gait_node:gallery": f"'{tmp_path}/people.gallery'",
        "gait_node:accept_distance": "0.1",
        "gait_node:margin": "0.01",
        "gait_node:beyond_calibration": "true",
    }


def test_all_stages_in_one_process(launch, ears, parameters, tmp_path):
    folder = tmp_path / "frames"
    folder.mkdir()
    for number in range(5):
        cv2.imwrite(str(folder / f"{number}.png"), np.full((120, 160, 3), 40 * number, np.uint8))
    identities = ears.listen(GaitIdentityArray, "gait_identities")
    pictures = ears.listen(Image, "overlay/image")
    node = launch("composed_node", {**parameters, "camera_node:source": f"'{folder}'", "camera_node:loop": "true"})
    ears.until(lambda: len(identities) > 2 and len(pictures) > 2)
    names = {"camera_node", "pose_node", "tracker_node", "gait_node", "overlay_node"}
    ears.until(lambda: names <= set(ears.get_node_names()))
    assert node.end() == 0
    assert "Traceback" not in node.said


def test_without_a_source_the_camera_is_a_topic(launch, ears, parameters):
    poses = ears.listen(PersonPoseArray, "person_poses")
    publisher = ears.create_publisher(Image, "image_raw", 1)
    launch("composed_node", parameters)
    image = bgr_to_image(np.zeros((120, 160, 3), np.uint8), 7, "front")
    ears.until(lambda: publisher.publish(image) or poses)
    assert from_time(poses[0].header.stamp) == 7
    ears.until(lambda: "camera_node" not in ears.get_node_names())


def test_wrong_parameter_ends_the_process(launch):
    node = launch("composed_node", {"gait_node:agreeing_embeddings": "-1"})
    assert node.process.wait(300) == 2
    assert "error: " in node.said
    assert "Traceback" not in node.said
