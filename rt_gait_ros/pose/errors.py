"""What the pose stage refuses."""

from rt_gait_ros.errors import GaitError, UsageError


class PoseError(GaitError):
    """Maps, topologies or settings that the pose stage cannot work with."""


class PoseSettingsError(PoseError, UsageError):
    """A setting of the pose stage outside its range."""
