"""What ROS says about the camera: its lens, where it is on the robot, and how far things are in front of it."""

import math
import threading
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
from rclpy.qos import DurabilityPolicy, QoSProfile
from sensor_msgs.msg import CameraInfo, Image

from rt_gait_ros.errors import GaitError, UsageError
from rt_gait_ros.nodes.headers import from_time
from rt_gait_ros.nodes.image_conversion import depth_from_message
from rt_gait_ros.nodes.links import IMAGE_QOS
from rt_gait_ros.nodes.qos import subscribe_to
from rt_gait_ros.nodes.stage import Stage
from rt_gait_ros.nodes.topic_listener import TopicListener
from rt_gait_ros.nodes.unattended import Topic
from rt_gait_ros.tracking.camera import CameraModel
from rt_gait_ros.tracking.depth import DepthImage, Recent
from rt_gait_ros.tracking.transforms import Transform, TransformTree, attitude

try:
    from tf2_msgs.msg import TFMessage
except ImportError:  # the pip wheels have none
    TFMessage = None

# Depth images that wait for the people of their colour image, which come later by what the pose stage takes.
DEPTH_IMAGES = 15
# A depth image counts for a colour image up to this many ns away: half a period at 30 Hz.
DEPTH_TOLERANCE = 17_000_000

# As tf2_ros subscribes.
TF_QOS = QoSProfile(depth=100)
TF_STATIC_QOS = QoSProfile(depth=100, durability=DurabilityPolicy.TRANSIENT_LOCAL)

# Seconds of the node's clock for which a transform on /tf holds. Who publishes a joint there says it again many times a
# second, also while it stands still; what is said once belongs on /tf_static, and holds for ever. tf2 itself would give
# the last one for ever, also of a mast that is driven on after its publisher has died.
HOLDS = 10.0
MOST_REFUSED = 100  # frames whose transforms are none that are remembered, of as many as somebody likes to name

UNCALIBRATED = "camera_info holds no calibration: tracks get no position"
UNRECTIFIED = "camera_info holds no P, which rectified images need: tracks get no position; set rectified to false"


