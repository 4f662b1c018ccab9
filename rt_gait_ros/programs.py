"""What the executables begin with, before anything that takes long is loaded.

Each function is an entry point of pyproject.toml and, by cmake/entry_point.in, of CMake.
"""

import importlib
import os
import signal
import sys
from collections.abc import Callable, Sequence
from types import FrameType

from rt_gait_ros.pip_packages import advice
from rt_gait_ros.signals import ENDING, Ended, of_a_command, on_ending


def leave_while_loading(numbers: Sequence[int] = ENDING, *, as_shells_tell: bool = False) -> None:
    """End the process at once, without a word, at a signal that comes before the program handles signals itself.

    Modules take seconds to load on a busy robot, there is nothing to take down before they are, and an exception would
    come out as a traceback of whatever was just being loaded. as_shells_tell: with 128 and the signal's number as exit
    code, as commands do, and not with 0, as nodes.
    """

    def leave(number: int, frame: FrameType | None) -> None:
        os._exit(Ended(number).exit_code if as_shells_tell else 0)

    on_ending(leave, numbers)


def rt_gait() -> int:
    """The command `rt-gait`."""
    leave_while_loading(of_a_command(), as_shells_tell=True)
    return _run("cli.main")


def _node(name: str) -> Callable[[], int]:
    """The program of a node."""

    def program() -> int:
        leave_while_loading()
        try:
            return _run(f"nodes.{name}")
        finally:
            for number in ENDING:  # Python takes its handlers away, and then up to a second to end: the second of two
                signal.signal(number, signal.SIG_IGN)  # signals, as a terminal's and launch's, would kill the node

    return program


def _run(module: str) -> int:
    """Run `main` of a module of this package. Returns the exit code."""
    try:
        main: Callable[[], int] = importlib.import_module(f"rt_gait_ros.{module}").main
    except ModuleNotFoundError as error:
        if not (line := advice(error)):
            raise
        sys.stderr.write(f"error: {line}\n")
        return 1
    return main()


camera_node = _node("camera_node")
pose_node = _node("pose_node")
tracker_node = _node("tracker_node")
gait_node = _node("gait_node")
overlay_node = _node("overlay_node")
composed_node = _node("composed_node")
