"""The pages that advise: every parameter, argument and node that they name exists."""

import ast
import re

import pytest

from rt_gait_ros.nodes.parameters import specifications
from rt_gait_ros.resources import share_directory

ROOT = share_directory()
# Messages' fields, topics, actions, keys of the diagnostics, and what is another package's.
OTHERS = {
    "reason",
    "gait_identities",
    "enroll_person",
    "latency_p95_ms",
    "work_p95_ms",
    "align_depth",
    "aligned_depth_to_color",
    "camera_name",
    "camera_namespace",
    "depthai_ros_driver",
    "rect",
    "video",
}


def launch_arguments() -> set[str]:
    tree = ast.parse((ROOT / "launch" / "gait.launch.py").read_text(encoding="utf-8"))
    return {
        str(ast.literal_eval(node.args[0]))
        for node in ast.walk(tree)
        if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "DeclareLaunchArgument"
    }


@pytest.mark.parametrize("page", ["cameras.md", "tuning.md"])
def test_names_that_a_page_gives_exist(page: str) -> None:
    path = ROOT / "docs" / page
    if not path.is_file():
        pytest.skip("the documentation is not installed")
    text = path.read_text(encoding="utf-8")
    arguments, nodes = launch_arguments(), set(specifications())
    parameters = {name for known in specifications().values() for name in known} | {"use_sim_time"}
    spans = re.findall(r"`([^`\n]+)`", text)
    words = {span for span in spans if re.fullmatch(r"[a-z_]+", span)}
    assert words <= parameters | nodes | arguments | OTHERS, words - parameters - nodes - arguments - OTHERS
    ours = [span for span in spans if not span.startswith(("ros2 ", "rt-gait "))]
    given = {name for span in ours for name in re.findall(r"(?:^| )([a-z_]+):=", span)}
    assert given
    assert given <= arguments, given - arguments
    assert len(words) + len(given) > 5
