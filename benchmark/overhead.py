"""What the nodes cost beside the networks: CPU milliseconds per image, of four processes together.

The nodes and DDS are real; a client that answers at once stands in for Triton, with generated people who walk. The
reference adds what a plain design does: tracker and gait node subscribe to the image, too, and keypoints travel as one
message per joint. Rows `people_N` are of four processes, `composed_N` of the same stages in one.
"""

import argparse
import os
import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import numpy as np
import rclpy
from rclpy.executors import SingleThreadedExecutor

from rt_gait_ros.errors import GaitError
from rt_gait_ros.evaluation.bench import Row
from rt_gait_ros.msg import GaitIdentityArray
from rt_gait_ros.signals import kept_signals

SUMMARY = "CPU milliseconds per VGA image outside the networks, four processes over DDS, and one"
REFERENCE = "image to every node, one message per joint"
PEOPLE = (1, 2, 5, 10)
DESIGNS = {
    "ours": ("gait", "tracker", "pose", "camera"),
    "plain": ("gait", "tracker", "pose", "camera"),
    "composed": ("composed",),
}
SETTLE = 75  # images before the count begins: three seconds, in which tracks are confirmed and first embeddings made
TIMEOUT = 60.0


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument("--frames", type=int, default=250, metavar="N", help="images that are counted per run (250)")
    parser.add_argument("--runs", type=int, default=3, metavar="N", help="runs of each kind; the median counts (3)")


def measure(arguments: argparse.Namespace, progress: Callable[[str], None]) -> list[Row]:
    """Run all designs in turns for each number of people. Returns the rows. Raises GaitError."""
    rows = []
    for people in PEOPLE:
        runs: dict[str, list[np.ndarray]] = {design: [] for design in DESIGNS}
        for _ in range(max(arguments.runs, 1)):
            for design, costs in runs.items():
                costs.append(_costs(people, design, arguments.frames))
        ours, plain, composed = (float(np.median([costs.sum() for costs in runs[design]])) for design in DESIGNS)
        shares = zip(DESIGNS["ours"], np.median(runs["ours"], axis=0), strict=True)
        progress(
            f"{people} people: {ours:.1f} ms per image ({', '.join(f'{role} {share:.1f}' for role, share in shares)}), "
            f"plain design {plain:.1f} ms, one process {composed:.1f} ms"
        )
        rows.append(Row(f"people_{people}", ours, "ms", REFERENCE, plain))
        rows.append(Row(f"composed_{people}", composed, "ms", "four processes", ours))
    return rows


def _costs(people: int, design: str, frames: int) -> np.ndarray:
    """CPU milliseconds per image of each process, from image SETTLE on."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="rt_gait_overhead_")))
        domain = random.randint(1, 101)  # whatever else runs on this machine neither is heard nor hears
        count = stack.enter_context(_answers(domain))
        pids = [stack.enter_context(_process(role, people, design, folder, domain)) for role in DESIGNS[design]]
        _wait(count, SETTLE, folder)
        before, first = np.array([_cpu_seconds(pid) for pid in pids]), count()
        _wait(count, first + frames, folder)
        return (np.array([_cpu_seconds(pid) for pid in pids]) - before) * 1e3 / (count() - first)


@contextmanager
def _answers(domain: int) -> Iterator[Callable[[], int]]:
    """Subscribe to the identities; what is given counts those that have come by now."""
    context = rclpy.Context()
    rclpy.init(context=context, domain_id=domain)
    node = rclpy.create_node("overhead", context=context)
    executor = SingleThreadedExecutor(context=context)
    executor.add_node(node)
    heard: list[None] = []
    node.create_subscription(GaitIdentityArray, "gait_identities", lambda message: heard.append(None), 10)

    def count() -> int:
        with kept_signals():  # an exception of theirs comes out of rclpy's C code as an error of another kind
            executor.spin_once(timeout_sec=0.1)
        return len(heard)

    try:
        yield count
    finally:
        executor.shutdown()
        node.destroy_node()
        context.shutdown()


@contextmanager
def _process(role: str, people: int, design: str, folder: Path, domain: int) -> Iterator[int]:
    command = [
        sys.executable,
        str(Path(__file__).with_name("overhead_nodes.py")),
        role,
        str(people),
        design,
        "--ros-args",
    ]
    if role in ("gait", "composed"):
        command += ["-p", f"gait_node:gallery:='{folder}/people.gallery'"]
        lines = {"accept_distance": "0.1", "margin": "0.01", "beyond_calibration": "true"}
        command += [word for name, value in lines.items() for word in ("-p", f"gait_node:{name}:={value}")]
    if role in ("pose", "composed"):
        command += ["-p", f"pose_node:max_people:={people}"]
    with (folder / f"{role}.log").open("wb") as log:
        process = subprocess.Popen(
            command,
            env=os.environ | {"ROS_DOMAIN_ID": str(domain)},
            stdout=log,
            stderr=subprocess.STDOUT,
            stdin=subprocess.DEVNULL,
        )
    try:
        yield process.pid
    finally:
        process.terminate()
        try:
            process.wait(TIMEOUT)
        except subprocess.TimeoutExpired:  # what was counted holds all the same
            process.kill()
            process.wait()


def _wait(count: Callable[[], int], wanted: int, folder: Path) -> None:
    deadline = time.monotonic() + TIMEOUT
    while count() < wanted:
        if time.monotonic() > deadline:
            said = "; ".join(line for log in folder.glob("*.log") for line in log.read_text().splitlines()[-1:])
            raise GaitError(f"no {wanted} answers within {TIMEOUT:g} s: {said}")


def _cpu_seconds(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
