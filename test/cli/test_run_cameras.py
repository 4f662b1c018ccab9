"""`rt-gait run --sources`: several cameras, each with nodes of its own, from RTSP servers that do what real ones do."""

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import rclpy
from diagnostic_msgs.msg import DiagnosticArray
from process_list import command_lines
from rcl_interfaces.srv import GetParameters

from rt_gait_ros.cli import run_cameras
from rt_gait_ros.cli.main import main
from rt_gait_ros.msg import GaitIdentityArray
from rt_gait_ros.resources import resource
from rt_gait_ros.serving.installation import find_installation

sys.path.append(str(resource("benchmark")))

from rtsp_server import PACKAGES, PROBE, SYSTEM_PYTHON

PATIENCE = 300.0  # seconds: the machine may be busy
SERVER = resource("benchmark") / "rtsp_server.py"
SECRETS = ("s3cret", "wr0ng")


@pytest.fixture(scope="module")
def gstreamer() -> None:
    """Skip where there is no RTSP server to be had."""
    command = [SYSTEM_PYTHON, "-c", PROBE]
    if not Path(SYSTEM_PYTHON).exists() or subprocess.run(command, capture_output=True, check=False).returncode:
        pytest.skip(f"no GStreamer RTSP server: {PACKAGES}")


class RtspServer:
    """rtsp_server.py on a port of the loopback, that can be cut and restored."""

    def __init__(self, port: int) -> None:
        self.port = port
        self.restore()

    def restore(self) -> None:
        command = [SYSTEM_PYTHON, str(SERVER), str(self.port)]
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        assert self._process.stdout is not None
        assert self._process.stdout.readline() == b"ready\n"

    def cut(self) -> None:
        self._process.kill()
        self._process.wait()


@pytest.fixture
def servers(gstreamer: None, own_ports: Iterator[int]) -> Iterator[tuple[RtspServer, RtspServer]]:
    both = RtspServer(next(own_ports)), RtspServer(next(own_ports))
    yield both
    for server in both:
        server.cut()


class Ears:
    """Hears the diagnostics and identities of every camera."""

    def __init__(self, cameras: tuple[str, ...]) -> None:
        self.node = rclpy.create_node("ears")
        self.frames = dict.fromkeys(cameras, 0)
        self.said: list[str] = []
        self.states: dict[str, str] = {}
        for camera in cameras:
            topic = f"/{camera}/gait_identities"
            self.node.create_subscription(GaitIdentityArray, topic, lambda _, c=camera: self._count(c), 10)
        self.node.create_subscription(DiagnosticArray, "/diagnostics", self._hear, 100)

    def _count(self, camera: str) -> None:
        self.frames[camera] += 1

    def _hear(self, message: DiagnosticArray) -> None:
        for status in message.status:
            self.states[status.name] = status.message
            self.said.append(str(status))

    def until(self, condition: Callable[[], Any], run: subprocess.Popen) -> None:
        deadline = time.monotonic() + PATIENCE
        while not condition():
            assert time.monotonic() < deadline, self.states
            assert run.poll() is None
            rclpy.spin_once(self.node, timeout_sec=0.1)

    def source_of(self, camera: str, run: subprocess.Popen) -> str:
        client = self.node.create_client(GetParameters, f"/{camera}/camera_node/get_parameters")
        self.until(client.service_is_ready, run)
        asked = client.call_async(GetParameters.Request(names=["source"]))
        self.until(asked.done, run)
        return str(asked.result().values[0].string_value)


@pytest.fixture
def ears(domain: int) -> Iterator[Ears]:
    rclpy.init()
    heard = Ears(("steady", "cut"))
    yield heard
    heard.node.destroy_node()
    rclpy.try_shutdown()


