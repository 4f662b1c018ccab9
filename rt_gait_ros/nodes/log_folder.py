"""Where ROS writes its logs, where it does not find a place by itself."""

import os
import tempfile
from collections.abc import MutableMapping
from pathlib import Path

from rt_gait_ros.errors import UsageError
from rt_gait_ros.paths import home

# What rcl looks for, in this order; it asks no list of users.
VARIABLES = ("ROS_LOG_DIR", "ROS_HOME", "HOME")


def provide_log_folder(environment: MutableMapping[str, str] = os.environ) -> None:
    """Name a place for ROS's logs where the environment has none, as under cron or for a container's nameless user.

    To be called before rclpy.init(), which would refuse to start. It is the user's home folder, else the system's
    folder for temporary files.
    """
    if any(environment.get(variable) for variable in VARIABLES):
        return
    try:
        folder = home() / ".ros"
    except UsageError:
        folder = Path(tempfile.gettempdir(), f"ros-{os.getuid()}")
    environment["ROS_HOME"] = str(folder)
