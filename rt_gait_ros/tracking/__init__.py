"""From people per image to tracks that keep their identity."""

from rt_gait_ros.tracking.camera import CameraModel
from rt_gait_ros.tracking.camera_motion import CameraMotion
from rt_gait_ros.tracking.config import TrackerConfig
from rt_gait_ros.tracking.feedback import IdentityFeedback
from rt_gait_ros.tracking.track import Track, TrackFrame, TrackState
from rt_gait_ros.tracking.tracker import Tracker

__all__ = [
    "CameraModel",
    "CameraMotion",
    "IdentityFeedback",
    "Track",
    "TrackFrame",
    "TrackState",
    "Tracker",
    "TrackerConfig",
]
