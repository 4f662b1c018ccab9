"""What is said where there is no ROS 2."""

import subprocess
import sys

import pytest

from rt_gait_ros.gallery.gallery import Gallery

LINE = "ROS 2 is not installed or not sourced, and nodes need it: pip install 'rt-gait-ros[ros]'"
WITHOUT = "import sys; sys.modules['rclpy'] = None; sys.argv = {argv}\n"  # import says that it is not there


def python(argv: list[str], script: str) -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, "-c", WITHOUT.format(argv=argv) + script]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def test_the_nodes_raise_an_error_of_the_package() -> None:
    script = """
from rt_gait_ros import MissingPackage
try:
    import rt_gait_ros.nodes.pose_node
except MissingPackage as error:
    print(error, "|", error.name)
"""
    assert python([""], script).stdout.startswith(LINE)


def test_a_nodes_program_says_one_line() -> None:
    done = python(["/usr/bin/camera_node"], "from rt_gait_ros.nodes.camera_node import main")
    assert done.returncode == 1
    assert done.stderr.startswith(f"error: {LINE}")
    assert len(done.stderr.splitlines()) == 1


@pytest.mark.parametrize("words", [["run", "--source", "0"], ["demo"], ["fuzz", "--cases", "1"]])
def test_commands_with_nodes_say_one_line(words: list[str]) -> None:
    done = python(["rt-gait", *words], "from rt_gait_ros.cli.main import main; sys.exit(main())")
    assert done.returncode == 1
    assert done.stderr.startswith(f"rt-gait {words[0]}: {LINE}")
    assert len(done.stderr.splitlines()) == 1


@pytest.mark.parametrize(
    "words",
    [["gallery", "list"], ["evaluate", "--help"], ["export", "--help"], ["doctor", "--triton-url", "127.0.0.1:9"]],
)
def test_other_commands_need_none(words: list[str], tmp_path, monkeypatch) -> None:
    monkeypatch.setenv("RT_GAIT_GALLERY", str(Gallery(tmp_path / "people.gallery").path))
    done = python(["rt-gait", *words], "from rt_gait_ros.cli.main import main; sys.exit(main())")
    assert done.returncode == 0, done.stderr + done.stdout
    if words[0] == "doctor":
        assert LINE in done.stdout