class CameraGeometry:
    """Listens for `node` to what its parameters ask for: camera_height and camera_tilt, base_frame, depth, stature.

    `camera` and `depth` may be called from another thread than ROS's.
    """

    def __init__(self, node: Stage) -> None:
        self._node = node
        self._subscriptions: list[Any] = []
        self._depth_listener: TopicListener | None = None
        self._info: CameraInfo | None = None
        self._tree = TransformTree()
        self._refused: dict[str, str] = {}  # why the newest transform of a frame is none
        self._running = _RunningSeconds(node.clock_now)
        self._depths: Recent[Image] = Recent(DEPTH_IMAGES)
        self._known: tuple[Any, ...] = ()
        self._camera: CameraModel | None = None

    def open(self) -> None:
        """Begin to listen. Raises UsageError when base_frame is set and there is no tf2_msgs."""
        node = self._node
        if node.value("base_frame"):
            if TFMessage is None:
                raise UsageError(
                    "base_frame needs the package tf2_msgs, which is not installed: install ros-$ROS_DISTRO-tf2-msgs, "
                    "or give camera_height and camera_tilt instead"
                )
            for topic, qos, take in (
                ("/tf", TF_QOS, self._on_transforms),
                ("/tf_static", TF_STATIC_QOS, partial(self._on_transforms, lasting=True)),
            ):
                self._subscriptions.append(subscribe_to(node, TFMessage, topic, qos, take))
        if node.value("depth"):
            self._depth_listener = TopicListener(
                node, Topic(Image, "depth_image", IMAGE_QOS), self._on_depth, node.finish
            )
        if any(node.value(name) for name in ("depth", "base_frame", "camera_height", "stature")):
            take = partial(setattr, self, "_info")
            self._subscriptions.append(subscribe_to(node, CameraInfo, "camera_info", IMAGE_QOS, take))

    def close(self) -> None:
        """Stop listening, and forget."""
        for subscription in self._subscriptions:
            self._node.destroy_subscription(subscription)
        self._subscriptions.clear()
        if self._depth_listener is not None:
            self._depth_listener.close()
            self._depth_listener = None
        self._info, self._camera, self._known = None, None, ()
        self._depths.clear()
        self._refused.clear()
        self._tree = TransformTree()

    def camera(self, frame_id: str) -> CameraModel | None:
        """The camera whose optical frame is `frame_id`, as it is known by now; None without a calibration."""
        info = self._info
        if info is None:
            return None
        try:
            place = self._place(frame_id)
            rectified = self._node.value("rectified")
            known = (info.k.tobytes(), info.p.tobytes(), tuple(info.d), info.distortion_model, place, rectified)
            if known != self._known:
                self._camera, self._known = _model(info, *place, rectified=rectified), known
        except GaitError as error:
            self._node.faults.raise_("camera", str(error))
            return None
        self._node.faults.clear("camera")
        return self._camera

    def depth(self, stamp: int) -> DepthImage | None:
        """The depth image of the colour image of that stamp (ns), if it came."""
        message = self._depths.nearest(stamp, DEPTH_TOLERANCE)
        if message is None:
            return None
        try:
            image = depth_from_message(message)
        except GaitError as error:
            self._node.faults.raise_("depth", f"depth_image is not used: {error}")
            return None
        self._node.faults.clear("depth")
        return image

    def _place(self, frame_id: str) -> tuple[float | None, tuple[float, float] | None]:
        """Height of the camera, and its tilt and roll, rounded to what matters. None for what is not known."""
        base = self._node.value("base_frame")
        if not base:
            height = self._node.value("camera_height")
            return height or None, (math.radians(self._node.value("camera_tilt")), 0.0)
        transform = self._tree.lookup(base, frame_id)
        silent = self._tree.silent(base, frame_id, self._running.now() - HOLDS)
        if transform is None or silent:
            line = f"nothing on /tf joins the camera's frame '{frame_id}' to base_frame '{base}'"
            line += f" any more: for {HOLDS:.0f} s it has not said where '{silent}' is" if silent else ""
            self._node.faults.raise_("base_frame", f"{line}: the floor is unknown")
            return None, None
        self._node.faults.clear("base_frame")
        height, tilt, roll = attitude(transform)
        return round(height, 3), (round(tilt, 4), round(roll, 4))

    def _on_depth(self, message: Image) -> None:
        self._depths.add(from_time(message.header.stamp), message)

    def _on_transforms(self, message: Any, *, lasting: bool = False) -> None:
        said = math.inf if lasting else self._running.now()
        for stamped in message.transforms:
            place, turn, child = stamped.transform.translation, stamped.transform.rotation, stamped.child_frame_id
            try:
                transform = Transform.of((place.x, place.y, place.z), (turn.x, turn.y, turn.z, turn.w))
                self._tree.add(stamped.header.frame_id, child, transform, said)
                self._refused.pop(child, None)
            except GaitError as error:
                if child in self._refused or len(self._refused) < MOST_REFUSED:
                    self._refused[child] = f"{child}: {error}"
        self._node.faults.tell("tf", next(iter(self._refused.values()), ""))


class _RunningSeconds:
    """Seconds for which a clock (ns) has run on; where it stands still or leaps, as a bag's that is paused, looped, or
    followed by another one, they stand still. Two threads may ask."""

    def __init__(self, clock: Callable[[], int]) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._last, self._seconds = clock(), 0.0

    def now(self) -> float:
        with self._lock:
            clock = self._clock()
            step, self._last = (clock - self._last) * 1e-9, clock
            if 0.0 < step < HOLDS:
                self._seconds += step
            return self._seconds


def _model(
    info: CameraInfo, height: float | None, turned: tuple[float, float] | None, *, rectified: bool
) -> CameraModel:
    """Raises UsageError when the camera is not calibrated, or cannot be where it is said to be.

    turned: its tilt and roll. rectified: the image is image_proc's, whose lens is P and bends nothing; camera_info says
    K and D of the raw image.
    """
    raw, projection = np.asarray(info.k, np.float64).reshape(3, 3), np.asarray(info.p, np.float64).reshape(3, 4)
    matrix = projection[:, :3] if rectified else raw
    if matrix[0, 0] <= 0.0:
        raise UsageError(UNRECTIFIED if rectified and raw[0, 0] > 0.0 else UNCALIBRATED)
    tilt, roll = turned or (0.0, 0.0)
    if rectified:
        return CameraModel(matrix, height, tilt, roll=roll, attitude_known=turned is not None)
    return CameraModel(
        matrix,
        height,
        tilt,
        roll=roll,
        attitude_known=turned is not None,
        distortion=np.asarray(info.d, np.float64),
        fisheye=info.distortion_model in ("equidistant", "fisheye"),
    )
