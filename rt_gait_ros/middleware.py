"""Which ROS middleware is chosen, and whether it is there."""

import os
import sys
from collections.abc import Mapping
from pathlib import Path

VARIABLE = "RMW_IMPLEMENTATION"
_CHOOSER = "rmw_implementation"  # lists itself among those it chooses from


def missing_middleware(environment: Mapping[str, str] = os.environ, prefix: str = sys.prefix) -> str:
    """Why the middleware that RMW_IMPLEMENTATION names cannot be used, one line; empty when it can, or none is named.

    rcl finds that out when it is imported, and then ends the process with exit code 102. prefix: of a pip installation.
    """
    wanted = environment.get(VARIABLE, "")
    prefixes = [*filter(None, environment.get("AMENT_PREFIX_PATH", "").split(os.pathsep)), prefix]
    folders = [Path(one, "share", "ament_index", "resource_index", "rmw_typesupport") for one in prefixes]
    known = sorted({path.name for folder in folders if folder.is_dir() for path in folder.iterdir()} - {_CHOOSER})
    if not wanted or not known or wanted in known:
        return ""
    package = f"ros-{environment.get('ROS_DISTRO', 'DISTRO')}-{wanted.replace('_', '-')}"
    return f"{VARIABLE} is {wanted}, which is not installed ({', '.join(known)} is): install {package}, or unset it"
