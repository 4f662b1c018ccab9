"""What the executables begin with."""

import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

# A program whose modules take as long to load as the test likes.
PROGRAM = """
import signal, sys, time
if {deaf}:
    signal.signal(signal.SIGINT, signal.SIG_IGN)
class Loading:
    def find_spec(self, name, path=None, target=None):
        if name in ("rt_gait_ros.nodes", "rt_gait_ros.cli.main"):
            print("loading", flush=True)
            time.sleep(600)
sys.meta_path.insert(0, Loading())
from rt_gait_ros.programs import {name}
sys.exit({name}())
"""


@contextmanager
def loading(name: str, *, deaf: bool = False) -> "Iterator[subprocess.Popen[bytes]]":
    """An executable of the package while it is still being loaded. deaf: started as a shell's `&` does it."""
    command = [sys.executable, "-c", PROGRAM.format(name=name, deaf=deaf)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as program:
        try:
            assert program.stdout is not None
            assert program.stdout.readline() == b"loading\n"
            yield program
        finally:
            program.kill()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_node_that_is_still_being_loaded_ends_without_a_word(number: int) -> None:
    with loading("tracker_node", deaf=number == signal.SIGINT) as program:
        program.send_signal(number)
        assert program.communicate(timeout=300) == (b"", b"")
        assert program.returncode == 0


def test_a_command_that_is_still_being_loaded_ends_as_a_shell_tells_it() -> None:
    with loading("rt_gait") as program:
        program.send_signal(signal.SIGINT)
        assert program.communicate(timeout=300) == (b"", b"")
        assert program.returncode == 128 + signal.SIGINT


def test_an_interrupt_is_not_for_a_command_in_the_background() -> None:
    with loading("rt_gait", deaf=True) as program:
        program.send_signal(signal.SIGINT)
        program.send_signal(signal.SIGTERM)
        program.communicate(timeout=300)
        assert program.returncode == 128 + signal.SIGTERM


# Objects of the main module go after Python has taken its signal handlers away.
LAST = """
import os, signal, sys
from rt_gait_ros import programs
class Last:
    kill, process = staticmethod(os.kill), os.getpid()
    def __del__(self):
        self.kill(self.process, {number})
last = Last()
programs._run = lambda module: 0
sys.exit(programs.tracker_node())
"""


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_second_signal_does_not_kill_a_node_that_is_ending(number: int) -> None:
    command = [sys.executable, "-c", LAST.format(number=int(number))]
    assert subprocess.run(command, check=False, timeout=300).returncode == 0
