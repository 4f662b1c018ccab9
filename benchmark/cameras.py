"""What several network cameras cost: RTSP streams on the loopback through camera, pose, tracker and gait nodes of their
own and one Triton, and how soon they are back after the cameras' server was away.

Each camera shows the same generated walkers, encoded once, so that what the server itself takes is that of one.
"""

import argparse
import os
import select
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from urllib.parse import quote

import cv2
from diagnostic_msgs.msg import DiagnosticArray
from generated_films import made_of
from rtsp_server import PACKAGES, PASSWORD, PROBE, SYSTEM_PYTHON, USER

from rt_gait_ros.errors import GaitError, UsageError
from rt_gait_ros.evaluation.bench import Row
from rt_gait_ros.msg import GaitIdentityArray
from rt_gait_ros.nodes.graph import CommandNode, joined
from rt_gait_ros.nodes.links import RESULT_QOS
from rt_gait_ros.resources import resource
from rt_gait_ros.serving.cache import cache_folder
from rt_gait_ros.serving.listening import Ports
from rt_gait_ros.signals import KeptSignals
from rt_gait_ros.synthesis.render import Renderer
from rt_gait_ros.synthesis.scenes import crowd

SUMMARY = (
    "RTSP cameras on the loopback: images per second in all, seconds to reconnect, processor; all nodes, one Triton"
)
FPS, SIZE, SECONDS = 25.0, (640, 360), 8.0  # of the stream; it is played again and again
SENT = "sent by the cameras"
SETTLE = 5.0  # seconds from the first image of every camera to those that count
AWAY = 2.0  # seconds without a server
START, AGAIN = 300.0, 300.0  # seconds within which all cameras must have come, and come back
SERVING, ENDING = 300.0, 300.0  # seconds that the cameras' server has to begin, and `rt-gait run` to end
LOOK = 0.05
RATES = "gait_frames_per_person_hz"  # a line of the pose node's diagnostics


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument("--cameras", type=int, default=4, metavar="N", help="how many there are (4)")
    parser.add_argument("--seconds", type=float, default=20.0, metavar="S", help="for which images are counted (20)")
    parser.add_argument("--cuts", type=int, default=3, metavar="N", help="how often their server goes away (3)")
    parser.add_argument("--people", type=int, default=2, metavar="N", help="walkers before the camera (2)")


def measure(arguments: argparse.Namespace, progress: Callable[[str], None]) -> list[Row]:
    """Count, cut, and wait. Raises UsageError for what cannot be, GaitError without a server or without images."""
    if arguments.cameras < 1 or arguments.people < 1 or arguments.cuts < 0 or not arguments.seconds > 0:
        raise UsageError("--cameras and --people are 1 or more, --seconds above 0, --cuts 0 or more")
    require_server()
    folder = footage(arguments.people, progress)
    port = Ports.free().grpc
    names = [f"camera{number + 1}" for number in range(arguments.cameras)]
    namespace = f"/rt_gait_bench_{os.getpid()}"
    os.environ.setdefault("ROS_AUTOMATIC_DISCOVERY_RANGE", "LOCALHOST")
    with (
        tempfile.TemporaryDirectory(prefix="rt_gait_bench_") as scratch,
        serving(port, folder) as server,
        cameras_run(Path(scratch), names, port, namespace, progress) as run,
        joined() as signals,
        closing(Heard(signals, names, namespace, run)) as heard,
    ):
        progress("waiting until every camera's images come through")
        heard.wait(0.0, START)
        heard.spin(SETTLE)
        rows = _load_rows(arguments, heard, run, server, progress)
        waits: list[float] = []
        for number in range(arguments.cuts):
            server.cut()
            heard.spin(AWAY)
            server.restore()
            back = time.monotonic()
            waits += heard.wait(back, AGAIN)
            progress(f"cut {number + 1}: all back after {max(waits[-arguments.cameras :]):.1f} s")
            heard.spin(SETTLE)
    if waits:
        rows.append(Row("reconnect_median", statistics.median(waits), "s"))
        rows.append(Row("reconnect_longest", max(waits), "s"))
    return rows


