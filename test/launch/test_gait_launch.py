"""The launch file for real: every process, Triton among them, over DDS, and an end that leaves nothing behind."""

import time
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
import pytest
import rclpy
from ament_index_python.packages import PackageNotFoundError, get_package_prefix

REASON = "launch, launch_ros and launch_pytest come with a ROS distribution, not with the wheels"
launch_pytest = pytest.importorskip("launch_pytest", reason=REASON)
pytest.importorskip("launch_ros", reason=REASON)

from launch import LaunchDescription  # noqa: E402
from launch.actions import IncludeLaunchDescription, RegisterEventHandler  # noqa: E402
from launch.event_handlers import OnProcessExit  # noqa: E402
from launch.launch_description_sources import PythonLaunchDescriptionSource  # noqa: E402

from rt_gait_ros.msg import GaitIdentityArray  # noqa: E402
from rt_gait_ros.resources import resource  # noqa: E402
from rt_gait_ros.serving.listening import Ports  # noqa: E402

PATIENCE = 60.0
exit_codes: dict[str, int] = {}


@pytest.fixture(scope="module", autouse=True)
def ros(domain: int) -> Iterator[None]:
    try:
        get_package_prefix("rt_gait_ros")
    except (PackageNotFoundError, OSError):
        pytest.skip("rt_gait_ros is not installed in a sourced prefix: launch finds no executables")
    rclpy.init()
    yield
    rclpy.try_shutdown()


def _everything(folder: Path, composed: bool) -> LaunchDescription:
    path = folder / "video.avi"
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter_fourcc(*"MJPG"), 10.0, (160, 120))
    for _ in range(20):
        writer.write(np.full((120, 160, 3), 90, np.uint8))
    writer.release()
    parameters = folder / "parameters.yaml"
    parameters.write_text("/**/camera_node: {ros__parameters: {loop: true, frame_id: front}}\n")
    arguments = {
        "source": str(path),
        "namespace": "robot",
        "params_file": str(parameters),
        "triton_url": f"127.0.0.1:{Ports.free().grpc}",
        "gallery": str(folder / "people.gallery"),
        "composed": str(composed).lower(),
    }
    exit_codes.clear()
    return LaunchDescription(
        [
            RegisterEventHandler(OnProcessExit(on_exit=_note_exit)),
            IncludeLaunchDescription(
                PythonLaunchDescriptionSource(str(resource("launch", "gait.launch.py"))),
                launch_arguments=arguments.items(),
            ),
            launch_pytest.actions.ReadyToTest(),
        ]
    )


def _note_exit(event, context) -> None:
    exit_codes[event.process_name.rpartition("-")[0]] = event.returncode


@launch_pytest.fixture
def separate(triton_installed: None, tmp_path: Path) -> LaunchDescription:
    return _everything(tmp_path, composed=False)


@launch_pytest.fixture
def composed(triton_installed: None, tmp_path: Path) -> LaunchDescription:
    return _everything(tmp_path, composed=True)


def _hear_identities() -> None:
    node = rclpy.create_node("ears")
    heard: list[GaitIdentityArray] = []
    node.create_subscription(GaitIdentityArray, "/robot/gait_identities", heard.append, 10)
    deadline = time.monotonic() + PATIENCE
    while len(heard) < 5:
        assert time.monotonic() < deadline, "no identities came out"
        rclpy.spin_once(node, timeout_sec=0.1)
    node.destroy_node()
    assert {message.header.frame_id for message in heard} == {"front"}


@pytest.mark.launch(fixture=separate)
def test_separate_processes_work_and_end_cleanly() -> Iterator[None]:
    _hear_identities()
    yield
    nodes = ("camera_node", "pose_node", "tracker_node", "gait_node", "overlay_node")
    assert exit_codes == dict.fromkeys(("triton", *nodes), 0)


@pytest.mark.launch(fixture=composed)
def test_one_composed_process_works_and_ends_cleanly() -> Iterator[None]:
    _hear_identities()
    yield
    assert exit_codes == {"triton": 0, "composed_node": 0}
