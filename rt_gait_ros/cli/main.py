"""The command `rt-gait`: one module of this folder for each subcommand, imported only when it is asked for."""

import argparse
import errno
import importlib
import os
import signal
import sys
from collections.abc import Sequence
from types import FrameType
from typing import Any, NoReturn

from rt_gait_ros import __version__
from rt_gait_ros.command_line import hide_credentials
from rt_gait_ros.errors import GaitError, of_file
from rt_gait_ros.masking import mask_credentials, readable
from rt_gait_ros.pip_packages import advice
from rt_gait_ros.signals import Ended, insisting, of_a_command, on_ending, raise_ended
from rt_gait_ros.terminal import accept_every_letter

# Name and summary of every subcommand; the module NAME.py has SUMMARY, add_arguments(parser) and run(arguments) -> int.
COMMANDS = {
    "demo": "track and name people in real footage with four nodes over DDS and a Triton server",
    "run": "run all nodes on a video, a camera or an image topic, or on several cameras",
    "replay": "recognise the people of a ROS 2 bag, the same each time, with the gallery and network of your choice",
    "deploy": "write what runs Triton and the nodes on a robot: a compose file, a Dockerfile, units of systemd",
    "watch": "show a live web page: the picture, who is here and why not, the gallery, enrol and forget",
    "doctor": "check what works on this machine, what does not, and what to do about it",
    "triton": "run the Triton server of the networks, and list or make the networks",
    "models": "fetch the files of the networks, where a release has left them out, and check them",
    "gallery": "list, rename, merge and forget the persons that the robot knows",
    "scene": "list and delete what was learnt of each camera's place from the people who walked by",
    "evaluate": "measure recognition on a data set",
    "calibrate": "fit what a gait model's distances mean, and its accept line",
    "export": "turn a checkpoint into a network that Triton serves, or a recording into tracks or a bag",
    "prune": "remove the weakest filters of a network",
    "select": "choose among measured networks by people, looks, watts and accuracy, and write their model repository",
    "train": "train a network on your own data",
    "synthesis": "make pictures and recordings of generated walkers, with ground truth",
    "bench": "measure this machine: one benchmark for each figure of the documentation",
    "audit": "list known vulnerabilities and licences of the installed packages, for maintainers",
    "fuzz": "send broken messages, images and files to every reader, for maintainers",
    "docs": "build the documentation site of a clone: guides and the reference of the Python API",
    "test": "run the tests of a clone",
}

# Of what was being written, which the system does not name.
_FULL = (errno.ENOSPC, errno.EDQUOT)

_EPILOG = """\
begin with
  rt-gait doctor              check whether everything is installed
  rt-gait demo                track and name people in real footage
  rt-gait run --source 0      run on the first camera
`rt-gait COMMAND --help` explains each command.
exit codes: 0 done; 1 it failed, or the answer is no; 2 the request is wrong (an argument, a parameter, a name);
128 and a signal's number: interrupted. What lasts until a signal comes, such as `run`, ends with 0 then.
"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Entry point. Returns the exit code: 0 well, 1 it failed, 2 the request was wrong, 128 and a signal's number."""
    words = list(sys.argv[1:] if arguments is None else arguments)
    hide_credentials()
    accept_every_letter()
    came: list[int] = []

    def end(number: int, frame: FrameType | None) -> None:
        came.append(number)
        raise_ended(number, frame)

    # a reader that goes away, as in `rt-gait gallery list | head`, ends the command without a word
    signal.signal(signal.SIGPIPE, signal.SIG_DFL)
    name = next((word for word in words if not word.startswith("-")), "")
    try:
        parser = _parser(name)  # loads the command: until then a signal ends the process at once (programs.py)
        on_ending(end, of_a_command())
        parsed, rest = parser.parse_known_args(words)
        parsed.rest = rest
        if not parsed.command:
            parser.print_help()
            return 0
        with insisting():
            return int(importlib.import_module(f"rt_gait_ros.cli.{parsed.command}").run(parsed))
    except GaitError as error:
        print(f"rt-gait {name}: {mask_credentials(str(error))}", file=sys.stderr)
        return error.exit_code
    except ImportError as error:
        return _not_loaded(error, name, came)
    except OSError as error:
        if error.filename is None:  # not about a file that somebody named
            if error.errno not in _FULL:
                raise
            print(f"rt-gait {name}: {error.strerror}: make room, then give the same command again", file=sys.stderr)
            return 1
        print(f"rt-gait {name}: {readable(os.fsdecode(error.filename))}: {error.strerror}", file=sys.stderr)
        return of_file(error, name).exit_code
    except KeyboardInterrupt as ended:
        print(file=sys.stderr)
        return ended.exit_code if isinstance(ended, Ended) else Ended().exit_code


def _not_loaded(error: ImportError, name: str, came: Sequence[int]) -> int:
    """Exit code where a module cannot be loaded. came: the signals that came."""
    if came:  # what code in C is given while its module is loaded comes out as an error of that module
        print(file=sys.stderr)
        return Ended(came[0]).exit_code
    line = advice(error) if isinstance(error, ModuleNotFoundError) else ""
    if not line:
        raise error
    print(f"rt-gait {name}: {line}", file=sys.stderr)
    return 1


class _Parser(argparse.ArgumentParser):
    """A parser whose complaints, which repeat what was written, show no password, and are of the command itself."""

    def parse_known_args(self, args: Any = None, namespace: Any = None) -> Any:
        """As argparse does. What nobody knows is an error, unless the command hands it on."""
        parsed, rest = super().parse_known_args(args, namespace)
        if rest and not getattr(parsed, "hands_on", False):
            self.error(f"unrecognized arguments: {' '.join(rest)}")
        return parsed, rest

    def error(self, message: str) -> NoReturn:
        """As argparse.ArgumentParser.error."""
        super().error(mask_credentials(message))


def _parser(chosen: str) -> argparse.ArgumentParser:
    """All subcommands by name and summary; the chosen one with its arguments."""
    parser = _Parser(
        prog="rt-gait",
        description="Recognise the people near a robot by the way they walk.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="version", version=f"rt-gait {__version__}")
    # hands_on: arguments that the command does not know are another program's, and in `rest`
    parser.set_defaults(hands_on=False)
    commands = parser.add_subparsers(dest="command", metavar="COMMAND")
    for name, summary in COMMANDS.items():
        command = commands.add_parser(name, help=summary, description=f"{summary[0].upper()}{summary[1:]}.")
        if name == chosen:
            importlib.import_module(f"rt_gait_ros.cli.{name}").add_arguments(command)
    return parser


if __name__ == "__main__":
    sys.exit(main())
