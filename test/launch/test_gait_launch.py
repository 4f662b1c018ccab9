"""The launch file for real: every process, Triton among them, over DDS, and an end that leaves nothing behind.

test/nodes/test_launch_arguments.py tests each argument where launch is not installed.
"""

import importlib.util
import os
import signal
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
import rclpy
from ament_index_python.packages import PackageNotFoundError, get_package_prefix
from lifecycle_msgs.srv import ChangeState, GetState
from message_packages import PACKAGES, build, source
from rcl_interfaces.srv import GetParameters

REASON = "launch, launch_ros and launch_pytest come with a ROS distribution, not with the wheels"
launch_pytest = pytest.importorskip("launch_pytest", reason=REASON)
pytest.importorskip("launch_ros", reason=REASON)

from launch import LaunchDescription  # noqa: E402
from launch.actions import GroupAction, IncludeLaunchDescription, RegisterEventHandler  # noqa: E402
from launch.event_handlers import OnProcessExit, OnProcessIO, OnProcessStart  # noqa: E402
from launch.launch_description_sources import PythonLaunchDescriptionSource  # noqa: E402

from rt_gait_ros.msg import GaitIdentityArray  # noqa: E402
from rt_gait_ros.resources import resource  # noqa: E402

ROOT = Path(__file__).resolve().parents[2]
PATIENCE = 300.0  # seconds: the machine may be busy
STAGES = ("camera_node", "pose_node", "tracker_node", "gait_node", "overlay_node")
exit_codes: dict[str, list[int]] = {}
started: dict[str, list[int]] = {}  # process ids
said: list[str] = []


@pytest.fixture(scope="module", autouse=True)
def ros(domain: int) -> Iterator[None]:
    try:
        get_package_prefix("rt_gait_ros")
    except (PackageNotFoundError, OSError):
        pytest.skip("rt_gait_ros is not installed in a sourced prefix: launch finds no executables")
    rclpy.init()
    yield
    rclpy.try_shutdown()


@pytest.fixture(scope="module")
def optional_messages() -> Iterator[None]:
    """hri_msgs, tf2_msgs and bond, for this process and those that it starts."""
    before = dict(os.environ)
    if not any(importlib.util.find_spec(name) for name in PACKAGES):
        source(build(ROOT / "build"))
    for name in ("hri_msgs", "tf2_msgs", "bond"):
        pytest.importorskip(name)
    yield
    os.environ.clear()
    os.environ.update(before)


class Ears:
    """Hears and asks the nodes."""

    def __init__(self) -> None:
        self.node = rclpy.create_node("ears")

    def __enter__(self) -> "Ears":
        return self

    def __exit__(self, *_: object) -> None:
        self.node.destroy_node()

    def until(self, condition: Callable[[], Any]) -> Any:
        deadline = time.monotonic() + PATIENCE
        while not (value := condition()):
            assert time.monotonic() < deadline, "\n".join(said)
            rclpy.spin_once(self.node, timeout_sec=0.1)
        return value

    def frames(self, namespace: str, enough: int = 5) -> set[str]:
        """The frame ids of identities that arrive from now on."""
        heard: list[GaitIdentityArray] = []
        topic = f"/{namespace}/gait_identities"
        subscription = self.node.create_subscription(GaitIdentityArray, topic, heard.append, 10)
        self.until(lambda: len(heard) >= enough)
        self.node.destroy_subscription(subscription)
        return {message.header.frame_id for message in heard}

    def ask(self, kind: Any, name: str, **fields: Any) -> Any:
        """Ask a service once it is there, and again: a server that has not seen the client yet loses its answer."""
        client = self.node.create_client(kind, name)
        self.until(client.service_is_ready)
        asked = []
        again = 0.0

        def answer() -> Any:
            nonlocal again
            if time.monotonic() > again:
                asked.append(client.call_async(kind.Request(**fields)))
                again = time.monotonic() + 8.0
            return next((future for future in asked if future.done()), None)

        response = self.until(answer).result()
        self.node.destroy_client(client)
        return response

    def parameters(self, node: str, *names: str) -> list[Any]:
        values = self.ask(GetParameters, f"{node}/get_parameters", names=names).values
        return [rclpy.parameter.parameter_value_to_python(value) for value in values]

    def state(self, node: str) -> str:
        return str(self.ask(GetState, f"{node}/get_state").current_state.label)

    def bring_to(self, node: str, label: str, state: str) -> None:
        """What a life-cycle manager does."""
        request = ChangeState.Request()
        request.transition.label = label
        self.ask(ChangeState, f"{node}/change_state", transition=request.transition)
        self.until(lambda: self.state(node) == state)

    def subscribers(self, topic: str) -> set[str]:
        return {info.node_name for info in self.node.get_subscriptions_info_by_topic(topic)}

    def publishers(self, topic: str) -> set[str]:
        return {info.node_name for info in self.node.get_publishers_info_by_topic(topic)}


