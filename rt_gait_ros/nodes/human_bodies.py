"""The tracks as ROS4HRI has them (REP-155): /humans/bodies/tracked, and topics of its own for each body."""

from typing import Any

import numpy as np
from rclpy.qos import QoSProfile
from sensor_msgs.msg import Image

from rt_gait_ros.errors import GaitError
from rt_gait_ros.frame import Frame
from rt_gait_ros.nodes.conversions import frame_from_message
from rt_gait_ros.nodes.headers import from_time, to_header
from rt_gait_ros.nodes.image_conversion import bgr_to_image
from rt_gait_ros.nodes.optional_messages import find_message
from rt_gait_ros.nodes.qos import publish_on, retire
from rt_gait_ros.nodes.stage import Stage
from rt_gait_ros.tracking.depth import Recent
from rt_gait_ros.tracking.track import Track, TrackFrame, TrackState

# System defaults, as ROS4HRI's nodes have: a best-effort publisher would never match their reliable subscriptions.
HUMANS_QOS = QoSProfile(depth=10)
IMAGES = 30  # camera images that wait for the tracks of them, which come later by what the pose stage takes
# Our joint for each of hri_msgs/Skeleton2D's 18, in its order from NOSE to RIGHT_EAR.
SKELETONS = {"trt_pose": (0, 17, 6, 8, 10, 5, 7, 9, 12, 14, 16, 11, 13, 15, 1, 2, 3, 4)}
# COCO has no neck: it is the middle between the shoulders, appended as joint 17.
SKELETONS["coco"] = SKELETONS["trt_pose"]
SHOULDERS = (5, 6)

FIELDS = {
    "IdsList": ("header", "ids"),
    "NormalizedRegionOfInterest2D": ("header", "xmin", "ymin", "xmax", "ymax", "c"),
    "NormalizedPointOfInterest2D": ("x", "y", "c"),
    "Skeleton2D": ("header", "skeleton"),
}


class HumanBodies:
    """Publishes the bodies of one tracker. All its methods but the constructor may be called from the worker.

    wants_images: whether somebody looked at the picture of a body when the last image came.
    """

    def __init__(self, node: Stage) -> None:
        """Raises UsageError where hri_msgs is not installed, or of another version."""
        self._kinds = {name: find_message("hri_msgs", name, fields, "ros4hri") for name, fields in FIELDS.items()}
        self._node = node
        self._prefix = node.value("humans_prefix").rstrip("/")
        self._tracked = publish_on(node, self._kinds["IdsList"], f"{self._prefix}/bodies/tracked", HUMANS_QOS)
        self._bodies: dict[str, dict[str, Any]] = {}  # publishers by what they publish, by body id
        self._images: Recent[Any] = Recent(IMAGES)
        self._said: tuple[int, str] = (0, "")
        self.wants_images = False

    def keep(self, arrival: Any) -> None:
        """Keep a camera image, a message or a Frame, until the tracks of it come."""
        stamp = arrival.stamp if isinstance(arrival, Frame) else from_time(arrival.header.stamp)
        self._images.add(stamp, arrival)

    def send(self, tracks: TrackFrame) -> None:
        """Say who is there in one image, and how they look in it."""
        bodies = {
            track.body_id: track
            for track in tracks.tracks
            if track.state in (TrackState.CONFIRMED, TrackState.OCCLUDED)
        }
        for body_id in self._bodies.keys() - bodies.keys():
            self._drop(body_id)
        self._said = tracks.stamp, tracks.frame_id
        header = to_header(tracks.stamp, tracks.frame_id)
        self._tracked.publish(self._kinds["IdsList"](header=header, ids=list(bodies)))
        # here, for other threads must not ask publishers that this one destroys
        self.wants_images = any(body["cropped"].get_subscription_count() > 0 for body in self._bodies.values())
        image = self._image_of(tracks.stamp) if self.wants_images else None
        for body_id, track in bodies.items():
            body = self._bodies.get(body_id) or self._begin(body_id)
            if track.state is TrackState.CONFIRMED and tracks.width > 0 and tracks.height > 0:
                self._send_one(body, track, tracks, image)

    def close(self) -> None:
        """Nobody is tracked any longer."""
        self._tracked.publish(self._kinds["IdsList"](header=to_header(*self._said), ids=[]))
        for body_id in list(self._bodies):
            self._drop(body_id)
        retire(self._node, self._tracked)
        self._images.clear()

    def _send_one(self, body: dict[str, Any], track: Track, tracks: TrackFrame, image: np.ndarray | None) -> None:
        header, size = to_header(tracks.stamp, tracks.frame_id), np.array([tracks.width, tracks.height], float)
        corners = np.clip(np.concatenate([track.box[:2], track.box[:2] + track.box[2:]]).reshape(2, 2) / size, 0.0, 1.0)
        (xmin, ymin), (xmax, ymax) = corners.tolist()
        region = self._kinds["NormalizedRegionOfInterest2D"]
        body["roi"].publish(
            region(header=header, xmin=xmin, ymin=ymin, xmax=xmax, ymax=ymax, c=float(track.confidence))
        )
        if track.keypoints is not None and tracks.layout in SKELETONS:
            point = self._kinds["NormalizedPointOfInterest2D"]
            points = [point(x=x, y=y, c=c) for x, y, c in skeleton_of(track.keypoints, tracks.layout, size).tolist()]
            body["skeleton2d"].publish(self._kinds["Skeleton2D"](header=header, skeleton=points))
        if image is not None and body["cropped"].get_subscription_count() > 0:
            height, width = image.shape[:2]
            left, top, right, bottom = (np.array([xmin, ymin, xmax, ymax]) * [width, height, width, height]).astype(int)
            if right > left and bottom > top:
                picture = np.ascontiguousarray(image[top:bottom, left:right])
                body["cropped"].publish(bgr_to_image(picture, tracks.stamp, tracks.frame_id))

    def _image_of(self, stamp: int) -> np.ndarray | None:
        arrival = self._images.nearest(stamp, 0)
        if arrival is None:
            return None
        try:
            return (arrival if isinstance(arrival, Frame) else frame_from_message(arrival)).image
        except GaitError:  # which the pose stage says
            return None

    def _begin(self, body_id: str) -> dict[str, Any]:
        below = f"{self._prefix}/bodies/{body_id}"
        kinds = {
            "roi": self._kinds["NormalizedRegionOfInterest2D"],
            "skeleton2d": self._kinds["Skeleton2D"],
            "cropped": Image,
        }
        self._bodies[body_id] = {
            name: publish_on(self._node, kind, f"{below}/{name}", HUMANS_QOS, passing=True)
            for name, kind in kinds.items()
        }
        return self._bodies[body_id]

    def _drop(self, body_id: str) -> None:
        for publisher in self._bodies.pop(body_id).values():
            self._node.destroy_publisher(publisher)


def skeleton_of(keypoints: np.ndarray, layout: str, size: np.ndarray) -> np.ndarray:
    """Keypoints (K, 3) in the order of hri_msgs/Skeleton2D, (18, 3): x and y as parts of the image, confidence.

    size: width and height of the image in pixels. A joint that was not found, or lies outside the image, is 0, 0, 0:
    the message has no number for it.
    """
    joints = np.asarray(keypoints, float)
    if layout == "coco":
        joints = np.vstack([joints, joints[list(SHOULDERS)].mean(axis=0)])
    found = joints[list(SKELETONS[layout])] / [*size, 1.0]
    shown = ((found >= 0.0) & (found <= 1.0)).all(axis=1, keepdims=True)  # false of NaN
    return np.where(shown, found, 0.0)
