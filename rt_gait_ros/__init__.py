"""Who is walking near the robot, by the way they walk."""

import os
from pkgutil import extend_path

# ONNX Runtime from 1.29 on writes a device id below the home folder and sends events to its maker as soon as it is
# imported, unless this is set before. It is set here, before any module of the package can import it, whatever the
# environment says, and so for all processes that this one starts: Triton, its Python stubs, workers of evaluations.
os.environ["ORT_DISABLE_TELEMETRY"] = "1"

# The generated messages (rt_gait_ros.msg, .srv, .action) may be installed in another folder than these sources,
# as in an editable install.
__path__ = extend_path(__path__, __name__)

__version__ = "0.1.0"
