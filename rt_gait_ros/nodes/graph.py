"""Being in the ROS graph, as a node of its own or for a command that hears and asks those that run."""

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import rclpy
from rclpy.executors import SingleThreadedExecutor
from rclpy.node import Node
from rclpy.signals import SignalHandlerOptions

from rt_gait_ros.errors import GaitError, UsageError
from rt_gait_ros.lines import one_line
from rt_gait_ros.masking import holds_bytes, readable
from rt_gait_ros.nodes.dds import apply_dds_profile
from rt_gait_ros.nodes.log_folder import provide_log_folder
from rt_gait_ros.signals import KeptSignals, kept_signals

WAKE_PERIOD = 0.25  # seconds after which a signal is heeded at the latest: Python's handlers run between callbacks
_NO_LOG = "failed to initialize logging"


def join(args: Sequence[str] = ()) -> None:
    """Join the ROS graph, which `rclpy.try_shutdown` leaves. args: for ROS.

    Raises UsageError for what ROS does not understand, GaitError otherwise.
    """
    apply_dds_profile()
    provide_log_folder()
    if strange := [word for word in args if holds_bytes(word)]:
        wanted = "is not UTF-8, as ROS wants it: write a file's name as file:///PATH, %-encoded"
        raise UsageError(f"argument {readable(strange[0])} {wanted}")
    try:
        # Without rclpy's own handlers the graph is still there when nodes say goodbye.
        rclpy.init(args=list(args), signal_handler_options=SignalHandlerOptions.NO)
    except RuntimeError as error:  # of which rcl's errors are made: a file that is not there, a rule that is none
        reason = one_line(str(error)).removeprefix("failed to initialize rcl: ").split(", at ")[0]
        if reason.startswith(_NO_LOG):
            why = reason.removeprefix(_NO_LOG).strip(" :")
            raise UsageError(f"ROS cannot write its logs ({why}): set ROS_LOG_DIR to a folder of yours") from None
        if not args:
            raise GaitError(f"ROS cannot be started: {reason}") from None
        raise UsageError(f"ROS does not understand the command line: {reason}") from None


@contextmanager
def joined(args: Sequence[str] = ()) -> Iterator[KeptSignals]:
    """Be in the ROS graph. args: for ROS. Raises as `join`, and Ended where a signal came that nobody has heeded.

    Signals are kept: rclpy's C code makes a RuntimeError of an exception that is raised within it.
    """
    with kept_signals() as signals:
        try:
            join(args)
            yield signals
        finally:  # also where ROS could not be started: its context may be up all the same
            rclpy.try_shutdown()


class CommandNode(Node):
    """A node of a command, which spins it in its own thread."""

    def __init__(self, signals: KeptSignals, name: str, **options: Any) -> None:
        """signals: as `joined` gives them. name, options: as rclpy's Node takes them."""
        super().__init__(name, **options)
        self._signals = signals
        self._executor = SingleThreadedExecutor()
        self._executor.add_node(self)

    def spin(self, seconds: float) -> None:
        """Do what comes within that time. Raises Ended once a signal has come."""
        end = time.monotonic() + seconds
        while (left := end - time.monotonic()) > 0.0:
            self._executor.spin_once(min(left, WAKE_PERIOD))
            self._signals.heed()

    def close(self) -> None:
        """Leave the graph."""
        self._executor.shutdown()
        self.destroy_node()
