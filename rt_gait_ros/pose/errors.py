"""What the pose stage refuses."""

from rt_gait_ros.errors import GaitError


class PoseError(GaitError):
    """Maps, topologies or settings that the pose stage cannot work with."""
