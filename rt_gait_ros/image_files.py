"""Pictures on disk, under any name: OpenCV's own reading and writing ends the process over a name that is no UTF-8."""

from pathlib import Path

import cv2
import numpy as np

from rt_gait_ros.errors import UsageError, of_file
from rt_gait_ros.masking import readable
from rt_gait_ros.paths import replace_file


def read_image(path: Path) -> np.ndarray | None:
    """The picture, (H, W, 3) uint8 BGR; None where there is none or it is damaged."""
    try:
        data = np.fromfile(path, np.uint8)
    except OSError:
        return None
    return cv2.imdecode(data, cv2.IMREAD_COLOR) if data.size else None


def write_image(path: Path, image: np.ndarray) -> None:
    """Write a picture in the format that the name's ending says, whole or not at all.

    Raises GaitError, or UsageError for the name.
    """
    try:
        good, data = cv2.imencode(path.suffix, image)
    except (cv2.error, UnicodeEncodeError):
        good = False
    if not good:
        raise UsageError(f"{readable(str(path))} cannot be written: give it the ending .png or .jpg")
    try:
        replace_file(path, data.tobytes())
    except OSError as error:
        raise of_file(error, f"{readable(str(path))} cannot be written") from error
