"""The walking videos of the KTH set (Schuldt, Laptev, Caputo, "Recognizing human actions", ICPR 2004).

Files are personNN_dK.avi: d1 outdoors, d3 outdoors in other clothes, d4 indoors. In d2 the camera zooms: left out.
"""

import re
from pathlib import Path

from rt_gait_ros.errors import UsageError

CONDITIONS = ("d1", "d3", "d4")

_NAME = re.compile(r"person(\d+)_(d[0-9])\.avi", re.IGNORECASE)


def find_videos(folder: Path) -> dict[tuple[str, str], Path]:
    """The videos of the set by (person, condition). Raises UsageError for a folder of another layout."""
    if not folder.is_dir():
        raise UsageError(f"{folder} is not a folder: name the one that holds personNN_dK.avi")
    found = {}
    for path in sorted(folder.iterdir()):
        match = _NAME.fullmatch(path.name)
        if match and match[2].lower() in CONDITIONS:
            found[match[1], match[2].lower()] = path
    if len({condition for _, condition in found}) < 2 or len({person for person, _ in found}) < 2:
        raise UsageError(f"{folder} does not hold the set: personNN_dK.avi of two people and two conditions are needed")
    return found
