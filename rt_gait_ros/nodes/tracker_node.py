"""tracker_node: people per image in, tracks that keep their identity out."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from rclpy.qos import QoSProfile

from rt_gait_ros.errors import GaitError
from rt_gait_ros.gait.identity import IdentityFrame
from rt_gait_ros.msg import GaitIdentityArray, PersonPoseArray, PersonTrackArray
from rt_gait_ros.nodes import runner
from rt_gait_ros.nodes.body_frames import BodyFrames
from rt_gait_ros.nodes.camera_geometry import CameraGeometry
from rt_gait_ros.nodes.conversions import identities_from_message, poses_from_message, tracks_to_message
from rt_gait_ros.nodes.human_bodies import HumanBodies
from rt_gait_ros.nodes.image_inlet import ImageInlet
from rt_gait_ros.nodes.links import RESULT_QOS, Inlet, Link, WaitingInlet
from rt_gait_ros.nodes.parameters import settings
from rt_gait_ros.nodes.processing import ProcessingStage
from rt_gait_ros.pipeline.tracker_feedback import InformedTracker
from rt_gait_ros.pose.person import PoseFrame
from rt_gait_ros.tracking.config import TrackerConfig
from rt_gait_ros.tracking.track import TrackFrame

NAME = "tracker_node"
PURPOSE = "Follows people from image to image: Kalman motion, gated optimal assignment, five-character body ids."
TOPICS = """
subscribes
  person_poses     rt_gait_ros/PersonPoseArray
  gait_identities  rt_gait_ros/GaitIdentityArray, unless identity_feedback is false: who returned, who was confused
  camera_info      sensor_msgs/CameraInfo, only with camera_height, base_frame, depth or stature: for metres
  depth_image      sensor_msgs/Image, only with depth: 16UC1 or 32FC1, registered to the colour image
  /tf, /tf_static  tf2_msgs/TFMessage, only with base_frame: where the camera is on the robot
  image_raw        sensor_msgs/Image, only while the picture of a body is subscribed (ros4hri)
  image_raw/compressed  sensor_msgs/CompressedImage, instead of it where image_transport is compressed
publishes
  person_tracks    rt_gait_ros/PersonTrackArray, once per image, empty ones too
  /tf              tf2_msgs/TFMessage, only with frames: body_<id> of every track that has a position
  /humans/bodies/tracked  hri_msgs/IdsList, only with ros4hri: who is there, once per image, and nobody at the end
  /humans/bodies/<id>/roi  hri_msgs/NormalizedRegionOfInterest2D, likewise, of everybody who is seen
  /humans/bodies/<id>/skeleton2d  hri_msgs/Skeleton2D, likewise
  /humans/bodies/<id>/cropped  sensor_msgs/Image, likewise, only while it is subscribed
  /diagnostics     diagnostic_msgs/DiagnosticArray, once a second
"""

# What the gait stage says waits for the next image: what is done with it is too little to be worth a wake-up. More of
# it waits than images do, so that a late image finds all it missed.
FEEDBACK_QOS = QoSProfile(depth=30)


class TrackerNode(ProcessingStage[PoseFrame, TrackFrame]):
    """Runs a Tracker, with what the gait stage says about its tracks, on every PersonPoseArray."""

    depth = 10  # a lost image's people are a lost gait frame
    behind_pose = True

    def __init__(self, **node_options: Any) -> None:
        super().__init__(NAME, **node_options)
        self.inlet = Inlet(
            self,
            PersonPoseArray,
            "person_poses",
            RESULT_QOS,
            poses_from_message,
            self.accept,
            self.finish,
            as_bytes=True,
        )
        self.feedback = WaitingInlet(
            self, GaitIdentityArray, "gait_identities", FEEDBACK_QOS, identities_from_message, as_bytes=True
        )
        self.outlet = Link(self, PersonTrackArray, "person_tracks", RESULT_QOS, tracks_to_message, as_bytes=True)
        self._informed: InformedTracker | None = None
        self._geometry = CameraGeometry(self)
        self.image = ImageInlet(self, self._keep_image, self.finish)
        self._bodies: HumanBodies | None = None
        self._frames: BodyFrames | None = None

    def setup(self) -> None:
        """Begin a run: no tracks, and ids that were never used in it."""
        self._informed = InformedTracker(settings(self, TrackerConfig))
        self._geometry.open()

    def start(self) -> None:
        """Listen to the gait stage, too, and open what is published beside the tracks.

        Whether the gait stage is there does not matter. Raises UsageError where messages are not installed.
        """
        self._bodies = HumanBodies(self) if self.value("ros4hri") else None
        self._frames = BodyFrames(self) if self.value("frames") else None
        super().start()
        if self.value("identity_feedback"):
            self.feedback.open()

    def stop(self) -> None:
        """Stop listening and end the worker."""
        self.image.close()
        super().stop()
        self.feedback.close()
        for beside in (self._bodies, self._frames):
            if beside is not None:
                beside.close()
        self._bodies = self._frames = None

    def teardown(self) -> None:
        """Forget all tracks."""
        self._informed = None
        self._geometry.close()

    def change(self, values: Mapping[str, Any]) -> None:
        """Go on with other settings."""
        config = settings(self, TrackerConfig, values)
        if self._informed is not None:
            self._informed.tracker.config = config

    def open_processor(self) -> Callable[[PoseFrame], TrackFrame]:
        """The tracker: it needs nothing from outside."""
        return self._track

    def check(self) -> None:
        """Also listen to the camera while somebody looks at the picture of a body."""
        super().check()
        self.feedback.look()
        if self._bodies is not None and self._bodies.wants_images:
            self.image.open()
        else:
            self.image.close()

    def details(self) -> dict[str, str]:
        """What the tracker left out, and what the gait stage had it change."""
        informed = self._informed
        rejected = informed.tracker.rejected if informed else {}
        changes = informed.feedback.changes if informed else {}
        return {
            **super().details(),
            **{f"left out: {reason}": str(count) for reason, count in rejected.items()},
            **{f"tracks {change}": str(count) for change, count in changes.items()},
        }

    def _track(self, poses: PoseFrame) -> TrackFrame:
        """The worker's turn: it alone touches the tracker."""
        informed = self._informed
        assert informed is not None
        for arrival in self.feedback.take():
            self._take_identities(informed, arrival)
        informed.tracker.camera = self._geometry.camera(poses.frame_id)
        tracks = informed.tracker.update(poses, depth=self._geometry.depth(poses.stamp))
        self._say_beside(tracks)
        return tracks

    def _say_beside(self, tracks: TrackFrame) -> None:
        """Say the same in the words of others."""
        if self._bodies is not None:
            self._bodies.send(tracks)
        if self._frames is not None:
            seen = {f"body_{track.body_id}": track for track in tracks.tracks}
            self._frames.send(seen, tracks.stamp, tracks.frame_id)

    def _keep_image(self, arrival: Any) -> None:
        if (bodies := self._bodies) is not None:
            bodies.keep(arrival)

    def _take_identities(self, informed: InformedTracker, arrival: Any) -> None:
        try:
            frame: IdentityFrame = self.feedback.read(arrival)
        except GaitError as error:
            self.statistics.count("malformed")
            self.faults.raise_("identities", f"skipped what the gait stage said: {error}")
            return
        self.faults.clear("identities")
        informed.take(frame)


def main(args: Sequence[str] | None = None) -> int:
    """Entry point."""
    return runner.run(lambda: [TrackerNode()], args, runner.help_text(NAME, PURPOSE, TOPICS, [NAME]))


if __name__ == "__main__":
    raise SystemExit(main())
