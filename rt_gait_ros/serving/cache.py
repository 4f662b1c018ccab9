"""Where files go that can be made again: the installed server, run-time model repositories, logs."""

import os
from pathlib import Path

from rt_gait_ros.paths import home


def cache_folder() -> Path:
    """`RT_GAIT_CACHE`, else `rt_gait_ros` in the user's XDG cache folder (~/.cache). Not necessarily there yet."""
    if folder := os.environ.get("RT_GAIT_CACHE"):
        return Path(folder)
    return Path(os.environ.get("XDG_CACHE_HOME") or home() / ".cache") / "rt_gait_ros"
