import contextlib
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from rcl_interfaces.msg import Parameter, ParameterType, ParameterValue
from rcl_interfaces.srv import SetParameters

NODES = ["camera_node", "pose_node", "tracker_node", "gait_node", "overlay_node"]
LINES = {"accept_distance": "0.1", "margin": "0.01"}  # no calibration needed


@pytest.fixture
def parameters(tmp_path: Path) -> dict[str, dict[str, str]]:
    return {"gait_node": {"gallery": f"'{tmp_path}/people.gallery'", **LINES}}


@pytest.mark.parametrize("name", NODES[1:])
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_node_starts_itself_and_ends_with_zero(launch, parameters, name, number):
    node = launch(name, parameters.get(name))
    node.wait_until_says("active")
    assert node.end(number) == 0
    assert "Traceback" not in node.said


@pytest.mark.parametrize("name", [*NODES, "composed_node"])
def test_help_teaches_without_ros(launch, name):
    node = launch(name, {}, "--help")
    assert node.process.wait(40) == 0
    assert "parameters of" in node.said
    assert "autostart (bool, default True)" in node.said


@pytest.mark.parametrize("name", [*NODES, "composed_node"])
def test_module_runs_its_node(name):
    command = [sys.executable, "-m", f"rt_gait_ros.nodes.{name}", "--help"]
    said = subprocess.run(command, capture_output=True, text=True, timeout=40, check=True).stdout
    assert said.startswith("usage: ")


def test_life_cycle_by_services(launch, ears):
    launch("tracker_node", {"autostart": "false"})
    assert ears.state("tracker_node") == "unconfigured"
    for label, state in (
        ("configure", "inactive"),
        ("activate", "active"),
        ("deactivate", "inactive"),
        ("activate", "active"),
        ("deactivate", "inactive"),
        ("cleanup", "unconfigured"),
        ("configure", "inactive"),
        ("shutdown", "finalized"),
    ):
        assert ears.change_state("tracker_node", label)
        assert ears.state("tracker_node") == state
    ears.until(lambda: ears.diagnosis("tracker_node").get("state") == "finalized")


def test_configuring_that_fails_is_refused_and_told(launch, ears):
    node = launch("gait_node", {"autostart": "false", "gallery": "/dev/null/people", **LINES})
    assert not ears.change_state("gait_node", "configure")
    assert ears.state("gait_node") == "unconfigured"
    ears.until(lambda: "cannot configure" in ears.diagnosis("gait_node").get("message", ""))
    assert node.end() == 0


def test_autostart_tries_again_until_it_can(launch, tmp_path):
    obstacle = tmp_path / "folder"
    obstacle.write_text("a file where the folder should be")
    node = launch("gait_node", {"gallery": f"'{obstacle}/people.gallery'", **LINES})
    node.wait_until_says("cannot configure")
    obstacle.unlink()
    node.wait_until_says("]: active")


@pytest.mark.parametrize(
    ("name", "parameters", "line"),
    [
        ("tracker_node", {"confirm_aftr": "3"}, "unknown parameter 'confirm_aftr' for tracker_node: did you mean"),
        ("tracker_node", {"confirm_after": "0"}, "must lie within 1 .. 100"),
        ("tracker_node", {"confirm_after": "three"}, "must be an integer"),
        ("tracker_node", {"lost_after": "2"}, "must be a double (write 2.0)"),
        ("camera_node", {"source": "0"}, """parameter 'source' is 0 but must be a string (quote it: "'0'")"""),
        ("pose_node", {"detector_period": "0"}, "must lie within 1 .. "),
        ("tracker_node", {"low_confidence": "0.9"}, "low_confidence 0.9 is above high_confidence"),
        ("pose_node", {"gait_frame_kind": "gait"}, "must be one of: silhouette, skeleton, flow, '' (empty)"),
        ("gait_node", {"agree": "9"}, "agree is 9, and cannot be more than looks"),
    ],
)
def test_wrong_parameter_is_refused_in_one_line(launch, name, parameters, line):
    node = launch(name, parameters)
    assert node.process.wait(40) == 2
    assert line in node.said
    assert "Traceback" not in node.said


@pytest.mark.parametrize(
    "extra", [("nonsense",), ("--ros-args", "--params-file", "/nowhere.yaml"), ("--ros-args", "-p", "x")]
)
def test_wrong_command_line_is_refused_in_one_line(launch, extra):
    node = launch("tracker_node", {}, *extra)
    assert node.process.wait(40) == 2
    assert "error: " in node.said
    assert "Traceback" not in node.said


def test_sibling_parameter_is_ignored_with_a_word(launch):
    node = launch("tracker_node", {"detector_period": "7"})
    node.wait_until_says("active")
    assert "'detector_period' is of pose_node" in node.said


@pytest.mark.parametrize(
    ("node", "answers"),
    [
        (
            "tracker_node",
            [
                ("lost_after", 3.0, None),
                ("lost_after", 300.0, "out of range"),
                ("high_confidence", 0.05, "low_confidence 0.1 is above"),
                ("camera_height", 1.0, "read-only"),
            ],
        ),
        (
            "gait_node",
            [("accept_distance", 0.2, None), ("min_quality", 2.0, "out of range"), ("outage_grace", 1.0, "read-only")],
        ),
    ],
)
def test_parameters_while_running(launch, ears, tmp_path, node, answers):
    launch(node, {"gallery": str(tmp_path / "gallery")} if node == "gait_node" else {}).wait_until_says("active")
    for name, value, reason in answers:
        wanted = ParameterValue(type=ParameterType.PARAMETER_DOUBLE, double_value=value)
        answer = ears.call(SetParameters, f"/{node}/set_parameters", parameters=[Parameter(name=name, value=wanted)])
        (result,) = answer.results
        assert result.successful == (reason is None), name
        assert reason is None or reason in result.reason


@pytest.mark.parametrize("delay", [0.3, 0.6, 0.9, 1.3])
def test_interrupt_while_starting_is_no_error(launch, delay):
    node = launch("tracker_node")
    with contextlib.suppress(subprocess.TimeoutExpired):
        node.process.wait(delay)
    code = node.end()
    # Before main() Python itself answers the signal.
    assert code == 0 or "[tracker_node]" not in node.said, node.said
