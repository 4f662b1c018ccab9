"""Galleries by their address: a path is a file, `postgresql://…` a gallery on a server."""

import os
from pathlib import Path

from rt_gait_ros.fleet import copy_state
from rt_gait_ros.fleet.address import is_address, parse
from rt_gait_ros.fleet.connection import driver
from rt_gait_ros.fleet.copy_store import CopyStore
from rt_gait_ros.fleet.scene_rows import ServerScenes
from rt_gait_ros.gait import scene_file
from rt_gait_ros.gait.scene_keeping import FolderScenes, SceneKeeper
from rt_gait_ros.gallery import gallery_file
from rt_gait_ros.gallery.cipher import Cipher
from rt_gait_ros.gallery.gallery import Gallery, default_path, real_path
from rt_gait_ros.gallery.gallery_store import FileStore, Store
from rt_gait_ros.gallery.person import GalleryCorrupt, GalleryForeign, GalleryTooNew


def store_of(place: str | Path, cipher: Cipher | None = None) -> Store:
    """What keeps the gallery of this name, for a program that asks once. Raises GaitError, MissingPackage."""
    if not is_address(place):
        path = real_path(place)
        if copy_state.agreed_path(path).exists():  # a copy of a server's: who is forgotten here is so everywhere
            return CopyStore(None, path, cipher)
        return FileStore(path, cipher)
    from rt_gait_ros.fleet.server_store import ServerStore

    return ServerStore(parse(str(place)), cipher)


def open_gallery(place: str | Path, cipher: Cipher | None = None) -> Gallery:
    """The gallery of this name, for a program that asks once: on a server, without a copy of it. Raises GaitError."""
    return Gallery(store_of(place, cipher))


def open_for_robot(
    place: str | Path, cipher: Cipher | None = None, networks: Path | None = None, model: str = ""
) -> tuple[Gallery, str]:
    """The gallery of this name, for a robot: of one on a server, a copy that it answers from. Raises GaitError.

    A file that is corrupt or too new is kept aside, and an empty one takes its place; a copy is filled again.
    networks: folder of the gait networks, whose calibrations say which walks of scenes may be of whom others forget;
    None: the package's own. model: the gait network that the robot uses; a copy of it stays so though the server's
    gallery was rebuilt for another. Returns the gallery, and what was done in one line for the log, or "".
    """
    if not is_address(place):
        return Gallery.open_or_set_aside(place, cipher)
    driver()
    address = parse(str(place))
    path = real_path(address.copy_path)
    try:
        return Gallery(CopyStore(address, path, cipher, networks, model)), ""
    except (GalleryCorrupt, GalleryForeign, GalleryTooNew) as error:  # what lies at a copy's place is ours, or was
        why = "newer" if isinstance(error, GalleryTooNew) else "corrupt"
        aside = gallery_file.set_aside_if(path, why, cipher)
        gallery = Gallery(CopyStore(address, path, cipher, networks, model))
        said = f"{error}. It is kept as {aside}, and a new copy is made" if aside else ""
        return gallery, said


def scenes_of(place: str | Path, cipher: Cipher | None = None) -> SceneKeeper:
    """What is kept of scenes with the gallery of this name: beside its file, or on its server, of all robots.

    Raises UsageError, MissingPackage.
    """
    if not is_address(place):
        return FolderScenes(scene_file.folder_of(real_path(place)), cipher)
    driver()
    return ServerScenes(parse(str(place)))


def default_place() -> str | Path:
    """Gallery in use where none is named: as gallery.gallery.default_path, and $RT_GAIT_GALLERY may be an address."""
    named = os.environ.get("RT_GAIT_GALLERY", "")
    return named if is_address(named) else default_path()


def local_path(place: str | Path) -> Path:
    """The file on this machine: the gallery, or the copy that nodes keep of one on a server. Raises GaitError."""
    return parse(str(place)).copy_path if is_address(place) else real_path(place)
