"""Our Fast DDS profile, in force unless the user has chosen one."""

import os
from collections.abc import MutableMapping

from rt_gait_ros.resources import resource

# Fast DDS 2 (Humble, Jazzy) reads the first, Fast DDS 3 (Kilted) the second.
PROFILE_VARIABLES = ("FASTRTPS_DEFAULT_PROFILES_FILE", "FASTDDS_DEFAULT_PROFILES_FILE")


def apply_dds_profile(environment: MutableMapping[str, str] = os.environ) -> bool:
    """Let Fast DDS of this process and its children use config/fastdds.xml: 32 MB of shared memory let images through.

    To be called before rclpy.init(). Returns False and changes nothing where the user has named a profile.
    Raises GaitError when the profile is not installed.
    """
    if any(environment.get(variable) for variable in PROFILE_VARIABLES):
        return False
    profile = str(resource("config", "fastdds.xml"))
    environment.update(dict.fromkeys(PROFILE_VARIABLES, profile))
    return True