def described(*launches: Mapping[str, str]) -> LaunchDescription:
    """The launch file with these arguments, once or several times side by side."""
    for record in (exit_codes, started, said):
        record.clear()
    includes = [
        GroupAction(
            [
                IncludeLaunchDescription(
                    PythonLaunchDescriptionSource(str(resource("launch", "gait.launch.py"))),
                    launch_arguments=arguments.items(),
                )
            ]
        )
        for arguments in launches
    ]
    handlers = [OnProcessExit(on_exit=_note_exit), OnProcessStart(on_start=_note_start)]
    handlers.append(OnProcessIO(on_stdout=_note_words, on_stderr=_note_words))
    return LaunchDescription([*map(RegisterEventHandler, handlers), *includes, launch_pytest.actions.ReadyToTest()])


def _name(event: Any) -> str:
    return str(event.process_name).rpartition("-")[0]


def _note_exit(event: Any, context: Any) -> None:
    exit_codes.setdefault(_name(event), []).append(event.returncode)


def _note_start(event: Any, context: Any) -> None:
    started.setdefault(_name(event), []).append(event.pid)


def _note_words(event: Any) -> None:
    said.append(event.text.decode(errors="replace"))


def everything(folder: Path, ports: Iterator[int], **words: str) -> dict[str, str]:
    """Arguments for a camera that plays an empty room in a loop."""
    path = folder / "video.avi"
    if not path.exists():
        writer = cv2.VideoWriter(str(path), cv2.VideoWriter_fourcc(*"MJPG"), 10.0, (160, 120))
        for _ in range(20):
            writer.write(np.full((120, 160, 3), 90, np.uint8))
        writer.release()
    parameters = folder / "parameters.yaml"
    parameters.write_text("/**/camera_node: {ros__parameters: {loop: true, frame_id: front}}\n")
    return {
        "source": str(path),
        "namespace": "robot",
        "params_file": str(parameters),
        "triton_url": f"127.0.0.1:{next(ports)}",
        "gallery": str(folder / "people.gallery"),
    } | words


@launch_pytest.fixture
def separate(triton_installed: None, tmp_path: Path, own_ports: Iterator[int]) -> LaunchDescription:
    return described(everything(tmp_path, own_ports))


@pytest.mark.launch(fixture=separate)
def test_separate_processes_work_and_end_cleanly() -> Iterator[None]:
    with Ears() as ears:
        assert ears.frames("robot") == {"front"}
    yield
    assert exit_codes == {name: [0] for name in ("triton", *STAGES)}


@launch_pytest.fixture
def respawning(triton_installed: None, tmp_path: Path, own_ports: Iterator[int]) -> LaunchDescription:
    return described(everything(tmp_path, own_ports, composed="True", use_respawn="True"))


@pytest.mark.launch(fixture=respawning)
def test_what_is_killed_comes_again_and_all_end_cleanly() -> Iterator[None]:
    with Ears() as ears:
        assert ears.frames("robot") == {"front"}
        for name in ("composed_node", "triton"):
            os.kill(started[name][0], signal.SIGKILL)
            ears.until(lambda name=name: len(started[name]) == 2)
            assert ears.frames("robot") == {"front"}
    yield
    assert exit_codes == {name: [-signal.SIGKILL, 0] for name in ("triton", "composed_node")}


@launch_pytest.fixture
def two_robots(triton_installed: None, tmp_path: Path, own_ports: Iterator[int]) -> LaunchDescription:
    first = everything(tmp_path, own_ports, namespace="r1", frame_prefix="r1/", composed="true")
    return described(first, first | {"namespace": "r2", "frame_prefix": "r2/"})


@pytest.mark.launch(fixture=two_robots)
def test_two_namespaces_side_by_side_share_a_server_and_nothing_else() -> Iterator[None]:
    with Ears() as ears:
        for name in ("r1", "r2"):
            assert ears.frames(name) == {f"{name}/front"}
    yield
    assert exit_codes == {"triton": [0, 0], "composed_node": [0, 0]}


