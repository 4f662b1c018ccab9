"""ROS4HRI, frames, detections and bond, against message packages that are built from their fields."""

import importlib.util
import os
import time
from pathlib import Path

import numpy as np
import pytest
from message_packages import PACKAGES, MessagePackages, build, source
from pacing import Stepping
from rclpy.action import ActionClient
from scipy.spatial.transform import Rotation
from sensor_msgs.msg import CameraInfo, Image
from tracks import walking_track

from rt_gait_ros.action import EnrollPerson
from rt_gait_ros.msg import PersonPoseArray, PersonTrackArray
from rt_gait_ros.nodes.conversions import poses_to_message, tracks_to_message
from rt_gait_ros.nodes.headers import to_header
from rt_gait_ros.nodes.human_bodies import HumanBodies, skeleton_of
from rt_gait_ros.nodes.image_conversion import bgr_to_image
from rt_gait_ros.pose.person import PersonPose, PoseFrame
from rt_gait_ros.tracking.facing import upright
from rt_gait_ros.tracking.track import TrackFrame

ROOT = Path(__file__).parents[2]
SIZE = np.array([640.0, 480.0])
LENS = np.array([[400.0, 0, 320], [0, 400, 240], [0, 0, 1]])
RECTIFIED = np.array([[200.0, 0, 320, 0], [0, 200, 240, 0], [0, 0, 1, 0]])
NOSE, NECK, RIGHT_SHOULDER, RIGHT_HIP, LEFT_ANKLE, RIGHT_EAR = 0, 1, 2, 8, 13, 17


def joints(count: int) -> np.ndarray:
    """Joint n stands at (n, 2 n) pixels with a confidence of n / 20."""
    numbers = np.arange(count, dtype=np.float32)
    return np.stack([numbers, 2 * numbers, numbers / 20], axis=1)


@pytest.mark.parametrize(("layout", "count"), [("trt_pose", 18), ("coco", 17)])
def test_a_skeleton_is_in_the_order_of_ros4hri(layout, count):
    found = skeleton_of(joints(count), layout, SIZE)
    assert found.shape == (18, 3)
    wanted = {NOSE: 0, RIGHT_SHOULDER: 6, RIGHT_HIP: 12, LEFT_ANKLE: 15, RIGHT_EAR: 4}
    for place, joint in wanted.items():
        np.testing.assert_allclose(found[place], [joint / 640, 2 * joint / 480, joint / 20])
    neck = 17 if layout == "trt_pose" else 5.5
    np.testing.assert_allclose(found[NECK], [neck / 640, 2 * neck / 480, neck / 20])


def test_a_joint_that_was_not_found_is_nothing():
    unseen = np.tile(np.array([np.nan, np.nan, 0.0], np.float32), (18, 1))
    assert not skeleton_of(unseen, "trt_pose", SIZE).any()


def test_a_joint_outside_the_image_is_nothing():
    """The fields of hri_msgs/Skeleton2D are between 0 and 1."""
    outside = joints(18)
    outside[0], outside[17, 0] = (-5.0, 100.0, 0.9), 641.0
    found = skeleton_of(outside, "trt_pose", SIZE)
    assert not found[[NOSE, NECK]].any()
    assert found[LEFT_ANKLE].all()


@pytest.fixture(scope="module")
def packages() -> MessagePackages:
    """hri_msgs, tf2_msgs, bond and vision_msgs, for this process and those that it starts."""
    if any(importlib.util.find_spec(name) for name in PACKAGES):
        pytest.skip("the distribution's own packages are here")
    built = build(ROOT / "build")
    before = dict(os.environ)
    source(built)
    yield built
    os.environ.clear()
    os.environ.update(before)


class Camera(Stepping):
    """Publishes what a camera and the pose node before a tracker would: one person, with an image."""

    def __init__(self, ears, namespace: str = "") -> None:
        self.there = True
        self._ears, self._sent = ears, time.time_ns()
        self._answers = ears.listen(PersonTrackArray, f"{namespace}person_tracks")
        self._poses = ears.create_publisher(PersonPoseArray, f"{namespace}person_poses", 10)
        self._images = ears.create_publisher(Image, f"{namespace}image_raw", 10)
        self._info = ears.create_publisher(CameraInfo, f"{namespace}camera_info", 10)

    def step(self) -> None:
        self._sent += 40_000_000
        header = to_header(self._sent, "optical")
        self._info.publish(CameraInfo(header=header, width=640, height=480, k=LENS.ravel(), p=RECTIFIED.ravel()))
        picture = np.zeros((120, 160, 3), np.uint8)  # a quarter: larger ones get lost without our DDS profile
        picture[45:75, 75:85] = 200
        self._images.publish(bgr_to_image(picture, self._sent, "optical"))
        somebody = PersonPose(joints(18), np.array([300, 180, 40, 120], np.float32), 0.9)
        people = [somebody] if self.there else []
        self._poses.publish(poses_to_message(PoseFrame(self._sent, "optical", 640, 480, people=people)))


