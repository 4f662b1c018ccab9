"""Running stages in a process: one executor, signals, help, exit code."""

import logging
import sys
import traceback
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from types import FrameType

import cv2
import rclpy
import rclpy.logging
from rclpy.executors import ExternalShutdownException, SingleThreadedExecutor

from rt_gait_ros.command_line import hide_credentials
from rt_gait_ros.errors import LONGEST, GaitError
from rt_gait_ros.lines import one_line
from rt_gait_ros.masking import mask_credentials, readable
from rt_gait_ros.nodes.graph import join
from rt_gait_ros.nodes.memory import keep_large_blocks
from rt_gait_ros.nodes.parameters import Specification, specifications
from rt_gait_ros.nodes.service_manager import ServiceManager
from rt_gait_ros.nodes.stage import Stage
from rt_gait_ros.nodes.waker import Waker
from rt_gait_ros.signals import Ended, handling, insisting
from rt_gait_ros.terminal import accept_every_letter

TURN_PERIOD = 0.25  # seconds


class Signals:
    """SIGINT, SIGTERM and SIGHUP raise Ended until `gently` is set; from then on the first one only sets `stop`."""

    def __init__(self) -> None:
        self.gently = False
        self.stop = False

    def handle(self, number: int, frame: FrameType | None) -> None:
        """Signal handler."""
        again, self.stop = self.stop, True  # which counts even where Ended is swallowed, as callbacks from C do
        if again or not self.gently:
            raise Ended(number)


def run(build: Callable[[], Sequence[Stage]], args: Sequence[str] | None, help_text: str) -> int:
    """Run the stages that `build` makes until one of them ends the process or a signal comes.

    args: the command line without the program's name, None for sys.argv's. Errors a user can mend are one line on
    standard error. Returns the exit code: 0 after SIGINT, SIGTERM, SIGHUP or an orderly end, else the error's own.
    """
    accept_every_letter()
    args = sys.argv[1:] if args is None else list(args)
    own = args[: args.index("--ros-args")] if "--ros-args" in args else args
    if {"-h", "--help"} & set(own):
        sys.stdout.write(help_text)
        return 0
    if own:
        unknown = readable(own[0])
        sys.stderr.write(f"error: unknown argument '{unknown}': parameters go behind --ros-args -p; see --help\n")
        return 2
    hide_credentials()
    try:
        return run_in_process(build, args)
    except GaitError as error:
        sys.stderr.write(f"error: {mask_credentials(str(error))}\n")
        return error.exit_code


def run_in_process(
    build: Callable[[], Sequence[Stage]], args: Sequence[str], each_turn: Callable[[], None] | None = None
) -> int:
    """Start ROS, run the stages, end ROS. Returns 0 after a signal or an orderly end; raises what ended a stage.

    args: for ROS. each_turn: called each TURN_PERIOD.
    """
    signals = Signals()
    with handling(signals.handle):
        try:
            with insisting():
                keep_large_blocks()
                cv2.setNumThreads(1)  # crops of 256x256 are no work to share: the pool's threads wait at full speed
                join(args)
                route_log()
                return spin(build, signals, each_turn)
        except (KeyboardInterrupt, ExternalShutdownException):
            return 0
        except (RuntimeError, GaitError):
            if signals.stop:  # what rclpy's C code made of Ended, and `join` of that
                return 0
            raise
        finally:
            rclpy.try_shutdown()


def route_log() -> None:
    """Send what the domain rooms log to ROS, which knows nothing of Python's logging."""
    log = logging.getLogger("rt_gait_ros")
    if not log.handlers:
        log.addHandler(RosHandler())
        log.propagate = False


class RosHandler(logging.Handler):
    """Hands Python's log records to ROS."""

    def emit(self, record: logging.LogRecord) -> None:
        """As logging.Handler.emit."""
        logger = rclpy.logging.get_logger(record.name)
        line = one_line(mask_credentials(record.getMessage()), LONGEST)
        if record.levelno >= logging.ERROR:
            logger.error(line)
        elif record.levelno >= logging.WARNING:
            logger.warning(line)
        else:
            logger.info(line)


def spin(build: Callable[[], Sequence[Stage]], signals: Signals, each_turn: Callable[[], None] | None) -> int:
    """Make the stages, spin them in the calling thread until they end, take them down."""
    executor = SingleThreadedExecutor()
    with ExitStack() as ending:
        ending.callback(executor.shutdown)
        stages = build()
        for stage in reversed(stages):  # the last first: what is upstream falls silent before the rest
            ending.callback(stage.destroy_node)
        for stage in stages:
            executor.add_node(stage)
        if each_turn is not None:
            stages[0].every(TURN_PERIOD, each_turn)
        manager = ServiceManager()
        if manager.period is not None:
            stages[0].every(manager.period / 2, lambda: None)  # half: a turn that comes a little early counts for none
        with Waker(executor) as waker:
            for stage in stages:
                stage.on_end = waker.wake  # before the first look at `ended`: who ends earlier is seen there
                stage.diagnostics_timer.reset()  # all at one time, for which the executor builds one wait set
            signals.gently = True
            manager.ready()
            while not signals.stop and not any(stage.ended for stage in stages):
                executor.spin_once()
                manager.turn()
        signals.stop = False
        return _outcome(stages)


def _outcome(stages: Sequence[Stage]) -> int:
    errors = [stage.ending for stage in stages if stage.ending is not None]
    if not errors:
        return 0
    if isinstance(errors[0], GaitError):
        raise errors[0]
    sys.stderr.write(mask_credentials("".join(traceback.format_exception(errors[0]))))
    return 1


def help_text(executable: str, purpose: str, topics: str, sections: Sequence[str]) -> str:
    """What `--help` of a node says. topics: its interface, one line each. sections: nodes whose parameters it takes."""
    lines = [
        f"usage: {executable} [--ros-args -p NAME:=VALUE | --params-file FILE | -r FROM:=TO | -r __ns:=/NAMESPACE …]",
        "",
        purpose,
        "",
        topics.strip("\n"),
    ]
    for section in sections:
        lines += [
            "",
            f"parameters of {section} (*: may be changed while it runs; others but autostart: unconfigured):",
        ]
        lines += [
            line for specification in specifications()[section].values() for line in _parameter_lines(specification)
        ]
    return "\n".join(lines) + "\n"


def _parameter_lines(specification: Specification) -> list[str]:
    limits = ""
    if specification.range:
        limits = f", {specification.range[0]} .. {specification.range[1]}"
    elif specification.choices:
        limits = f", one of: {specification.choice_words}"
    star = "*" if specification.dynamic else " "
    return [
        f" {star}{specification.name} ({specification.type}, default {specification.default!r}{limits})",
        f"      {' '.join(specification.description.split())}",
    ]
