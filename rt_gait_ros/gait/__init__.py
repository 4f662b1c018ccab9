"""From tracks to persons: gait models, embeddings, the gallery and the open-set decision."""

from typing import TYPE_CHECKING

from rt_gait_ros.lazy import exports

if TYPE_CHECKING:
    from rt_gait_ros.gait.calibration import Calibration as Calibration
    from rt_gait_ros.gait.cipher import Cipher as Cipher
    from rt_gait_ros.gait.cipher import KeyProblem as KeyProblem
    from rt_gait_ros.gait.cipher import find_cipher as find_cipher
    from rt_gait_ros.gait.config import RecognizerConfig as RecognizerConfig
    from rt_gait_ros.gait.enrollment import EnrollError as EnrollError
    from rt_gait_ros.gait.enrollment import Enrollment as Enrollment
    from rt_gait_ros.gait.gallery import DuplicateName as DuplicateName
    from rt_gait_ros.gait.gallery import Gallery as Gallery
    from rt_gait_ros.gait.gallery import GalleryModelMismatch as GalleryModelMismatch
    from rt_gait_ros.gait.gallery import UnknownPerson as UnknownPerson
    from rt_gait_ros.gait.gallery import default_path as default_path
    from rt_gait_ros.gait.identity import Candidate as Candidate
    from rt_gait_ros.gait.identity import Identity as Identity
    from rt_gait_ros.gait.identity import IdentityFrame as IdentityFrame
    from rt_gait_ros.gait.identity import IdentityStatus as IdentityStatus
    from rt_gait_ros.gait.known_people import Forgotten as Forgotten
    from rt_gait_ros.gait.known_people import KnownPeople as KnownPeople
    from rt_gait_ros.gait.known_people import recognizer_config as recognizer_config
    from rt_gait_ros.gait.names import UnfitName as UnfitName
    from rt_gait_ros.gait.person import GalleryCorrupt as GalleryCorrupt
    from rt_gait_ros.gait.person import GalleryError as GalleryError
    from rt_gait_ros.gait.person import GalleryInUse as GalleryInUse
    from rt_gait_ros.gait.person import GalleryLocked as GalleryLocked
    from rt_gait_ros.gait.person import GalleryReadOnly as GalleryReadOnly
    from rt_gait_ros.gait.person import GalleryTooNew as GalleryTooNew
    from rt_gait_ros.gait.person import Person as Person
    from rt_gait_ros.gait.person import Template as Template
    from rt_gait_ros.gait.recognizer import GaitRecognizer as GaitRecognizer
    from rt_gait_ros.gait.scenes import Scenes as Scenes
    from rt_gait_ros.gait.views import ViewPrior as ViewPrior

__getattr__, __dir__ = exports(
    __name__,
    {
        "Calibration": ".calibration",
        "Candidate": ".identity",
        "Cipher": ".cipher",
        "DuplicateName": ".gallery",
        "EnrollError": ".enrollment",
        "Enrollment": ".enrollment",
        "Forgotten": ".known_people",
        "GaitRecognizer": ".recognizer",
        "Gallery": ".gallery",
        "GalleryCorrupt": ".person",
        "GalleryError": ".person",
        "GalleryInUse": ".person",
        "GalleryLocked": ".person",
        "GalleryModelMismatch": ".gallery",
        "GalleryReadOnly": ".person",
        "GalleryTooNew": ".person",
        "Identity": ".identity",
        "IdentityFrame": ".identity",
        "IdentityStatus": ".identity",
        "KeyProblem": ".cipher",
        "KnownPeople": ".known_people",
        "Person": ".person",
        "RecognizerConfig": ".config",
        "Scenes": ".scenes",
        "Template": ".person",
        "UnfitName": ".names",
        "UnknownPerson": ".gallery",
        "ViewPrior": ".views",
        "default_path": ".gallery",
        "find_cipher": ".cipher",
        "recognizer_config": ".known_people",
    },
)
