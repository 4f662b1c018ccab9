"""Every argument of the launch file: what it changes for which process, without launch, which pip has not.

test/launch/test_gait_launch.py starts the same for real, where launch is installed.
"""

import ast
import os
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest

from rt_gait_ros.errors import GaitError, UsageError
from rt_gait_ros.nodes.launch_arguments import STAGES, LaunchArguments, misspelt
from rt_gait_ros.resources import resource

Given = Callable[..., LaunchArguments]
CAMERAS = "sources: [{name: door, source: 'synthetic://crossing', loop: true}, {name: hall, source: '7'}]"


def defaults() -> dict[str, str]:
    """Every argument of the launch file with its default."""
    tree = ast.parse(resource("launch", "gait.launch.py").read_text(encoding="utf-8"))
    found = {}
    for call in ast.walk(tree):
        if isinstance(call, ast.Call) and isinstance(call.func, ast.Name) and call.func.id == "DeclareLaunchArgument":
            (value,) = (keyword.value for keyword in call.keywords if keyword.arg == "default_value")
            literal = isinstance(value, ast.Constant)
            found[ast.literal_eval(call.args[0])] = (
                ast.literal_eval(value) if literal else str(resource("config", "gait.yaml"))
            )
    return found


@pytest.fixture
def given() -> Given:
    return lambda **words: LaunchArguments(defaults() | words)


def changed(said: LaunchArguments, name: str) -> dict[str, object]:
    """The nodes that are told of a parameter, with its value."""
    return {node: values[name] for node, values in said.parameters().items() if name in values}


def of(value: object, *nodes: str) -> dict[str, object]:
    return dict.fromkeys(nodes, value)


# Arguments that set a parameter: what is given, the parameter, and the nodes that are told with the value.
PARAMETERS = {
    "source": ("4", "source", of("4", "camera_node")),
    "image_transport": (
        "compressed", "image_transport", of("compressed", "pose_node", "tracker_node", "overlay_node"),
    ),
    "rectified": ("True", "rectified", of(True, "tracker_node")),
    "depth_topic": ("/depth", "depth", of(True, "tracker_node")),
    "triton_url": ("127.0.0.1:9001", "triton_url", of("127.0.0.1:9001", "pose_node", "gait_node")),
    "gallery": ("people.gallery", "gallery", of("people.gallery", "gait_node")),
    "ros4hri": ("1", "ros4hri", of(True, "tracker_node", "gait_node")),
    "frames": ("TRUE", "frames", of(True, "tracker_node", "gait_node")),
    "frame_prefix": ("robot1/", "frame_prefix", of("robot1/", "camera_node", "tracker_node", "gait_node")),
    "bond": ("true", "bond", of(True, *STAGES)),
    "autostart": ("False", "autostart", of(False, *STAGES)),
    "use_sim_time": ("True", "use_sim_time", of(True, *STAGES)),
}  # fmt: skip
# Arguments that change what is started, and how; each has a test below.
OTHERS = {
    "sources", "image_topic", "tf_topic", "params_file", "namespace", "triton", "keystore", "rviz", "rviz_frame",
    "composed", "log_level", "use_respawn",
}  # fmt: skip


def test_every_argument_of_the_launch_file_has_its_test_here() -> None:
    assert set(defaults()) == set(PARAMETERS) | OTHERS


@pytest.mark.parametrize("argument", PARAMETERS)
def test_an_argument_reaches_the_nodes_that_it_is_for_and_no_other(given: Given, argument: str) -> None:
    value, parameter, told = PARAMETERS[argument]
    assert changed(given(**{argument: value}), parameter) == told


def test_what_is_not_said_is_left_to_params_file(given: Given) -> None:
    common = {"autostart": True, "use_sim_time": False}
    url = {"triton_url": "127.0.0.1:8001"}
    assert given().parameters() == {
        stage: common | (url if stage in ("pose_node", "gait_node") else {}) for stage in STAGES
    }


def test_topics_are_remapped(given: Given) -> None:
    assert dict(given().remappings) == {
        "image_raw": "image_raw", "camera_info": "camera_info", "/tf": "/tf", "/tf_static": "/tf_static",
    }  # fmt: skip
    said = given(image_topic="/front/color/image_rect", tf_topic="tf", depth_topic="/front/depth")
    assert dict(said.remappings) == {
        "image_raw": "/front/color/image_rect", "camera_info": "/front/color/camera_info", "/tf": "tf",
        "/tf_static": "tf_static", "depth_image": "/front/depth",
    }  # fmt: skip
    assert changed(said, "rectified") == {"tracker_node": True}, "the topic's name says so"
    assert dict(said.tf_remappings) == {"/tf": "tf", "/tf_static": "tf_static"}


def test_processes_are_those_that_are_needed(given: Given) -> None:
    assert given().executables == STAGES[1:]
    assert given(source="0").executables == STAGES
    assert given(source="0", composed="True").executables == ("composed_node",)
    assert not given().respawn
    assert given(use_respawn="True").respawn
    assert given(log_level="debug").log_level == "debug"
    assert given(namespace="robot1").namespace_of(None) == "robot1"


