"""Whether the pose node makes the gait frames that the gait node's network takes, told before anything is started."""

from pathlib import Path

from rt_gait_ros.errors import UsageError
from rt_gait_ros.nodes.parameters import file_value
from rt_gait_ros.paths import expand
from rt_gait_ros.resources import resource
from rt_gait_ros.serving.repository import read_config, spec_from_config


def check_gait_frames(params_file: Path) -> None:
    """Refuse a parameter file whose pose_node makes other gait frames than its gait_node's model declares.

    A model that is not in the repository is left to the server. Raises UsageError that names both.
    """
    made = file_value(params_file, "pose_node", "gait_frame_kind")
    model = file_value(params_file, "gait_node", "model")
    folder = expand(file_value(params_file, "gait_node", "model_repository") or resource("model_repository")) / model
    if not folder.is_dir():
        return
    eaten = spec_from_config(read_config(folder)).parameters.get("gait_frame_kind", "")
    if made != eaten:
        raise UsageError(
            f"{params_file}: gait_node's model {model} takes {eaten or 'unknown'} gait frames and pose_node makes "
            f"{made or 'none'}: set pose_node's gait_frame_kind to {eaten or 'what it takes'}, or choose another model"
        )
