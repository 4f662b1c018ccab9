"""overlay_node: the camera image with boxes, skeletons and names, and markers. Works only while somebody looks."""

import threading
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

from sensor_msgs.msg import CompressedImage, Image
from visualization_msgs.msg import MarkerArray

from rt_gait_ros.errors import GaitError
from rt_gait_ros.frame import Frame
from rt_gait_ros.msg import GaitIdentityArray, PersonTrackArray
from rt_gait_ros.nodes import runner
from rt_gait_ros.nodes.conversions import frame_to_message, identities_from_message, tracks_from_message
from rt_gait_ros.nodes.headers import from_time
from rt_gait_ros.nodes.image_conversion import frame_to_compressed
from rt_gait_ros.nodes.image_inlet import ImageInlet, compressed_topic
from rt_gait_ros.nodes.links import RESULT_QOS, Inlet, Link
from rt_gait_ros.nodes.markers import Markers
from rt_gait_ros.nodes.moments import Moments
from rt_gait_ros.nodes.stage import Stage
from rt_gait_ros.nodes.stamps import Stamps
from rt_gait_ros.nodes.statistics import skipped
from rt_gait_ros.nodes.worker import Worker
from rt_gait_ros.overlay.draw import Trails, draw_overlay
from rt_gait_ros.tracking.depth import Recent

NAME = "overlay_node"
PURPOSE = (
    "Draws boxes, skeletons, gait frames and names on the camera image. Subscribes and works only while its topics are "
    "subscribed."
)
TOPICS = """
subscribes, only while one of its topics is subscribed
  image_raw        sensor_msgs/Image, only for overlay/image; as pose_node does, with image_transport
  person_tracks    rt_gait_ros/PersonTrackArray
  gait_identities  rt_gait_ros/GaitIdentityArray
publishes
  overlay/image/compressed  sensor_msgs/CompressedImage, the same as JPEG
  overlay/image    sensor_msgs/Image, bgr8, stamped as the tracks that are drawn on it
  overlay/markers  visualization_msgs/MarkerArray, of tracks that have a position: people, names, uncertainty, trails
  /diagnostics     diagnostic_msgs/DiagnosticArray, once a second
"""

LOOK_PERIOD = 0.2  # seconds between looks whether somebody looks
# An image without a usable stamp goes with the tracks whose image came to the pose node within so many ns of it.
TOGETHER = 100_000_000
IMAGES = 30  # such images that wait


class OverlayNode(Stage):
    """Joins image, tracks and identities by their exact stamps, and draws.

    Where the camera's stamps do not tell times apart, the pose stage goes by times of arrival; then so does this node.
    """

    def __init__(self, **node_options: Any) -> None:
        super().__init__(NAME, **node_options)
        self.image = ImageInlet(self, partial(self._join, "image"), self.finish)
        self.tracks = self._inlet("tracks", PersonTrackArray, "person_tracks", tracks_from_message)
        self.identities = self._inlet("identities", GaitIdentityArray, "gait_identities", identities_from_message)
        self.pictures = Link(self, Image, "overlay/image", RESULT_QOS, frame_to_message)
        self.compressed = Link(
            self, CompressedImage, compressed_topic(self, "overlay/image"), RESULT_QOS, self._to_compressed
        )
        self.markers: Link[MarkerArray] = Link(self, MarkerArray, "overlay/markers", RESULT_QOS)
        self._lock = threading.Lock()  # each inlet calls from its own thread
        self._moments = Moments()
        self._stamps = Stamps()
        self._unstamped: Recent[Any] = Recent(IMAGES)
        self._worker: Worker[dict[str, Any]] | None = None
        self._looker: Any = None

    def start(self) -> None:
        """Begin to look whether somebody looks."""
        self._trails, self._scene = Trails(), Markers()
        self._stamps = Stamps(self.image.topic)
        self._worker = Worker(
            self._draw, on_drop=lambda: self.statistics.count("dropped"), on_crash=self.finish, name=NAME
        )
        self._looker = self.every(LOOK_PERIOD, self._look)

    def stop(self) -> None:
        """Stop listening and drawing."""
        if self._looker is not None:
            self.destroy_timer(self._looker)
            self._looker = None
        for inlet in (self.image, self.tracks, self.identities):
            inlet.close()
        if self._worker is not None:
            self._worker.stop()
            self._worker = None
        with self._lock:
            self._moments.clear()
            self._unstamped.clear()

    def details(self) -> dict[str, str]:
        """Who looks."""
        return {"image_watched": str(self._picture_watched), "markers_watched": str(self.markers.watched)}

    @property
    def _picture_watched(self) -> bool:
        return self.pictures.watched or self.compressed.watched

    def _to_compressed(self, frame: Frame) -> CompressedImage:
        return frame_to_compressed(frame, self.value("jpeg_quality"))

    def _inlet(self, part: str, message_type: Any, topic: str, read: Callable[[Any], Any]) -> Inlet[Any]:
        return Inlet(self, message_type, topic, RESULT_QOS, read, partial(self._join, part), self.finish)

    def _look(self) -> None:
        watched = self._picture_watched
        for inlet, wanted in (
            (self.image, watched),
            (self.tracks, watched or self.markers.watched),
            (self.identities, watched or self.markers.watched),
        ):
            if wanted:
                inlet.open()
            else:
                inlet.close()

    def _join(self, part: str, arrival: Any) -> None:
        """Keep what came until the rest of its moment is there; then have it drawn."""
        header = arrival if hasattr(arrival, "stamp") else arrival.header
        stamp = header.stamp if isinstance(header.stamp, int) else from_time(header.stamp)
        with self._lock:
            moment = self._put_together(part, arrival, stamp, header.frame_id)
        worker = self._worker
        if moment and worker is not None:
            self.statistics.count("received")
            worker.offer(moment)

    def _put_together(self, part: str, arrival: Any, stamp: int, frame_id: str) -> dict[str, Any] | None:
        """The moment by part, once it is whole."""
        wanted = ["tracks", "identities"]
        if part == "image":
            stamp = self._stamps.settle(stamp, self.clock_now(), frame_id)
            if self._stamps.by_arrival:
                self._unstamped.add(stamp, arrival)
                return None
        if self._picture_watched and not self._stamps.by_arrival:
            wanted.append("image")
        moment = self._moments.add(stamp, part, arrival, wanted)
        if moment and self._picture_watched and self._stamps.by_arrival:
            moment["image"] = self._unstamped.nearest(stamp, TOGETHER)
        return moment

    def _draw(self, moment: dict[str, Any]) -> None:
        begun = self.now()
        try:
            tracks, identities = self.tracks.read(moment["tracks"]), self.identities.read(moment["identities"])
            frame = self.image.read(moment["image"]) if moment.get("image") else None
        except GaitError as error:
            self.statistics.count("malformed")
            self.faults.raise_("input", skipped(error))
            return
        self.faults.clear("input")
        if frame is not None:
            self._trails.update(tracks)
            picture = draw_overlay(frame.image, tracks, identities, trails=self._trails)
            made = Frame(picture, tracks.stamp, frame.frame_id)
            self.pictures.send(made)
            self.compressed.send(made)
        if self.markers.watched:
            self.markers.send(self._scene.update(tracks, identities))
        self.statistics.handled(self.now() - begun, self.age_of(tracks.stamp))


def main(args: Sequence[str] | None = None) -> int:
    """Entry point."""
    return runner.run(lambda: [OverlayNode()], args, runner.help_text(NAME, PURPOSE, TOPICS, [NAME]))


if __name__ == "__main__":
    raise SystemExit(main())
