"""Galleries by their address: a path is a file, `postgresql://…` a gallery on a server."""

import os
from pathlib import Path

from rt_gait_ros.fleet.address import is_address, parse
from rt_gait_ros.gait.cipher import Cipher
from rt_gait_ros.gait.gallery import Gallery, default_path, real_path
from rt_gait_ros.gait.gallery_store import FileStore, Store


def store_of(place: str | Path, cipher: Cipher | None = None) -> Store:
    """What keeps the gallery of this name, for a program that asks once. Raises GaitError, MissingPackage."""
    if not is_address(place):
        return FileStore(real_path(place), cipher)
    from rt_gait_ros.fleet.server_store import ServerStore

    return ServerStore(parse(str(place)), cipher)


def open_gallery(place: str | Path, cipher: Cipher | None = None) -> Gallery:
    """The gallery of this name, for a program that asks once: on a server, without a copy of it. Raises GaitError."""
    return Gallery(store_of(place, cipher))


def default_place() -> str | Path:
    """Gallery in use where none is named: as gait.gallery.default_path, and $RT_GAIT_GALLERY may be an address."""
    named = os.environ.get("RT_GAIT_GALLERY", "")
    return named if is_address(named) else default_path()


def local_path(place: str | Path) -> Path:
    """The file on this machine: the gallery, or the copy that nodes keep of one on a server. Raises GaitError."""
    return parse(str(place)).copy_path if is_address(place) else real_path(place)
