"""`rt-gait run`: all nodes and Triton from one command."""

import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import cv2
import pytest
from process_list import command_lines

from rt_gait_ros.serving.installation import find_installation

pytestmark = pytest.mark.usefixtures("triton_installed")

IMAGES = 25
PATIENCE = 300.0  # seconds: the machine may be busy


@pytest.fixture
def clip(tmp_path: Path) -> Path:
    """Five seconds of people who stand in a picture that moves a little."""
    picture = cv2.imread(str(Path(__file__).parents[2] / "docs/images/pose_movenet_multipose.jpg"))
    assert picture is not None
    height, width = picture.shape[0] * 640 // picture.shape[1] // 2 * 2 - 16, 624
    picture = cv2.resize(picture, (width + 16, height + 16))
    path = tmp_path / "clip.avi"
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"MJPG"), 5.0, (width, height))
    for number in range(IMAGES):
        shift = number % 16
        writer.write(picture[:height, shift : shift + width])
    writer.release()
    return path


class Run:
    """`rt-gait run` in a process of its own."""

    def __init__(self, folder: Path, *arguments: str) -> None:
        self.said_at = folder / "said.txt"
        command = [sys.executable, "-m", "rt_gait_ros.cli.main", "run", "--table", "--gallery", str(folder / "gallery")]
        environment = {
            **os.environ,
            "RT_GAIT_TRITONSERVER": str(find_installation().binary),
            "RT_GAIT_CACHE": str(folder / "cache"),
            "PYTHONUNBUFFERED": "1",
            "TMPDIR": str(folder),
        }
        with self.said_at.open("wb") as said:
            self.process = subprocess.Popen([*command, *arguments], env=environment, stdout=said, stderr=said)
        self._folder = folder

    @property
    def said(self) -> str:
        """Both outputs so far."""
        return self.said_at.read_text(errors="replace")

    def folders(self) -> list[Path]:
        """What the run has for itself alone: the server's folder, and that of the arguments."""
        return [*self._folder.glob("cache/triton/*"), *self._folder.glob("rt_gait_run_*")]

    def left_behind(self) -> list[str]:
        """Processes that were started from the run's own folder: the server's."""
        return command_lines(self._folder / "cache")


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Callable[..., Run]]:
    """start(*arguments) is a Run; ended with the test."""
    runs: list[Run] = []

    def begin(*arguments: str) -> Run:
        runs.append(Run(tmp_path, *arguments))
        return runs[-1]

    yield begin
    for run in runs:
        if run.process.poll() is None:
            run.process.send_signal(signal.SIGINT)
            run.process.wait(PATIENCE)


def wait_until_somebody_is_told(run: Run) -> None:
    """However few of the images a busy machine sees: they come again."""
    end = time.monotonic() + PATIENCE
    while not re.search(r"^[a-z]\w{4} +(collecting|unknown) ", run.said, re.MULTILINE):
        assert time.monotonic() < end, run.said
        assert run.process.poll() is None, run.said
        time.sleep(0.1)


def test_a_video_is_played_and_all_ends(start: Callable[..., Run], clip: Path) -> None:
    run = start("--source", str(clip))
    assert run.process.wait(PATIENCE) == 0, run.said
    assert "Traceback" not in run.said
    assert "Triton serves blazepose_landmark_full, gaitset_small_v5_stream, nanodet at" in run.said
    assert not run.left_behind()


def test_people_are_told_and_a_signal_ends_everything(start: Callable[..., Run], clip: Path) -> None:
    run = start("--source", str(clip), "--loop")
    wait_until_somebody_is_told(run)
    assert run.left_behind()
    assert run.folders()
    run.process.send_signal(signal.SIGINT)
    assert run.process.wait(PATIENCE) == 0, run.said
    assert "Traceback" not in run.said
    assert not run.left_behind()
    assert not run.folders()


REFUSED = [
    (("--source", "/nowhere/walk.mp4"), "/nowhere/walk.mp4 does not exist"),
    (("--source", "gopher://camera"), "gopher: is not known"),
    (("--ros-args", "-p", "pose_node:detector_period:=0"), "must lie within"),
    (
        ("--triton", "external", "--triton-url", "http://127.0.0.1:8000"),
        "leave http:// out, and name the gRPC port",
    ),
]


def test_what_cannot_be_is_refused_before_triton_starts(tmp_path: Path) -> None:
    """All in one process: to start one takes seconds."""
    code = "import json, sys; from rt_gait_ros.cli.main import main\n"
    code += "print([main(['run', '--gallery', 'gallery', *words]) for words in json.loads(sys.argv[1])])"
    words = json.dumps([arguments for arguments, _ in REFUSED])
    command = [sys.executable, "-c", code, words]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=PATIENCE, check=True)
    codes = json.loads(done.stdout.splitlines()[-1])
    assert len(codes) == len(REFUSED)
    assert 0 not in codes
    for _, line in REFUSED:
        assert line in done.stderr
    assert "Triton" not in done.stderr + done.stdout
    assert "Traceback" not in done.stderr


def test_no_server_for_networks_in_the_nodes(start: Callable[..., Run], clip: Path) -> None:
    run = start("--source", str(clip), "--loop", "--ros-args", "-p", "inference:=onnxruntime")
    wait_until_somebody_is_told(run)
    run.process.send_signal(signal.SIGHUP)
    assert run.process.wait(PATIENCE) == 0, run.said
    assert "Triton" not in run.said
    assert not run.folders()
