"""The sources file: cameras by name, each with parameters of its nodes, for `rt-gait run` and the launch file."""

import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import yaml

from rt_gait_ros.errors import GaitError, UsageError, of_file
from rt_gait_ros.masking import mask_credentials, readable
from rt_gait_ros.nodes.parameters import Specification, file_value, specifications
from rt_gait_ros.serving.installation import embedded_uses_gpu
from rt_gait_ros.sources import open_source
from rt_gait_ros.sources.names import written_out

CAMERA, POSE = "camera_node", "pose_node"
# A token of a ROS namespace (https://design.ros2.org/articles/topic_and_service_names.html).
_NAME = re.compile(r"[A-Za-z](?:_?[A-Za-z0-9])*")
# What the whole run says, and no camera for itself.
_NOT_HERE = {"autostart", "bond", "locked", "exit_at_end"}
_KINDS: Mapping[str, type | tuple[type, ...]] = {"bool": bool, "integer": int, "double": (int, float), "string": str}
_MOST_BYTES = 1 << 20
SOME_RATE = 1.0  # frames per second, to open a source that does not say its own


@dataclass(frozen=True, slots=True)
class Camera:
    """One camera. name: its namespace. parameters: by node and name; those of camera_node hold its `source`."""

    name: str
    parameters: Mapping[str, Mapping[str, Any]]

    @property
    def source(self) -> str:
        """What it plays, passwords included."""
        return str(self.parameters[CAMERA]["source"])

    def namespace(self, outer: str = "") -> str:
        """Of its nodes, below the namespace of all."""
        return "/".join(["", *filter(None, outer.split("/")), self.name])


def read_cameras(path: Path) -> list[Camera]:
    """The cameras of a sources file, in its order.

    The file is a YAML mapping `sources:` of a list of entries with `name`, `source`, other parameters of camera_node,
    and `parameters` of other nodes (`tracker_node: {camera_height: 2.4}`). Recordings are opened once.

    Raises UsageError with one line: a file that cannot be read or is no such list, an entry that is wrong, two cameras
    of one name, a password in a file that others may read. Raises GaitError for a recording that cannot be played.
    """
    where = f"sources file {readable(str(path))}"
    entries = _entries(path, where)
    cameras: dict[str, Camera] = {}
    for number, entry in enumerate(entries, 1):
        camera = _camera(entry, f"{where}, entry {number}")
        if camera.name in cameras:
            first = list(cameras).index(camera.name) + 1
            raise UsageError(f"{where} names two cameras '{camera.name}' (entries {first} and {number}): rename one")
        cameras[camera.name] = camera
    _refuse_open_secrets(path, where, list(cameras.values()))
    for camera in cameras.values():
        _try(camera, where)
    return list(cameras.values())


def with_shared_cores(cameras: Sequence[Camera], parameters: Path, triton: str) -> list[Camera]:
    """The cameras, each with an equal part of the cores for its pose node, unless the file says how many it has.

    Cameras whose networks run on a GPU, or on an external Triton, take no cores for them and have no part; one that is
    alone has no part either, and finds out how much time there is.
    parameters: file of all nodes' parameters; its `cores` are those of all cameras together, no more than this process
    may run on, and 0: all of these.
    triton: "embedded" or "external". Raises UsageError for a file that cannot be read.
    """
    there = float(len(os.sched_getaffinity(0)))
    try:
        whole = min(float(file_value(parameters, POSE, "cores")) or there, there)
    except ValueError:  # which the node refuses
        return list(cameras)
    usual = file_value(parameters, POSE, "inference")
    places = [str(each.parameters.get(POSE, {}).get("inference", usual)) for each in cameras]
    on_cores = {place: _on_these_cores(place, triton) for place in set(places)}
    sharing = sum(on_cores[place] for place in places)
    return [
        replace(each, parameters={**each.parameters, POSE: {"cores": whole / sharing, **each.parameters.get(POSE, {})}})
        if on_cores[place] and sharing > 1
        else each
        for each, place in zip(cameras, places, strict=True)
    ]


def _on_these_cores(inference: str, triton: str) -> bool:
    """Whether networks run on the cores of this machine. inference: the pose node's parameter."""
    if inference == "triton":
        return triton != "external" and not embedded_uses_gpu()
    return inference == "onnxruntime"


