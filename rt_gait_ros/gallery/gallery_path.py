"""Where a gallery's file is."""

import os
from pathlib import Path

from rt_gait_ros.gallery.person import GalleryError
from rt_gait_ros.paths import expand


def default_path() -> Path:
    """Gallery in use where none is named: $RT_GAIT_GALLERY, or a file in the user's data folder (XDG)."""
    data = os.environ.get("XDG_DATA_HOME") or "~/.local/share"
    return expand(os.environ.get("RT_GAIT_GALLERY") or f"{data}/rt_gait_ros/people.gallery")


def real_path(path: str | Path) -> Path:
    """Where a gallery's file is: a leading ~ is expanded, links among its folders are followed.

    A last part that is a link stays one, and is refused when it is opened. Raises GalleryError for what is no path.
    """
    try:
        path = Path(path).expanduser()
        if not path.name:
            raise ValueError("it names no file")
        return path.parent.resolve() / path.name
    except (OSError, RuntimeError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise GalleryError(f"{str(path)[:80]!a} is no path of a gallery: {reason}") from error
