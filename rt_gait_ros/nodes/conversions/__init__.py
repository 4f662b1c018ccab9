"""Domain types to messages and back: the only files that know both sides.

Large fields are handed over whole (`array.array` and `memoryview`): assigning arrays element by element costs rclpy
fifty times as much. Pixels may be those of the domain's own frame; nothing else of a message is shared with another.
`…_from_message` takes a message, or a record of one (message_records).
"""

from rt_gait_ros.nodes.conversions.identities import (
    identities_from_message,
    identities_to_message,
    identity_to_message,
)
from rt_gait_ros.nodes.conversions.images import frame_from_message, frame_to_message
from rt_gait_ros.nodes.conversions.parts import MalformedMessage
from rt_gait_ros.nodes.conversions.poses import poses_from_message, poses_to_message
from rt_gait_ros.nodes.conversions.tracks import pose_to_message, quaternion_of, tracks_from_message, tracks_to_message

__all__ = [
    "MalformedMessage",
    "frame_from_message",
    "frame_to_message",
    "identities_from_message",
    "identities_to_message",
    "identity_to_message",
    "pose_to_message",
    "poses_from_message",
    "poses_to_message",
    "quaternion_of",
    "tracks_from_message",
    "tracks_to_message",
]
