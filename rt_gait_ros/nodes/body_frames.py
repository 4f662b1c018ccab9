"""Where people are as frames of tf: body_<id> by the tracker, person_<id> by the gait node."""

from collections.abc import Mapping

from geometry_msgs.msg import Transform, TransformStamped, Vector3
from rclpy.qos import QoSProfile

from rt_gait_ros.nodes.conversions import quaternion_of
from rt_gait_ros.nodes.headers import to_header
from rt_gait_ros.nodes.optional_messages import find_message
from rt_gait_ros.nodes.qos import publish_on
from rt_gait_ros.nodes.stage import Stage
from rt_gait_ros.tracking.track import Track

TF_QOS = QoSProfile(depth=100)  # as tf2_ros publishes


class BodyFrames:
    """Publishes to /tf where the node's parameter `frames` says so."""

    def __init__(self, node: Stage) -> None:
        """Raises UsageError where tf2_msgs is not installed."""
        self._message = find_message("tf2_msgs", "TFMessage", ("transforms",), "frames")
        self._prefix = node.value("frame_prefix")
        self._node = node
        self._publisher = publish_on(node, self._message, "/tf", TF_QOS)

    def send(self, tracks: Mapping[str, Track], stamp: int, frame_id: str) -> None:
        """Say where tracks are. tracks: by the name of their frame, without the prefix."""
        transforms = [
            TransformStamped(
                header=to_header(stamp, frame_id),
                child_frame_id=f"{self._prefix}{name}",
                transform=Transform(
                    translation=Vector3(**dict(zip("xyz", map(float, track.position), strict=True))),
                    rotation=quaternion_of(track.orientation),
                ),
            )
            for name, track in tracks.items()
            if track.position is not None and track.orientation is not None
        ]
        if transforms:
            self._publisher.publish(self._message(transforms=transforms))

    def close(self) -> None:
        """Publish no more."""
        self._node.destroy_publisher(self._publisher)
