"""composed_node: all stages in one process, handing each other objects; topics carry what somebody subscribes to."""

from collections.abc import Sequence

from rclpy.node import Node

from rt_gait_ros.nodes import parameters, runner
from rt_gait_ros.nodes.camera_node import NAME as CAMERA
from rt_gait_ros.nodes.camera_node import CameraNode
from rt_gait_ros.nodes.gait_node import GaitNode
from rt_gait_ros.nodes.overlay_node import OverlayNode
from rt_gait_ros.nodes.pose_node import PoseNode
from rt_gait_ros.nodes.stage import Stage
from rt_gait_ros.nodes.tracker_node import TrackerNode

NAME = "composed_node"
PURPOSE = "The camera, pose, tracker, gait and overlay nodes in one process. Without a source, image_raw is subscribed."
TOPICS = """
publishes, while somebody subscribes
  image_raw, camera_info, person_poses, person_tracks, gait_identities, overlay/image, overlay/markers
Each node keeps its name, life cycle, services and parameters, as in -p pose_node:detector:=movenet_multipose
In a namespace -p NODE:NAME:= finds no node: write a parameter file with a section /**/pose_node, as config/gait.yaml
"""
SECTIONS = ("camera_node", "pose_node", "tracker_node", "gait_node", "overlay_node")


def build() -> list[Stage]:
    """The stages, linked, in the order of the data. Without a `source` the camera is somebody else's topic."""
    camera = CameraNode() if _has_source() else None
    pose, tracker, gait, overlay = PoseNode(), TrackerNode(), GaitNode(), OverlayNode()
    tracker.inlet.link = pose.outlet
    gait.inlet.link = tracker.outlet
    tracker.feedback.link = gait.outlet
    pose.names.tracks.link, pose.names.identities.link = tracker.outlet, gait.outlet
    overlay.tracks.link = tracker.outlet
    overlay.identities.link = gait.outlet
    stages: list[Stage] = [pose, tracker, gait, overlay]
    if camera is None:
        return stages
    pose.inlet.link = overlay.image.link = tracker.image.link = camera.outlet
    return [camera, *stages]


def _has_source() -> bool:
    """Ask before there is a camera node: a life-cycle node that was destroyed lingers in the graph."""
    probe = Node(CAMERA, enable_rosout=False, start_parameter_services=False)
    try:
        parameters.declare(probe, CAMERA)
        return bool(probe.get_parameter("source").value)
    finally:
        probe.destroy_node()


def main(args: Sequence[str] | None = None) -> int:
    """Entry point."""
    return runner.run(build, args, runner.help_text(NAME, PURPOSE, TOPICS, SECTIONS))


if __name__ == "__main__":
    raise SystemExit(main())