def _load_rows(
    arguments: argparse.Namespace,
    heard: "Heard",
    run: "subprocess.Popen[bytes]",
    server: "Server",
    progress: Callable[[str], None],
) -> list[Row]:
    """Images answered a second, what the people in them get of the networks, and cores that were busy."""
    recorder = arguments.recorder
    first = recorder.reading() if recorder else None
    heard.rates.clear()
    counts, busy, begun = dict(heard.counts), processor_seconds(run.pid), time.monotonic()
    encoding = processor_seconds(server.pid)["nodes"]
    heard.spin(arguments.seconds)
    last = recorder.reading() if recorder else None
    passed = time.monotonic() - begun
    came = {name: (count - counts[name]) / passed for name, count in heard.counts.items()}
    spent = {part: seconds - busy.get(part, 0.0) for part, seconds in processor_seconds(run.pid).items()}
    encoding = processor_seconds(server.pid)["nodes"] - encoding
    if first and last:
        recorder.spent("image", sum(came.values()) * passed, last.since(first))
    progress(f"{sum(came.values()):.1f} images/s of {arguments.cameras} cameras")
    return [
        Row("images", sum(came.values()), "images/s", SENT, FPS * arguments.cameras),
        Row("images_least", min(came.values()), "images/s", SENT, FPS),
        *(Row("gait_frames", value, "of each person a second, the median") for value in heard.median_rate()),
        *(Row(f"cpu_{part}", spent[part] / passed, "cores") for part in ("nodes", "triton")),
        Row("cpu_cameras", encoding / passed, "cores, of the server that is the cameras"),
    ]


def require_server() -> None:
    """Raise GaitError where no RTSP server is to be had."""
    command = [SYSTEM_PYTHON, "-c", PROBE]
    if not Path(SYSTEM_PYTHON).exists() or subprocess.run(command, capture_output=True, check=False).returncode:
        raise GaitError(f"there is no RTSP server to be the cameras: {PACKAGES}")


def footage(people: int, progress: Callable[[str], None]) -> Path:
    """A folder of images of walkers who cross the picture to and fro, drawn once."""
    folder = cache_folder() / "footage" / f"cameras_{people}_{made_of((SECONDS, FPS, SIZE))}"
    if not folder.is_dir():
        progress("drawing the walkers")
        scene = crowd("crossing", people=people, seed=people, seconds=SECONDS, fps=FPS, size=SIZE)
        renderer = Renderer(scene)
        folder.parent.mkdir(parents=True, exist_ok=True)
        new = Path(tempfile.mkdtemp(prefix=f".{folder.name}.", dir=folder.parent))
        try:
            for number in range(len(scene)):
                cv2.imwrite(str(new / f"{number:05d}.jpg"), renderer.image(number))
            try:
                new.rename(folder)
            except OSError:
                if not folder.is_dir():  # another process drew them meanwhile
                    raise
        finally:
            shutil.rmtree(new, ignore_errors=True)
    return folder


class Server:
    """rtsp_server.py, that can be cut and restored."""

    def __init__(self, port: int, folder: Path) -> None:
        self._command = [SYSTEM_PYTHON, str(resource("benchmark") / "rtsp_server.py"), str(port), str(folder)]
        self.restore()

    @property
    def pid(self) -> int:
        """Of the server that serves now."""
        return self._process.pid

    def restore(self) -> None:
        """Start it, and wait until it serves. Raises GaitError."""
        self._process = subprocess.Popen(self._command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        assert self._process.stdout is not None
        answers, _, _ = select.select([self._process.stdout], [], [], SERVING)
        if not answers or self._process.stdout.readline() != b"ready\n":
            self.cut()
            what = "ended as it started" if answers else f"did not serve within {SERVING:g} s"
            raise GaitError(f"the RTSP server that is to be the cameras {what}")

    def cut(self) -> None:
        """End it at once, as a cable that is pulled."""
        self._process.kill()
        self._process.wait()


@contextmanager
def serving(port: int, folder: Path) -> Iterator[Server]:
    """The cameras' server."""
    server = Server(port, folder)
    try:
        yield server
    finally:
        server.cut()


@contextmanager
def cameras_run(
    scratch: Path, names: list[str], port: int, namespace: str, progress: Callable[[str], None]
) -> Iterator["subprocess.Popen[bytes]"]:
    """`rt-gait run --sources` on as many streams. scratch: folder of its file, gallery and log."""
    source = f"rtsp://{USER}:{quote(PASSWORD, safe='')}@127.0.0.1:{port}/walkers"
    file, log = scratch / "cameras.yaml", scratch / "run.log"
    file.touch(0o600)
    file.write_text("sources:\n" + "".join(f"- {{name: {name}, source: '{source}'}}\n" for name in names))
    command = [sys.executable, "-m", "rt_gait_ros.cli.main", "run", "--sources", str(file)]
    command += ["--gallery", str(scratch / "people.gallery"), "--ros-args", "-r", f"__ns:={namespace}"]
    with log.open("wb") as out:
        run = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=out, stderr=out, start_new_session=True)
    try:
        yield run
        if run.poll() is not None:
            raise GaitError(f"`rt-gait run --sources` ended with exit code {run.returncode}: {_last_line(log)}")
    finally:
        if run.poll() is None:
            run.send_signal(signal.SIGINT)
        try:
            run.wait(ENDING)
        except subprocess.TimeoutExpired:
            run.kill()  # what it started ends with it
            run.wait()
            progress(f"`rt-gait run --sources` did not end within {ENDING:g} s and was killed: {_last_line(log)}")


