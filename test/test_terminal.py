import os
import subprocess
import sys

import pytest

PROGRAM = """
import sys
from rt_gait_ros.terminal import accept_every_letter
accept_every_letter()
print("Zoë 王 …")
print("Zoë 王 …", file=sys.stderr)
"""


@pytest.mark.parametrize(
    ("encoding", "said"),
    [("ascii", rb"Zo\xeb \u738b \u2026"), ("latin-1", b"Zo\xeb \\u738b \\u2026"), ("utf-8", "Zoë 王 …".encode())],
)
def test_what_an_encoding_lacks_is_escaped(encoding: str, said: bytes) -> None:
    environment = {**os.environ, "PYTHONIOENCODING": encoding}
    done = subprocess.run([sys.executable, "-c", PROGRAM], env=environment, capture_output=True, check=True)
    assert (done.stdout.strip(), done.stderr.strip()) == (said, said)


@pytest.mark.parametrize("module", ["cli.main", "nodes.tracker_node"])
def test_commands_and_nodes_teach_in_ascii(module: str) -> None:
    if module.startswith("nodes"):
        pytest.importorskip("rclpy", reason="ROS 2 is not installed")
    environment = {**os.environ, "PYTHONIOENCODING": "ascii:strict"}
    command = [sys.executable, "-m", f"rt_gait_ros.{module}", "--help"]
    done = subprocess.run(command, env=environment, capture_output=True, check=False)
    assert (done.returncode, done.stderr) == (0, b"")
    assert done.stdout.startswith(b"usage: ")
