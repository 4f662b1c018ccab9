"""Jobs of the pool: each leaves a file. They are functions of this module, which the processes of the pool import."""

import os
import signal
import subprocess
import sys
import threading
import time
from functools import partial
from pathlib import Path

import pytest

from rt_gait_ros.errors import GaitError
from rt_gait_ros.job_pool import Finished, Job, WorkerDied, run_missing, tell

SOURCE = """
import os, signal, sys, time
from functools import partial
from pathlib import Path
from rt_gait_ros.errors import UsageError
from rt_gait_ros.job_pool import Job, run_missing, tell


class Awkward(UsageError):
    def __init__(self, number, reason):
        super().__init__(f"{number}: {reason}")


def write(text, path):
    tell(f"at {text}")
    path.write_text(text)
    return [f"odd: {text}"]


def fail(path):
    raise Awkward(3, "no good")


def die(path):
    os.kill(os.getpid(), signal.SIGKILL)


def wait(path):
    part = path.with_suffix(".part")
    try:
        part.write_text(str(os.getpid()))
        time.sleep(600)
    finally:
        part.unlink()


if __name__ == "__main__":
    print("begun", flush=True)
    folder = Path(sys.argv[1])
    run_missing([Job("long", folder / "long", wait)], 1, print)
"""


@pytest.fixture
def work(tmp_path, monkeypatch):
    """A module of jobs, which spawned processes find as this one does."""
    (tmp_path / "jobs_of_a_test.py").write_text(SOURCE)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setenv("PYTHONPATH", f"{tmp_path}{os.pathsep}{os.environ.get('PYTHONPATH', '')}")
    sys.modules.pop("jobs_of_a_test", None)
    import jobs_of_a_test

    yield jobs_of_a_test
    sys.modules.pop("jobs_of_a_test", None)


def writing(work, folder: Path, *names: str) -> list[Job]:
    return [Job(name, folder / name, partial(work.write, name)) for name in names]


def test_what_is_there_is_not_done_again(work, tmp_path):
    done: list[Finished] = []
    told: list[str] = []
    (tmp_path / "b").write_text("kept")
    run_missing(writing(work, tmp_path, "a", "b", "c"), 2, done.append, told.append)
    assert {each.name: list(each.remarks) for each in done} == {"a": ["odd: a"], "c": ["odd: c"]}
    assert [(each.number, each.total) for each in done] == [(2, 3), (3, 3)]
    assert sorted(told) == ["at a", "at c"]
    assert (tmp_path / "b").read_text() == "kept"
    run_missing(writing(work, tmp_path, "a", "b", "c"), 2, lambda each: pytest.fail("nothing was left to do"))


def test_a_job_that_fails_ends_the_others_and_keeps_what_is_done(work, tmp_path):
    jobs = [*writing(work, tmp_path, "a"), Job("bad", tmp_path / "bad", work.fail), Job("x", tmp_path / "x", work.wait)]
    start = time.monotonic()
    with pytest.raises(GaitError, match="Awkward: 3: no good") as failed:
        run_missing(jobs, 1, lambda each: None)
    assert "in fail" in str(failed.value.__cause__)  # where it was raised, for whoever mends it
    assert (tmp_path / "a").read_text() == "a"
    assert not (tmp_path / "x").exists()
    assert time.monotonic() - start < 500, "the job that would take 600 s was not begun"


def test_a_job_that_fails_ends_those_that_run(work, tmp_path):
    jobs = [Job("x", tmp_path / "x", work.wait), Job("bad", tmp_path / "bad", work.fail)]
    with pytest.raises(GaitError, match="no good"):
        run_missing(jobs, 2, lambda each: None)
    assert not list(tmp_path.glob("x*")), "what was half written is removed"


def test_the_job_whose_process_died_is_named(work, tmp_path):
    with pytest.raises(WorkerDied, match=r"bad: .* was killed: is there too little memory"):
        run_missing([Job("bad", tmp_path / "bad", work.die)], 1, lambda each: None)


def test_what_is_done_with_a_finished_job_may_fail(work, tmp_path):
    def finished(each: Finished) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run_missing(writing(work, tmp_path, "a", "b", "c"), 1, finished)
    assert (tmp_path / "a").exists()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGKILL])
def test_the_processes_end_with_the_one_that_runs_them(work, tmp_path, number):
    program = subprocess.Popen(
        [sys.executable, str(tmp_path / "jobs_of_a_test.py"), str(tmp_path)], stderr=subprocess.PIPE, text=True
    )
    part = tmp_path / "long.part"
    wait_for(lambda: part.exists() and part.read_text().strip())
    worker = int(part.read_text())
    program.send_signal(number)
    program.communicate()
    wait_for(lambda: not Path(f"/proc/{worker}").exists())
    assert not part.exists(), "what was half written is removed"


def test_how_long_it_takes_is_said_in_a_line():
    assert str(Finished("a", 1, 3, 0.2, ())) == "1/3 a"
    assert str(Finished("a", 1, 3, 20.0, ())) == "1/3 a, 20 s left"
    assert str(Finished("a", 1, 3, 600.0, ())) == "1/3 a, 10 min left"


def test_nobody_is_told_outside_of_a_job():
    tell("nothing happens")


def wait_for(condition, seconds: float = 120.0) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it did not happen"
        threading.Event().wait(0.05)
