"""What a long run is judged by, on programs that are short."""

import argparse
import subprocess
import sys
from pathlib import Path

import pytest
import soak

from rt_gait_ros.errors import GaitError, UsageError


def looks(*memory: float, handles: int = 50) -> list[soak.Look]:
    return [soak.Look(10.0 * number, value, handles + number % 2, 9, 3) for number, value in enumerate(memory)]


@pytest.mark.parametrize(
    ("memory", "verdict"),
    [
        ([100, 300, *[400] * 20], "flat: memory +0.0 %"),
        ([100, 300, *[400 + 0.5 * n for n in range(20)]], "flat: memory +1."),
        ([100, 300, *[400 + 5 * n for n in range(20)]], "NOT FLAT: memory +18."),
    ],
)
def test_what_rises_after_the_warm_up_is_told(memory: list[float], verdict: str) -> None:
    said: list[str] = []
    rows = soak.judged(looks(*memory), 20.0, said.append)
    assert said[-1].startswith(verdict)
    assert [row.name for row in rows] == ["memory", "handles", "threads"]
    assert rows[0].reference_value is not None
    assert rows[0].reference_value >= 400


def test_handles_that_are_not_closed_are_told() -> None:
    said: list[str] = []
    soak.judged([soak.Look(n, 100, 50 + n, 9, 3) for n in range(40)], 0.0, said.append)
    assert said == ["NOT FLAT: memory +0.0 %, handles +30"]


def test_too_few_looks_are_no_answer() -> None:
    with pytest.raises(GaitError, match="2 looks after the warm-up are too few"):
        soak.judged(looks(*range(10)), 80.0, print)


@pytest.mark.parametrize(
    ("more", "wanted"), [("", 209), ("Pss_Anon: 116 kB\nPss_File: 93 kB\nPss_Shmem: 7 kB\nSwapPss: 3 kB\n", 126)]
)
def test_pages_of_files_are_not_the_processs_own(more: str, wanted: int) -> None:
    text = f"555c22f1b000-7fffd1687000 ---p 00000000 00:00 0   [rollup]\nRss: 1740 kB\nPss: 209 kB\n{more}"
    assert soak.own_memory(text) == wanted


def test_a_look_is_at_the_process_and_what_it_has_started() -> None:
    script = (
        "import subprocess; p = subprocess.Popen(['cat'], stdin=subprocess.PIPE); print(p.pid, flush=True); input()"
    )
    with subprocess.Popen(
        [sys.executable, "-c", script], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        child = int(process.stdout.readline())
        assert soak.family(process.pid) == [process.pid, child]
        seen = soak.look(process.pid, 7.0)
        assert (seen.seconds, seen.processes, seen.threads) == (7.0, 2, 2)
        assert seen.memory > 1.0
        assert seen.handles >= 6
        process.communicate("\n")


def test_a_run_that_ends_is_an_error_with_its_last_line(tmp_path: Path) -> None:
    arguments = argparse.Namespace(minutes=5.0, period=0.1)
    with pytest.raises(GaitError, match=r"the run ended after .* \(exit code 3\): no camera"):
        soak.watch(["sh", "-c", "echo no camera; exit 3"], tmp_path / "said", arguments, print)


def test_a_run_is_looked_at_and_ended(tmp_path: Path) -> None:
    arguments = argparse.Namespace(minutes=0.02, period=0.1)
    found = soak.watch(["sleep", "4321"], tmp_path / "said", arguments, print)
    assert found
    assert all(each.processes == 1 for each in found)


def test_a_warm_up_without_end_is_refused() -> None:
    with pytest.raises(UsageError, match="--minutes is more than --warm-up"):
        soak.measure(argparse.Namespace(minutes=5.0, warm_up=10.0, period=1.0), print)
