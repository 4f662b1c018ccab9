import os
import subprocess
import sys
from pathlib import Path

import pytest

from rt_gait_ros.middleware import missing_middleware


@pytest.fixture
def prefix(tmp_path: Path) -> Path:
    """An installation with two middlewares."""
    index = tmp_path / "share/ament_index/resource_index/rmw_typesupport"
    index.mkdir(parents=True)
    for name in ("rmw_fastrtps_cpp", "rmw_cyclonedds_cpp", "rmw_implementation"):
        (index / name).touch()
    return tmp_path


@pytest.mark.parametrize("wanted", ["", "rmw_fastrtps_cpp", "rmw_cyclonedds_cpp"])
def test_what_is_there_is_good(prefix: Path, wanted: str) -> None:
    for environment, installed in (({}, prefix), ({"AMENT_PREFIX_PATH": f"/nowhere:{prefix}"}, Path("/usr"))):
        assert missing_middleware({"RMW_IMPLEMENTATION": wanted, **environment}, str(installed)) == ""


def test_what_is_not_there_is_named_with_its_package(prefix: Path) -> None:
    line = missing_middleware({"RMW_IMPLEMENTATION": "rmw_zenoh_cpp", "ROS_DISTRO": "jazzy"}, str(prefix))
    assert "(rmw_cyclonedds_cpp, rmw_fastrtps_cpp is)" in line
    assert "install ros-jazzy-rmw-zenoh-cpp, or unset it" in line


def test_where_nothing_is_known_ros_decides(tmp_path: Path) -> None:
    assert missing_middleware({"RMW_IMPLEMENTATION": "rmw_zenoh_cpp"}, str(tmp_path)) == ""


@pytest.mark.parametrize(
    ("module", "words", "code"), [("nodes.tracker_node", [], 2), ("cli.main", ["run"], 2), ("cli.main", ["doctor"], 1)]
)
def test_each_program_says_it_in_one_line(module: str, words: list[str], code: int) -> None:
    pytest.importorskip("rclpy", reason="ROS 2 is not installed")
    environment = {**os.environ, "RMW_IMPLEMENTATION": "rmw_nosuch_cpp"}
    command = [sys.executable, "-m", f"rt_gait_ros.{module}", *words]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == code
    (line,) = [line for line in (done.stdout + done.stderr).splitlines() if "nosuch" in line]
    assert "RMW_IMPLEMENTATION is rmw_nosuch_cpp, which is not installed" in line
    assert "Traceback" not in done.stderr