@launch_pytest.fixture
def two_cameras(triton_installed: None, tmp_path: Path, own_ports: Iterator[int]) -> LaunchDescription:
    arguments = everything(tmp_path, own_ports, composed="true", namespace="house")
    file = tmp_path / "cameras.yaml"
    file.write_text(
        f"sources: [{{name: door, source: {arguments.pop('source')}, loop: true}}, "
        "{name: hall, source: 'synthetic://crossing', loop: true}]\n"
    )
    return described(arguments | {"sources": str(file)})


@pytest.mark.launch(fixture=two_cameras)
def test_cameras_of_a_file_have_each_their_nodes() -> Iterator[None]:
    with Ears() as ears:
        for name in ("door", "hall"):
            assert ears.frames(f"house/{name}") == {f"{name}_optical_frame"}
    yield
    assert exit_codes == {"triton": [0], "composed_node": [0, 0]}


def _has_rviz() -> bool:
    try:
        return bool(get_package_prefix("rviz2"))
    except PackageNotFoundError:
        return False


@launch_pytest.fixture
def managed(optional_messages: None, tmp_path: Path, own_ports: Iterator[int]) -> LaunchDescription:
    words = {
        "source": "synthetic://crossing", "image_topic": "/robot/image_rect", "image_transport": "compressed",
        "depth_topic": "/robot/depth", "tf_topic": "tf", "triton": "external", "ros4hri": "True", "frames": "TRUE",
        "frame_prefix": "r/", "bond": "1", "rviz": str(not _has_rviz()), "rviz_frame": "odom", "composed": "False",
        "log_level": "warn", "use_respawn": "False", "autostart": "False", "use_sim_time": "True", "keystore": "",
        "rectified": "auto", "sources": "",
    }  # fmt: skip
    arguments = everything(tmp_path, own_ports) | words
    with Path(arguments["params_file"]).open("a") as file:  # of the server elsewhere there is none
        file.write("/**/pose_node: {ros__parameters: {inference: onnxruntime}}\n")
    return described(arguments)


@pytest.mark.launch(fixture=managed)
def test_a_life_cycle_manager_finds_the_nodes_as_the_arguments_say(
    optional_messages: None, tmp_path: Path
) -> Iterator[None]:
    """All other arguments at once, as each node then tells of them."""
    import bond.msg

    with Ears() as ears:
        for name in STAGES:
            node = f"/robot/{name}"
            assert ears.state(node) == "unconfigured"
            assert ears.parameters(node, "autostart", "use_sim_time", "bond") == [False, True, True]
        assert ears.parameters("/robot/camera_node", "source", "frame_id", "frame_prefix") == [
            "synthetic://crossing", "front", "r/",
        ]  # fmt: skip
        assert ears.parameters("/robot/pose_node", "image_transport") == ["compressed"]
        names = ("image_transport", "rectified", "depth", "ros4hri", "frames", "frame_prefix")
        assert ears.parameters("/robot/tracker_node", *names) == ["compressed", True, True, True, True, "r/"]
        (url,) = ears.parameters("/robot/pose_node", "triton_url")
        names = ("triton_url", "gallery", "ros4hri", "frames", "frame_prefix")
        gallery = str(tmp_path / "people.gallery")
        assert ears.parameters("/robot/gait_node", *names) == [url, gallery, True, True, "r/"]
        beats: list[Any] = []
        ears.node.create_subscription(bond.msg.Status, "/robot/bond", beats.append, 10)
        for name in ("camera_node", "pose_node", "tracker_node"):
            ears.bring_to(f"/robot/{name}", "configure", "inactive")
            ears.bring_to(f"/robot/{name}", "activate", "active")
        ears.until(lambda: {beat.id for beat in beats if beat.active} == set(STAGES[:3]))
        ears.until(lambda: "camera_node" in ears.publishers("/robot/image_rect"))
        ears.until(lambda: "pose_node" in ears.subscribers("/robot/image_rect/compressed"))
        ears.until(lambda: "tracker_node" in ears.subscribers("/robot/camera_info"))
        ears.until(lambda: "tracker_node" in ears.subscribers("/robot/depth"))
        ears.until(lambda: "tracker_node" in ears.publishers("/robot/tf"))
    assert set(started) == set(STAGES), "neither Triton nor, where it is not installed, RViz"
    yield
    assert exit_codes == {name: [0] for name in STAGES}
