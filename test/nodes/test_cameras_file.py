"""The sources file: what it may say, and the one line for what it may not."""

from pathlib import Path

import pytest
import yaml

from rt_gait_ros.errors import UsageError
from rt_gait_ros.nodes import cameras_file
from rt_gait_ros.nodes.cameras_file import read_cameras, with_shared_cores


def write(folder: Path, text: str, mode: int = 0o600) -> Path:
    path = folder / "cameras.yaml"
    path.write_text(text)
    path.chmod(mode)
    return path


def test_cameras_have_parameters_namespaces_and_frames_of_their_own(tmp_path: Path) -> None:
    text = """
    sources:
      - name: door
        source: rtsp://ada:s3cret@127.0.0.1:1/a
        fps: 25
        parameters: {tracker_node: {camera_height: 3}}
      - {name: hall_2, source: 0, frame_id: hall, loop: true}
    """
    door, hall = read_cameras(write(tmp_path, text))
    assert door.parameters["camera_node"] == {
        "frame_id": "door_optical_frame",
        "source": "rtsp://ada:s3cret@127.0.0.1:1/a",
        "fps": 25.0,
    }
    assert door.parameters["tracker_node"] == {"camera_height": 3.0}
    assert isinstance(door.parameters["tracker_node"]["camera_height"], float)  # ROS refuses 3 for a double
    assert hall.parameters["camera_node"] == {"frame_id": "hall", "source": "0", "loop": True}
    assert (door.namespace(), hall.namespace("/robot1/")) == ("/door", "/robot1/hall_2")


def said_for_all(folder: Path, **pose: object) -> Path:
    """A parameter file of all nodes with these parameters of pose_node."""
    path = folder / "parameters.yaml"
    path.write_text(yaml.safe_dump({"/**/pose_node": {"ros__parameters": pose}}))
    return path