@pytest.mark.slow
def test_bodies_frames_and_bond_of_a_tracker(packages, launch, ears):
    import bond.msg
    import hri_msgs.msg
    import tf2_msgs.msg

    node = launch(
        "tracker_node",
        {
            "ros4hri": "true", "frames": "true", "frame_prefix": "robot1/", "bond": "true", "camera_height": "1.0",
            "rectified": "true", "lost_after": "0.5",
        },
    )  # fmt: skip
    beats = ears.listen(bond.msg.Status, "bond")
    tracked = ears.listen(hri_msgs.msg.IdsList, "/humans/bodies/tracked")
    frames = ears.listen(tf2_msgs.msg.TFMessage, "/tf", 100)
    camera = Camera(ears)
    tracks = ears.heard["person_tracks"]
    (body_id,) = camera.until(lambda: tracked and tracked[-1].ids)
    below = f"/humans/bodies/{body_id}"
    regions = ears.listen(hri_msgs.msg.NormalizedRegionOfInterest2D, f"{below}/roi")
    skeletons = ears.listen(hri_msgs.msg.Skeleton2D, f"{below}/skeleton2d")
    pictures = ears.listen(Image, f"{below}/cropped")
    camera.until(lambda: regions and skeletons and pictures and frames and tracks and beats)
    region = regions[-1]
    assert (region.xmin, region.ymin) == (pytest.approx(300 / 640, abs=0.01), pytest.approx(180 / 480, abs=0.01))
    assert len(skeletons[-1].skeleton) == 18
    assert skeletons[-1].skeleton[2].x == pytest.approx(6 / 640)
    assert (pictures[-1].width, pictures[-1].height) == (pytest.approx(10, abs=2), pytest.approx(30, abs=2))
    assert np.frombuffer(pictures[-1].data, np.uint8).mean() > 120
    (transform,) = frames[-1].transforms
    assert (transform.header.frame_id, transform.child_frame_id) == ("optical", f"robot1/body_{body_id}")
    place, (track,) = transform.transform.translation, tracks[-1].tracks
    assert place.z == pytest.approx(200 / 60, rel=0.1)  # by P's focal length; by K's it would be twice as far
    turn = transform.transform.rotation
    up = Rotation.from_quat([turn.x, turn.y, turn.z, turn.w]).apply([0.0, 0.0, 1.0])
    np.testing.assert_allclose(up, [0, -1, 0], atol=1e-6)
    assert track.position.z == pytest.approx(place.z, rel=0.2)
    assert (beats[-1].id, beats[-1].active) == ("tracker_node", True)
    camera.there = False
    camera.until(lambda: not tracked[-1].ids)
    camera.there = True
    camera.until(lambda: tracked[-1].ids)
    assert ears.change_state("tracker_node", "deactivate")
    ears.until(lambda: not tracked[-1].ids and not beats[-1].active)
    assert node.end() == 0


def test_bodies_that_come_and_go_bring_nothing_that_the_executor_waits_for(packages, ears):
    """They go in the worker's thread: the executor would fall over what it has just listed, and the node end."""
    ears.value = {"humans_prefix": "/humans"}.__getitem__
    bodies = HumanBodies(ears)
    before = list(ears.waitables)
    track = walking_track("aaaaa", keypoints=joints(18))
    bodies.send(TrackFrame(1, "front", 640, 480, layout="trt_pose", tracks=[track]))
    assert {topic for topic, _ in ears.get_publisher_names_and_types_by_node("ears", "/")} >= {
        f"/humans/bodies/aaaaa/{name}" for name in ("roi", "skeleton2d", "cropped")
    }
    assert list(ears.waitables) == before
    assert not bodies.wants_images
    ears.listen(Image, "/humans/bodies/aaaaa/cropped")
    looked_at = bodies._bodies["aaaaa"]["cropped"].get_subscription_count
    ears.until(looked_at)
    bodies.send(TrackFrame(2, "front", 640, 480, layout="trt_pose", tracks=[track]))
    assert bodies.wants_images
    bodies._bodies["aaaaa"]["cropped"].destroy()  # as the worker does while the executor asks
    assert bodies.wants_images
    bodies.send(TrackFrame(3, "front", 640, 480, layout="trt_pose"))
    assert not bodies.wants_images
    bodies.close()


