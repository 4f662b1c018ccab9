"""Positions: from a depth image, and from where the camera is on the robot."""

from types import SimpleNamespace

import numpy as np
import pytest
from geometry_msgs.msg import Quaternion, TransformStamped, Vector3
from rclpy.qos import QoSProfile
from sensor_msgs.msg import CameraInfo, Image

from rt_gait_ros.msg import PersonPoseArray, PersonTrackArray
from rt_gait_ros.nodes import camera_geometry
from rt_gait_ros.nodes.conversions import poses_to_message
from rt_gait_ros.nodes.headers import to_header
from rt_gait_ros.pose.person import PersonPose, PoseFrame
from rt_gait_ros.tracking.depth import HALF_TRUNK, TRUNK

SIZE = (640, 480)
K = np.array([[400.0, 0, 320], [0, 400, 240], [0, 0, 1]])
START = 1_700_000_000_000_000_000
TILT = 0.2  # radians down


class Robot:
    """Publishes what a robot's camera would: people, camera_info and, when they are set, depth images."""

    def __init__(self, ears) -> None:
        self.tracks = ears.listen(PersonTrackArray, "person_tracks")
        self.depth: Image | None = None
        self.k = K
        self._ears, self._number = ears, 0
        self._poses = ears.create_publisher(PersonPoseArray, "person_poses", 10)
        self._info = ears.create_publisher(CameraInfo, "camera_info", 1)
        self._depth = ears.create_publisher(Image, "depth_image", 1)

    def step(self) -> None:
        self._number += 1
        stamp = START + self._number * 40_000_000
        header = to_header(stamp, "optical")
        self._info.publish(CameraInfo(header=header, width=SIZE[0], height=SIZE[1], k=self.k.ravel()))
        if self.depth is not None:
            self.depth.header = to_header(stamp + 5_000_000, "optical")  # not quite at the same time
            self._depth.publish(self.depth)
        unseen = np.tile(np.array([np.nan, np.nan, 0.0], np.float32), (18, 1))
        unseen[[11, 12]] = (320, 180 + TRUNK[1] * 120, 0.9)  # but for the hips
        somebody = PersonPose(unseen, np.array([300, 180, 40, 120], np.float32), 0.9)
        self._poses.publish(poses_to_message(PoseFrame(stamp, "optical", *SIZE, people=[somebody])))

    def until_placed(self, fits, also=lambda: None):
        """Until the newest track's position fits; `also` is done at every turn."""

        def placed():
            self.step()
            also()
            newest = self.tracks[-1].tracks if self.tracks else []
            return [t for t in newest if t.position_valid and fits(t.position)]

        (track,) = self._ears.until(placed)
        return track


@pytest.fixture
def tracker(launch, ears):
    """tracker(parameters): a Robot before a tracker node."""

    def start(**parameters):
        launch("tracker_node", parameters)
        return Robot(ears)

    return start


def depth_image(encoding: str, metres: float) -> Image:
    dtype, value = (np.uint16, 1000 * metres) if encoding == "16UC1" else (np.float32, metres)
    values = np.full(SIZE[::-1], value, dtype)
    return Image(height=SIZE[1], width=SIZE[0], encoding=encoding, step=values.strides[0], data=values.tobytes())


@pytest.mark.parametrize("encoding", ["16UC1", "32FC1"])
def test_depth_gives_positions(tracker, encoding):
    robot = tracker(depth="true")
    robot.depth = depth_image(encoding, 3.0)
    track = robot.until_placed(lambda position: abs(position.z - 3.0 - HALF_TRUNK) < 1e-3)
    assert track.position.x == pytest.approx(0.0, abs=0.02)
    assert np.linalg.eigvalsh(track.position_covariance.reshape(3, 3)).min() > 0
    robot.depth = depth_image(encoding, 2.0)
    robot.until_placed(lambda position: abs(position.z - 2.0 - HALF_TRUNK) < 1e-3)


def test_depth_of_another_encoding_is_said_and_the_floor_counts(tracker, ears):
    robot = tracker(depth="true", camera_height="1.0")
    robot.depth = Image(height=480, width=640, encoding="rgb8", step=1920, data=bytes(640 * 480 * 3))
    track = robot.until_placed(lambda position: position.z > 0)
    assert track.position.z == pytest.approx(400 * 1.0 / 60, rel=0.05)
    ears.until(lambda: robot.step() or "'rgb8' is unknown" in ears.diagnosis("tracker_node").get("message", ""))


def test_a_camera_without_calibration_is_said_and_with_one_a_stature_gives_positions(tracker, ears):
    robot = tracker(stature="1.8")
    robot.k = np.zeros((3, 3))
    ears.until(lambda: robot.step() or "no calibration" in ears.diagnosis("tracker_node").get("message", ""))
    assert not any(track.position_valid for array in robot.tracks for track in array.tracks)
    robot.k = K
    track = robot.until_placed(lambda position: position.z > 0)
    assert track.position.z == pytest.approx(400 * 1.8 / 120, rel=0.02)
    assert track.stature == 0.0


