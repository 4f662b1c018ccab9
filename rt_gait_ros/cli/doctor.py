"""`rt-gait doctor`: what works on this machine, what does not, and what to do about it."""

import argparse
import os
import platform
import stat
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

from rt_gait_ros.cli.findings import OK, PROBLEM, WARNING, Finding, report
from rt_gait_ros.cli.output import add_json_argument
from rt_gait_ros.errors import GaitError, MissingPackage, UsageError
from rt_gait_ros.fleet.address import is_address
from rt_gait_ros.fleet.connection import ServerAway
from rt_gait_ros.fleet.opening import default_place, local_path, open_gallery
from rt_gait_ros.gallery.cipher import find_cipher
from rt_gait_ros.gallery.gallery import Gallery
from rt_gait_ros.middleware import missing_middleware
from rt_gait_ros.resources import resource
from rt_gait_ros.serving.backends import available_backends
from rt_gait_ros.serving.inference import InferenceError
from rt_gait_ros.serving.installation import find_installation
from rt_gait_ros.serving.network_files import ADVICE
from rt_gait_ros.serving.repository import absent_networks, read_repository
from rt_gait_ros.serving.triton_client import TritonClient

SUMMARY = "check what works on this machine, what does not, and what to do about it"
MOST_SECONDS = 600.0


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.epilog = "Exit code 1: there is a problem. Warnings are about parts that not everybody needs."
    parser.add_argument("--triton-url", default="127.0.0.1:8001", help="server to look for (default 127.0.0.1:8001)")
    parser.add_argument(
        "--running", action="store_true", help="look at the nodes that run instead: what they say, and their topics"
    )
    parser.add_argument("--seconds", type=float, default=5.0, help="with --running: time to watch (default 5)")
    add_json_argument(parser, "the findings")


def run(arguments: argparse.Namespace) -> int:
    """Make every check. Returns 1 when there is a problem."""
    if arguments.running:
        return _running(arguments)
    findings = [finding for check in CHECKS for finding in check()]
    return report(arguments, findings + _server(arguments.triton_url))


def _running(arguments: argparse.Namespace) -> int:
    if not 1.0 <= arguments.seconds <= MOST_SECONDS:
        raise UsageError(f"--seconds {arguments.seconds:g}: give 1 to {MOST_SECONDS:.0f}")
    if reason := missing_middleware():
        raise GaitError(reason)
    # all of ROS, which the other checks do without
    from rt_gait_ros.cli.doctor_running import findings
    from rt_gait_ros.nodes.live_system import look

    return report(arguments, findings(look(arguments.seconds)))


def _python() -> Iterator[Finding]:
    good = (3, 10) <= sys.version_info[:2] <= (3, 13)
    text = platform.python_version() if good else f"{platform.python_version()}: 3.10 to 3.13 is needed"
    yield Finding("Python", OK if good else PROBLEM, text)


def _ros() -> Iterator[Finding]:
    if reason := missing_middleware():
        yield Finding("ROS 2", PROBLEM, reason)
        return
    try:
        from rt_gait_ros.nodes.surroundings import load_messages, middleware_name

        yield Finding("ROS 2", OK, f"rclpy with {middleware_name()}")
    except MissingPackage as error:
        yield Finding("ROS 2", WARNING, f"{error}; the library and the commands without nodes work without it")
        return
    except ImportError as error:
        yield Finding("ROS 2", PROBLEM, f"{error}: source your ROS 2 installation anew, or install with pip")
        return
    try:
        load_messages()
        yield Finding("messages", OK, "generated and loadable")
    except Exception as error:  # rosidl raises its own classes, and what the dynamic linker says
        yield Finding("messages", PROBLEM, f"{error}: install the package anew, or source its workspace")


