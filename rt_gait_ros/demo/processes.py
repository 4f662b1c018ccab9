"""The nodes as processes of their own: started, watched, ended by their pids."""

import os
import signal
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType

from rt_gait_ros import private_file
from rt_gait_ros.errors import GaitError
from rt_gait_ros.sources.names import as_text

# A node ends with the demo, however that ends. A shell starts what it runs in the background deaf to SIGINT, and so
# would be what is started from there.
PRELUDE = (
    "import signal; from rt_gait_ros.programs import leave_while_loading; "
    "from rt_gait_ros.signals import end_with_parent; "
    "leave_while_loading(); end_with_parent({parent}, signal.SIGINT); "
)
PROGRAM = "from rt_gait_ros.nodes.{name} import main; raise SystemExit(main())"
STOP_SECONDS = 5.0


class NodeDied(GaitError):
    """A node's process ended before its time."""


class NodeProcess:
    """One node in a process of its own. Its output goes to `log`, which its owner alone may read."""

    def __init__(self, name: str, namespace: str, parameters: Mapping[str, object], folder: Path) -> None:
        """name: of the node and of its module. folder: where NAME.log goes."""
        self.name = name
        self.log = folder / f"{name}.log"
        command = [sys.executable, "-c", (PRELUDE + PROGRAM).format(parent=os.getpid(), name=name)]
        command += ["--ros-args", "-r", f"__ns:={namespace}"]
        for key, value in parameters.items():
            command += ["-p", f"{key}:={_literal(value)}"]
        with private_file.create(self.log) as log:
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
        return next((line for line in reversed(self._lines()) if line), "it said nothing")

    def last_error(self) -> str:
        """The text of the last line that rclpy's logger marked as an error, or empty."""
        errors = [line for line in self._lines() if line.startswith("[ERROR]")]
        return errors[-1].split("]: ", 1)[-1] if errors else ""

    def interrupt(self) -> None:
        """Ask it to end."""
        if self.exit_code is None:
            os.kill(self.pid, signal.SIGINT)

    def wait(self) -> None:
        """Wait for its end; it is killed when that takes too long."""
        wait_or_kill(self._process, STOP_SECONDS)

    def _lines(self) -> list[str]:
        return [line.strip() for line in self.log.read_text(encoding="utf-8", errors="replace").split("\n")]


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

    def complaints(self) -> str:
        """The newest error that each node has logged, in one line; empty when all are content."""
        found = ((node.name, node.last_error()) for node in self._nodes.values())
        return "; ".join(f"{name}: {error}" for name, error in found if error)

    def __enter__(self) -> "NodeProcesses":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for node in self._nodes.values():  # in the order of the data: what is upstream falls silent first
            node.interrupt()
        for node in self._nodes.values():
            node.wait()


def wait_or_kill(process: "subprocess.Popen[bytes]", seconds: float) -> None:
    """Wait for the end of a process, which was asked to end; it is killed when that takes longer."""
    try:
        process.wait(seconds)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def _literal(value: object) -> str:
    """A parameter's value as the YAML that --ros-args wants; strings stay strings whatever they look like.

    A file whose name is no UTF-8, which ROS wants, is named by a URI.
    """
    if isinstance(value, bool):
        return str(value).lower()
    if not isinstance(value, str | Path):
        return str(value)
    quoted = as_text(str(value)).replace("'", "''")
    return f"'{quoted}'"
