"""What of ROS this process has: the middleware that is in force, and the messages."""

import importlib

from rclpy.utilities import get_rmw_implementation_identifier


def middleware_name() -> str:
    """The middleware that topics travel by, as rmw_fastrtps_cpp."""
    return str(get_rmw_implementation_identifier())


def load_messages() -> None:
    """Load what the package's messages need to travel. Raises whatever rosidl or the dynamic linker does."""
    importlib.import_module("rt_gait_ros.msg").PersonTrackArray.__class__.__import_type_support__()