def _dds() -> Iterator[Finding]:
    if missing_middleware():  # told above, and what is below cannot be imported then
        return
    try:
        from rt_gait_ros.nodes.dds import PROFILE_VARIABLES
    except MissingPackage:  # told as well
        return

    named = next((os.environ[name] for name in PROFILE_VARIABLES if os.environ.get(name)), "")
    if not named:
        yield Finding("Fast DDS profile", OK, f"the nodes use {resource('config', 'fastdds.xml')}")
    elif Path(named).is_file():
        yield Finding("Fast DDS profile", OK, f"yours, {named}: images need a shared-memory segment of some 32 MB")
    else:
        yield Finding("Fast DDS profile", PROBLEM, f"{named} is not there: correct or unset {PROFILE_VARIABLES[0]}")


def _networks() -> Iterator[Finding]:
    try:
        folder = resource("model_repository")
        yield Finding("networks", OK, ", ".join(read_repository(folder)))
        if absent := absent_networks(folder):
            yield Finding("absent networks", WARNING, f"{', '.join(sorted(absent))}: {ADVICE} brings them")
    except GaitError as error:
        yield Finding("networks", PROBLEM, str(error))


def _tritonserver() -> Iterator[Finding]:
    try:
        installation = find_installation()
        yield Finding("tritonserver", OK, f"{installation.binary} ({installation.origin})")
    except GaitError as error:
        yield Finding("tritonserver", WARNING, f"{error}; or use one elsewhere with triton:=external")


def _inference() -> Iterator[Finding]:
    for backend in available_backends()[1:]:  # Triton is looked for above
        yield Finding(backend.name, OK if backend.available else WARNING, backend.reason)


def _cameras() -> Iterator[Finding]:
    devices = sorted(Path("/dev").glob("video*"))
    closed = [str(device) for device in devices if not os.access(device, os.R_OK | os.W_OK)]
    if closed:
        yield Finding("cameras", WARNING, f"no access to {', '.join(closed)}: add yourself to the group video")
    elif devices:
        yield Finding("cameras", OK, ", ".join(map(str, devices)))
    else:
        yield Finding("cameras", WARNING, "no /dev/video*: videos, streams and other drivers' topics still work")


def _gallery() -> Iterator[Finding]:
    try:
        place = default_place()
        path = local_path(place)
        if is_address(place):
            yield _shared_gallery(str(place))
            if not path.exists():
                return
        elif not path.exists():
            folder = next(parent for parent in path.parents if os.path.lexists(parent))
            if folder.is_dir() and os.access(folder, os.W_OK | os.X_OK):
                yield Finding("gallery", OK, f"none yet; the nodes make {path}")
            else:
                yield Finding("gallery", PROBLEM, f"none yet, and {path} cannot be made: {folder} cannot be written")
            return
        count = len(Gallery(path, find_cipher()).persons)
    except GaitError as error:
        yield Finding("gallery", PROBLEM, str(error))
        return
    if stat.S_IMODE(path.stat().st_mode) & 0o077:
        yield Finding("gallery", WARNING, f"others can read {path}: chmod 600 {path}")
    else:
        yield Finding("gallery", OK, f"{count} enrolled in {path}")


def _shared_gallery(address: str) -> Finding:
    """Of the gallery on the server; what is said after it is of this robot's copy."""
    try:
        gallery = open_gallery(address)
        gallery.close()
    except ServerAway as error:
        return Finding("gallery's server", WARNING, f"{error}; robots go on with their copies")
    except GaitError as error:
        return Finding("gallery's server", PROBLEM, str(error))
    return Finding("gallery's server", OK, f"{len(gallery.persons)} enrolled in {gallery.name}")


def _server(url: str) -> list[Finding]:
    client = TritonClient(url, timeout=1.0)
    try:
        return [Finding("Triton", OK, f"{client.version()} answers at {url}")]
    except InferenceError:
        advice = "`rt-gait triton up` starts one; `rt-gait run` and the launch file start their own"
        return [Finding("Triton", WARNING, f"no server answers at {url}: {advice}")]
    finally:
        client.close()


CHECKS: tuple[Callable[[], Iterator[Finding]], ...] = (
    _python,
    _ros,
    _dds,
    _networks,
    _tritonserver,
    _inference,
    _cameras,
    _gallery,
)
