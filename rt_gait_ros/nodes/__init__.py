"""ROS 2 nodes: parameters, topics, services and diagnostics around the domain rooms. No algorithm lives here."""

import sys

from rt_gait_ros.errors import UsageError
from rt_gait_ros.middleware import missing_middleware

# Before anything of ROS is imported, at which rcl would end the process with an exit code and two lines of its own.
if _reason := missing_middleware():
    sys.stderr.write(f"error: {_reason}\n")
    sys.exit(UsageError.exit_code)
