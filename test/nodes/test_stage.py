import itertools
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from builtin_interfaces.msg import Time
from rcl_interfaces.msg import Parameter, ParameterType, ParameterValue
from rcl_interfaces.srv import SetParameters
from rosgraph_msgs.msg import Clock

from rt_gait_ros.nodes import stage

from .conftest import words

NODES = ["camera_node", "pose_node", "tracker_node", "gait_node", "overlay_node"]
LINES = {"accept_distance": "0.1", "margin": "0.01", "beyond_calibration": "true"}


@pytest.fixture
def parameters(tmp_path: Path) -> dict[str, dict[str, str]]:
    return {"gait_node": {"gallery": f"'{tmp_path}/people.gallery'", **LINES}}


@pytest.mark.parametrize(
    ("name", "number"),
    [*zip(NODES[1:], (signal.SIGINT, signal.SIGTERM) * 2, strict=True)],
)
def test_node_starts_itself_and_ends_with_zero(launch, parameters, name, number):
    node = launch(name, parameters.get(name))
    node.wait_until_says("active")
    assert node.end(number) == 0
    assert "Traceback" not in node.said


@pytest.mark.parametrize("name", [*NODES, "composed_node"])
def test_module_runs_its_node_whose_help_teaches_without_ros(name):
    command = [sys.executable, "-m", f"rt_gait_ros.nodes.{name}", "--help"]
    said = subprocess.run(command, capture_output=True, text=True, timeout=300, check=True).stdout
    assert said.startswith("usage: ")
    assert "parameters of" in said
    assert "autostart (bool, default True)" in said


def test_life_cycle_by_services(launch, ears):
    node = launch("tracker_node", {"autostart": "false"})
    node.wait_until_says("unconfigured, and waits for a life-cycle manager: autostart is false")
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


WRONG = [
    ("tracker_node", {"confirm_after": "0"}, "must lie within 1 .. 100"),
    ("tracker_node", {"confirm_after": "three"}, "must be an integer"),
    ("tracker_node", {"lost_after": "2"}, "must be a double (write 2.0)"),
    ("camera_node", {"source": "0"}, """parameter 'source' is 0 but must be a string (quote it: "'0'")"""),
    ("pose_node", {"detector_period": "0"}, "must lie within 1 .. "),
    ("tracker_node", {"low_confidence": "0.9"}, "low_confidence 0.9 is above high_confidence"),
    ("pose_node", {"gait_frame_kind": "gait"}, "must be one of: silhouette, skeleton, flow, '' (empty)"),
    (
        "gait_node",
        {"agreeing_embeddings": "9"},
        "agreeing_embeddings is 9; set it to decision_embeddings (6) at the most",
    ),
]


def test_wrong_parameters_are_refused_in_one_line(in_turn):
    answers = in_turn(*(words(name, parameters) for name, parameters, _ in WRONG))
    for (code, said), (name, _, line) in zip(answers, WRONG, strict=True):
        assert (code, "Traceback" in said) == (2, False), said
        assert said.count("error: ") == 1, said
        assert line in said, name


def test_wrong_command_lines_are_refused_in_one_line(in_turn):
    wrong = (["nonsense"], ["--ros-args", "--params-file", "/nowhere.yaml"], ["--ros-args", "-p", "x"])
    for code, said in in_turn(*(["tracker_node", *extra] for extra in wrong)):
        assert code == 2
        assert "error: " in said
        assert "Traceback" not in said


