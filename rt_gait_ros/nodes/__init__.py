"""ROS 2 nodes: parameters, topics, services and diagnostics around the domain rooms. No algorithm lives here."""

import importlib.util
import sys
from pathlib import Path

from rt_gait_ros.errors import MissingPackage, UsageError
from rt_gait_ros.middleware import missing_middleware
from rt_gait_ros.pip_packages import NO_ROS

if importlib.util.find_spec("rclpy") is None:
    if Path(sys.argv[0]).name.endswith("_node"):  # a node's own program, which has nobody who would hear of an error
        sys.exit(f"error: {NO_ROS}")
    raise MissingPackage(NO_ROS, name="rclpy")

# Before anything of ROS is imported, at which rcl would end the process with an exit code and two lines of its own.
if _reason := missing_middleware():
    sys.stderr.write(f"error: {_reason}\n")
    sys.exit(UsageError.exit_code)
