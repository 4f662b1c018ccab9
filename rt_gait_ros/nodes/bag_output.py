"""What was found, into a bag: the topics that the nodes publish, with the stamps of the images."""

from rt_gait_ros.bags.writer import BagWriter
from rt_gait_ros.frame import Frame
from rt_gait_ros.gait.identity import IdentityFrame
from rt_gait_ros.nodes.conversions import frame_to_message, identities_to_message, poses_to_message, tracks_to_message
from rt_gait_ros.nodes.image_conversion import frame_to_compressed
from rt_gait_ros.nodes.image_inlet import COMPRESSED
from rt_gait_ros.nodes.message_bytes import to_bytes
from rt_gait_ros.pose.person import PoseFrame
from rt_gait_ros.tracking.track import TrackFrame


class BagOutput:
    """Writes into a bag, which whoever made it closes."""

    def __init__(self, bag: BagWriter) -> None:
        self._bag = bag

    def write(self, poses: PoseFrame, tracks: TrackFrame, identities: IdentityFrame) -> None:
        """What is known after one image."""
        stamp = tracks.stamp
        write = self._bag.write
        write("/person_poses", "rt_gait_ros/msg/PersonPoseArray", stamp, to_bytes(poses_to_message(poses)))
        write("/person_tracks", "rt_gait_ros/msg/PersonTrackArray", stamp, to_bytes(tracks_to_message(tracks)))
        identity = to_bytes(identities_to_message(identities))
        write("/gait_identities", "rt_gait_ros/msg/GaitIdentityArray", stamp, identity)

    def write_image(self, topic: str, frame: Frame, quality: int = 0) -> None:
        """An image. quality: 1..100 of a JPEG, on TOPIC/compressed; 0 is the plain image."""
        if quality:
            compressed = frame_to_compressed(frame, quality)
            self._bag.write(topic + COMPRESSED, "sensor_msgs/msg/CompressedImage", frame.stamp, to_bytes(compressed))
        else:
            self._bag.write(topic, "sensor_msgs/msg/Image", frame.stamp, to_bytes(frame_to_message(frame)))
