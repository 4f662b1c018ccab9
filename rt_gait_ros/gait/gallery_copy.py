"""A copy of a gallery to try something on, that shares nothing with it."""

import shutil
from pathlib import Path

from rt_gait_ros.errors import of_file
from rt_gait_ros.gait import scene_file
from rt_gait_ros.gallery import gallery_file
from rt_gait_ros.gallery.gallery import Gallery

FILE = "copy.gallery"


def copy_gallery(gallery: Gallery, folder: Path) -> Path:
    """Write everybody of a gallery, and the scenes beside it, into a file in `folder`; returns the file.

    folder: private to its owner, as the copy holds what the gallery does, encrypted where that is. Raises GaitError.
    """
    path = folder / FILE
    gallery_file.create(path, gallery.store.open().content, gallery.cipher)
    scenes = scene_file.folder_of(gallery.path)
    try:
        if scenes.is_dir():
            shutil.copytree(scenes, scene_file.folder_of(path))
    except OSError as error:
        raise of_file(error, f"the scenes {scenes} cannot be copied") from error
    return path
