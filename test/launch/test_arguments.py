"""The launch file as text: no ROS is needed to see what it declares."""

import ast
import re

import pytest

from rt_gait_ros.errors import UsageError
from rt_gait_ros.nodes.parameters import read_switch, says_rectified
from rt_gait_ros.resources import resource, share_directory


def declared() -> dict[str, ast.Call]:
    tree = ast.parse(resource("launch", "gait.launch.py").read_text(encoding="utf-8"))
    calls = [node for node in ast.walk(tree) if isinstance(node, ast.Call) and isinstance(node.func, ast.Name)]
    return {
        str(ast.literal_eval(call.args[0])): call
        for call in calls
        if isinstance(call.func, ast.Name) and call.func.id == "DeclareLaunchArgument"
    }


def test_every_argument_is_described_and_has_a_default() -> None:
    for name, call in declared().items():
        given = {keyword.arg: keyword.value for keyword in call.keywords}
        assert "default_value" in given, name
        assert len(str(ast.literal_eval(given["description"]))) > 20, name


def test_the_documented_arguments_are_those_that_exist() -> None:
    page = share_directory() / "docs" / "sources.md"
    if not page.is_file():
        pytest.skip("the documentation is not installed")
    section = page.read_text(encoding="utf-8").partition("## Launch")[2]
    assert re.findall(r"^\| `(\w+)` ", section, re.MULTILINE) == list(declared())


@pytest.mark.parametrize(
    ("text", "value"), [("True", True), (" true", True), ("1", True), ("FALSE", False), ("0", False)]
)
def test_switches_as_launch_spells_them(text: str, value: bool) -> None:
    assert read_switch("rviz", text) is value


@pytest.mark.parametrize(
    ("topic", "rectified"),
    [
        ("/zed/zed_node/rgb/color/rect/image", True),
        ("/zed/zed_node/rgb/image_rect_color", True),
        ("/left/image_rect", True),
        ("/Cam/Image_Rectified", True),
        ("/camera/camera/color/image_raw", False),
        ("/direct/rectory/image_raw", False),
    ],
)
def test_names_of_rectified_images(topic: str, rectified: bool) -> None:
    """image_proc's names, and those of ZED's wrapper from 5.1 on and before."""
    assert says_rectified(topic) is rectified


@pytest.mark.parametrize("text", ["", "yes", "2", "truth"])
def test_a_switch_that_is_neither_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match=r"rviz is '.*' but must be true or false"):
        read_switch("rviz", text)
