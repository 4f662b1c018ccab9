"""SROS2: in which enclave each executable runs, and the environment that makes it compulsory."""

from collections.abc import Iterable, Mapping, MutableMapping
from pathlib import Path

from rt_gait_ros.errors import UsageError
from rt_gait_ros.paths import expand
from rt_gait_ros.resources import resource

# As config/policies.xml names them. RViz only reads.
ENCLAVES: Mapping[str, str] = {
    "camera_node": "/rt_gait/camera",
    "pose_node": "/rt_gait/pose",
    "tracker_node": "/rt_gait/tracker",
    "gait_node": "/rt_gait/gait",
    "overlay_node": "/rt_gait/overlay",
    "composed_node": "/rt_gait/composed",
    "rviz2": "/rt_gait/reader",
}
# What rmw wants in an enclave's folder; one of them lacking, a node that enforces security does not start.
_FILES = ("identity_ca.cert.pem", "cert.pem", "key.pem", "permissions_ca.cert.pem", "governance.p7s", "permissions.p7s")


def enforce(environment: MutableMapping[str, str], keystore: Path, executables: Iterable[str]) -> None:
    """Set the variables with which these executables take part in nothing but secured communication.

    Raises UsageError when the keystore lacks one of their enclaves.
    """
    keystore = expand(keystore).absolute()
    for executable in executables:
        folder = keystore / "enclaves" / ENCLAVES[executable].lstrip("/")
        missing = [name for name in _FILES if not (folder / name).is_file()]
        if missing:
            raise UsageError(
                f"keystore {keystore} has no {missing[0]} of the enclave {ENCLAVES[executable]}: "
                f"`ros2 security generate_artifacts -k {keystore} -p {resource('config', 'policies.xml')}`"
            )
    environment.update(ROS_SECURITY_ENABLE="true", ROS_SECURITY_STRATEGY="Enforce", ROS_SECURITY_KEYSTORE=str(keystore))
