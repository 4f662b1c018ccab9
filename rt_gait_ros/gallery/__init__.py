"""Who is known: the gallery, what keeps it, its encryption and audit, and how it is searched."""

from typing import TYPE_CHECKING

from rt_gait_ros.lazy import exports

if TYPE_CHECKING:
    from rt_gait_ros.gallery.cipher import Cipher as Cipher
    from rt_gait_ros.gallery.cipher import KeyProblem as KeyProblem
    from rt_gait_ros.gallery.cipher import find_cipher as find_cipher
    from rt_gait_ros.gallery.gallery import DuplicateName as DuplicateName
    from rt_gait_ros.gallery.gallery import Gallery as Gallery
    from rt_gait_ros.gallery.gallery import GalleryModelMismatch as GalleryModelMismatch
    from rt_gait_ros.gallery.gallery import UnknownPerson as UnknownPerson
    from rt_gait_ros.gallery.gallery import default_path as default_path
    from rt_gait_ros.gallery.names import UnfitName as UnfitName
    from rt_gait_ros.gallery.person import GalleryCorrupt as GalleryCorrupt
    from rt_gait_ros.gallery.person import GalleryError as GalleryError
    from rt_gait_ros.gallery.person import GalleryInUse as GalleryInUse
    from rt_gait_ros.gallery.person import GalleryLocked as GalleryLocked
    from rt_gait_ros.gallery.person import GalleryReadOnly as GalleryReadOnly
    from rt_gait_ros.gallery.person import GalleryTooNew as GalleryTooNew
    from rt_gait_ros.gallery.person import Person as Person
    from rt_gait_ros.gallery.person import Template as Template

__getattr__, __dir__ = exports(
    __name__,
    {
        "Cipher": ".cipher",
        "DuplicateName": ".gallery",
        "Gallery": ".gallery",
        "GalleryCorrupt": ".person",
        "GalleryError": ".person",
        "GalleryInUse": ".person",
        "GalleryLocked": ".person",
        "GalleryModelMismatch": ".gallery",
        "GalleryReadOnly": ".person",
        "GalleryTooNew": ".person",
        "KeyProblem": ".cipher",
        "Person": ".person",
        "Template": ".person",
        "UnfitName": ".names",
        "UnknownPerson": ".gallery",
        "default_path": ".gallery",
        "find_cipher": ".cipher",
    },
)