def test_cameras_of_a_file_have_each_their_own(given: Given, tmp_path: Path) -> None:
    file = tmp_path / "cameras.yaml"
    file.write_text(CAMERAS)
    said = given(sources=str(file), namespace="house", frames="true", frame_prefix="robot1/")
    assert said.executables == STAGES
    assert [said.namespace_of(camera) for camera in said.cameras] == ["/house/door", "/house/hall"]
    door, hall = (said.parameters(camera) for camera in said.cameras)
    assert (door["camera_node"]["source"], door["camera_node"]["loop"]) == ("synthetic://crossing", True)
    assert hall["camera_node"]["source"] == "7"
    assert door["pose_node"]["cores"] == hall["pose_node"]["cores"] == len(os.sched_getaffinity(0)) / 2
    for own, name in ((door, "door"), (hall, "hall")):
        assert own["camera_node"]["frame_id"] == f"{name}_optical_frame"
        assert own["camera_node"]["frame_prefix"] == "robot1/"
        assert own["gait_node"]["frames"] is True


def test_the_server_is_ours_or_another_one(given: Given, tmp_path: Path) -> None:
    said = given(triton_url="localhost:9001")
    assert said.triton_port == 9001
    assert set(said.networks) >= {"gaitset_small_v5_stream"}
    assert given(triton="external", triton_url="elsewhere:8001").triton == "external"
    own = tmp_path / "own.yaml"
    own.write_text(
        "/**/pose_node: {ros__parameters: {inference: onnx}}\n/**/gait_node: {ros__parameters: {inference: onnx}}\n"
    )
    assert given(params_file=str(own)).networks == []


def test_a_keystore_puts_each_process_into_its_enclave(given: Given) -> None:
    assert given().enclave_arguments("gait_node") == []
    assert given(keystore="keys").enclave_arguments("gait_node") == ["--enclave", "/rt_gait/gait"]


def test_rviz_looks_from_the_frame_that_the_tracks_are_in(given: Given, tmp_path: Path) -> None:
    config = ["-d", str(resource("config", "gait.rviz"))]
    assert given(rviz="true").rviz
    assert given().rviz_arguments == config, "a driver's frame is its own"
    assert given(rviz_frame="odom", source="0").rviz_arguments == [*config, "-f", "odom"]
    assert given(source="0", frame_prefix="robot1/").rviz_arguments == [*config, "-f", "robot1/camera_optical_frame"]
    own = tmp_path / "own.yaml"
    own.write_text("/**/camera_node: {ros__parameters: {frame_id: front}}\n")
    assert given(source="0", params_file=str(own)).rviz_arguments == [*config, "-f", "front"]
    own.write_text("/**/camera_node: {ros__parameters: {frame_prefix: robot2/}}\n")
    for words, frame in (({}, "robot2/"), ({"frame_prefix": "robot1/"}, "robot1/")):
        said = given(source="0", params_file=str(own), **words)
        assert said.rviz_arguments == [*config, "-f", f"{frame}camera_optical_frame"]


def test_a_recording_is_looked_at_before_anything_starts(given: Given, tmp_path: Path) -> None:
    video = tmp_path / "video.avi"
    writer = cv2.VideoWriter(str(video), cv2.VideoWriter_fourcc(*"MJPG"), 10.0, (64, 48))
    writer.write(np.zeros((48, 64, 3), np.uint8))
    writer.release()
    assert changed(given(source=str(video)), "source") == {"camera_node": str(video)}
    with pytest.raises(GaitError, match=r"nope\.mp4"):
        given(source=str(tmp_path / "nope.mp4"))


@pytest.mark.parametrize(
    ("words", "line"),
    [
        ({"source": ""}, "source:=none takes images from image_topic"),
        ({"image_topic": " "}, "source and image_topic cannot be empty"),
        ({"image_topic": "front//image"}, "image_topic 'front//image' is not the name of a topic"),
        ({"depth_topic": "/front/0/depth"}, "depth_topic '/front/0/depth' is not the name of a topic"),
        ({"tf_topic": ""}, "tf_topic:=tf is below the namespace"),
        ({"params_file": "/nope.yaml"}, "params_file /nope.yaml is not there: copy"),
        ({"params_file": "/"}, "params_file / is no file: copy"),
        ({"triton_url": "elsewhere:8001"}, "is another machine: say triton:=external as well"),
        ({"triton_url": "8001"}, "8001"),
        ({"rectified": "perhaps"}, "rectified is 'perhaps' but must be auto, true or false"),
        *(({name: "yes"}, f"{name} is 'yes' but must be true or false") for name, value in defaults().items()
          if value in ("true", "false")),
        ({"sources": "CAMERAS", "source": "0"}, "sources is instead of source and image_topic"),
        ({"sources": "CAMERAS", "image_topic": "/other"}, "sources is instead of source and image_topic"),
        ({"sources": "CAMERAS", "depth_topic": "/depth"}, "depth_topic is of one camera"),
        ({"sources": "CAMERAS", "rviz": "true"}, "rviz:=true shows one camera"),
        ({"sources": "/nope.yaml"}, "sources file /nope.yaml cannot be read"),
    ],
    ids=str,
)  # fmt: skip
def test_what_cannot_be_is_one_line(given: Given, tmp_path: Path, words: dict[str, str], line: str) -> None:
    if words.get("sources") == "CAMERAS":
        file = tmp_path / "cameras.yaml"
        file.write_text(CAMERAS)
        words = words | {"sources": str(file)}
    with pytest.raises(UsageError) as caught:
        given(**words)
    assert line in str(caught.value)
    assert "\n" not in str(caught.value)


def test_an_argument_of_another_name_is_told_with_the_nearest() -> None:
    assert misspelt(["image_topc", "world", "source"], defaults()) == [
        "no launch argument is called 'image_topc': did you mean 'image_topic'?"
    ]
