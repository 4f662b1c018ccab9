"""Whether the pose node makes the gait frames that the gait node's network eats, told before anything is started."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import yaml

from rt_gait_ros.errors import UsageError
from rt_gait_ros.nodes.parameters import specifications
from rt_gait_ros.resources import resource
from rt_gait_ros.serving.repository import read_model


def check_gait_frames(params_file: Path) -> None:
    """Refuse a parameter file whose pose_node makes other gait frames than its gait_node's model declares.

    A model that is not in the repository is left to the server. Raises UsageError that names both.
    """
    made = _value(params_file, "pose_node", "gait_frame_kind")
    model = _value(params_file, "gait_node", "model")
    folder = Path(_value(params_file, "gait_node", "model_repository") or resource("model_repository")) / model
    if not folder.is_dir():
        return
    eaten = read_model(folder).spec.parameters.get("gait_frame_kind", "")
    if made != eaten:
        raise UsageError(
            f"{params_file}: gait_node's model {model} eats {eaten or 'unknown'} gait frames and pose_node makes "
            f"{made or 'none'}: set pose_node's gait_frame_kind to {eaten or 'what it eats'}, or choose another model"
        )


def _value(params_file: Path, node: str, name: str) -> str:
    """What a node will find for a text parameter: the file's last word, or the default."""
    try:
        content = yaml.safe_load(params_file.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise UsageError(f"params_file {params_file} cannot be read: {' '.join(str(error).split())}") from error
    value = specifications()[node][name].default
    for target, parameters in _sections(content):
        if target.rpartition("/")[2] in (node, "*", "**"):
            value = parameters.get(name, value)
    return str(value)


def _sections(content: Any, path: str = "") -> Iterator[tuple[str, Mapping[str, Any]]]:
    """(name of a node, its parameters) of a parameter file, however deep its namespaces are."""
    if not isinstance(content, Mapping):
        return
    for key, inside in content.items():
        if key == "ros__parameters" and isinstance(inside, Mapping):
            yield path, inside
        else:
            yield from _sections(inside, f"{path}/{key}")
