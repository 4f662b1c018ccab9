"""Recognises people by the way they walk."""

import os
from pkgutil import extend_path
from typing import TYPE_CHECKING

# ONNX Runtime from 1.29 on writes a device id below the home folder and sends events to its maker as soon as it is
# imported, unless this is set before. It is set here, before any module of the package can import it, whatever the
# environment says, and so for all processes that this one starts: Triton, its Python stubs, workers of evaluations.
os.environ["ORT_DISABLE_TELEMETRY"] = "1"

# The generated messages (rt_gait_ros.msg, .srv, .action) may be installed in another folder than these sources,
# as in an editable install.
__path__ = extend_path(__path__, __name__)

__version__ = "0.1.0"

from rt_gait_ros.lazy import exports

if TYPE_CHECKING:
    from rt_gait_ros.errors import GaitError as GaitError
    from rt_gait_ros.errors import MissingPackage as MissingPackage
    from rt_gait_ros.errors import PipelineClosed as PipelineClosed
    from rt_gait_ros.errors import UsageError as UsageError
    from rt_gait_ros.gait import EnrollError as EnrollError
    from rt_gait_ros.gait import Enrollment as Enrollment
    from rt_gait_ros.gait import GaitRecognizer as GaitRecognizer
    from rt_gait_ros.gait import IdentityStatus as IdentityStatus
    from rt_gait_ros.gait import KnownPeople as KnownPeople
    from rt_gait_ros.gait import RecognizerConfig as RecognizerConfig
    from rt_gait_ros.gait import recognizer_config as recognizer_config
    from rt_gait_ros.gallery import Gallery as Gallery
    from rt_gait_ros.pipeline import EnrollmentRefused as EnrollmentRefused
    from rt_gait_ros.pipeline import GaitPipeline as GaitPipeline
    from rt_gait_ros.pipeline import SeenPerson as SeenPerson
    from rt_gait_ros.pipeline import TrackingPipeline as TrackingPipeline
    from rt_gait_ros.pose import PoseConfig as PoseConfig
    from rt_gait_ros.pose import PosePipeline as PosePipeline
    from rt_gait_ros.sources import Frame as Frame
    from rt_gait_ros.sources import open_source as open_source
    from rt_gait_ros.tracking import CameraModel as CameraModel
    from rt_gait_ros.tracking import Tracker as Tracker
    from rt_gait_ros.tracking import TrackerConfig as TrackerConfig
    from rt_gait_ros.tracking import TrackState as TrackState

__getattr__, __dir__ = exports(
    __name__,
    {
        "CameraModel": ".tracking",
        "EnrollError": ".gait",
        "Enrollment": ".gait",
        "EnrollmentRefused": ".pipeline",
        "Frame": ".sources",
        "GaitError": ".errors",
        "GaitPipeline": ".pipeline",
        "GaitRecognizer": ".gait",
        "Gallery": ".gallery",
        "IdentityStatus": ".gait",
        "KnownPeople": ".gait",
        "MissingPackage": ".errors",
        "PipelineClosed": ".errors",
        "PoseConfig": ".pose",
        "PosePipeline": ".pose",
        "RecognizerConfig": ".gait",
        "SeenPerson": ".pipeline",
        "TrackState": ".tracking",
        "Tracker": ".tracking",
        "TrackerConfig": ".tracking",
        "TrackingPipeline": ".pipeline",
        "UsageError": ".errors",
        "open_source": ".sources",
        "recognizer_config": ".gait",
    },
)
