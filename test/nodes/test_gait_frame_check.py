import shutil
from pathlib import Path

import pytest

from rt_gait_ros.errors import UsageError
from rt_gait_ros.nodes.gait_frame_check import check_gait_frames
from rt_gait_ros.resources import resource

CONFIG = """
name: "walker" backend: "onnxruntime" max_batch_size: 8
input [{ name: "gait_frames" data_type: TYPE_INT16 dims: [25, 60, 60, 2] }]
output [{ name: "embedding" data_type: TYPE_FP32 dims: [1, 1024] }]
parameters [{ key: "gait_frame_kind" value: { string_value: "flow" } }]
"""


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    folder = tmp_path / "models" / "walker"
    (folder / "1").mkdir(parents=True)
    (folder / "1" / "model.onnx").write_bytes(b"a network")
    (folder / "config.pbtxt").write_text(CONFIG)
    return folder.parent


def parameters(folder: Path, text: str) -> Path:
    path = folder / "parameters.yaml"
    path.write_text(text.replace("REPOSITORY", str(folder / "models")))
    return path


def test_the_shipped_pose_node_makes_what_the_shipped_gait_node_takes() -> None:
    check_gait_frames(resource("config", "gait.yaml"))


GAIT = "gait_node: {ros__parameters: {model: walker, model_repository: REPOSITORY}}"


@pytest.mark.parametrize(
    "text",
    [
        f"pose_node: {{ros__parameters: {{gait_frame_kind: flow}}}}\n{GAIT}",
        f"/**/pose_node: {{ros__parameters: {{gait_frame_kind: flow}}}}\n/**/{GAIT}",
        f"robot:\n  pose_node: {{ros__parameters: {{gait_frame_kind: flow}}}}\n  {GAIT}",
        f"/**: {{ros__parameters: {{gait_frame_kind: flow}}}}\n/robot/{GAIT}",
        "gait_node: {ros__parameters: {model: elsewhere}}",
        "",
    ],
    ids=["plain", "any namespace", "nested", "all nodes", "model of another server", "nothing said"],
)
def test_what_fits_is_let_through(repository: Path, tmp_path: Path, text: str) -> None:
    check_gait_frames(parameters(tmp_path, text))


@pytest.mark.parametrize(
    ("text", "made"),
    [
        (GAIT, "makes silhouette"),
        (f"pose_node: {{ros__parameters: {{gait_frame_kind: skeleton}}}}\n{GAIT}", "makes skeleton"),
        (f"pose_node: {{ros__parameters: {{gait_frame_kind: ''}}}}\n{GAIT}", "makes none"),
    ],
)
def test_a_mismatch_is_refused_with_both_names(repository: Path, tmp_path: Path, text: str, made: str) -> None:
    with pytest.raises(UsageError, match=f"walker takes flow gait frames and pose_node {made}"):
        check_gait_frames(parameters(tmp_path, text))


def test_a_home_folder_in_the_repositorys_path_is_understood(
    repository: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Before, nothing was compared."""
    monkeypatch.setenv("HOME", str(tmp_path))
    text = parameters(tmp_path, GAIT + "\npose_node: {ros__parameters: {gait_frame_kind: skeleton}}")
    text.write_text(text.read_text().replace(str(tmp_path), "~"))
    with pytest.raises(UsageError, match="walker takes flow gait frames and pose_node makes skeleton"):
        check_gait_frames(text)


def test_a_file_that_is_no_yaml_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="cannot be read"):
        check_gait_frames(parameters(tmp_path, "pose_node: ["))


def test_a_network_that_is_only_on_a_server_elsewhere_is_compared_by_its_description(tmp_path: Path) -> None:
    """A release without networks, with gait.launch.py triton:=external: no file of them is needed here."""
    name = "gaitset_small_v5_stream"
    shutil.copytree(resource("model_repository") / name, tmp_path / name, ignore=shutil.ignore_patterns("1"))
    (tmp_path / "SHA256SUMS").write_text(f"{'0' * 64}  {name}/1/model.onnx\n")
    parameters = tmp_path / "own.yaml"
    parameters.write_text(f"/**/gait_node: {{ros__parameters: {{model_repository: {tmp_path}, model: {name}}}}}\n")
    check_gait_frames(parameters)
