"""`rt-gait run`: everything in one process, on one source, with a table of who is there."""

import argparse
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from tempfile import TemporaryDirectory

from rt_gait_ros.cli import run_cameras
from rt_gait_ros.cli.output import progress
from rt_gait_ros.cli.people_table import Table
from rt_gait_ros.errors import UsageError
from rt_gait_ros.gait.identity import Identity
from rt_gait_ros.nodes import composed_node, runner
from rt_gait_ros.nodes.gait_node import GaitNode
from rt_gait_ros.nodes.networks import LIGHTER, networks_on_triton
from rt_gait_ros.nodes.parameters import require_file, write_file
from rt_gait_ros.nodes.stage import Stage
from rt_gait_ros.resources import resource
from rt_gait_ros.serving.server import TritonServer
from rt_gait_ros.serving.supervisor import Supervisor
from rt_gait_ros.serving.triton_client import check_url
from rt_gait_ros.sources import open_source
from rt_gait_ros.sources.names import as_text

SUMMARY = "run all nodes on a video, a camera or an image topic, or on several cameras"

SOME_RATE = 1.0  # frames per second, to open a source that does not say its own: a parameter may, later

_DESCRIPTION = """\
Runs the camera, pose, tracker, gait and overlay nodes in one process and starts Triton for them.

  rt-gait run --source walk.mp4 --table       a video, with a table of who is there
  rt-gait run --source 0                      the first camera
  rt-gait run --source 'synthetic://crossing?people=3&seed=1&seconds=30' --table     generated people
  rt-gait run --triton external               image_raw of another camera node, and a Triton that runs already
  rt-gait run --sources cameras.yaml          several cameras, each in a process and a namespace of its own name

The topics, services and parameters are those of the single nodes: see docs/nodes.md and docs/parameters.md. Arguments
after --ros-args go to ROS unchanged, as in: rt-gait run --ros-args -r __ns:=/front -r image_raw:=color/image_raw
Parameters belong in --params-file, whose sections /**/NODE reach the nodes in any namespace; -p NODE:NAME:= does not.
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.description = _DESCRIPTION
    what = parser.add_mutually_exclusive_group()
    what.add_argument(
        "--sources", type=Path, metavar="FILE", help="YAML list of cameras with name and source: docs/sources.md"
    )
    what.add_argument(
        "--source", default="", help="video, folder, camera number or path, stream, synthetic://…; none: image_raw"
    )
    parser.add_argument(
        "--loop", action="store_true", help="play a recording again and again instead of ending with it"
    )
    parser.add_argument(
        "--triton",
        choices=("embedded", "external"),
        default="embedded",
        help="start a Triton server for this run (default), or use one that is running",
    )
    parser.add_argument(
        "--triton-url", metavar="HOST:PORT", help="external Triton's gRPC address (default 127.0.0.1:8001)"
    )
    parser.add_argument(
        "--params-file", type=Path, metavar="FILE", help="parameters; copy config/gait.yaml to begin with"
    )
    parser.add_argument(
        "--gallery",
        metavar="GALLERY",
        help="file of enrolled persons, or postgresql://ROLE@HOST/DATABASE?site=SITE (default: the user's own)",
    )
    parser.add_argument("--table", action="store_true", help="show a table of who is in view, updated in place")
    parser.add_argument("--ros-args", nargs=argparse.REMAINDER, default=[], help="the rest goes to ROS unchanged")


def run(arguments: argparse.Namespace) -> int:
    """Start what is needed and run until the source ends or Ctrl-C. Returns the exit code."""
    if arguments.triton_url and arguments.triton == "embedded":
        raise UsageError("--triton-url is for --triton external: the embedded server chooses its own ports")
    if arguments.triton_url:
        check_url(arguments.triton_url)
    if arguments.params_file:
        require_file(arguments.params_file)
    if arguments.sources:
        return run_cameras.run(arguments)
    if arguments.source:
        open_source(arguments.source, fps=SOME_RATE).close()
    else:
        progress("no --source: waiting for image_raw of another camera node")
    with ExitStack() as stack:
        server = TritonServer(resource("model_repository")) if arguments.triton == "embedded" else None
        url = server.url if server else arguments.triton_url or "127.0.0.1:8001"
        table = Table() if arguments.table else None
        scratch = Path(stack.enter_context(TemporaryDirectory(prefix="rt_gait_run_")))

        def build() -> Sequence[Stage]:
            stages = composed_node.build()
            if table:
                follow(table, stages)
            networks = networks_of(stages)  # known only now: parameters come from files and --ros-args, too
            if server and networks:
                progress("starting Triton …")
                server.networks = networks
                server.on_request = lighter_of(stages)
                stack.enter_context(Supervisor(server, progress))
                progress(f"Triton serves {', '.join(networks)} at {url} (log {server.log})")
            return stages

        each_turn = table.show if table else None
        return runner.run_in_process(build, ros_arguments(arguments, url, scratch), each_turn)


def ros_arguments(arguments: argparse.Namespace, url: str, scratch: Path) -> list[str]:
    """The command line that ROS gets. scratch: folder for the parameter file of what was said by name.

    The last file wins: what is said by name beats `--params-file`, and what stands behind `--ros-args` beats both.
    """
    camera: dict[str, str | bool] = {"exit_at_end": True, "loop": arguments.loop}
    if arguments.source:
        camera["source"] = as_text(arguments.source)
    gait = {"triton_url": url}
    if arguments.gallery:
        gait["gallery"] = arguments.gallery
    said = scratch / "arguments.yaml"
    write_file(said, {"camera_node": camera, "pose_node": {"triton_url": url}, "gait_node": gait})
    files = [arguments.params_file, said] if arguments.params_file else [said]
    return ["--ros-args", *(word for file in files for word in ("--params-file", str(file))), *arguments.ros_args]


def networks_of(stages: Sequence[Stage]) -> list[str]:
    """The networks that the nodes want from Triton."""
    nodes = {stage.section: stage for stage in stages}
    return networks_on_triton(lambda node, parameter: nodes[node].value(parameter))


def lighter_of(stages: Sequence[Stage]) -> list[str]:
    """The network that the gait node has loaded and unloaded as people come and go, if there is one."""
    gait = next(stage for stage in stages if isinstance(stage, GaitNode))
    found = {gait.value(LIGHTER)} if gait.value("inference") == "triton" else set()
    return sorted(found - {"", gait.value("model")})


def follow(table: Table, stages: Sequence[Stage]) -> None:
    """Let the table show the identities of the gait node among `stages`."""
    gait = next(stage for stage in stages if isinstance(stage, GaitNode))

    def present() -> list[tuple[str, Identity]]:
        frame = gait.present
        return [] if frame is None else [("", identity) for identity in frame.identities]

    table.present = present
