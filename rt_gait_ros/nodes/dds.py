"""Our Fast DDS profile, in force unless the user has chosen one."""

import contextlib
import os
from collections.abc import MutableMapping
from pathlib import Path

from rt_gait_ros.resources import resource

# Fast DDS 2 (Humble, Jazzy) reads the first, Fast DDS 3 (Kilted) the second.
PROFILE_VARIABLES = ("FASTRTPS_DEFAULT_PROFILES_FILE", "FASTDDS_DEFAULT_PROFILES_FILE")
# Fast DDS reads it from 2.14 (Jazzy) on; for the value UDPv4 we have a profile that Humble's takes as well.
TRANSPORTS_VARIABLE = "FASTDDS_BUILTIN_TRANSPORTS"
UDP = "UDPv4"

_SHARED_MEMORY = Path("/dev/shm")
# Fast DDS 2 and 3; the second are those of data sharing.
_SEGMENTS = ("fastrtps_", "fastdds_", "fast_datasharing_")


def apply_dds_profile(environment: MutableMapping[str, str] = os.environ) -> bool:
    """Let Fast DDS of this process and its children use config/fastdds.xml: 32 MB of shared memory let images through.

    With `FASTDDS_BUILTIN_TRANSPORTS=UDPv4` it is config/fastdds_udp.xml, without shared memory: through that, Fast DDS
    reaches no process of another user. To be called before rclpy.init(). Returns False and changes nothing where the
    user has named a profile, or other transports. Raises GaitError when the profile is not installed.
    """
    transports = environment.get(TRANSPORTS_VARIABLE)
    if any(environment.get(variable) for variable in PROFILE_VARIABLES) or transports not in (None, "", UDP):
        return False
    profile = str(resource("config", "fastdds_udp.xml" if transports == UDP else "fastdds.xml"))
    environment.update(dict.fromkeys(PROFILE_VARIABLES, profile))
    return True


def close_shared_memory() -> list[Path]:
    """Take this process's Fast DDS segments, through which images travel, away from other users. Returns them.

    Fast DDS makes them readable for everybody (0644) whatever the umask says. Participants of other users lose nothing:
    they could not write to such a segment before either, as Fast DDS has to.
    """
    segments = []
    for line in Path("/proc/self/maps").read_text(encoding="utf-8", errors="replace").splitlines():
        path = Path(line.split(maxsplit=5)[-1])
        if path.parent == _SHARED_MEMORY and path.name.startswith(_SEGMENTS) and path not in segments:
            segments.append(path)
    for path in segments:
        with contextlib.suppress(OSError):  # another user's port, or gone meanwhile
            file = os.open(path, os.O_RDWR | os.O_NOFOLLOW)
            try:
                os.fchmod(file, 0o600)
            finally:
                os.close(file)
    return segments
