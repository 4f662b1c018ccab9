"""Whether `rt-gait run` can run for ever: a generated video of ten people in a loop, its memory and handles watched.

The run is the user's: all stages, the overlay left out, and Triton, in the processes that the command starts; ten
persons are in the gallery. Memory is what these processes have written, of what they share each its part. What is
measured after the warm-up is held against the end: flat is a growth of memory of at most 5 %, and no more handles.
"""

import argparse
import csv
import os
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import astuple, dataclass, fields
from pathlib import Path

from gallery_sizes import make
from generated_films import made_of

from rt_gait_ros.demo.processes import wait_or_kill
from rt_gait_ros.errors import GaitError, UsageError
from rt_gait_ros.evaluation.bench import Row
from rt_gait_ros.serving.cache import cache_folder

SUMMARY = "memory, handles and threads of `rt-gait run` on a looped video of ten people, and whether they are flat"

SCENE = "synthetic://crossing?people=10&seed=3&seconds=20&size=640x480"
MEMORY_GROWTH = 0.05  # of memory from after the warm-up to the end
HANDLES_GROWTH = 4  # files that happen to be open at the moment, as the gallery's when it is looked at
PATIENCE = 60.0  # seconds for the run to end when it is asked to
MB = 1 << 20


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument("--minutes", type=float, default=30.0, metavar="N", help="how long (30)")
    parser.add_argument("--warm-up", type=float, default=10.0, metavar="N", help="minutes that do not count (10)")
    parser.add_argument("--period", type=float, default=5.0, metavar="S", help="seconds between two looks (5)")
    parser.add_argument("--source", metavar="VIDEO", help="another video (default: one that is generated, and kept)")
    parser.add_argument("--log", type=Path, metavar="FILE", help="write what was seen at each look, as CSV")


def measure(arguments: argparse.Namespace, progress: Callable[[str], None]) -> list[Row]:
    """Rows memory, handles and threads, each beside its value after the warm-up. Raises GaitError."""
    if not 0.0 <= arguments.warm_up < arguments.minutes or arguments.period <= 0.0:
        raise UsageError("--minutes is more than --warm-up, and --period more than 0")
    source = arguments.source or str(_generated(progress))
    with tempfile.TemporaryDirectory(prefix="rt_gait_soak_") as folder:
        make(Path(folder) / "people.gallery", 10)
        command = ["run", "--source", source, "--loop", "--gallery", f"{folder}/people.gallery"]
        looks = watch(
            [sys.executable, "-m", "rt_gait_ros.cli.main", *command], Path(folder) / "said.txt", arguments, progress
        )
    if arguments.log is not None:
        with arguments.log.open("w", newline="", encoding="utf-8") as file:
            writer = csv.writer(file)
            writer.writerow([field.name for field in fields(Look)])
            writer.writerows(astuple(look) for look in looks)
    return judged(looks, 60.0 * arguments.warm_up, progress)


@dataclass(frozen=True, slots=True)
class Look:
    """All processes of a run together. seconds: since its start. memory: MB."""

    seconds: float
    memory: float
    handles: int
    threads: int
    processes: int


def watch(
    command: Sequence[str], said: Path, arguments: argparse.Namespace, progress: Callable[[str], None]
) -> list[Look]:
    """Run a command for `arguments.minutes`, and look at it now and then. Raises GaitError when it ends by itself."""
    environment = {**os.environ, "ROS_AUTOMATIC_DISCOVERY_RANGE": "LOCALHOST"}
    looks: list[Look] = []
    with said.open("wb") as out, subprocess.Popen(command, env=environment, stdout=out, stderr=out) as process:
        try:
            begun, told = time.monotonic(), 0.0
            while (seconds := time.monotonic() - begun) < 60.0 * arguments.minutes:
                time.sleep(arguments.period)
                if process.poll() is not None:
                    lines = said.read_text(errors="replace").strip().splitlines() or ["it said nothing"]
                    raise GaitError(
                        f"the run ended after {seconds:.0f} s (exit code {process.returncode}): {lines[-1]}"
                    )
                looks.append(look(process.pid, time.monotonic() - begun))
                if looks[-1].seconds - told >= 60.0:
                    told, now = looks[-1].seconds, looks[-1]
                    progress(f"minute {told / 60:.0f}: {now.memory:.0f} MB, {now.handles} handles")
        finally:
            _end(process)
    return looks