def _last_line(log: Path) -> str:
    lines = [line for line in log.read_text(errors="replace").splitlines() if line.strip()]
    return lines[-1] if lines else "it said nothing"


class Heard(CommandNode):
    """Counts what each camera's gait node says: one word for each image. counts: by camera.

    rates: good gait frames a second of everybody in view, as the pose nodes say in each second.
    """

    def __init__(self, signals: KeptSignals, names: list[str], namespace: str, run: "subprocess.Popen[bytes]") -> None:
        super().__init__(signals, "rt_gait_bench", enable_rosout=False, start_parameter_services=False)
        self.counts = dict.fromkeys(names, 0)
        self.rates: list[float] = []
        self._stamps = dict.fromkeys(names, 0.0)  # when the newest came
        self._run = run
        for name in names:
            topic = f"{namespace}/{name}/gait_identities"
            self.create_subscription(GaitIdentityArray, topic, lambda _, name=name: self._hear(name), RESULT_QOS)
        self._poses = {f"{namespace}/{name}/pose_node".lstrip("/") for name in names}
        self.create_subscription(DiagnosticArray, "/diagnostics", self._take_rates, 10 * len(names))

    def _take_rates(self, message: DiagnosticArray) -> None:
        for status in message.status:
            if status.name in self._poses:
                said = {pair.key: pair.value for pair in status.values}.get(RATES, "")
                self.rates += [float(word) for word in said.split() if word.isdecimal()]

    def median_rate(self) -> list[float]:
        """Gait frames a second of a person; empty where nobody was in view."""
        return [statistics.median(self.rates)] if self.rates else []

    def _hear(self, name: str) -> None:
        self.counts[name] += 1
        self._stamps[name] = time.monotonic()

    def wait(self, since: float, most: float) -> list[float]:
        """Seconds after `since` at which each camera was first heard again. Raises GaitError after `most` seconds."""
        end, first = time.monotonic() + most, dict[str, float]()
        while len(first) < len(self.counts):
            self.spin(LOOK)
            for name, stamp in self._stamps.items():
                if stamp > since:
                    first.setdefault(name, stamp - since)
            if self._run.poll() is not None:
                raise GaitError(f"`rt-gait run --sources` ended with exit code {self._run.returncode}")
            if time.monotonic() > end:
                missing = ", ".join(name for name in self.counts if name not in first)
                raise GaitError(f"no image of {missing} came through within {most:.0f} s")
        return list(first.values())


def processor_seconds(pid: int) -> dict[str, float]:
    """User and system time of a process and all that it has started, of Triton and of the others: `triton`, `nodes`.

    By proc(5), fields 4, 14 and 15 of stat.
    """
    parents, names, ticks = {}, {}, {}
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            head, _, rest = path.read_text(encoding="utf-8", errors="replace").rpartition(")")
        except OSError:  # it has just ended
            continue
        fields, number = rest.split(), int(path.parent.name)
        parents[number], names[number] = int(fields[1]), head.partition("(")[2]
        ticks[number] = int(fields[11]) + int(fields[12])
    found = {"nodes": 0.0, "triton": 0.0}
    for number, spent in ticks.items():
        line = [number]
        while line[-1] != pid and line[-1] in parents:
            line.append(parents[line[-1]])
        if line[-1] == pid:
            part = "triton" if any(names[each].startswith("triton") for each in line) else "nodes"
            found[part] += spent / os.sysconf("SC_CLK_TCK")
    return found
