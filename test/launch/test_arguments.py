"""The launch file as text: no ROS is needed to see what it declares."""

import ast
import re

import pytest

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