def look(pid: int, seconds: float) -> Look:
    """The process and all that it has started."""
    memory = handles = threads = count = 0
    for each in family(pid):
        folder = Path("/proc") / str(each)
        with suppress(OSError):  # it has just ended
            memory += own_memory((folder / "smaps_rollup").read_text())
            handles += len(os.listdir(folder / "fd"))
            threads += len(os.listdir(folder / "task"))
            count += 1
    return Look(seconds, memory * 1024 / MB, handles, threads, count)


def own_memory(rollup: str) -> int:
    """Kilobytes that a process has written itself, of what it shares with others its part; of /proc/PID/smaps_rollup.

    Pages of files are left out: the kernel takes them and brings them back, and its part of them grows when a program
    ends that had the same library loaded. Linux before 5.4 does not tell them apart: there all of it counts.
    """
    words = [line.split() for line in rollup.splitlines()[1:]]
    held = {each[0].rstrip(":"): int(each[1]) for each in words if len(each) > 1}
    if "Pss_Anon" not in held:
        return held["Pss"]
    return held["Pss_Anon"] + held["Pss_Shmem"] + held.get("SwapPss", 0)


def family(pid: int) -> list[int]:
    """A process and all its descendants."""
    found = [pid]
    for each in found:
        for path in Path(f"/proc/{each}/task").glob("*/children"):
            with suppress(OSError):
                found += [int(child) for child in path.read_text().split()]
    return found


def judged(looks: Sequence[Look], warm_up: float, progress: Callable[[str], None]) -> list[Row]:
    """Rows of the last quarter of what counts beside the first; says whether it is flat. Raises GaitError."""
    counted = [each for each in looks if each.seconds >= warm_up]
    if len(counted) < 8:
        raise GaitError(f"{len(counted)} looks after the warm-up are too few: give more --minutes, or less --period")
    quarter = len(counted) // 4
    first, last = counted[:quarter], counted[-quarter:]
    rows = []
    for name, unit in (("memory", "MB"), ("handles", ""), ("threads", "")):
        values = [statistics.median(float(getattr(each, name)) for each in part) for part in (first, last)]
        rows.append(Row(name, values[1], unit, f"after {warm_up / 60:g} minutes", values[0]))
    memory, handles = rows[0], rows[1]
    assert memory.reference_value is not None
    assert handles.reference_value is not None
    growth = memory.value / memory.reference_value - 1.0
    more = handles.value - handles.reference_value
    flat = growth <= MEMORY_GROWTH and more <= HANDLES_GROWTH
    progress(f"{'flat' if flat else 'NOT FLAT'}: memory {100 * growth:+.1f} %, handles {more:+.0f}")
    return rows


def _generated(progress: Callable[[str], None]) -> Path:
    """The video of SCENE, made once."""
    folder = cache_folder() / f"soak_{made_of(SCENE)}"
    video = folder / "video.mp4"
    if not video.is_file():
        progress("generating a video of ten people")
        cache_folder().mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=cache_folder(), prefix="soak_") as scratch:
            part = Path(scratch) / "soak"
            words = ["synthesis", "record", SCENE, "--output", str(part)]
            command = [sys.executable, "-m", "rt_gait_ros.cli.main", *words]
            done = subprocess.run(command, capture_output=True, text=True, check=False)
            if done.returncode != 0:
                raise GaitError((done.stderr.strip().splitlines() or ["the video cannot be generated"])[-1])
            part.rename(folder)
    return video


def _end(process: "subprocess.Popen[bytes]") -> None:
    if process.poll() is None:
        process.send_signal(signal.SIGINT)
        wait_or_kill(process, PATIENCE)