def test_while_tf_says_nothing_of_base_frame_or_no_more_the_attitude_is_not_known(monkeypatch):
    takers = {}
    monkeypatch.setattr(camera_geometry, "TFMessage", camera_geometry.TFMessage or object)
    monkeypatch.setattr(
        camera_geometry, "subscribe_to", lambda node, kind, topic, qos, take: takers.update({topic: take})
    )
    clock = 100 * 10**9
    told = {"base_frame": "base_footprint", "stature": 1.7, "camera_tilt": 0.0, "rectified": False, "depth": False}
    faults = {}
    stage = SimpleNamespace(
        value=told.get,
        faults=SimpleNamespace(
            raise_=faults.__setitem__,
            clear=lambda name: faults.pop(name, None),
            tell=lambda name, line: faults.update({name: line}) if line else faults.pop(name, None),
        ),
        clock_now=lambda: clock,
    )
    geometry = camera_geometry.CameraGeometry(stage)
    geometry.open()
    takers["camera_info"](CameraInfo(width=SIZE[0], height=SIZE[1], k=K.ravel()))
    camera = geometry.camera("optical")
    assert (camera.height, camera.attitude_known) == (None, False)
    assert faults["base_frame"].startswith("nothing on /tf joins the camera's frame 'optical'")
    upright = np.array([[320, 300], [320, 180], [320, 236]])
    assert camera.locate_upright(upright, 1.0, 1.7, 0.1) is None
    optical = stamped("mast", "optical", (0, 0, 1.0), (-0.5, 0.5, -0.5, 0.5))
    mast = stamped("base_footprint", "mast", (0, 0, 1.8), (0, 0, 0, 1))
    takers["/tf_static"](SimpleNamespace(transforms=[optical]))
    takers["/tf"](SimpleNamespace(transforms=[mast]))
    camera = geometry.camera("optical")
    assert (camera.height, camera.attitude_known, faults) == (2.8, True, {})
    assert camera.locate_upright(upright, 1.0, 1.7, 0.1) is not None

    # of a frame that nobody asks about, which gets better
    broken = stamped("base_footprint", "wheel", (0, 0, 0), (0, 0, 0, 0))
    takers["/tf"](SimpleNamespace(transforms=[broken]))
    takers["/tf"](SimpleNamespace(transforms=[mast]))
    assert faults["tf"].startswith("wheel: transform [")
    takers["/tf"](SimpleNamespace(transforms=[stamped("base_footprint", "wheel", (0, 0, 0), (0, 0, 0, 1))]))
    assert faults == {}

    made_up = [stamped("base_footprint", f"made_up_{n}", (0, 0, 0), (0, 0, 0, 0)) for n in range(1000)]
    takers["/tf"](SimpleNamespace(transforms=made_up))
    assert len(geometry._refused) == camera_geometry.MOST_REFUSED
    for each in made_up:
        each.transform.rotation.w = 1.0
    takers["/tf"](SimpleNamespace(transforms=made_up))
    takers["/tf"](SimpleNamespace(transforms=[mast]))
    assert faults == {}

    # a bag that is paused, begins again, or is followed by another one cuts nothing: its next /tf may come after images
    for leap in (0, -90, 100_000):
        clock += leap * 10**9
        assert (geometry.camera("optical").height, faults) == (2.8, {})
        clock += 3 * 10**9
        assert (geometry.camera("optical").height, faults) == (2.8, {})

    # cut: whoever said where the mast is has died, and the mast may have moved since
    clock += 3 * 10**9
    camera = geometry.camera("optical")
    assert (camera.height, camera.attitude_known) == (None, False)
    assert "any more: for 10 s it has not said where 'mast' is: the floor is unknown" in faults["base_frame"]
    takers["/tf"](SimpleNamespace(transforms=[mast]))
    assert (geometry.camera("optical").height, faults) == (2.8, {})


@pytest.mark.skipif(camera_geometry.TFMessage is not None, reason="tf2_msgs is here")
def test_without_tf2_msgs_a_base_frame_is_refused(launch):
    node = launch("tracker_node", {"base_frame": "base_footprint"})
    assert node.process.wait(300) == 2
    assert "base_frame needs the package tf2_msgs" in node.said


def stamped(parent: str, child: str, place, turn) -> TransformStamped:
    message = TransformStamped(child_frame_id=child)
    message.header.frame_id = parent
    message.transform.translation = Vector3(x=place[0], y=place[1], z=place[2])
    message.transform.rotation = Quaternion(x=turn[0], y=turn[1], z=turn[2], w=turn[3])
    return message


@pytest.mark.skipif(camera_geometry.TFMessage is None, reason="tf2_msgs is not here")
def test_height_and_tilt_are_read_from_tf(tracker, ears):
    static = ears.create_publisher(camera_geometry.TFMessage, "/tf_static", camera_geometry.TF_STATIC_QOS)
    moving = ears.create_publisher(camera_geometry.TFMessage, "/tf", QoSProfile(depth=100))
    optical = stamped("camera", "optical", (0.0, 0.0, 0.0), (-0.5, 0.5, -0.5, 0.5))
    static.publish(camera_geometry.TFMessage(transforms=[optical]))
    robot = tracker(base_frame="base_footprint")
    missing = "nothing on /tf joins the camera's frame 'optical' to base_frame 'base_footprint'"
    ears.until(lambda: robot.step() or missing in ears.diagnosis("tracker_node").get("message", ""))
    for height in (1.0, 1.6):
        down = (0.0, np.sin(TILT / 2), 0.0, np.cos(TILT / 2))
        mast = camera_geometry.TFMessage(transforms=[stamped("base_footprint", "camera", (0.0, 0.0, height), down)])
        # along the optical axis: hips are in mid-image
        far = height / np.tan(TILT + np.arctan(60 / 400)) / np.cos(TILT)
        track = robot.until_placed(lambda p, far=far: abs(p.z - far) < 0.1, lambda mast=mast: moving.publish(mast))
        assert track.position_covariance[8] > 0
    ears.until(lambda: robot.step() or missing not in ears.diagnosis("tracker_node")["message"])