def test_unknown_parameters_are_ignored_with_a_word(launch, tmp_path):
    """As ROS nodes do: a file's section for all nodes reaches those, too, that do not have it."""
    near = {"confirm_aftr": "'confirm_after'", "detector_perid": "'detector_period'", "xyz": "--help"}
    file = tmp_path / "parameters.yaml"
    file.write_text(f"/**: {{ros__parameters: {{{', '.join(f'{name}: 3' for name in near)}, lost_after: 1.5}}}}\n")
    node = launch("tracker_node", {}, "--ros-args", "--params-file", str(file))
    node.wait_until_says("active")
    for name, meant in near.items():
        (line,) = [line for line in node.said.splitlines() if f"'{name}'" in line]
        assert f"unknown parameter '{name}' is ignored: " in line
        assert meant in line


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
                (
                    "camera_height",
                    1.0,
                    "cannot be changed while the node is active: deactivate it and clean it up first",
                ),
            ],
        ),
        (
            "gait_node",
            [
                ("accept_distance", 0.2, None),
                ("min_quality", 2.0, "out of range"),
                ("outage_grace", 1.0, "while the node is active"),
            ],
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


def set_parameter(ears, node, name, value):
    kind = {bool: "bool", float: "double", str: "string"}[type(value)]
    wanted = ParameterValue(type=getattr(ParameterType, f"PARAMETER_{kind.upper()}"), **{f"{kind}_value": value})
    answer = ears.call(SetParameters, f"/{node}/set_parameters", parameters=[Parameter(name=name, value=wanted)])
    return answer.results[0]


def test_what_is_read_when_configuring_can_be_set_before(launch, ears, tmp_path):
    launch("gait_node", {"autostart": "false", **LINES})
    gallery = tmp_path / "other.gallery"
    assert set_parameter(ears, "gait_node", "gallery", str(gallery)).successful
    assert set_parameter(ears, "gait_node", "outage_grace", 1.0).successful
    assert "out of range" in set_parameter(ears, "gait_node", "outage_grace", 100.0).reason
    assert "must be one of" in set_parameter(ears, "gait_node", "inference", "cuda").reason
    assert "read-only" in set_parameter(ears, "gait_node", "autostart", True).reason
    assert ears.change_state("gait_node", "configure")
    ears.until(lambda: ears.diagnosis("gait_node").get("gallery") == str(gallery))
    assert "while the node is inactive" in set_parameter(ears, "gait_node", "gallery", "elsewhere").reason
    assert ears.change_state("gait_node", "cleanup")
    assert set_parameter(ears, "gait_node", "gallery", str(tmp_path / "third.gallery")).successful


@pytest.mark.parametrize(
    ("name", "parameters", "number"),
    [
        ("overlay_node", {}, signal.SIGTERM),
        ("composed_node", {"inference": "onnxruntime"}, signal.SIGHUP),
    ],
)
def test_without_a_clock_a_node_says_so_and_ends(launch, ears, tmp_path, name, parameters, number):
    node = launch(name, {**parameters, "gallery": f"'{tmp_path}/gallery'", "use_sim_time": "True", **LINES})
    told = "overlay_node" if name == "composed_node" else name
    ears.until(lambda: "nobody publishes /clock" in ears.diagnosis(told).get("message", ""))
    ears.until(lambda: ears.diagnosis(told)["state"] == "active")
    assert node.end(number) == 0
    assert "Traceback" not in node.said


def test_no_timer_of_ours_stands_still_with_the_clock():
    """On the ROS clock a node would hear no signal while nobody publishes /clock: `Stage.every` is for all stages."""
    sources = Path(stage.__file__).parent.glob("*.py")
    lines = [(path.name, line) for path in sources for line in path.read_text(encoding="utf-8").splitlines()]
    timers = {name: line for name, line in lines if "create_timer(" in line}
    assert timers.keys() == {"stage.py", "watch_node.py"}  # the page's node is no stage
    assert "clock=self._steady" in timers["stage.py"]
    assert "clock_type=ClockType.STEADY_TIME" in timers["watch_node.py"]


def test_a_clock_clears_the_fault(launch, ears):
    """A publisher alone is no clock that runs: that it stands still is a fault of its own, after a while."""
    launch("tracker_node", {"use_sim_time": "true"})

    def message() -> str:
        return ears.diagnosis("tracker_node").get("message", "")

    ears.until(lambda: "nobody publishes /clock" in message())
    clock = ears.create_publisher(Clock, "/clock", 1)
    ears.until(lambda: "nobody publishes /clock" not in message())
    steps = itertools.count(1)

    def runs() -> bool:
        clock.publish(Clock(clock=Time(sec=next(steps))))
        return "/clock" not in message()

    ears.until(runs)
