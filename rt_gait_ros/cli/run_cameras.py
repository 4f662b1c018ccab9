"""`rt-gait run --sources`: a process of all nodes for each camera, one Triton and one gallery for all of them."""

import argparse
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from rt_gait_ros.cli.output import progress
from rt_gait_ros.cli.people_table import Table
from rt_gait_ros.demo.processes import PRELUDE, PROGRAM, wait_or_kill
from rt_gait_ros.errors import UsageError
from rt_gait_ros.masking import readable
from rt_gait_ros.nodes.cameras_file import CAMERA, Camera, read_cameras, with_shared_cores
from rt_gait_ros.nodes.gait_frame_check import check_gait_frames
from rt_gait_ros.nodes.graph import joined
from rt_gait_ros.nodes.networks import networks_on_triton
from rt_gait_ros.nodes.parameters import file_value, write_file
from rt_gait_ros.nodes.people_listener import PeopleListener
from rt_gait_ros.nodes.service_manager import ServiceManager
from rt_gait_ros.resources import resource
from rt_gait_ros.serving.server import TritonServer
from rt_gait_ros.serving.supervisor import Supervisor
from rt_gait_ros.signals import KeptSignals, kept_signals

LOOK_PERIOD = 0.2  # seconds between looks at the processes
FIRST_PAUSE, LONGEST_PAUSE = 2.0, 30.0  # seconds before a camera's nodes are started again; doubled each time
STEADY = 60.0  # seconds of work after which the next end is the first again
STOP_SECONDS = 20.0  # for a process to end after SIGINT
_NAMESPACE = re.compile(r"__ns:=(.*)")


class CameraProcess:
    """The nodes of one camera in a process of their own, which is started again when it dies."""

    def __init__(self, camera: str, command: Sequence[str]) -> None:
        self.camera = camera
        self._command = command
        self._pause = FIRST_PAUSE
        self._again_at: float | None = None
        self._start()

    def _start(self) -> None:
        self._since = time.monotonic()
        # In a session of its own: the terminal's Ctrl-C is for the command, which ends its processes in order.
        self._process = subprocess.Popen(self._command, stdin=subprocess.DEVNULL, start_new_session=True)

    def look(self) -> int | None:
        """Start it again where that is due. Returns its exit code once it has ended for good, else None."""
        if self._again_at is not None:
            if time.monotonic() >= self._again_at:
                self._again_at = None
                self._start()
            return None
        code = self._process.poll()
        if code is None or code in (0, UsageError.exit_code):  # a recording is over; nothing that waiting mends
            return code
        if time.monotonic() - self._since > STEADY:
            self._pause = FIRST_PAUSE
        ended = f"the nodes of camera {self.camera} ended with exit code {code}"
        progress(f"{ended}: starting them again in {self._pause:g} s")
        self._again_at = time.monotonic() + self._pause
        self._pause = min(2 * self._pause, LONGEST_PAUSE)
        return None

    def interrupt(self) -> None:
        """Ask it to end."""
        self._again_at = float("inf")
        if self._process.poll() is None:
            self._process.send_signal(signal.SIGINT)

    def wait(self) -> None:
        """Wait for its end; it is killed when that takes too long."""
        wait_or_kill(self._process, STOP_SECONDS)


