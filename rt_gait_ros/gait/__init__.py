"""From tracks to persons: gait models, embeddings and the open-set decision."""

from typing import TYPE_CHECKING

from rt_gait_ros.lazy import exports

if TYPE_CHECKING:
    from rt_gait_ros.gait.calibrated import recognizer_config as recognizer_config
    from rt_gait_ros.gait.calibration import Calibration as Calibration
    from rt_gait_ros.gait.config import RecognizerConfig as RecognizerConfig
    from rt_gait_ros.gait.enrollment import EnrollError as EnrollError
    from rt_gait_ros.gait.enrollment import Enrollment as Enrollment
    from rt_gait_ros.gait.identity import Candidate as Candidate
    from rt_gait_ros.gait.identity import Identity as Identity
    from rt_gait_ros.gait.identity import IdentityFrame as IdentityFrame
    from rt_gait_ros.gait.identity import IdentityStatus as IdentityStatus
    from rt_gait_ros.gait.known_people import Forgotten as Forgotten
    from rt_gait_ros.gait.known_people import KnownPeople as KnownPeople
    from rt_gait_ros.gait.recognizer import GaitRecognizer as GaitRecognizer
    from rt_gait_ros.gait.scenes import Scenes as Scenes
    from rt_gait_ros.gait.views import ViewPrior as ViewPrior

__getattr__, __dir__ = exports(
    __name__,
    {
        "Calibration": ".calibration",
        "Candidate": ".identity",
        "EnrollError": ".enrollment",
        "Enrollment": ".enrollment",
        "Forgotten": ".known_people",
        "GaitRecognizer": ".recognizer",
        "Identity": ".identity",
        "IdentityFrame": ".identity",
        "IdentityStatus": ".identity",
        "KnownPeople": ".known_people",
        "RecognizerConfig": ".config",
        "Scenes": ".scenes",
        "ViewPrior": ".views",
        "recognizer_config": ".calibrated",
    },
)
