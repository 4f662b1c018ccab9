"""The nodes as processes of their own: started, watched, ended by their pids."""

import os
import signal
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType

from rt_gait_ros.errors import GaitError

PROGRAM = "from rt_gait_ros.nodes.{name} import main; raise SystemExit(main())"
STOP_SECONDS = 5.0


class NodeDied(GaitError):
    """A node's process ended before its time."""


class NodeProcess:
    """One node in a process of its own. Its output goes to `log`."""

    def __init__(self, name: str, namespace: str, parameters: Mapping[str, object], folder: Path) -> None:
        """name: of the node and of its module. folder: where NAME.log goes."""
        self.name = name
        self.log = folder / f"{name}.log"
        command = [sys.executable, "-c", PROGRAM.format(name=name)]
        command += ["--ros-args", "-r", f"__ns:={namespace}"]
        for key, value in parameters.items():
            command += ["-p", f"{key}:={_literal(value)}"]
        with self.log.open("wb") as log:
            self._process = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,  # the terminal's Ctrl-C is for the demo, which ends its nodes in order
            )

    @property
    def pid(self) -> int:
        """Process id."""
        return self._process.pid

    @property
    def exit_code(self) -> int | None:
        """None while it runs."""
        return self._process.poll()

    def check(self) -> None:
        """Raise NodeDied, with the node's last line, when it has ended."""
        if self.exit_code is not None:
            raise NodeDied(f"{self.name} ended with exit code {self.exit_code}: {self.last_line()} (log: {self.log})")

    def last_line(self) -> str:
        """The last line of the log."""
        lines = self.log.read_text(encoding="utf-8", errors="replace").split("\n")
        return next((line.strip() for line in reversed(lines) if line.strip()), "it said nothing")

    def interrupt(self) -> None:
        """Ask it to end."""
        if self.exit_code is None:
            os.kill(self.pid, signal.SIGINT)

    def wait(self) -> None:
        """Wait for its end; it is killed when that takes too long."""
        try:
            self._process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()


class NodeProcesses:
    """The demo's nodes by name. A context manager that leaves none behind."""

    def __init__(self, namespace: str, folder: Path) -> None:
        """folder: where the logs go; made when it is not there."""
        folder.mkdir(parents=True, exist_ok=True)
        self._namespace = namespace
        self._folder = folder
        self._nodes: dict[str, NodeProcess] = {}

    def start(self, name: str, **parameters: object) -> NodeProcess:
        """Start a node with these parameters."""
        self._nodes[name] = NodeProcess(name, self._namespace, parameters, self._folder)
        return self._nodes[name]

    def __getitem__(self, name: str) -> NodeProcess:
        return self._nodes[name]

    def pids(self) -> dict[str, int]:
        """Process ids by node."""
        return {name: node.pid for name, node in self._nodes.items()}

    def check(self) -> None:
        """Raise NodeDied when one has ended."""
        for node in self._nodes.values():
            node.check()

    def __enter__(self) -> "NodeProcesses":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for node in self._nodes.values():  # in the order of the data: what is upstream falls silent first
            node.interrupt()
        for node in self._nodes.values():
            node.wait()


def _literal(value: object) -> str:
    """A parameter's value as the YAML that --ros-args wants; strings stay strings whatever they look like."""
    if isinstance(value, bool):
        return str(value).lower()
    return f"'{value}'" if isinstance(value, str | Path) else str(value)