def run(arguments: argparse.Namespace) -> int:
    """Run all cameras of `arguments.sources` until every recording has ended or a signal comes. Gives the exit code."""
    cameras = read_cameras(arguments.sources)
    parameters = arguments.params_file or resource("config", "gait.yaml")
    check_gait_frames(parameters)
    cameras = with_shared_cores(cameras, parameters, arguments.triton)
    networks = networks_on_triton(lambda node, name: file_value(parameters, node, name))
    outer, ros_args = _split_namespace(arguments.ros_args)
    namespaces = {camera.name: camera.namespace(outer) for camera in cameras}
    try:
        with ExitStack() as stack:
            scratch = Path(stack.enter_context(TemporaryDirectory(prefix="rt_gait_run_")))
            url = arguments.triton_url or "127.0.0.1:8001"
            if arguments.triton == "embedded" and networks:
                server = TritonServer(resource("model_repository"), networks=networks)
                url = server.url
                progress("starting Triton …")
                stack.enter_context(Supervisor(server, progress))
                progress(f"Triton serves {', '.join(networks)} at {url} (log {server.log})")
            signals = stack.enter_context(kept_signals())
            started = {}
            for camera in cameras:
                said = scratch / f"{camera.name}.yaml"
                write_file(said, parameters_of(camera, arguments, url))
                files = [arguments.params_file, said] if arguments.params_file else [said]
                words = ["-r", f"__ns:={namespaces[camera.name]}"]
                words += [word for file in files for word in ("--params-file", str(file))]
                started[camera.name] = [*words, *ros_args]
                progress(f"camera {camera.name}: {readable(camera.source)}, nodes below {namespaces[camera.name]}")
            processes = stack.enter_context(_processes(started))
            if arguments.table:
                return _watch(processes, signals, stack.enter_context(_table(namespaces)))
            return _watch(processes, signals, lambda: time.sleep(LOOK_PERIOD))
    except KeyboardInterrupt:
        return 0


@contextmanager
def _processes(ros_args: Mapping[str, Sequence[str]]) -> Iterator[list[CameraProcess]]:
    """A process for each camera; none is left when it is over. ros_args: by camera."""
    program = (PRELUDE + PROGRAM).format(parent=os.getpid(), name="composed_node")
    processes: list[CameraProcess] = []
    try:
        for camera, words in ros_args.items():
            processes.append(CameraProcess(camera, [sys.executable, "-c", program, "--ros-args", *words]))
        yield processes
    finally:
        for process in processes:
            process.interrupt()
        for process in processes:
            process.wait()


def _split_namespace(words: Sequence[str]) -> tuple[str, list[str]]:
    """The namespace that `-r __ns:=/NAMESPACE` gives, and the other arguments."""
    outer = ""
    others: list[str] = []
    for word in words:
        if found := _NAMESPACE.fullmatch(word):
            outer = found[1]
            if others and others[-1] in ("-r", "--remap"):
                others.pop()
        else:
            others.append(word)
    return outer, others


def parameters_of(camera: Camera, arguments: argparse.Namespace, url: str) -> dict[str, dict[str, Any]]:
    """Parameters of a camera's nodes: what the command line says for all, then what the file says of this one."""
    values: dict[str, dict[str, Any]] = {
        CAMERA: {"exit_at_end": True, "loop": arguments.loop},
        "pose_node": {"triton_url": url},
        "gait_node": {"triton_url": url, **({"gallery": arguments.gallery} if arguments.gallery else {})},
    }
    for node, own in camera.parameters.items():
        values[node] = {**values.get(node, {}), **own}
    return values


@contextmanager
def _table(namespaces: Mapping[str, str]) -> Iterator[Callable[[], None]]:
    """Shows the table of all cameras at each call, which takes LOOK_PERIOD at most."""
    with joined() as signals, closing(PeopleListener(signals, namespaces)) as listener:
        table = Table(listener.present)

        def turn() -> None:
            listener.spin(LOOK_PERIOD)
            table.show()

        yield turn


def _watch(processes: Sequence[CameraProcess], signals: KeptSignals, turn: Callable[[], Any]) -> int:
    """Look after the processes until all have ended or one cannot work at all. A signal raises Ended.

    turn: called between looks; takes LOOK_PERIOD at most.
    """
    manager = ServiceManager()
    manager.ready()
    while True:
        signals.heed()
        manager.turn()
        codes = [process.look() for process in processes]
        if UsageError.exit_code in codes:  # it has said why
            return UsageError.exit_code
        if all(code is not None for code in codes):
            return 0
        turn()
