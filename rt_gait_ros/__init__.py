"""Who is walking near the robot, by the way they walk."""

from pkgutil import extend_path

# The generated messages (rt_gait_ros.msg, .srv, .action) may be installed in another folder than these sources,
# as in an editable install.
__path__ = extend_path(__path__, __name__)

__version__ = "0.1.0"
