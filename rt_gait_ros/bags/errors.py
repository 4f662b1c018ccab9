"""What can be wrong with a bag."""

from rt_gait_ros.errors import UsageError


class BagError(UsageError):
    """A bag cannot be read or written, or does not hold what is asked of it."""
