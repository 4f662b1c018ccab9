import os
import signal
import subprocess
import sys
import time

import pytest

from rt_gait_ros.demo import processes
from rt_gait_ros.demo.processes import NodeDied, NodeProcesses


def wait_for(condition, seconds=300.0):
    end = time.monotonic() + seconds
    while not condition() and time.monotonic() < end:
        time.sleep(0.02)
    assert condition()


@pytest.fixture
def fake_node(monkeypatch, tmp_path):
    """Let nodes be small programs that need no ROS."""

    def install(program):
        monkeypatch.setattr(processes, "PROGRAM", program)
        return NodeProcesses("/test", tmp_path / "logs")

    return install


SLEEPER = "import time; print('ready', flush=True); time.sleep(600)"
STUBBORN = f"import signal; signal.signal(signal.SIGINT, signal.SIG_IGN); {SLEEPER}"


@pytest.mark.parametrize("program", [SLEEPER, STUBBORN])
def test_nothing_is_left_behind(fake_node, monkeypatch, program):
    monkeypatch.setattr(processes, "STOP_SECONDS", 0.5)
    with fake_node(program) as nodes:
        node = nodes.start("pose_node")
        wait_for(lambda: "ready" in node.log.read_text())
        pid = nodes.pids()["pose_node"]
        os.kill(pid, 0)
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)


def test_a_dead_node_is_told_with_its_last_line(fake_node):
    with fake_node("print('one'); print('no camera there'); raise SystemExit(3)") as nodes:
        node = nodes.start("camera_node")
        wait_for(lambda: node.exit_code is not None)
        with pytest.raises(
            NodeDied, match=r"camera_node ended with exit code 3: no camera there \(log: .*camera_node\.log\)"
        ):
            nodes.check()


def test_a_killed_node_is_told(fake_node):
    with fake_node(SLEEPER) as nodes:
        node = nodes.start("gait_node")
        nodes.check()
        os.kill(node.pid, signal.SIGKILL)
        wait_for(lambda: node.exit_code is not None)
        with pytest.raises(NodeDied, match="exit code -9"):
            nodes.check()


def test_parameters_arrive_with_their_types(fake_node, tmp_path):
    with fake_node("import sys; print('\\n'.join(sys.argv[1:]))") as nodes:
        node = nodes.start("camera_node", source="0", autostart=False, width=640, gallery=tmp_path)
        wait_for(lambda: node.exit_code is not None)
        said = node.log.read_text().split("\n")
    assert said[:3] == ["--ros-args", "-r", "__ns:=/test"]
    assert {"source:='0'", "autostart:=false", "width:=640", f"gallery:='{tmp_path}'"} < set(said)


OWNER = """
import sys, time
from pathlib import Path
from rt_gait_ros.demo import processes
processes.PROGRAM = "import time; print('ready', flush=True); time.sleep(600)"
node = processes.NodeProcesses("/test", Path(sys.argv[1])).start("pose_node")
while "ready" not in node.log.read_text():
    time.sleep(0.02)
print(node.pid, flush=True)
time.sleep(600)
"""


def test_nodes_end_with_a_demo_that_is_killed(tmp_path):
    with subprocess.Popen([sys.executable, "-c", OWNER, str(tmp_path)], stdout=subprocess.PIPE, text=True) as owner:
        pid = int(owner.stdout.readline())
        os.kill(pid, 0)
        owner.kill()
    wait_for(lambda: not is_running(pid))


def is_running(pid):
    try:
        with open(f"/proc/{pid}/stat") as file:
            return file.read().rpartition(")")[2].split()[0] not in "ZX"
    except FileNotFoundError:
        return False


def test_logs_are_their_owners_alone(fake_node, tmp_path):
    (tmp_path / "logs").mkdir()
    (tmp_path / "logs" / "pose_node.log").write_text("of an earlier run")
    with fake_node(SLEEPER) as nodes:
        node = nodes.start("pose_node")
        wait_for(lambda: "ready" in node.log.read_text())
        assert node.log.stat().st_mode & 0o777 == 0o600


def test_a_parameter_may_hold_any_file_name():
    assert processes._literal("it's 7.mp4") == "'it''s 7.mp4'"
    assert processes._literal(os.fsdecode(b"/a/caf\xe9.mp4")) == "'file:///a/caf%E9.mp4'"
