"""Long computations in pieces: many at a time, each leaving a file, so that a run that was broken off goes on.

Every job runs in a process of its own that is used for the next one, too. Such a process starts fresh, because threads
of networks do not survive a fork; it computes on one core, and ends when the process that started it does, however that
ends. A job that fails, or a process that dies, ends the run at once: what the others have finished is kept.
"""

import multiprocessing
import os
import pickle
import signal
import sys
import time
import traceback
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from multiprocessing.connection import Connection, wait
from pathlib import Path
from types import FrameType

from rt_gait_ros.errors import GaitError
from rt_gait_ros.signals import end_with_parent

_SPAWN = multiprocessing.get_context("spawn")
_END_SECONDS = 10.0  # in which a process that is asked to end removes what it has half written


class WorkerDied(GaitError):
    """A process that worked on a job ended without a word."""


@dataclass(frozen=True, slots=True)
class Job:
    """One piece. name: for people. path: the file that it leaves, which is whole or not there.

    run: writes that file, and gives lines about what was odd; a function of a module, or a `functools.partial` or
    frozen dataclass of such, since it is sent to another process.
    """

    name: str
    path: Path
    run: Callable[[Path], Sequence[str]]


@dataclass(frozen=True, slots=True)
class Finished:
    """A job that has just been done. number: jobs of `total` whose files are there. seconds_left: at the pace so far.

    remarks: what the job found odd, one line each.
    """

    name: str
    number: int
    total: int
    seconds_left: float
    remarks: Sequence[str]

    def __str__(self) -> str:
        """One line of progress."""
        left = self.seconds_left
        end = f", {left / 60:.0f} min left" if left >= 90 else f", {left:.0f} s left" if left >= 1 else ""
        return f"{self.number}/{self.total} {self.name}{end}"


@dataclass(frozen=True, slots=True)
class _Message:
    """What a process of the pool says. kind: "told", one line; "done", with remarks; "failed", with the error."""

    kind: str
    lines: tuple[str, ...] = ()
    error: Exception | None = None
    trace: str = ""


class _FromWorker(Exception):
    """Where in the other process an error was raised."""

    def __str__(self) -> str:
        return f"\n{self.args[0]}"


def run_missing(
    jobs: Sequence[Job],
    workers: int,
    finished: Callable[[Finished], None],
    told: Callable[[str], None] = lambda line: None,
) -> None:
    """Do every job whose file is not there, `workers` at a time.

    finished: called after each of them. told: called with the lines that jobs `tell` meanwhile. Raises what a job
    raises, and WorkerDied, which names the job.
    """
    missing = deque(job for job in jobs if not job.path.exists())
    number, started = len(jobs) - len(missing), time.monotonic()
    total, before = len(jobs), number
    pool: list[_Worker] = []
    try:
        while missing and len(pool) < workers:
            pool.append(_Worker())
            pool[-1].begin(missing.popleft())
        while busy := [worker for worker in pool if worker.job is not None]:
            ready = wait([worker.connection for worker in busy])
            for worker in busy:
                if worker.connection not in ready:
                    continue
                message = worker.receive()
                if message.kind == "told":
                    told(message.lines[0])
                    continue
                name = worker.job.name if worker.job is not None else ""
                worker.begin(missing.popleft() if missing else None)
                number += 1
                left = (time.monotonic() - started) / (number - before) * (total - number)
                finished(Finished(name, number, total, left, message.lines))
    except BaseException:
        for worker in pool:
            worker.end()
        raise
    finally:
        for worker in pool:
            worker.join()


def tell(line: str) -> None:
    """Say something in the middle of a job, to whoever runs it; elsewhere nothing happens."""
    if _told is not None:
        _told(line)


# In a process of the pool: to whoever runs it.
_told: Callable[[str], None] | None = None


class _Worker:
    """A process for one job after the other. job: the one that it is at."""

    def __init__(self) -> None:
        self.connection, other = _SPAWN.Pipe()
        self.job: Job | None = None
        self._process = _SPAWN.Process(target=_work, args=(other, os.getpid()), name="job", daemon=True)
        self._process.start()
        other.close()  # here, so that the connection ends when the process does

    def begin(self, job: Job | None) -> None:
        """Give the process a job, or tell it that there is none any more."""
        self.job = job
        self.connection.send(job)

    def receive(self) -> "_Message":
        """What the process says. Raises what its job has raised, and WorkerDied."""
        try:
            message: _Message = self.connection.recv()
        except (EOFError, ConnectionError):
            self._process.join(_END_SECONDS)
            name = self.job.name if self.job is not None else "no job"
            raise WorkerDied(f"{name}: {_end_of(self._process.exitcode)}; the same command goes on") from None
        if message.error is not None:
            raise message.error from _FromWorker(message.trace)
        return message

    def end(self) -> None:
        """Ask the process to end."""
        self._process.terminate()

    def join(self) -> None:
        """Wait until the process has ended, and do not wait for ever."""
        self._process.join(_END_SECONDS)
        if self._process.is_alive():
            self._process.kill()
            self._process.join()
        self.connection.close()


def _end_of(code: int | None) -> str:
    if code is None or code >= 0:
        return f"the process that worked on it ended with exit code {code}"
    if code == -signal.SIGKILL:
        return "the process that worked on it was killed: is there too little memory for so many workers?"
    return f"the process that worked on it was ended by {signal.Signals(-code).name}"


def _work(connection: Connection, parent: int) -> None:
    """What a process of the pool does."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # a terminal's Ctrl-C is for whoever runs the jobs
    signal.signal(signal.SIGTERM, _leave)
    end_with_parent(parent)
    import cv2  # here, since whoever runs the jobs may not need it

    cv2.setNumThreads(1)
    global _told
    _told = lambda line: connection.send(_Message("told", (line,)))  # noqa: E731
    try:
        while (job := connection.recv()) is not None:
            connection.send(_outcome(job))
    except (EOFError, ConnectionError):  # whoever runs the jobs is gone
        return


def _outcome(job: Job) -> _Message:
    try:
        return _Message("done", tuple(job.run(job.path)))
    except Exception as error:  # whatever it is, it is raised where the jobs are run
        return _Message("failed", error=_portable(error), trace=traceback.format_exc())


def _portable(error: Exception) -> Exception:
    """The error, or one that says the same where it cannot be sent to another process."""
    try:
        pickle.loads(pickle.dumps(error))
    except Exception:  # an exception's own __init__ may ask for anything
        said = f"{type(error).__name__}: {error}"
        return GaitError(said) if isinstance(error, GaitError) else RuntimeError(said)
    return error


def _leave(number: int, frame: FrameType | None) -> None:
    """Signal handler: end, but leave nothing half written."""
    sys.exit(128 + number)
