"""Leaving a server behind: a process of its own looks after it until `rt-gait triton down`."""

import os
import subprocess
import sys
import time
from collections.abc import Collection
from pathlib import Path

from rt_gait_ros.serving.listening import Listening, PrivateSocket, private_folder
from rt_gait_ros.serving.server_state import START_TIMEOUT, ServerFailed, ServerState, read_states, run_folder

_PATIENCE = START_TIMEOUT + 30.0  # seconds; the server's own start gives up before


def start_keeper(listening: Listening, repository: Path, networks: Collection[str] = ()) -> ServerState:
    """Start a process that outlives this one and keeps a server running, and wait until the server is ready.

    Raises ServerFailed with that process's own words when it ends before.
    """
    private_folder(run_folder(listening), mend=True)
    log = run_folder(listening) / "keeper.log"
    command = [sys.executable, "-m", "rt_gait_ros.cli.main", "triton", "up", "--foreground", "--detached"]
    command += ["--repository", str(repository.resolve()), *_words(listening)]
    command += ["--networks", *networks] if networks else []
    with open(log, "wb", opener=lambda path, flags: os.open(path, flags, 0o600)) as file:
        process = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=file, stderr=subprocess.STDOUT, start_new_session=True
        )
    end = time.monotonic() + _PATIENCE
    try:
        while time.monotonic() < end:
            # the ROS wheels may put another Python in this one's place, which keeps the pid
            code = process.poll()
            for state in read_states():
                if state.listening == listening and (state.keeper.pid == process.pid or code == 0):
                    return state
            if code is not None:
                lines = log.read_text(encoding="utf-8", errors="replace").strip().splitlines() or ["it said nothing"]
                raise ServerFailed(lines[-1].removeprefix("rt-gait triton: "))
            time.sleep(0.05)
    except BaseException:
        process.terminate()
        raise
    process.terminate()
    raise ServerFailed(f"the Triton server is not ready after {_PATIENCE:.0f} s: see {log}")


def _words(listening: Listening) -> list[str]:
    if isinstance(listening, PrivateSocket):
        return ["--socket-folder", str(listening.folder)]
    words = ["--grpc-port", str(listening.grpc)]
    words += ["--http-port", str(listening.http)] if listening.http else []
    return words + (["--metrics-port", str(listening.metrics)] if listening.metrics else [])
