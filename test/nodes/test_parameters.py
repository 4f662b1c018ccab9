import dataclasses
import json
import math
from pathlib import Path

import pytest
import yaml

from rt_gait_ros.gait.config import RecognizerConfig
from rt_gait_ros.nodes.parameters import COMMON, TYPES, file_value, specifications
from rt_gait_ros.pose.config import PoseConfig
from rt_gait_ros.resources import resource
from rt_gait_ros.tracking.config import TrackerConfig

PYTHON = {"bool": bool, "integer": int, "double": float, "string": str, "strings": list}
ALL = [(node, s) for node, own in specifications().items() for s in own.values()]


def test_the_file_to_edit_holds_every_default():
    edited = yaml.safe_load(resource("config", "gait.yaml").read_text())
    wanted = {f"/**/{node}": {s.name: s.default for s in own.values()} for node, own in specifications().items()}
    assert {node: section["ros__parameters"] for node, section in edited.items()} == wanted


@pytest.mark.parametrize(("node", "specification"), ALL, ids=lambda value: getattr(value, "name", value))
def test_each_parameter_is_described_and_its_default_fits(node, specification):
    assert specification.type in TYPES
    assert type(specification.default) is PYTHON[specification.type]
    assert specification.description.strip().endswith(".")
    assert specification.complaint(specification.default) == ""
    assert node != COMMON


@pytest.mark.parametrize(
    ("node", "config"),
    [("pose_node", PoseConfig), ("tracker_node", TrackerConfig), ("gait_node", RecognizerConfig)],
)
def test_defaults_are_the_domain_rooms_own(node, config):
    own = specifications()[node]
    for field in dataclasses.fields(config):
        if field.name == "calibration":
            continue
        default = own[field.name].default
        assert default == field.default or (math.isnan(field.default) and default < 0)


@pytest.mark.parametrize(("node", "specification"), ALL, ids=lambda value: getattr(value, "name", value))
def test_the_reference_page_tells_of_each_parameter(node, specification):
    page = (Path(__file__).parents[2] / "docs" / "parameters.md").read_text()
    common = yaml.safe_load(resource("config", "parameters.yaml").read_text())[COMMON]
    heading = "Parameters of every node" if specification.name in common else node
    section = page.split(f"## {heading}\n")[1].split("\n## ")[0]
    (line,) = [line for line in section.splitlines() if line.startswith(f"| `{specification.name}`")]
    assert f"`{json.dumps(specification.default)}`" in line
    assert " ".join(specification.description.split()) in line


@pytest.mark.parametrize(
    ("text", "pose", "gait"),
    [
        ("", "triton", "triton"),
        ("/**: {ros__parameters: {inference: onnxruntime}}", "onnxruntime", "onnxruntime"),
        ("/**/pose_node: {ros__parameters: {inference: tensorrt}}", "tensorrt", "triton"),
        ("robot: {gait_node: {ros__parameters: {inference: onnxruntime}}}", "triton", "onnxruntime"),
        ("pose_node: {ros__parameters: {inference: a}}\n/**: {ros__parameters: {inference: b}}", "b", "b"),
    ],
)
def test_a_parameter_files_last_word(tmp_path, text, pose, gait):
    path = tmp_path / "parameters.yaml"
    path.write_text(text)
    assert (file_value(path, "pose_node", "inference"), file_value(path, "gait_node", "inference")) == (pose, gait)