class TrackedWalkers(Stepping):
    """Publishes what a tracker would: one walker, 4 m ahead."""

    def __init__(self, ears) -> None:
        self.there = True
        self._ears, self._number = ears, 0
        self._publisher = ears.create_publisher(PersonTrackArray, "person_tracks", 10)

    def step(self) -> None:
        self._number += 1
        silhouette = np.zeros((64, 64), np.uint8)
        silhouette[4:60, 24 - self._number % 8 : 40 + self._number % 8] = 255
        track = walking_track(
            "aaaaa",
            box=np.array([10, 10, 50, 100], np.float32),
            gait_frame=silhouette,
            age=self._number,
            position=np.array([0.0, 0.5, 4.0]),
            position_covariance=np.eye(3),
            orientation=upright(np.array([0.0, 0, -1]), np.array([0.0, 1, 0])),
        )
        tracks = [track] if self.there else []
        self._publisher.publish(tracks_to_message(TrackFrame(time.time_ns(), "front", 640, 480, tracks=tracks)))


@pytest.mark.slow
def test_matches_frames_and_detections_of_a_gait_node(packages, launch, ears, tmp_path):
    import hri_msgs.msg
    import tf2_msgs.msg
    import vision_msgs.msg

    gallery = tmp_path / "people.gallery"
    launch(
        "gait_node",
        {
            "inference": "onnxruntime", "gallery": f"'{gallery}'", "accept_distance": "1000.0", "margin": "0.0",
            "beyond_calibration": "true", "ros4hri": "true", "frames": "true", "detections": "true",
        },
    )  # fmt: skip
    matches = ears.listen(hri_msgs.msg.IdsMatch, "/humans/candidate_matches", 100)
    frames = ears.listen(tf2_msgs.msg.TFMessage, "/tf", 100)
    detections = ears.listen(vision_msgs.msg.Detection2DArray, "detections")
    walkers = TrackedWalkers(ears)
    walkers.until(lambda: detections)
    assert detections[-1].detections[0].results[0].hypothesis.class_id == "person"
    enrolling = EnrollPerson.Goal(body_id="aaaaa", name="Ada", frames=20)
    client = ActionClient(ears, EnrollPerson, "/gait_node/enroll_person")
    walkers.until(client.server_is_ready)
    sending = client.send_goal_async(enrolling)
    walkers.until(sending.done)
    answer = sending.result().get_result_async()
    walkers.until(answer.done)
    ada = answer.result().result.person_id
    walkers.until(lambda: matches and frames)
    match = matches[-1]
    assert (match.id1, match.id1_type, match.id2, match.id2_type) == ("aaaaa", match.BODY, ada, match.PERSON)
    assert 0.5 <= match.confidence <= 1.0
    assert frames[-1].transforms[0].child_frame_id == f"person_{ada}"
    walkers.until(lambda: detections[-1].detections[0].results[0].hypothesis.class_id == ada)
    (detection,) = detections[-1].detections
    assert (detection.id, detection.bbox.size_x, detection.bbox.center.position.x) == ("aaaaa", 50.0, 35.0)
    assert detection.results[0].pose.pose.position.z == 4.0
    assert detection.results[0].pose.covariance[0] == 1.0
    assert np.isinf(detection.results[0].pose.covariance[-1])
    walkers.there = False
    walkers.until(lambda: matches[-1].confidence == 0.0)
    client.destroy()


@pytest.mark.slow
def test_two_robots_in_one_domain_do_not_hear_each_other(packages, launch, ears):
    """Namespaces keep topics apart, frame_prefix and humans_prefix what several robots share."""
    import hri_msgs.msg
    import tf2_msgs.msg

    frames = ears.listen(tf2_msgs.msg.TFMessage, "/tf", 100)
    own = {name: ears.listen(tf2_msgs.msg.TFMessage, f"/{name}/tf", 100) for name in ("r1", "r2")}
    tracked = {name: ears.listen(hri_msgs.msg.IdsList, f"/{name}/humans/bodies/tracked") for name in ("r1", "r2")}
    nodes, cameras = [], {}
    for name in ("r1", "r2"):
        remapped = ["-r", f"__ns:=/{name}", *(["-r", "/tf:=tf"] if name == "r2" else [])]
        parameters = {
            "ros4hri": "true", "humans_prefix": "humans", "frames": "true", "frame_prefix": f"{name}/",
            "camera_height": "1.0",
        }  # fmt: skip
        nodes.append(launch("tracker_node", parameters, "--ros-args", *remapped))
        cameras[name] = Camera(ears, f"/{name}/")
    cameras["r1"].until(lambda: tracked["r1"] and tracked["r1"][-1].ids and frames)
    (body,) = tracked["r1"][-1].ids
    assert {transform.child_frame_id for array in frames for transform in array.transforms} == {f"r1/body_{body}"}
    assert not any(array.ids for array in tracked["r2"])
    cameras["r2"].until(lambda: tracked["r2"] and tracked["r2"][-1].ids and own["r2"])
    (other,) = tracked["r2"][-1].ids
    assert own["r2"][-1].transforms[0].child_frame_id == f"r2/body_{other}"
    assert not own["r1"]  # r1 publishes to /tf itself
    assert {transform.child_frame_id for array in frames for transform in array.transforms} == {f"r1/body_{body}"}
    assert [node.end() for node in nodes] == [0, 0]