@pytest.fixture(autouse=True)
def six_cores(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("os.sched_getaffinity", lambda pid: set(range(6)))


@pytest.fixture
def on_cpu(monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine whose embedded Triton has the CPU alone."""
    monkeypatch.setattr(cameras_file, "embedded_uses_gpu", lambda: False)


@pytest.mark.usefixtures("on_cpu")
@pytest.mark.parametrize(("said", "each"), [(4.0, 1.0), (0.0, 1.5), (8.0, 1.5), ("many", "none")])
def test_cameras_share_the_cores_unless_the_file_says_how_many_one_has(tmp_path: Path, said: object, each) -> None:
    text = "sources:\n" + "".join(f"- {{name: a{n}, source: '{n}'}}\n" for n in range(3))
    text += "- {name: b, source: '3', parameters: {pose_node: {cores: 1, budget: 5}}}\n"
    cameras = read_cameras(write(tmp_path, text))
    *equal, own = with_shared_cores(cameras, said_for_all(tmp_path, cores=said), "embedded")
    if each == "none":  # the node refuses it
        assert "pose_node" not in equal[0].parameters
        return
    assert [camera.parameters["pose_node"] for camera in equal] == [{"cores": each}] * 3
    assert own.parameters["pose_node"] == {"cores": 1.0, "budget": 5.0}
    assert own.parameters["camera_node"]["source"] == "3"


TWO = "sources: [{name: a, source: '0'}, {name: b, source: '1'}]"


@pytest.mark.usefixtures("on_cpu")
def test_a_camera_that_is_alone_has_no_part_of_the_cores(tmp_path: Path) -> None:
    alone = read_cameras(write(tmp_path, "sources:\n- {name: a, source: '0'}\n"))
    assert with_shared_cores(alone, said_for_all(tmp_path), "embedded") == alone


@pytest.mark.usefixtures("on_cpu")
def test_nothing_is_divided_for_networks_that_run_elsewhere(tmp_path: Path) -> None:
    cameras = read_cameras(write(tmp_path, TWO))
    assert with_shared_cores(cameras, said_for_all(tmp_path), "external") == cameras
    assert with_shared_cores(cameras, said_for_all(tmp_path, inference="tensorrt"), "embedded") == cameras


def test_nothing_is_divided_for_an_embedded_triton_with_a_gpu(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cameras_file, "embedded_uses_gpu", lambda: True)
    cameras = read_cameras(write(tmp_path, TWO))
    assert with_shared_cores(cameras, said_for_all(tmp_path, cores=4.0), "embedded") == cameras


@pytest.mark.parametrize("triton", ["embedded", "external"])
def test_networks_in_the_nodes_own_processes_share_the_cores_whatever_triton_has(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, triton: str
) -> None:
    monkeypatch.setattr(cameras_file, "embedded_uses_gpu", lambda: True)
    text = "sources: [{name: a, source: '0'}, {name: b, source: '1'}, {name: c, source: '2', "
    text += "parameters: {pose_node: {inference: tensorrt}}}]"
    cameras = read_cameras(write(tmp_path, text))
    *sharing, apart = with_shared_cores(cameras, said_for_all(tmp_path, cores=3.0, inference="onnxruntime"), triton)
    assert [camera.parameters["pose_node"] for camera in sharing] == [{"cores": 1.5}] * 2
    assert apart == cameras[2]


LIVE = "source: rtsp://127.0.0.1:1/a"


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("", "must hold 'sources:'"),
        ("sources: 3", "must hold 'sources:'"),
        ("sources: []", "names no camera"),
        ("sources: [\n- a", r"is no YAML \(line 2"),
        ("sources: [walk.mp4]", "entry 1 must be a mapping"),
        (f"sources: [{{{LIVE}}}]", "'name' is None"),
        (f"sources: [{{name: 2nd, {LIVE}}}]", "'name' is '2nd' but must be letters"),
        (f"sources: [{{name: a__b, {LIVE}}}]", "'name' is 'a__b'"),
        ("sources: [{name: a}]", r"\('a'\) has no 'source'"),
        ("sources: [{name: a, source: gopher://x}]", "'a': source gopher://x: gopher: is not known"),
        ("sources: [{name: a, source: /nowhere/walk.mp4}]", "'a': .*does not exist"),
        (f"sources: [{{name: a, {LIVE}, fsp: 3}}]", "'fsp' is not known; known are source, frame_id"),
        (f"sources: [{{name: a, {LIVE}, fps: fast}}]", "'fps' is 'fast' but must be of type double"),
        (f"sources: [{{name: a, {LIVE}, width: true}}]", "'width' is True but must be of type integer"),
        (f"sources: [{{name: a, {LIVE}, width: -1}}]", "'width' is -1 but must lie within"),
        (f"sources: [{{name: a, {LIVE}, exit_at_end: true}}]", "'exit_at_end' is not known"),
        (f"sources: [{{name: a, {LIVE}, parameters: [3]}}]", "'parameters' is a mapping of nodes"),
        (f"sources: [{{name: a, {LIVE}, parameters: {{tracker: {{}}}}}}]", "'parameters' has 'tracker'"),
        (f"sources: [{{name: a, {LIVE}, parameters: {{pose_node: {{x: 1}}}}}}]", "pose_node: 'x' is not known"),
        (
            f"sources: [{{name: a, {LIVE}}}, {{name: b, {LIVE}}}, {{name: a, {LIVE}}}]",
            r"names two cameras 'a' \(entries 1 and 3\): rename one",
        ),
    ],
)
def test_what_cannot_be_is_one_line(tmp_path: Path, text: str, line: str) -> None:
    with pytest.raises(Exception, match=rf"^sources file [^\n]*{line}[^\n]*$"):
        read_cameras(write(tmp_path, text))


def test_a_file_that_is_not_there_or_no_text_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"^sources file [^\n]*cannot be read: No such file"):
        read_cameras(tmp_path / "none.yaml")
    (tmp_path / "bytes").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(UsageError, match=r"^sources file [^\n]*is not UTF-8 text$"):
        read_cameras(tmp_path / "bytes")


def test_passwords_only_in_files_that_nobody_else_reads(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    text = "sources: [{name: a, source: 'rtsp://ada:%s@127.0.0.1:1/a'}]"
    with pytest.raises(UsageError, match=r"password of 'a' and others may read it \(mode 0640\): chmod 600") as refusal:
        read_cameras(write(tmp_path, text % "s3cret", 0o640))
    assert "s3cret" not in str(refusal.value)
    monkeypatch.setenv("CAMERA_PASSWORD", "s3cret")
    (camera,) = read_cameras(write(tmp_path, text % "${CAMERA_PASSWORD}", 0o644))
    assert camera.source == "rtsp://ada:${CAMERA_PASSWORD}@127.0.0.1:1/a"


@pytest.mark.parametrize("text", ["sources: [{name: a, source: [rtsp://ada:s3cret@h]}]", "rtsp://u:s3cret@h: ["])
def test_no_refusal_repeats_a_password(tmp_path: Path, text: str) -> None:
    with pytest.raises(UsageError) as refusal:
        read_cameras(write(tmp_path, text))
    assert "s3cret" not in str(refusal.value)
