"""From people per image to tracks that keep their identity."""

from rt_gait_ros.tracking.camera import CameraModel
from rt_gait_ros.tracking.config import TrackerConfig
from rt_gait_ros.tracking.feedback import IdentityFeedback
from rt_gait_ros.tracking.track import Track, TrackFrame, TrackState
from rt_gait_ros.tracking.tracker import Tracker

__all__ = [
    "CameraModel",
    "IdentityFeedback",
    "Track",
    "TrackFrame",
    "TrackState",
    "Tracker",
    "TrackerConfig",
]