@pytest.mark.slow
def test_four_streams_of_which_one_is_cut_one_refuses_and_one_is_garbage(
    servers: tuple[RtspServer, RtspServer], ears: Ears, triton_installed: None, tmp_path: Path
) -> None:
    (lasting, cut), (secret, wrong) = servers, SECRETS
    good = f"ada:{secret}%2F1@127.0.0.1"
    file = tmp_path / "cameras.yaml"
    file.write_text(
        "sources:\n"
        f"- {{name: steady, source: 'rtsp://{good}:{lasting.port}/steady'}}\n"
        f"- {{name: cut, source: 'rtsp://{good}:{cut.port}/steady', fps: 5}}\n"
        f"- {{name: refused, source: 'rtsp://ada:{wrong}@127.0.0.1:{lasting.port}/steady'}}\n"
        f"- {{name: garbage, source: 'rtsp://{good}:{lasting.port}/garbage'}}\n"
    )
    file.chmod(0o600)
    command = [sys.executable, "-m", "rt_gait_ros.cli.main", "run", "--sources", str(file), "--table"]
    environment = {
        **os.environ,
        "RT_GAIT_TRITONSERVER": str(find_installation().binary),
        "RT_GAIT_CACHE": str(tmp_path / "cache"),
        "TMPDIR": str(tmp_path),
    }
    said_at = tmp_path / "said.txt"
    with said_at.open("wb") as out:
        command += ["--gallery", str(tmp_path / "people.gallery")]
        run = subprocess.Popen(command, env=environment, stdout=out, stderr=out)
    try:
        ears.until(lambda: min(ears.frames.values()) > 2, run)
        ears.until(lambda: "401 Unauthorized" in ears.states.get("refused/camera_node", ""), run)
        ears.until(lambda: "cannot be opened" in ears.states.get("garbage/camera_node", ""), run)
        cut.cut()
        ears.until(lambda: "is lost" in ears.states.get("cut/camera_node", ""), run)
        before = dict(ears.frames)
        ears.until(lambda: ears.frames["steady"] > before["steady"] + 2, run)  # which nothing of that has touched
        cut.restore()
        ears.until(lambda: ears.frames["cut"] > before["cut"] + 2, run)
        assert ears.states["cut/camera_node"] != ""
        shown = {camera: ears.source_of(camera, run) for camera in ("steady", "refused")}
        lines = command_lines(tmp_path)
    finally:
        run.send_signal(signal.SIGINT)
        code = run.wait(PATIENCE)
    said = said_at.read_text(errors="replace")
    assert code == 0, said
    assert "Traceback" not in said
    assert re.search(r"^camera refused: rtsp://ada:\*\*\*@127", said, re.MULTILINE)
    assert said.count("Triton serves") == 1
    assert all(re.fullmatch(r"rtsp://ada:\$\{\w+\}@127.0.0.1:\d+/steady", source) for source in shown.values())
    assert len(lines) > 5  # the command, Triton, and a process for each camera
    for secret in SECRETS:
        assert secret not in said + str(shown) + "".join(ears.said) + "".join(lines)
    assert not command_lines(tmp_path)


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("sources: [{name: a, source: 'rtsp://h/1'}, {name: a, source: 'rtsp://h/2'}]", "two cameras 'a'"),
        ("sources: [{name: a, source: /nowhere.mp4}]", "/nowhere.mp4 does not exist"),
    ],
)
def test_what_cannot_be_is_one_line(tmp_path: Path, capsys: pytest.CaptureFixture, text: str, line: str) -> None:
    file = tmp_path / "cameras.yaml"
    file.write_text(text)
    assert main(["run", "--sources", str(file)]) != 0
    said = capsys.readouterr().err
    assert line in said
    assert said.count("\n") == 1


def test_source_and_sources_exclude_each_other(capsys: pytest.CaptureFixture) -> None:
    with pytest.raises(SystemExit) as refusal:
        main(["run", "--sources", "a.yaml", "--source", "0"])
    assert refusal.value.code == 2
    assert "not allowed with" in capsys.readouterr().err


def test_a_camera_whose_nodes_die_gets_new_ones_and_one_whose_recording_is_over_does_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture
) -> None:
    monkeypatch.setattr(run_cameras, "FIRST_PAUSE", 0.01)
    mark = tmp_path / "mark"
    script = f"import os, pathlib; p = pathlib.Path({str(mark)!r}); n = p.exists(); p.touch(); os._exit(0 if n else 7)"
    process = run_cameras.CameraProcess("door", [sys.executable, "-c", script])
    deadline = time.monotonic() + PATIENCE
    while (code := process.look()) is None and time.monotonic() < deadline:
        time.sleep(0.01)
    assert code == 0
    assert "the nodes of camera door ended with exit code 7: starting them again in 0.01 s" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "outer", "others"),
    [
        ([], "", []),
        (["-r", "__ns:=/robot1", "-p", "x:=1"], "/robot1", ["-p", "x:=1"]),
        (["--log-level", "warn", "--remap", "__ns:=r"], "r", ["--log-level", "warn"]),
    ],
)
def test_the_namespace_of_all_is_what_the_cameras_names_go_below(words: list, outer: str, others: list) -> None:
    assert run_cameras._split_namespace(words) == (outer, others)
