"""What the security tests share: another user of this machine, who runs Python."""

import os
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence

import pytest

NOBODY = 65534  # user and group `nobody` of Debian, which owns nothing

Stranger = Callable[..., "subprocess.CompletedProcess[str]"]

# Imports come first: the Python of this user may lie where others cannot read.
_BECOME = """
import os, sys
import json, encodings.idna, socket
from pathlib import Path
{imports}
os.setgroups([]); os.setgid({user}); os.setuid({user}); os.chdir("/")
assert os.getuid() == os.geteuid() == {user}
"""


def _command(script: str, imports: str, arguments: Sequence[object]) -> list[str]:
    if os.getuid() != 0:
        pytest.skip("only root can act as another user: run this test as root, in a container for instance")
    return [sys.executable, "-c", _BECOME.format(imports=imports, user=NOBODY) + script, *map(str, arguments)]


_ENVIRONMENT = {"_ROS_WHEELS_BOOTSTRAP_COMPLETE": "1"}


@pytest.fixture(scope="session")
def stranger() -> Stranger:
    """Run a Python script with arguments as a user who has nothing to do with this one. imports: what it imports."""

    def run(script: str, *arguments: object, imports: str = "") -> "subprocess.CompletedProcess[str]":
        command, environment = _command(script, imports, arguments), {**os.environ, **_ENVIRONMENT}
        return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=300, check=False)

    return run


@pytest.fixture
def stranger_at_work() -> Iterator[Callable[..., None]]:
    """Like `stranger`, for a script that says a line when it is ready, and goes on until the test ends."""
    started: list[subprocess.Popen[str]] = []

    def start(script: str, *arguments: object, imports: str = "") -> None:
        script += "\nimport time; time.sleep(600)"
        command, environment = _command(script, imports, arguments), {**os.environ, **_ENVIRONMENT}
        process = subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True)
        started.append(process)
        assert process.stdout is not None
        assert process.stdout.readline()

    yield start
    for process in started:
        process.kill()
        process.wait()