def _entries(path: Path, where: str) -> list[Any]:
    try:
        with path.open("rb") as file:
            data = file.read(_MOST_BYTES + 1)
    except OSError as error:
        raise of_file(error, f"{where} cannot be read") from error
    if len(data) > _MOST_BYTES:
        raise UsageError(f"{where} has more than {_MOST_BYTES} bytes: that is no list of cameras")
    try:
        content = yaml.safe_load(data.decode("utf-8"))
    except UnicodeDecodeError:
        raise UsageError(f"{where} is not UTF-8 text") from None
    except (yaml.YAMLError, RecursionError, ValueError) as error:  # its own text would quote the line, and passwords
        mark = getattr(error, "problem_mark", None)
        line = f" (line {mark.line + 1}: {getattr(error, 'problem', '')})" if mark else ""
        raise UsageError(f"{where} is no YAML{line}") from None
    if not isinstance(content, dict) or set(content) != {"sources"} or not isinstance(content["sources"], list):
        raise UsageError(f"{where} must hold 'sources:' and below it a list of cameras, '- name: door' and so on")
    if not content["sources"]:
        raise UsageError(f"{where} names no camera: give at least one entry with 'name' and 'source'")
    return content["sources"]


def _camera(entry: Any, where: str) -> Camera:
    if not isinstance(entry, dict) or not all(isinstance(key, str) for key in entry):
        raise UsageError(f"{where} must be a mapping with 'name' and 'source'")
    own = dict(entry)
    name, others = own.pop("name", None), own.pop("parameters", None) or {}
    if not isinstance(name, str) or not _NAME.fullmatch(name):
        raise UsageError(
            f"{where}: 'name' is {name!r} but must be letters, digits and single underscores, a letter first: it is "
            "the namespace of the camera's nodes"
        )
    where = f"{where} ('{name}')"
    if isinstance(own.get("source"), int) and not isinstance(own["source"], bool):
        own["source"] = str(own["source"])  # a camera's number
    if not own.get("source"):
        raise UsageError(f"{where} has no 'source': a stream's URL, a camera's number or path, or a recording")
    known = {key: value for key, value in specifications()[CAMERA].items() if key not in _NOT_HERE}
    parameters = {CAMERA: {"frame_id": f"{name}_optical_frame", **_checked(own, known, where)}}
    if not isinstance(others, dict):
        raise UsageError(f"{where}: 'parameters' is a mapping of nodes, as in tracker_node: {{camera_height: 2.4}}")
    for node, values in others.items():
        if node not in specifications() or node == CAMERA or not isinstance(values, dict):
            nodes = ", ".join(known for known in specifications() if known != CAMERA)
            raise UsageError(f"{where}: 'parameters' has '{node}', and takes mappings of parameters of {nodes}")
        parameters[node] = _checked(values, specifications()[node], f"{where}, {node}")
    return Camera(name, parameters)


def _checked(values: Mapping[Any, Any], known: Mapping[str, Specification], where: str) -> dict[str, Any]:
    """The values as the parameters' types have them. Raises UsageError for an unknown name and a wrong value."""
    checked = {}
    for name, value in values.items():
        if name not in known:
            raise UsageError(f"{where}: '{name}' is not known; known are {', '.join(known)}")
        kind = known[name].type
        good = isinstance(value, _KINDS.get(kind, list)) and isinstance(value, bool) == (kind == "bool")
        if not good:
            raise UsageError(f"{where}: '{name}' is {mask_credentials(repr(value))} but must be of type {kind}")
        if complaint := known[name].complaint(value):
            raise UsageError(f"{where}: {complaint}")
        checked[name] = float(value) if kind == "double" else value
    return checked


def _refuse_open_secrets(path: Path, where: str, cameras: Sequence[Camera]) -> None:
    mode = os.stat(path).st_mode & 0o777
    for camera in cameras:
        if mode & 0o077 and written_out(camera.source):
            raise UsageError(
                f"{where} holds the password of '{camera.name}' and others may read it (mode {mode:04o}): "
                "chmod 600 it, or write ${NAME} for an environment variable"
            )


def _try(camera: Camera, where: str) -> None:
    try:
        open_source(camera.source, fps=camera.parameters[CAMERA].get("fps") or SOME_RATE).close()
    except GaitError as error:
        line = f"{where}, '{camera.name}': {mask_credentials(str(error))}"
        raise (UsageError if isinstance(error, UsageError) else GaitError)(line) from error
