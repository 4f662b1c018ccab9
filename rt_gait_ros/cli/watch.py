"""`rt-gait watch`: a live web page of what the nodes see and know."""

import argparse
import os
import re

from rt_gait_ros.cli.output import progress
from rt_gait_ros.errors import UsageError
from rt_gait_ros.masking import readable
from rt_gait_ros.nodes.graph import joined
from rt_gait_ros.nodes.watch_node import watch
from rt_gait_ros.signals import surviving_readers
from rt_gait_ros.web.board import Board
from rt_gait_ros.web.server import PageServer
from rt_gait_ros.web.silhouettes import Silhouettes

SUMMARY = "show a live web page: the picture, who is here and why not, the gallery, enrol and forget"

PORT = 8765
_NAMESPACE = re.compile(r"/|(/[A-Za-z_]\w*)+", re.ASCII)

_DESCRIPTION = """\
Serves a web page of the nodes that are running, on this machine alone, and prints its address.

  rt-gait run --source walk.mp4 --loop         in one terminal
  rt-gait watch                                in another; open the address that it prints

The page shows the picture with everybody's name, who is here and why somebody has no name yet, how the nodes do,
and the gallery with its silhouettes. People are enrolled and forgotten by a button, through gait_node.

  rt-gait watch --namespace robot1             nodes that run in a namespace
  ssh -L 8765:127.0.0.1:8765 ROBOT             look from another machine: open the address there

Whoever has the address may look, enrol and forget: it holds a token that is new with each start. Several people may
look at once. The page listens to the nodes only while somebody has it open. It needs no internet, and sends nothing
anywhere.
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.description = _DESCRIPTION
    parser.add_argument("--port", type=int, default=PORT, help=f"port of 127.0.0.1 (default {PORT}; 0: any free one)")
    parser.add_argument("--namespace", default="", metavar="NAME", help="namespace of the nodes (default: none)")
    parser.add_argument(
        "--key",
        default="",
        metavar="KEY",
        help="of an encrypted gallery, for its silhouettes: file:PATH, env:NAME, keyring:SERVICE/USER "
        "(default: $RT_GAIT_GALLERY_KEY)",
    )
    parser.add_argument("--ros-args", nargs=argparse.REMAINDER, default=[], help="the rest goes to ROS unchanged")


def run(arguments: argparse.Namespace) -> int:
    """Serve until Ctrl-C. Returns the exit code."""
    if not 0 <= arguments.port < 65536:
        raise UsageError(f"--port is {arguments.port}: give 1 to 65535, or 0 for any free one")
    space = "/" + arguments.namespace.strip("/")
    if not _NAMESPACE.fullmatch(space):
        raise UsageError(
            f"--namespace is '{readable(arguments.namespace)}': names are letters, digits and _, as robot1"
        )
    words = ["--ros-args", *(["-r", f"__ns:={space}"] if space != "/" else []), *arguments.ros_args]
    where = f"in ROS domain {os.environ.get('ROS_DOMAIN_ID') or 0}" + (f", namespace {space}" if space != "/" else "")
    board, silhouettes = Board(where), Silhouettes(arguments.key)
    try:
        with joined(words) as signals, PageServer(board, silhouettes, arguments.port) as server:
            progress(f"listening {where}; Ctrl-C ends it. Open this address, which nobody else should have:")
            print(server.url, flush=True)
            with surviving_readers():  # any browser may go away while it is answered
                watch(signals, board, silhouettes)
    except KeyboardInterrupt:
        progress("ended")
    return 0
