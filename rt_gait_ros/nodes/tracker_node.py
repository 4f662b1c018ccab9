"""tracker_node: people per image in, tracks that keep their identity out."""

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from sensor_msgs.msg import CameraInfo

from rt_gait_ros.msg import PersonPoseArray, PersonTrackArray
from rt_gait_ros.nodes import runner
from rt_gait_ros.nodes.conversions import poses_from_message, tracks_to_message
from rt_gait_ros.nodes.links import IMAGE_QOS, RESULT_QOS, Inlet, Link
from rt_gait_ros.nodes.parameters import settings
from rt_gait_ros.nodes.processing import ProcessingStage
from rt_gait_ros.pose.person import PoseFrame
from rt_gait_ros.tracking.camera import CameraModel
from rt_gait_ros.tracking.config import TrackerConfig
from rt_gait_ros.tracking.track import TrackFrame
from rt_gait_ros.tracking.tracker import Tracker

NAME = "tracker_node"
PURPOSE = "Follows people from image to image: Kalman motion, gated optimal assignment, five-character body ids."
TOPICS = """
subscribes
  person_poses   rt_gait_ros/PersonPoseArray
  camera_info    sensor_msgs/CameraInfo, only with camera_height: gives tracks a position in metres
publishes
  person_tracks  rt_gait_ros/PersonTrackArray, once per image, empty ones too
  /diagnostics   diagnostic_msgs/DiagnosticArray, once a second
"""


class TrackerNode(ProcessingStage[PoseFrame, TrackFrame]):
    """Runs a Tracker on every PersonPoseArray."""

    depth = 10  # a lost image's people are a lost gait frame

    def __init__(self, **node_options: Any) -> None:
        super().__init__(NAME, **node_options)
        self.inlet = Inlet(
            self, PersonPoseArray, "person_poses", RESULT_QOS, poses_from_message, self.accept, self.finish
        )
        self.outlet = Link(self, PersonTrackArray, "person_tracks", RESULT_QOS, tracks_to_message)
        self._tracker: Tracker | None = None
        self._camera_info: Any = None

    def setup(self) -> None:
        """Begin a run: no tracks, and ids that were never used in it."""
        self._tracker = Tracker(settings(self, TrackerConfig))
        if self.value("camera_height") > 0.0:
            self._camera_info = self.create_subscription(CameraInfo, "camera_info", self._on_camera_info, IMAGE_QOS)

    def teardown(self) -> None:
        """Forget all tracks."""
        self._tracker = None
        if self._camera_info is not None:
            self.destroy_subscription(self._camera_info)
            self._camera_info = None

    def change(self, values: Mapping[str, Any]) -> None:
        """Go on with other settings."""
        config = settings(self, TrackerConfig, values)
        if self._tracker is not None:
            self._tracker.config = config

    def open_processor(self) -> Callable[[PoseFrame], TrackFrame]:
        """The tracker: it needs nothing from outside."""
        assert self._tracker is not None
        return self._tracker.update

    def details(self) -> dict[str, str]:
        """What the tracker left out."""
        rejected = self._tracker.rejected if self._tracker else {}
        return {**super().details(), **{f"left out: {reason}": str(count) for reason, count in rejected.items()}}

    def _on_camera_info(self, message: CameraInfo) -> None:
        matrix = np.asarray(message.k, np.float64).reshape(3, 3)
        if self._tracker is None or (self._tracker.camera and (matrix == self._tracker.camera.K).all()):
            return
        if matrix[0, 0] <= 0.0:
            self.faults.raise_("camera_info", "camera_info holds no calibration: tracks get no position")
            return
        self.faults.clear("camera_info")
        tilt = math.radians(self.value("camera_tilt"))
        self._tracker.camera = CameraModel(matrix, self.value("camera_height"), tilt)


def main(args: Sequence[str] | None = None) -> int:
    """Entry point."""
    return runner.run(lambda: [TrackerNode()], args, runner.help_text(NAME, PURPOSE, TOPICS, [NAME]))


if __name__ == "__main__":
    raise SystemExit(main())
